//! A real Redis, and what can become of one.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;

use ::redis::cmd;
use refrain_remote::open;
use refrain_store::Trouble;
use tempfile::TempDir;

use crate::conformance::{self, CALM};
use crate::proxy::Proxy;
use crate::servers::redis::Server;
use crate::{blob, bytes, impatient, options, read, read_many, record, tier, write};

const LARGE: usize = 9 * 1024 * 1024;

/// A connection as another program has one.
fn plain(server: &Server) -> ::redis::Connection {
    let client = ::redis::Client::open(server.url());
    client.unwrap().get_connection().unwrap()
}

#[test]
fn keeps_all_promises() {
    let server = Server::start(&[]);
    conformance::of(&*tier(&server.url(), options()), &CALM);
}

#[test]
fn keys_of_other_programs_are_not_met() {
    let server = Server::start(&[]);
    let mut other = plain(&server);
    let set = |other: &mut ::redis::Connection, key: &str, value: &str| {
        cmd("SET").arg(key).arg(value).exec(other).unwrap();
    };
    set(&mut other, &blob("a").to_string(), "theirs");
    let ours = tier(&server.url(), options());
    let apart = tier(&format!("{}?prefix=apart:", server.url()), options());
    let database = tier(&format!("{}?db=3", server.url()), options());
    for tier in [&ours, &apart, &database] {
        assert_eq!(read(&**tier, &blob("a")).unwrap(), None);
    }
    write(&*ours, &blob("a"), b"ours").unwrap();
    assert_eq!(read(&*apart, &blob("a")).unwrap(), None);
    let theirs: String = cmd("GET")
        .arg(blob("a").to_string())
        .query(&mut other)
        .unwrap();
    assert_eq!(theirs, "theirs");

    // Even under our own names.
    let key = |text: &str| format!("refrain:{}", blob(text));
    set(&mut other, &key("foreign"), "hello");
    set(&mut other, &key("nearly"), "p 1 2 3");
    cmd("LPUSH")
        .arg(key("list"))
        .arg("x")
        .exec(&mut other)
        .unwrap();
    let names = ["foreign", "nearly", "list", "a", "none"].map(blob);
    let found = read_many(&*ours, &names, 100);
    for (name, found) in names.iter().zip(&found).take(3) {
        assert_eq!(found.as_ref().unwrap_err().trouble, Trouble::Garbled);
        assert_eq!(read(&*ours, name).unwrap_err().trouble, Trouble::Garbled);
    }
    assert_eq!(found[3].as_ref().unwrap().as_deref(), Some(&b"ours"[..]));
    assert_eq!(
        ours.has_many(&names).unwrap(),
        [false, false, false, true, false]
    );
    write(&*ours, &names[2], b"healed").unwrap();
    assert_eq!(read(&*ours, &names[2]).unwrap().unwrap(), b"healed");
}

#[test]
fn one_that_was_killed_is_unreachable_and_one_that_is_back_is_empty() {
    let mut server = Server::start(&[]);
    let tier = tier(&server.url(), options());
    write(&*tier, &blob("a"), b"bytes").unwrap();
    server.kill();
    conformance::is_all(&*tier, Trouble::Unreachable);
    server.restart();
    assert_eq!(read(&*tier, &blob("a")).unwrap(), None);
    write(&*tier, &blob("a"), b"bytes").unwrap();
    // Between two calls: the connection that was kept is not taken for one that works.
    server.restart();
    assert_eq!(tier.has_many(&[blob("a")]).unwrap(), [false]);
}

#[test]
fn one_without_memory_refuses_and_is_still_read() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let tier = tier(&server.url(), options());
    write(&*tier, &blob("a"), b"bytes").unwrap();
    cmd("CONFIG")
        .arg("SET")
        .arg("maxmemory")
        .arg("1")
        .exec(&mut plain(&server))
        .unwrap();
    let (small, large) = (bytes(100, 1), bytes(LARGE, 1));
    for error in [
        write(&*tier, &blob("b"), &small).unwrap_err(),
        write(&*tier, &blob("c"), &large).unwrap_err(),
        tier.write_many(&[(blob("d"), small.clone())]).unwrap_err(),
    ] {
        assert_eq!(error.trouble, Trouble::Refused, "{error}");
        assert!(error.message.contains("OOM"), "{error}");
    }
    assert_eq!(read(&*tier, &blob("a")).unwrap().unwrap(), b"bytes");
    assert_eq!(read(&*tier, &blob("c")).unwrap(), None);
}

#[test]
fn one_that_stands_still_is_not_waited_for() {
    let server = Server::start(&[]);
    write(
        &*tier(&server.url(), options()),
        &blob("a"),
        &bytes(LARGE, 1),
    )
    .unwrap();
    // When connecting, in the middle of an answer, and between the parts of a large one.
    for bytes in [0, 100, 5 * 1024 * 1024] {
        let proxy = Proxy::to(server.socket());
        let tier = tier(&format!("redis://{}", proxy.address()), impatient());
        proxy.hold_after(bytes);
        let error = read(&*tier, &blob("a")).unwrap_err();
        assert_eq!(error.trouble, Trouble::Unreachable, "{error}");
        assert!(error.message.contains("no answer within"), "{error}");
        conformance::is_all(&*tier, Trouble::Unreachable);
    }
}

