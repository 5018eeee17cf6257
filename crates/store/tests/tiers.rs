//! What stores have in common through a tier: what one made the other finds, whatever the tier gives in between.

mod common;
#[path = "common/tier.rs"]
mod tier;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{Cache, commit, hit, is_hit, large, notes, record, resolved, signature};
use refrain_store::{Codec, Damage, Digest, ListEntry, Lookup, Options, Signature, Store, TierUse};
use tier::{MemoryTier, Mood};

fn open(cache: &Cache, tier: &Arc<MemoryTier>, usage: TierUse) -> Store {
    let options = Options::default().tier(tier.clone(), usage);
    Store::open_with(&cache.path(), &options).expect("open")
}

fn finish(store: &Store) {
    assert!(store.finish_uploads(Duration::from_secs(60), &mut |_| ()));
}

/// A tier with the record of "a", which is inline, and that of "b", which is a blob.
fn filled() -> Arc<MemoryTier> {
    let (cache, tier) = (Cache::new(), MemoryTier::new());
    let store = open(&cache, &tier, TierUse::Write);
    commit(&store, "a", b"small");
    commit(&store, "b", &large("b"));
    drop(store);
    tier.asked.store(0, Ordering::Relaxed);
    tier
}

#[test]
fn what_one_store_made_the_other_finds_and_keeps() {
    let tier = filled();
    assert_eq!((tier.count("records/"), tier.count("blobs/")), (4, 1));
    let cache = Cache::new();
    let store = open(&cache, &tier, TierUse::Read);
    assert!(!is_hit(&store, "a"));
    store.ask_tiers(&[signature("a"), resolved("b"), signature("nothing")]);
    assert_eq!(
        *hit(&store, "a").output.inline.as_deref().unwrap(),
        *b"small"
    );
    let b = hit(&store, "b");
    let again = record(&Cache::new().open(), "b", &large("b"));
    assert_eq!(*b, again);
    assert!(matches!(
        store.find_resolved(&resolved("a")),
        Lookup::Hit(_)
    ));
    assert_eq!(store.note(&notes()[0].0).as_deref(), Some("fn it() {}"));
    assert_eq!(
        store.take_origin(&signature("a")).as_deref(),
        Some("memory:")
    );
    assert_eq!(store.take_origin(&signature("a")), None);

    assert_eq!(store.present(&b.output), Ok(()));
    assert!(!cache.blob(&b.output.digest).exists());
    assert_eq!(store.load(&b.output), Ok(large("b")));
    let traffic = &store.traffic()[0];
    assert_eq!((traffic.records_down, traffic.blobs_down), (2, 1));
    drop(store);
    let alone = cache.open();
    assert_eq!(alone.load(&hit(&alone, "b").output), Ok(large("b")));
}

#[test]
fn a_tier_is_asked_once_for_everything_and_for_nothing_that_is_known() {
    let tier = filled();
    let cache = Cache::new();
    let store = open(&cache, &tier, TierUse::Read);
    let keys = [signature("a"), signature("b"), signature("nothing")];
    store.ask_tiers(&keys);
    // Once for the records, once for their blobs.
    assert_eq!(tier.times_asked(), 2);
    store.ask_tiers(&keys);
    assert_eq!(store.present(&hit(&store, "b").output), Ok(()));
    assert_eq!(tier.times_asked(), 2);
    store.ask_anew();
    store.ask_tiers(&keys[..2]);
    assert_eq!(tier.times_asked(), 2);
    store.ask_tiers(&keys);
    assert_eq!(tier.times_asked(), 3);
}

