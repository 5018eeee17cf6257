//! Which records go when a cache directory is to be smaller or younger.
//!
//! Those that are least worth their place go first, and those that the last runs stand on go last. Unaware of files and
//! of how anything is removed.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::database::{Latest, Use};
use crate::digest::Digest;
use crate::fields::millis;
use crate::inventory::{Inventory, Item};

/// What [`crate::Store::gc`] is to bring about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// The bytes of blobs and records together, at most.
    pub max_size: Option<u64>,
    /// The time since a record was last used, at most.
    pub max_age: Option<Duration>,
    /// Which records go first.
    pub eviction: Eviction,
}

/// Which records go first when there is not room for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Eviction {
    /// Those that were used least recently.
    Lru,
    /// Those that cost the fewest seconds per byte to compute again, for each time that they were of use; what is not
    /// used any more comes down in time (GreedyDual-Size-Frequency).
    #[default]
    Cost,
}

/// What a collection is to bring about, and how far it may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aim {
    /// The bytes to be left at most.
    pub(crate) size: Option<u64>,
    /// What was used before, in milliseconds since 1970, goes.
    pub(crate) since_ms: Option<i64>,
    pub(crate) eviction: Eviction,
    /// What the last runs stand on stays whatever the size.
    pub(crate) spares_last_runs: bool,
}

impl Aim {
    /// To keep these limits, whatever has to go.
    pub(crate) fn at(limits: &Limits, now: SystemTime) -> Self {
        let age = |age: Duration| i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        Self {
            size: limits.max_size,
            since_ms: limits.max_age.map(|it| millis(now).saturating_sub(age(it))),
            eviction: limits.eviction,
            spares_last_runs: false,
        }
    }
}

/// What [`crate::Store::gc`] removed, or would remove.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// The number of records.
    pub records: u64,
    /// The number of blobs.
    pub blobs: u64,
    /// The number of directories that had been made from listings.
    pub trees: u64,
    /// The bytes that this frees.
    pub bytes: u64,
    /// The bytes of blobs and records that stay.
    pub left: u64,
    /// How long it took to compute what the records had.
    pub elapsed: Duration,
    /// The same by node, in the order of their names.
    pub nodes: Vec<NodeUsage>,
}

/// What the records of one node take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeUsage {
    /// The node's name.
    pub node: Arc<str>,
    /// Their number.
    pub records: u64,
    /// Their bytes, with the blobs that they refer to.
    pub bytes: u64,
    /// How long it took to compute their outputs.
    pub elapsed: Duration,
}

/// When each item was last of use, and whether it goes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    pub(crate) stays_long: bool,
    pub(crate) used_ms: i64,
}

/// Ranks the items, in their order.
///
/// A record that a last signature names is of use whenever its pipeline runs. So is what a list of such a record
/// refers to, and what is kept for the records of its node since then. `inside` gives the digests of a list's outputs,
/// `is_claimed` says whether a live process makes the record again.
pub(crate) fn rank(
    inventory: &Inventory,
    latest: &[Latest],
    inside: impl Fn(usize) -> Vec<Digest>,
    is_claimed: impl Fn(&Item) -> bool,
) -> Vec<Rank> {
    let rank = |item: &Item| Rank {
        stays_long: is_claimed(item),
        used_ms: item.used_ms,
    };
    let mut ranks: Vec<Rank> = inventory.items.iter().map(rank).collect();
    let mut runs = FxHashMap::default();
    for latest in latest {
        let ran = runs.entry(latest.signature).or_insert(latest.ran_ms);
        *ran = latest.ran_ms.max(*ran);
    }
    let mut raise = |at: usize, to: i64| {
        let rank = &mut ranks[at];
        rank.stays_long = true;
        rank.used_ms = rank.used_ms.max(to);
    };
    for (at, item) in inventory.items.iter().enumerate() {
        if let Some(ran) = runs.get(&item.signature) {
            raise(at, *ran);
        }
    }
    let mut listed: FxHashMap<(u32, Digest), i64> = FxHashMap::default();
    for at in 0..inventory.lists.len() {
        let item = &inventory.items[inventory.lists[at].0];
        if let Some(ran) = runs.get(&item.signature) {
            let outputs = inside(at).into_iter();
            listed.extend(outputs.map(|output| ((item.node, output), *ran)));
        }
    }
    for (at, item) in inventory.items.iter().enumerate() {
        if let Some(ran) = listed.get(&(item.node, item.output)) {
            raise(at, *ran);
        }
    }
    raise_companions(inventory, &mut ranks);
    ranks
}

/// What is kept for records of its node lives as long as they do.
fn raise_companions(inventory: &Inventory, ranks: &mut [Rank]) {
    /// The oldest of a node's records that stay long, and the last use of any.
    struct Node {
        since_ms: i64,
        used_ms: i64,
    }
    let mut nodes: FxHashMap<u32, Node> = FxHashMap::default();
    for (item, rank) in inventory.items.iter().zip(&*ranks) {
        if rank.stays_long {
            let node = nodes.entry(item.node).or_insert(Node {
                since_ms: item.created_ms,
                used_ms: rank.used_ms,
            });
            node.since_ms = node.since_ms.min(item.created_ms);
            node.used_ms = node.used_ms.max(rank.used_ms);
        }
    }
    for (item, rank) in inventory.items.iter().zip(ranks) {
        if item.is_companion
            && let Some(node) = nodes.get(&item.node)
            && item.created_ms.max(item.used_ms) >= node.since_ms
        {
            rank.stays_long = true;
            rank.used_ms = rank.used_ms.max(node.used_ms);
        }
    }
}

