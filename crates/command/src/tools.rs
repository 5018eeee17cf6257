//! What tools say of their version. It knows no node.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::ending::Ending;
use crate::secret::hide_key;

/// What each of these shell commands prints, on both outputs, without space around it; or why it fails.
/// They are run in `dir`, all at once.
pub fn versions(commands: &[&str], dir: &Path) -> Vec<Result<String, String>> {
    thread::scope(|scope| {
        let running: Vec<_> = commands
            .iter()
            .map(|command| {
                let tool =
                    thread::Builder::new().spawn_scoped(scope, move || version(command, dir));
                (command, tool)
            })
            .collect();
        let versions = running.into_iter().map(|(command, tool)| match tool {
            Ok(tool) => tool
                .join()
                .unwrap_or_else(|_| Err("it cannot be run".to_owned())),
            // The system has no more threads.
            Err(_) => version(command, dir),
        });
        versions.collect()
    })
}

fn version(command: &str, dir: &Path) -> Result<String, String> {
    let output = hide_key(&mut Command::new("/bin/sh"))
        .args(["-c", command])
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    match Ending::from(output.status) {
        Ending::Exited(0) if text.is_empty() => Err("it prints nothing".to_owned()),
        Ending::Exited(0) => Ok(text),
        ending => Err(format!("{ending}: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_what_is_printed() {
        let dir = tempfile::tempdir().unwrap();
        let said = versions(
            &["echo 1.2; echo x >&2", "exit 3", "true", "pwd"],
            dir.path(),
        );
        assert_eq!(said[0], Ok("1.2\nx".to_owned()));
        assert_eq!(said[1], Err("exit code 3: ".to_owned()));
        assert_eq!(said[2], Err("it prints nothing".to_owned()));
        let place = dir.path().canonicalize().unwrap();
        assert_eq!(said[3], Ok(place.display().to_string()));
    }
}
