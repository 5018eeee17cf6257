//! A directory that a web server gives out.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use refrain_store::{Name, Trouble};
use tempfile::TempDir;

use crate::{blob, bytes, options, read, read_many, record, tier, write};

#[test]
fn a_directory_is_read_through_a_web_server_and_not_written() {
    let dir = TempDir::new().unwrap();
    let directory = tier(&format!("dir:{}", dir.path().display()), options());
    let things: Vec<(Name, Vec<u8>)> = (0..20)
        .map(|n| (blob(&n.to_string()), bytes(n, 1)))
        .collect();
    directory.write_many(&things).unwrap();
    write(&*directory, &blob("large"), &bytes(3_000_000, 1)).unwrap();

    let mut server = Command::new("python3")
        .args([
            "-u",
            "-m",
            "http.server",
            "0",
            "--bind",
            "127.0.0.1",
            "--directory",
        ])
        .arg(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut said).unwrap();
    let port = said.split_whitespace().nth(5).unwrap();
    let web = tier(&format!("http://127.0.0.1:{port}"), options());

    let mut names: Vec<Name> = things.iter().map(|(name, _)| *name).collect();
    names.push(record("none"));
    let found = read_many(&*web, &names, 20);
    for (found, (_, expected)) in found.iter().zip(&things) {
        assert_eq!(found.as_ref().unwrap().as_ref(), Some(expected));
    }
    assert!(matches!(found.last(), Some(Ok(None))), "{found:?}");
    assert_eq!(web.has_many(&names[19..]).unwrap(), [true, false]);
    assert!(read(&*web, &blob("large")).unwrap() == Some(bytes(3_000_000, 1)));
    assert_eq!(read(&*web, &blob("none")).unwrap(), None);
    let error = write(&*web, &blob("a"), b"bytes").unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused, "{error}");
    server.kill().unwrap();
    server.wait().unwrap();
}