#[test]
fn listings_come_with_what_they_refer_to_when_they_are_fetched() {
    let tier = MemoryTier::new();
    let (made, read) = (Cache::new(), Cache::new());
    let store = open(&made, &tier, TierUse::ReadWrite);
    let dir = tempfile::tempdir().expect("directory");
    fs::create_dir(dir.path().join("tree")).expect("mkdir");
    for name in ["x", "y"] {
        fs::write(dir.path().join("tree").join(name), large(name)).expect("write");
    }
    let tree = store.adopt_tree(&dir.path().join("tree")).expect("tree");
    let item = store.write(&large("item"), Codec::BYTES).expect("write");
    let entry = |key: &str, output: &_| ListEntry {
        key: key.into(),
        output: Clone::clone(output),
    };
    let list = store.write_list(&[entry("tree", &tree), entry("item", &item)]);
    let mut listed = record(&store, "list", b"");
    listed.output = list.expect("list");
    store.commit(listed.clone(), notes(), None);
    finish(&store);

    let other = open(&read, &tier, TierUse::Read);
    other.ask_tiers(&[listed.signature]);
    let output = &hit(&other, "list").output;
    assert_eq!(other.present(output), Ok(()));
    assert_eq!(other.fetch(&[output]), [Ok(())]);
    tier.set(Mood::Dead);
    let entries = other.load_list(output).expect("list");
    assert_eq!(other.load(&entries[1].output), Ok(large("item")));
    let placed = other.place(&entries[0].output).expect("tree");
    assert_eq!(fs::read(placed.join("y")).expect("file"), large("y"));
}

#[test]
fn a_damaged_blob_is_healed_from_a_tier() {
    let tier = filled();
    let cache = Cache::new();
    let store = open(&cache, &tier, TierUse::ReadWrite);
    let made = commit(&store, "b", &large("b"));
    finish(&store);
    common::overwrite(&cache.blob(&made.output.digest), &large("c"));
    assert_eq!(store.load(&made.output), Ok(large("b")));
}

#[test]
fn a_tier_that_lies_is_not_believed() {
    for mood in [Mood::Garbling, Mood::Mixing] {
        let tier = filled();
        let cache = Cache::new();
        let store = open(&cache, &tier, TierUse::Read);
        store.ask_tiers(&[signature("b")]);
        let output = hit(&store, "b").output.clone();
        tier.set(mood);
        store.ask_tiers(&[signature("a")]);
        assert!(!is_hit(&store, "a"), "{mood:?}");
        if mood == Mood::Garbling {
            assert!(matches!(store.load(&output), Err(Damage::Missing(_))));
            assert!(!cache.blob(&output.digest).exists());
        }
        assert!(!store.tier_problems().is_empty());
        tier.set(Mood::Well);
        store.ask_anew();
        store.ask_tiers(&[signature("a")]);
        assert!(is_hit(&store, "a"));
        assert_eq!(store.load(&output), Ok(large("b")));
    }
}

#[test]
fn a_dead_tier_costs_a_few_tries_and_nothing_else() {
    let tier = filled();
    let cache = Cache::new();
    let store = open(&cache, &tier, TierUse::ReadWrite);
    tier.set(Mood::Dead);
    let before = tier.times_asked();
    for word in ["a", "b", "c"] {
        store.ask_tiers(&[signature(word)]);
        commit(&store, word, &large(word));
    }
    finish(&store);
    assert!(tier.times_asked() - before <= 6);
    assert!(!store.has_tiers());
    let problems = store.tier_problems();
    assert!(
        problems
            .iter()
            .any(|told| told.contains("nothing more is looked for")),
        "{problems:?}"
    );
    assert!(
        problems
            .iter()
            .any(|told| told.contains("nothing more is put")),
        "{problems:?}"
    );
    assert!(is_hit(&store, "c"));
}

#[test]
fn a_tier_for_reading_is_never_written_and_one_for_writing_never_read() {
    let tier = filled();
    let before = tier.names();
    let cache = Cache::new();
    let reader = open(&cache, &tier, TierUse::Read);
    commit(&reader, "c", &large("c"));
    reader.push(&[signature("c")]);
    finish(&reader);
    drop(reader);
    assert_eq!(tier.names(), before);
    let cache = Cache::new();
    let writer = open(&cache, &tier, TierUse::Write);
    writer.ask_tiers(&[signature("a")]);
    assert!(!is_hit(&writer, "a"));
}

