//! A directory, and what can stand in it that nobody of us put there.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use refrain_store::Trouble;
use tempfile::TempDir;

use crate::conformance::{self, CALM};
use crate::{blob, options, read, read_many, tier, write};

#[test]
fn keeps_all_promises() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("cache");
    conformance::of(
        &*tier(&format!("file://{}", path.display()), options()),
        &CALM,
    );
    let parts = fs::read_dir(path.join("parts")).unwrap();
    assert_eq!(parts.count(), 0, "nothing half written stays");
}

#[test]
fn has_the_layout_that_others_read() {
    let dir = TempDir::new().unwrap();
    let tier = tier(&format!("dir:{}", dir.path().display()), options());
    write(&*tier, &blob("a"), b"bytes").unwrap();
    let file = dir.path().join(blob("a").to_string());
    assert_eq!(fs::read(&file).unwrap(), b"bytes");
    assert_eq!(tier.label(), format!("dir:{}", dir.path().display()));
}

#[test]
fn is_made_in_a_parent_that_is_there_and_nowhere_else() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("cache");
    let made = tier(&format!("dir:{}", path.display()), options());
    assert_eq!(read(&*made, &blob("a")).unwrap(), None);
    assert!(!path.exists(), "reading makes nothing");
    write(&*made, &blob("a"), b"bytes").unwrap();
    // Removed, in part and as a whole, under who has used it.
    for removed in [path.join("blobs"), path.join("parts"), path.clone()] {
        fs::remove_dir_all(removed).unwrap();
        write(&*made, &blob("a"), b"bytes").unwrap();
        assert_eq!(read(&*made, &blob("a")).unwrap().unwrap(), b"bytes");
    }

    let unmounted = dir.path().join("not/mounted");
    let tier = tier(&format!("dir:{}", unmounted.display()), options());
    conformance::is_all(&*tier, Trouble::Unreachable);
    let error = read(&*tier, &blob("a")).unwrap_err().to_string();
    assert!(error.contains("mount or create it"), "{error}");
}

#[test]
fn what_is_no_file_is_not_followed_and_not_waited_for() {
    let dir = TempDir::new().unwrap();
    let tier = tier(&format!("dir:{}", dir.path().display()), options());
    write(&*tier, &blob("a"), b"bytes").unwrap();
    let secret = dir.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let at = |text: &str| dir.path().join(blob(text).to_string());
    symlink(&secret, at("link")).unwrap();
    symlink("/etc/passwd", at("link out")).unwrap();
    fs::create_dir(at("directory")).unwrap();
    let pipe = Command::new("mkfifo").arg(at("pipe")).status().unwrap();
    assert!(pipe.success());
    for text in ["link", "link out", "directory", "pipe"] {
        let name = blob(text);
        let error = read(&*tier, &name).unwrap_err();
        assert_eq!(error.trouble, Trouble::Garbled, "{text}: {error}");
        assert!(read_many(&*tier, &[name], 100)[0].is_err(), "{text}");
        assert_eq!(tier.has_many(&[name]).unwrap(), [false], "{text}");
    }
    // Written over, and not through.
    write(&*tier, &blob("link"), b"bytes").unwrap();
    assert_eq!(read(&*tier, &blob("link")).unwrap().unwrap(), b"bytes");
    assert_eq!(fs::read(&secret).unwrap(), b"secret");

    // Nor is a directory that leads elsewhere.
    let elsewhere = TempDir::new().unwrap();
    fs::remove_dir_all(dir.path().join("blobs")).unwrap();
    symlink(elsewhere.path(), dir.path().join("blobs")).unwrap();
    fs::write(elsewhere.path().join(&blob("a").to_string()[6..]), "x").unwrap();
    read(&*tier, &blob("a")).unwrap_err();
    write(&*tier, &blob("b"), b"bytes").unwrap_err();
}

#[test]
fn one_that_may_not_be_written_refuses() {
    // Here nobody may, not even root.
    let tier = tier("dir:/sys/kernel", options());
    assert_eq!(read(&*tier, &blob("a")).unwrap(), None);
    for error in [
        write(&*tier, &blob("a"), b"bytes").unwrap_err(),
        tier.write_many(&[(blob("a"), Vec::new())]).unwrap_err(),
    ] {
        assert_eq!(error.trouble, Trouble::Refused, "{error}");
    }
}

#[test]
fn what_dead_writers_left_is_swept() {
    let dir = TempDir::new().unwrap();
    let url = format!("dir:{}", dir.path().display());
    write(&*tier(&url, options()), &blob("a"), b"bytes").unwrap();
    let (old, young) = (dir.path().join("parts/old"), dir.path().join("parts/young"));
    fs::write(&young, "half").unwrap();
    fs::write(&old, "half").unwrap();
    let touched = Command::new("touch")
        .args(["-d", "2 days ago"])
        .arg(&old)
        .status();
    assert!(touched.unwrap().success());
    write(&*tier(&url, options()), &blob("b"), b"bytes").unwrap();
    assert!(!old.exists() && young.exists());
}