/// What each item is worth, in their order: the higher, the longer it stays.
///
/// That is the clock when it was last used, plus its uses times the microseconds it took for each of its bytes. The
/// clock is what the last that went was worth: so what is not used any more comes to be worth less than what is.
pub(crate) fn worth(inventory: &Inventory, sizes: &[u64], used: impl Fn(&Item) -> Use) -> Vec<f64> {
    let worth = |item: &Item| {
        let Use { times, clock } = used(item);
        let blobs = item.blobs.iter().map(|blob| sizes[*blob as usize]);
        let bytes = item.bytes + blobs.sum::<u64>();
        clock + f64::from(times) * item.elapsed.as_micros() as f64 / bytes.max(1) as f64
    };
    let mut worths: Vec<f64> = inventory.items.iter().map(worth).collect();
    // What is kept for records of its node is worth as much as they are.
    let mut nodes: FxHashMap<u32, f64> = FxHashMap::default();
    for (item, worth) in inventory.items.iter().zip(&worths) {
        let most = nodes.entry(item.node).or_default();
        *most = most.max(*worth);
    }
    for (item, worth) in inventory.items.iter().zip(&mut worths) {
        if item.is_companion {
            *worth = nodes[&item.node];
        }
    }
    worths
}

/// What goes, and what the last of it was worth.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// The items by their places, first to last.
    pub(crate) going: Vec<usize>,
    pub(crate) clock: f64,
}

/// Chooses the items that go. `size` is that of all that is there, `sizes` those of the blobs by their numbers, as they
/// are on disk. An item whose blob `cannot_go` stays.
pub(crate) fn choose(
    inventory: &Inventory,
    ranks: &[Rank],
    worths: &[f64],
    sizes: &[u64],
    cannot_go: impl Fn(usize) -> bool,
    mut size: u64,
    aim: &Aim,
) -> Choice {
    let too_old = |at: usize| aim.since_ms.is_some_and(|since| ranks[at].used_ms < since);
    let mut order: Vec<usize> = (0..inventory.items.len()).collect();
    order.sort_unstable_by(|one, other| {
        let (rank, than) = (&ranks[*one], &ranks[*other]);
        let by_worth = match aim.eviction {
            Eviction::Lru => std::cmp::Ordering::Equal,
            Eviction::Cost => worths[*one].total_cmp(&worths[*other]),
        };
        rank.stays_long
            .cmp(&than.stays_long)
            .then(by_worth)
            .then(rank.used_ms.cmp(&than.used_ms))
            .then(inventory.items[*one].id.cmp(&inventory.items[*other].id))
    });
    let mut references = References::of(inventory);
    let mut clock = 0.0_f64;
    order.retain(|at| {
        let item = &inventory.items[*at];
        let too_large = aim.size.is_some_and(|limit| size > limit)
            && !(aim.spares_last_runs && ranks[*at].stays_long);
        let spared = || item.blobs.iter().any(|blob| cannot_go(*blob as usize));
        let goes = (too_large || too_old(*at)) && !spared();
        if goes {
            if too_large && !ranks[*at].stays_long {
                clock = clock.max(worths[*at]);
            }
            size = size.saturating_sub(item.bytes);
            references.drop_item(item, |blob| size = size.saturating_sub(sizes[blob]));
        }
        goes
    });
    Choice {
        going: order,
        clock,
    }
}

/// How many items refer to each blob.
pub(crate) struct References(Vec<u32>);

impl References {
    pub(crate) fn of(inventory: &Inventory) -> Self {
        let mut counts = vec![0; inventory.blobs.len()];
        for item in &inventory.items {
            item.blobs
                .iter()
                .for_each(|blob| counts[*blob as usize] += 1);
        }
        Self(counts)
    }

    /// Takes an item away; tells the blobs that nothing refers to any more.
    pub(crate) fn drop_item(&mut self, item: &Item, mut free: impl FnMut(usize)) {
        for blob in &item.blobs {
            let blob = *blob as usize;
            self.0[blob] -= 1;
            if self.0[blob] == 0 {
                free(blob);
            }
        }
    }

    pub(crate) fn is_referred_to(&self, blob: u32) -> bool {
        self.0[blob as usize] > 0
    }
}

/// Adds up what records of each node take.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    nodes: FxHashMap<u32, (u64, u64, Duration)>,
    counted: FxHashSet<(u32, u32)>,
}

impl Tally {
    /// Counts a record, without its blobs.
    pub(crate) fn record(&mut self, item: &Item) {
        let (records, bytes, elapsed) = self.nodes.entry(item.node).or_default();
        *records += 1;
        *bytes += item.bytes;
        // What is kept beside a record was not computed again.
        if !item.is_companion {
            *elapsed += item.elapsed;
        }
    }

    /// Counts a blob of a node, once.
    pub(crate) fn blob(&mut self, node: u32, blob: u32, size: u64) {
        if self.counted.insert((node, blob)) {
            self.nodes.entry(node).or_default().1 += size;
        }
    }

    /// The sums in the order of the nodes' names.
    pub(crate) fn into_usage(self, inventory: &Inventory) -> Vec<NodeUsage> {
        let usage = |(node, (records, bytes, elapsed)): (u32, _)| NodeUsage {
            node: Arc::clone(&inventory.nodes[node as usize]),
            records,
            bytes,
            elapsed,
        };
        let mut nodes: Vec<NodeUsage> = self.nodes.into_iter().map(usage).collect();
        nodes.sort_unstable_by(|one, other| one.node.cmp(&other.node));
        nodes
    }
}
