//! Which types iterate in an order that is not part of their value.

/// Says whether `T` is a hash map or set of std or hashbrown, or one behind references, boxes and counted pointers.
///
/// Type aliases such as `rustc_hash::FxHashMap` are the std types and count. A type of one's own that
/// wraps a hash map does not: ask with what it gives to serde. serde's implementations for hash maps
/// and sets call `collect_map` and `collect_seq` with a reference to the collection, so a serializer
/// that asks there sees the collection itself, whatever wrapped it.
#[inline]
pub fn is_unordered<T: ?Sized>() -> bool {
    is_unordered_name(std::any::type_name::<T>())
}

/// The text of `type_name` is stable enough for this: where it ever changes, the canonical-bytes tests
/// fail, and what is lost is early cutoff, never correctness.
#[inline]
fn is_unordered_name(mut name: &str) -> bool {
    // Every name looked for ends so; for all others the answer is known when compiling.
    if !name.ends_with('>') {
        return false;
    }
    const WRAPPERS: [&str; 5] = [
        "&mut ",
        "&",
        "alloc::boxed::Box<",
        "alloc::rc::Rc<",
        "alloc::sync::Arc<",
    ];
    const UNORDERED: [&str; 4] = [
        "std::collections::hash::map::HashMap<",
        "std::collections::hash::set::HashSet<",
        "hashbrown::map::HashMap<",
        "hashbrown::set::HashSet<",
    ];
    while let Some(inner) = WRAPPERS
        .iter()
        .find_map(|wrapper| name.strip_prefix(wrapper))
    {
        name = inner;
    }
    UNORDERED
        .iter()
        .any(|unordered| name.starts_with(unordered))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap, HashSet};
    use std::sync::Arc;

    use super::*;

    #[test]
    fn hash_maps_and_sets_are_unordered_behind_any_pointer() {
        assert!(is_unordered::<HashMap<String, u8>>());
        assert!(is_unordered::<HashSet<Vec<u8>>>());
        assert!(is_unordered::<rustc_hash::FxHashMap<u8, HashSet<u8>>>());
        assert!(is_unordered::<&&HashMap<u8, u8>>());
        assert!(is_unordered::<Arc<Box<HashSet<u8>>>>());
    }

    #[test]
    fn others_keep_their_order_even_with_a_hash_map_inside() {
        struct HashMap2<T>(#[allow(dead_code)] T);
        assert!(!is_unordered::<u8>());
        assert!(!is_unordered::<str>());
        assert!(!is_unordered::<BTreeMap<u8, HashMap<u8, u8>>>());
        assert!(!is_unordered::<Vec<HashMap<u8, u8>>>());
        assert!(!is_unordered::<Option<HashSet<u8>>>());
        assert!(!is_unordered::<(HashMap<u8, u8>,)>());
        assert!(!is_unordered::<HashMap2<HashMap<u8, u8>>>());
    }
}
