//! S3 as moto has it, and what services may answer that are not well or not honest.

use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use refrain_remote::{Options, open};
use refrain_store::{Tier, Trouble};

use crate::conformance::{self, Terms};
use crate::servers::{faulty, moto};
use crate::{blob, impatient, options, read, read_many, tier, write};

/// With credentials, which a service must be shown and nobody else.
fn known(options: Options) -> Options {
    options.variables(|name| match name {
        "AWS_ACCESS_KEY_ID" => Some("reader".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("s3cret".to_owned()),
        _ => None,
    })
}

fn at(address: &str, options: Options) -> Arc<dyn Tier> {
    tier(
        &format!("s3://bucket/cache?endpoint=http://{address}"),
        known(options),
    )
}

#[test]
fn keeps_all_promises() {
    let server = moto::Server::start();
    assert!(server.ask("PUT", "/bucket").contains("200 OK"));
    let bucket = tier(&server.url("bucket/some/prefix"), known(options()));
    // moto answers 500 now and then of what it is just replacing, and takes its time.
    let terms = Terms {
        many: 60,
        calm: false,
    };
    conformance::of(&*bucket, &terms);
    assert_eq!(bucket.label(), "s3://bucket/some/prefix");
    write(&*bucket, &blob("layout"), b"bytes").unwrap();
    let path = format!("/bucket/some/prefix/{}", blob("layout"));
    assert!(server.ask("GET", &path).ends_with("bytes"));
    let uploads = server.ask("GET", "/bucket?uploads");
    assert!(
        !uploads.contains("<Upload>"),
        "nothing half written stays: {uploads}"
    );

    // A bucket that is not there is no empty one.
    let missing = tier(&server.url("missing"), known(options()));
    let error = read(&*missing, &blob("a")).unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused, "{error}");
    let error = write(&*missing, &blob("a"), b"bytes").unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused, "{error}");
}

#[test]
fn answers_mean_what_they_say() {
    let denied = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    for (status, headers, trouble) in [
        ("403 Forbidden", "", Trouble::Refused),
        ("400 Bad Request", "", Trouble::Refused),
        ("500 Internal Server Error", "", Trouble::Unreachable),
        ("502 Bad Gateway", "", Trouble::Unreachable),
        ("503 Slow Down", "", Trouble::Busy(None)),
        (
            "503 Slow Down",
            "Retry-After: 7\r\n",
            Trouble::Busy(Some(Duration::from_secs(7))),
        ),
        (
            "429 Too Many Requests",
            "Retry-After: soon\r\n",
            Trouble::Busy(None),
        ),
    ] {
        let tier = at(&faulty::answering(status, headers, denied), options());
        conformance::is_all(&*tier, trouble);
        let error = read(&*tier, &blob("a")).unwrap_err();
        assert!(
            !format!("{error} {error:?} {tier:?}").contains("s3cret"),
            "{error}"
        );
    }
}

#[test]
fn an_answer_that_is_cut_short_is_no_answer() {
    let cut = faulty::start(Box::new(|client| {
        client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    }));
    let tier = at(&cut, options());
    let name = blob("a");
    let error = read(&*tier, &name).unwrap_err();
    assert_eq!(error.trouble, Trouble::Unreachable, "{error}");
    assert!(read_many(&*tier, &[name], 5000)[0].is_err());
}

#[test]
fn other_bytes_than_were_written_are_given_as_they_are() {
    // Who reads knows a digest, and finds out.
    let tier = at(&faulty::answering("200 OK", "", b"not these"), options());
    assert_eq!(read(&*tier, &blob("these")).unwrap().unwrap(), b"not these");
}

#[test]
fn one_that_stands_still_or_drips_is_not_waited_for() {
    let still = faulty::start(Box::new(|client| {
        client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")?;
        loop {
            thread::park();
        }
    }));
    let drips = faulty::start(Box::new(|client| {
        client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")?;
        loop {
            client.write_all(b"x")?;
            thread::sleep(Duration::from_millis(5));
        }
    }));
    let silent = faulty::start(Box::new(|_| {
        loop {
            thread::park();
        }
    }));
    for address in [still, drips, silent] {
        let tier = at(&address, impatient());
        let error = read(&*tier, &blob("a")).unwrap_err();
        assert_eq!(error.trouble, Trouble::Unreachable, "{error}");
        assert!(error.message.contains("no answer within"), "{error}");
        let error = read_many(&*tier, &[blob("a"), blob("b")], 1 << 20)
            .pop()
            .unwrap();
        assert_eq!(error.unwrap_err().trouble, Trouble::Unreachable);
        let error = write(&*tier, &blob("a"), b"bytes").map_err(|error| error.trouble);
        assert!(
            matches!(error, Ok(()) | Err(Trouble::Unreachable)),
            "{error:?}"
        );
    }
    conformance::is_all(&*at("127.0.0.1:1", options()), Trouble::Unreachable);
}

#[test]
fn an_error_without_end_is_not_read_to_its_end() {
    let endless = faulty::start(Box::new(|client| {
        client.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n")?;
        loop {
            client.write_all(&[b'x'; 4096])?;
        }
    }));
    let error = read(&*at(&endless, options()), &blob("a")).unwrap_err();
    assert_eq!(error.trouble, Trouble::Refused, "{error}");
    assert!(error.message.len() < 1000);
}

#[test]
fn what_cannot_be_an_address_is_told() {
    let none = || options().variables(|_| None);
    for (url, expected) in [
        ("s3://", "write s3://bucket/prefix"),
        ("s3://bucket", "set AWS_REGION"),
        (
            "s3://id:s3cret@bucket?region=x",
            "no credentials in this URL",
        ),
        (
            "s3://bucket?region=x&anonymous=maybe",
            "`anonymous` is true or false",
        ),
        ("s3://bucket?reqion=x", "there is no setting `reqion`"),
    ] {
        let error = open(url, none()).unwrap_err().to_string();
        assert!(
            error.contains(expected) && !error.contains("s3cret"),
            "{error}"
        );
    }
    for (url, expected) in [
        (
            "gopher://host/",
            "the scheme `gopher` is not known; known are dir, file, redis",
        ),
        ("/mnt/cache", "write for example file:///mnt/cache"),
    ] {
        let error = open(url, none()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