#[test]
fn a_tier_that_refuses_is_still_read() {
    let tier = filled();
    tier.set(Mood::ReadOnly);
    let cache = Cache::new();
    let store = open(&cache, &tier, TierUse::ReadWrite);
    for word in ["c", "d", "e", "f"] {
        commit(&store, word, b"x");
        finish(&store);
    }
    store.ask_tiers(&[signature("a")]);
    assert!(is_hit(&store, "a"));
    assert_eq!(tier.count("records/"), 4);
}

#[test]
fn what_was_made_before_there_was_a_tier_is_pushed() {
    let cache = Cache::new();
    let store = cache.open();
    commit(&store, "a", b"small");
    commit(&store, "b", &large("b"));
    drop(store);
    let tier = MemoryTier::new();
    let store = open(&cache, &tier, TierUse::ReadWrite);
    store.push(&[signature("a"), signature("b"), signature("nothing")]);
    finish(&store);
    assert_eq!(tier.names(), filled().names());
    let before = tier.times_asked();
    store.push(&[signature("a")]);
    finish(&store);
    // It is there, so nothing is written.
    assert_eq!(tier.times_asked(), before + 1);
}

#[test]
fn whether_many_are_there_is_asked_together() {
    let (cache, tier) = (Cache::new(), MemoryTier::new());
    let store = open(&cache, &tier, TierUse::Write);
    let words: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    for word in &words {
        commit(&store, word, b"small");
    }
    finish(&store);
    let all: Vec<Signature> = words.iter().map(|word| signature(word)).collect();
    tier.asked.store(0, Ordering::Relaxed);
    tier.latency.store(5, Ordering::Relaxed);
    store.push(&all);
    finish(&store);
    let asked = tier.times_asked();
    assert!(asked < 100, "{asked} questions");
}

#[test]
fn clocks_of_other_machines_do_not_matter() {
    let tier = MemoryTier::new();
    for created_ms in [i64::MIN, -1, 7_300_000_000_000, i64::MAX] {
        let (made, read) = (Cache::new(), Cache::new());
        let store = open(&made, &tier, TierUse::ReadWrite);
        let mut a = record(&store, "a", &large("a"));
        a.created_ms = created_ms;
        store.commit(a.clone(), notes(), None);
        drop(store);
        let other = open(&read, &tier, TierUse::Read);
        other.ask_tiers(&[signature("a")]);
        assert_eq!(*hit(&other, "a"), a);
        assert_eq!(other.load(&a.output), Ok(large("a")));
    }
}

#[test]
fn blobs_in_a_tier_are_what_zstd_makes_of_them() {
    let tier = filled();
    let things = tier.things.lock().unwrap();
    let packed = &things[&format!("blobs/{}", Digest::of(&large("b")))];
    let opened = zstd::decode_all(&packed[..]).expect("zstd");
    assert_eq!(opened, large("b"));
}

#[test]
fn a_blob_of_any_size_travels() {
    let tier = MemoryTier::new();
    let (made, read) = (Cache::new(), Cache::new());
    let store = open(&made, &tier, TierUse::Write);
    let mut bytes = Vec::new();
    blake3::Hasher::new().finalize_xof().fill({
        bytes.resize(40 << 20, 0);
        &mut bytes[..]
    });
    commit(&store, "big", &bytes);
    drop(store);
    let other = open(&read, &tier, TierUse::Read);
    other.ask_tiers(&[signature("big")]);
    assert!(other.load(&hit(&other, "big").output) == Ok(bytes));
    assert!(leftovers(&read.path()).is_empty());
}

fn leftovers(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).expect("list");
    let names = names.map(|entry| {
        entry
            .expect("entry")
            .file_name()
            .into_string()
            .expect("name")
    });
    names.filter(|name| name.starts_with(".tmp-")).collect()
}
