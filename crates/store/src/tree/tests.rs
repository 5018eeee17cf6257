use proptest::prelude::*;

use super::*;
use crate::digest::Digest;

fn directory(path: &str) -> Entry {
    Entry::new(Path::new(path), Kind::Directory)
}

fn file(path: &str) -> Entry {
    let blob = Blob {
        digest: Digest::of(path.as_bytes()),
        executable: path.ends_with('b'),
    };
    let size = path.len() as u64;
    Entry::new(Path::new(path), Kind::File(Content { blob, size }))
}

fn link(path: &str, target: &str) -> Entry {
    Entry::new(Path::new(path), Kind::Link(target.as_bytes().into()))
}

/// What a reader says of these entries as they stand.
fn read(entries: Vec<Entry>) -> Result<Tree, String> {
    Tree::decode(&Tree { entries }.encode())
}

#[test]
fn what_is_written_is_read_whatever_the_order() {
    let mut entries = vec![
        file("a-b"),
        directory("a"),
        file("a/b"),
        directory("a/empty"),
        link("a/up", "../a-b"),
        link("dangling", "not/there/yet"),
        link("self", "."),
    ];
    let tree = Tree::new(entries.clone()).expect("a tree");
    entries.reverse();
    assert_eq!(Tree::new(entries).expect("a tree"), tree);
    assert_eq!(Tree::decode(&tree.encode()), Ok(tree.clone()));
    assert_eq!(tree.files().count(), 2);
    let empty = Tree::new(vec![]).expect("a tree");
    assert_eq!(Tree::decode(&empty.encode()), Ok(empty));
}

#[test]
fn paths_that_are_not_plain_are_refused() {
    for path in [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../x",
        ".",
        "./x",
        "a/../../x",
        "a/..",
        "a//b",
        "a/",
        "a/.",
        "a\0b",
    ] {
        for entry in [file(path), directory(path), link(path, "x")] {
            let said = read(vec![directory("a"), entry]);
            assert!(said.is_err(), "{path:?}");
        }
    }
}

#[test]
fn nothing_is_in_what_is_no_directory() {
    for parent in [None, Some(file("a")), Some(link("a", "b"))] {
        let mut entries = Vec::from_iter(parent);
        entries.push(file("a/b"));
        entries.push(directory("b"));
        let said = read(entries).expect_err("refused");
        assert!(said.contains("no directory"), "{said}");
    }
}

#[test]
fn two_entries_of_one_path_and_another_order_are_refused() {
    assert!(read(vec![file("a"), file("a")]).is_err());
    assert!(read(vec![file("b"), file("a")]).is_err());
    assert!(Tree::new(vec![directory("a"), link("a", "b")]).is_err());
}

#[test]
fn links_that_lead_out_are_refused() {
    for (path, target) in [
        ("out", ".."),
        ("d/out", "../.."),
        ("out", "/etc/passwd"),
        ("out", "d/../../x"),
        ("out", ""),
        ("out", "a\0b"),
        // By way of another link: d/up is the top.
        ("out", "d/up/.."),
        ("out", "d/up/d/up/../x"),
        // Loops.
        ("out", "out"),
        ("out", "out/x"),
    ] {
        let entries = vec![directory("d"), link("d/up", ".."), link(path, target)];
        let refused = Tree::new(entries).expect_err(target);
        assert_eq!(&*refused.path, path.as_bytes(), "{target}");
    }
}

#[test]
fn links_that_stay_inside_are_kept() {
    for target in [
        "d/..",
        "d/up/d/f",
        "d/up",
        ".",
        "d//f",
        "d/f/",
        "./d/./f",
        "gone/../d",
    ] {
        let entries = vec![
            directory("d"),
            file("d/f"),
            link("d/up", ".."),
            link("in", target),
        ];
        assert!(Tree::new(entries).is_ok(), "{target}");
    }
}

#[test]
fn many_links_through_links_end() {
    // Every link goes twice through the one before it.
    let mut entries = vec![link("l00", ".")];
    for number in 1..60 {
        let before = format!("l{:02}", number - 1);
        entries.push(link(
            &format!("l{number:02}"),
            &format!("{before}/{before}"),
        ));
    }
    assert!(Tree::new(entries).is_err());
}

#[test]
fn links_are_not_followed_without_end() {
    // Some seconds for each thousand of them, if they were.
    let long = "./".repeat(1 << 16);
    let mut entries = vec![link("long", &long)];
    entries.extend((0..1000).map(|number| link(&format!("short{number}"), "long")));
    let refused = Tree::new(entries).expect_err("refused");
    assert!(refused.reason.contains("too many"), "{}", refused.reason);
}

proptest! {
    #[test]
    fn any_bytes_are_a_tree_or_a_reason(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Tree::decode(&bytes);
        bytes.insert(0, FORMAT);
        if let Ok(tree) = Tree::decode(&bytes) {
            for entry in tree.entries() {
                prop_assert!(entry.path().components().all(|part| matches!(part, std::path::Component::Normal(_))));
            }
        }
    }

    #[test]
    fn every_prefix_is_refused(at in any::<prop::sample::Index>()) {
        let tree = Tree::new(vec![directory("a"), file("a/b"), link("c", "a/b")]).expect("a tree");
        let bytes = tree.encode();
        prop_assert!(Tree::decode(&bytes[..at.index(bytes.len())]).is_err());
    }
}
