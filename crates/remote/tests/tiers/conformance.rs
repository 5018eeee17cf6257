//! What every tier promises.

use std::io;
use std::thread;

use refrain_store::{Name, Tier, Trouble};

use crate::{Failing, blob, bytes, read, read_many, record, write};

/// More than a part of any tier, and no multiple of one.
const LARGE: usize = 9 * 1024 * 1024 + 1;

/// What the server behind a tier can be held to.
pub struct Terms {
    /// So many things it takes at once.
    pub many: usize,
    /// Whether it never says that something went wrong while a name is written that is also read.
    pub calm: bool,
}

/// A server that is quick and says nothing wrong.
pub const CALM: Terms = Terms {
    many: 1200,
    calm: true,
};

/// Keeps the tier, in which there is nothing yet, to all of it.
pub fn of(tier: &dyn Tier, terms: &Terms) {
    nothing_is_there_at_first(tier);
    what_is_written_is_read(tier);
    many_are_read_and_written_at_once(tier, terms.many);
    short_and_long_are_read_at_once(tier);
    more_than_the_limit_is_not_read(tier);
    what_is_written_anew_replaces(tier);
    what_was_not_given_whole_is_not_there(tier);
    who_reads_finds_one_or_the_other(tier, terms.calm);
}

fn nothing_is_there_at_first(tier: &dyn Tier) {
    let names = [blob("a"), record("a"), blob("b")];
    assert_eq!(tier.has_many(&names).unwrap(), [false; 3]);
    assert_eq!(read(tier, &names[0]).unwrap(), None);
    for found in read_many(tier, &names, 10) {
        assert_eq!(found.unwrap(), None);
    }
    tier.read_many(&[], 10, &mut |_, _| panic!("nothing was asked"));
    assert!(tier.has_many(&[]).unwrap().is_empty());
    tier.write_many(&[]).unwrap();
}

fn what_is_written_is_read(tier: &dyn Tier) {
    for size in [0, 1, 70_000, LARGE] {
        let (name, bytes) = (blob(&format!("size {size}")), bytes(size, 1));
        write(tier, &name, &bytes).unwrap();
        assert!(read(tier, &name).unwrap() == Some(bytes), "{size} bytes");
    }
    // One name as a record and as a blob are two.
    write(tier, &record("same"), b"record").unwrap();
    write(tier, &blob("same"), b"blob").unwrap();
    assert_eq!(read(tier, &record("same")).unwrap().unwrap(), b"record");
    assert_eq!(read(tier, &blob("same")).unwrap().unwrap(), b"blob");
}

fn many_are_read_and_written_at_once(tier: &dyn Tier, many: usize) {
    let things: Vec<(Name, Vec<u8>)> = (0..many)
        .map(|n| (record(&format!("many {n}")), bytes(n % 50, n as u64)))
        .collect();
    // Every third is not there.
    let numbered = things.iter().enumerate();
    let written: Vec<_> = numbered
        .filter(|(n, _)| n % 3 != 0)
        .map(|(_, thing)| thing.clone())
        .collect();
    tier.write_many(&written).unwrap();
    let names: Vec<Name> = things.iter().map(|(name, _)| *name).collect();
    let has = tier.has_many(&names).unwrap();
    for (n, found) in read_many(tier, &names, 50).into_iter().enumerate() {
        let expected = (n % 3 != 0).then(|| things[n].1.clone());
        assert_eq!(has[n], expected.is_some(), "{n}");
        assert_eq!(found.unwrap(), expected, "{n}");
    }
}

fn short_and_long_are_read_at_once(tier: &dyn Tier) {
    const AROUND: usize = 16 * 1024;
    let sizes = [0, AROUND - 1, 7, AROUND, AROUND + 1, LARGE, 2 * AROUND, 1];
    let things: Vec<(Name, Vec<u8>)> = sizes
        .iter()
        .map(|&size| (blob(&format!("long {size}")), bytes(size, 9)))
        .collect();
    tier.write_many(&things).unwrap();
    let names: Vec<Name> = things.iter().map(|(name, _)| *name).collect();
    for limit in [LARGE, LARGE - 1] {
        let found = read_many(tier, &names, limit as u64);
        for ((name, bytes), found) in things.iter().zip(found) {
            match bytes.len() > limit {
                true => assert!(found.is_err(), "{name}"),
                false => assert_eq!(found.unwrap().as_ref(), Some(bytes), "{name}"),
            }
        }
    }
}

