//! A file system of one's own, where the system lets us have one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system in memory, mounted on a directory until it is dropped.
pub struct Mount(PathBuf);

impl Mount {
    /// Mounts one with these options; the error says why that is not permitted.
    pub fn small(at: &Path, options: &str) -> Result<Self, String> {
        fs::create_dir_all(at).map_err(|error| error.to_string())?;
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(at);
        let output = command.output().map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(Mount(at.to_owned())),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }

    /// Makes it read-only.
    pub fn seal(&self) {
        let mut command = Command::new("mount");
        let status = command.args(["-o", "remount,ro"]).arg(&self.0).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