#[test]
fn one_that_says_more_than_it_was_asked_for_is_not_listened_to() {
    for (answer, endless) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], false),
        (b"$999999999999\r\n", true),
        (b"*999999999\r\n:1\r\n", true),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.unwrap();
                let _ = client.write_all(answer);
                while endless && client.write_all(&[b'x'; 4096]).is_ok() {}
            }
        });
        let tier = tier(&format!("redis://{address}"), options());
        let error = read(&*tier, &blob("a")).unwrap_err();
        assert_eq!(error.trouble, Trouble::Unreachable, "{error}");
    }
}

#[test]
fn a_large_thing_that_lost_a_part_is_not_there() {
    let server = Server::start(&[]);
    let (ours, mut other) = (tier(&server.url(), options()), plain(&server));
    write(&*ours, &blob("a"), &bytes(LARGE, 1)).unwrap();
    let parts: Vec<String> = cmd("KEYS")
        .arg("refrain:parts/*")
        .query(&mut other)
        .unwrap();
    assert_eq!(parts.len(), 3);
    for part in &parts {
        let seconds: i64 = cmd("TTL").arg(part).query(&mut other).unwrap();
        assert_eq!(seconds, -1, "what has a name is kept");
    }
    cmd("DEL").arg(&parts[0]).exec(&mut other).unwrap();
    assert_eq!(
        read(&*ours, &blob("a")).unwrap_err().trouble,
        Trouble::Garbled
    );
    assert_eq!(ours.has_many(&[blob("a")]).unwrap(), [false]);
    // Written anew, it is whole, and the old parts are on their way out.
    write(&*ours, &blob("a"), &bytes(LARGE, 2)).unwrap();
    assert!(read(&*ours, &blob("a")).unwrap() == Some(bytes(LARGE, 2)));
    let seconds: i64 = cmd("TTL").arg(&parts[1]).query(&mut other).unwrap();
    assert!(seconds > 0);
}

#[test]
fn who_may_not_is_refused_and_the_password_is_not_told() {
    let server = Server::start(&["--requirepass", "s3cret"]);
    let wrong = tier(&server.url(), options());
    conformance::is_all(&*wrong, Trouble::Refused);
    let proxy = Proxy::to(server.socket());
    let wrong = tier(&format!("redis://:wr0ng@{}/0", proxy.address()), options());
    let error = read(&*wrong, &blob("a")).unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(
        !format!("{error} {error:?} {wrong:?}").contains("wr0ng"),
        "{error}"
    );

    let right = tier(&format!("redis://:s3cret@{}/0", proxy.address()), options());
    write(&*right, &record("a"), b"bytes").unwrap();
    assert_eq!(right.label(), format!("redis://{}/0", proxy.address()));
    let variables = |name: &str| (name == "REFRAIN_REDIS_PASSWORD").then(|| "s3cret".to_owned());
    let from_variables = tier(&server.url(), options().variables(variables));
    assert_eq!(
        read(&*from_variables, &record("a")).unwrap().unwrap(),
        b"bytes"
    );
}

#[test]
fn what_cannot_be_an_address_is_told() {
    for (url, expected) in [
        ("redis://", "redis://host"),
        ("redis://host/cache", "`cache` is not a number"),
        ("redis://user@host", "set REFRAIN_REDIS_PASSWORD"),
        ("redis://host?perfix=x", "known are prefix"),
    ] {
        let error = open(url, options()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn over_tls_only_whom_the_system_trusts_is_talked_to() {
    let dir = TempDir::new().unwrap();
    let (certificate, key) = (dir.path().join("certificate"), dir.path().join("key"));
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let _server = Server::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        certificate.to_str().unwrap(),
        "--tls-key-file",
        key.to_str().unwrap(),
        "--tls-ca-cert-file",
        certificate.to_str().unwrap(),
        "--tls-auth-clients",
        "no",
    ]);
    let url = format!("rediss://localhost:{port}");
    let error = read(&*tier(&url, options()), &blob("a")).unwrap_err();
    assert_eq!(error.trouble, Trouble::Unreachable, "{error}");
    assert!(error.message.contains("certificate"), "{error}");

    // What the system trusts is read once in a process, so that it takes another one to trust this.
    let trusting = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "redis::over_tls_when_trusted", "--ignored"])
        .env("SSL_CERT_FILE", &certificate)
        .env("REFRAIN_TEST_TIER", &url)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&trusting.stdout);
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by the test before it, in a process that trusts the server's certificate"]
fn over_tls_when_trusted() {
    let url = std::env::var("REFRAIN_TEST_TIER").expect("the URL of a tier");
    conformance::of(&*tier(&url, options()), &CALM);
}