fn more_than_the_limit_is_not_read(tier: &dyn Tier) {
    for size in [1000, LARGE] {
        let name = blob(&format!("limit {size}"));
        write(tier, &name, &bytes(size, 2)).unwrap();
        let limit = size as u64 - 1;
        let mut into = Vec::new();
        let error = tier.read(&name, limit, &mut into).unwrap_err();
        assert!(error.message.contains("more than"), "{error}");
        assert!(into.len() as u64 <= limit);
        let many = read_many(tier, &[name, blob("not there")], limit);
        assert!(many[0].is_err() && matches!(many[1], Ok(None)), "{many:?}");
        assert_eq!(
            tier.read(&name, size as u64, &mut io::sink()).unwrap(),
            Some(size as u64)
        );
        let whole = &read_many(tier, &[name], size as u64)[0];
        assert_eq!(whole.as_ref().unwrap().as_ref().unwrap().len(), size);
    }
}

fn what_is_written_anew_replaces(tier: &dyn Tier) {
    let name = blob("anew");
    for (seed, size) in [(1, 10), (2, LARGE), (3, LARGE - 1), (4, 5)] {
        write(tier, &name, &bytes(size, seed)).unwrap();
        assert!(read(tier, &name).unwrap() == Some(bytes(size, seed)));
        assert_eq!(tier.has_many(&[name]).unwrap(), [true]);
    }
}

fn what_was_not_given_whole_is_not_there(tier: &dyn Tier) {
    for size in [100, LARGE] {
        let name = blob(&format!("half {size}"));
        let half = bytes(size / 2, 3);
        let error = tier
            .write(&name, size as u64, &mut Failing(&half))
            .unwrap_err();
        assert!(error.message.contains("the disk is gone"), "{error}");
        tier.write(&name, size as u64, &mut &half[..]).unwrap_err();
        assert_eq!(read(tier, &name).unwrap(), None);
        assert_eq!(tier.has_many(&[name]).unwrap(), [false]);
    }
}

fn who_reads_finds_one_or_the_other(tier: &dyn Tier, calm: bool) {
    for size in [1000, LARGE] {
        let name = blob(&format!("both {size}"));
        let written = [bytes(size, 4), bytes(size, 5)];
        let whole = |found: Option<Vec<u8>>| found.is_none_or(|found| written.contains(&found));
        thread::scope(|scope| {
            let writers = written
                .each_ref()
                .map(|bytes| scope.spawn(move || write(tier, &name, bytes)));
            while !writers.iter().all(|writer| writer.is_finished()) {
                match read(tier, &name) {
                    Ok(found) => assert!(whole(found)),
                    Err(error) => assert!(!calm, "{error}"),
                }
            }
            for writer in writers {
                writer.join().unwrap().unwrap();
            }
        });
        let last = read(tier, &name).unwrap();
        assert!(last.is_some() && whole(last));
    }
}

/// That a tier says of all it is asked that it is this trouble.
pub fn is_all(tier: &dyn Tier, trouble: Trouble) {
    let name = blob("any");
    let names = [name, record("any")];
    let errors = [
        read(tier, &name).unwrap_err(),
        write(tier, &name, b"bytes").unwrap_err(),
        tier.has_many(&names).unwrap_err(),
        tier.write_many(&[(name, b"bytes".to_vec())]).unwrap_err(),
    ];
    let many = read_many(tier, &names, 100)
        .into_iter()
        .map(Result::unwrap_err);
    for error in errors.into_iter().chain(many) {
        assert_eq!(error.trouble, trouble, "{error}");
        assert_eq!(error.label, tier.label());
    }
}
