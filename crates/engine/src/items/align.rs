//! How several lists go together: by the keys of their items. It knows keys and
//! digests, and nothing of what the items are.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::lists::{Entry, List};

/// Lists put together.
pub(super) struct Aligned {
    /// Of each list but the first: where in it each item of the first stands.
    pub places: SmallVec<[Vec<u32>; 1]>,
    /// Whether no two items have one key.
    pub distinct: bool,
}

/// Where each key first stands.
type Places<'a> = FxHashMap<&'a Arc<str>, u32>;

/// Puts together what has one key in all lists, in the order of the first. With
/// `known` the keys of the first list are known to differ.
pub(super) fn align(names: &[&str], lists: &[List], known: bool) -> Result<Aligned, String> {
    let first = &lists[0].entries;
    let by_key = match known {
        true => None,
        false => Some(places(names[0], first)?),
    };
    let distinct = by_key.as_ref().is_none_or(|keys| keys.len() == first.len());
    let further = lists.iter().zip(names).skip(1);
    let further = further.map(|(list, name)| beside(names[0], first, name, &list.entries));
    Ok(Aligned {
        distinct,
        places: further.collect::<Result<_, String>>()?,
    })
}

/// Where each item of the first list stands in another.
fn beside(first: &str, items: &[Entry], other: &str, list: &[Entry]) -> Result<Vec<u32>, String> {
    let by_key = places(other, list)?;
    let mut reached = vec![false; list.len()];
    let place = |entry: &Entry| {
        let place = by_key.get(&entry.key).copied();
        let place =
            place.ok_or_else(|| format!("{first} has {:?}, and {other} has not", entry.key))?;
        reached[place as usize] = true;
        Ok(place)
    };
    let places = items.iter().map(place).collect::<Result<_, String>>()?;
    let missing = by_key
        .iter()
        .filter(|(_, place)| !reached[**place as usize]);
    match missing.map(|(key, _)| key).min() {
        Some(key) => Err(format!("{other} has {key:?}, and {first} has not")),
        None => Ok(places),
    }
}

/// Where each key stands first. One key stands for one thing.
fn places<'a>(name: &str, list: &'a [Entry]) -> Result<Places<'a>, String> {
    let mut places = Places::default();
    places.reserve(list.len());
    for (at, entry) in list.iter().enumerate() {
        let before = *places.entry(&entry.key).or_insert(at as u32) as usize;
        let both = list[before].digest.zip(entry.digest);
        if both.is_some_and(|(before, now)| before != now) {
            return Err(format!(
                "{name} has two different items under the key {:?}: number {} and number {}",
                entry.key,
                before + 1,
                at + 1
            ));
        }
    }
    Ok(places)
}
