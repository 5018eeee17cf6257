//! The queries of a node. The driver demands them in topological order, so
//! none recurses deeper than to memos that are already verified.
//!
//! * [`signature`] stands on the node's spec, its sources and its parents'
//!   signatures. It never touches an output. Of a node whose action finds files
//!   it stands on [`base`], the same without those files, and on [`trails`],
//!   what the store knows of them.
//! * [`probe`] is what the store has under the signature. Its memo makes the
//!   walk that decides what is needed cost one lookup per change.
//! * [`output`] is the node's output: what `probe` found, else what the driver
//!   laid down as arrived under the signature. It stands on nothing above the
//!   node, so a hit loads nothing, and losing one output touches no other.

use std::sync::Arc;

use refrain_store::{Lookup, Signature};

use crate::db::{Bound, Link, Refrain, Spec};
use crate::handle::Handle;
use crate::signature::{Hash, PartHashes, PartKind, Visitor, walk_deps, walk_inputs, walk_trail};
use crate::trail::{Trail, Trails};

/// A value from outside.
#[salsa::input]
pub(crate) struct Source {
    #[returns(ref)]
    pub bound: Bound,
}

/// A node. One coarse field: one setter call is one edit.
#[salsa::input]
pub(crate) struct Unit {
    #[returns(ref)]
    pub spec: Arc<Spec>,
    /// How often its output was forgotten: another one may come under the same
    /// signature.
    #[returns(copy)]
    pub forgotten: u64,
}

/// A signature, and what it is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub signature: Signature,
    pub standing: Standing,
}

/// What a signature is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// It names the work in every process.
    Lasting,
    /// The files that an execution is going to find, at the node or above it,
    /// are not known yet: nothing is looked up or stored under it.
    Open,
    /// Something above has no digest that outlives this process: nothing is
    /// looked up or stored under it.
    Ephemeral,
}

impl Key {
    /// A key that names its work in every process.
    pub fn lasting(signature: Signature) -> Self {
        Key {
            signature,
            standing: Standing::Lasting,
        }
    }

    /// A key that means nothing outside of this process.
    pub fn ephemeral(signature: Signature) -> Self {
        Key {
            signature,
            standing: Standing::Ephemeral,
        }
    }

    pub fn is_lasting(&self) -> bool {
        self.standing == Standing::Lasting
    }

    pub fn is_ephemeral(&self) -> bool {
        self.standing == Standing::Ephemeral
    }
}

/// The signature of a node: code, env, inputs, and the parents' signatures.
#[salsa::tracked(returns(copy))]
pub(crate) fn signature(db: &dyn Refrain, unit: Unit) -> Key {
    let spec = unit.spec(db);
    if !spec.node.discovers {
        return base_key(db, spec);
    }
    let base = base(db, unit);
    if !base.is_lasting() {
        return base;
    }
    match trails(db, unit).matching(|path| db.context().file_digest(path)) {
        Some(trail) => {
            let parents = parents(spec).map(|(name, parent)| {
                let key = signature(db, parent);
                (name, *key.signature.as_bytes())
            });
            let hashes = part_hashes(db, spec, parents, Some(trail));
            Key::lasting(hashes.signature())
        }
        None => Key {
            standing: Standing::Open,
            ..base
        },
    }
}

/// The signature of a node without the files that its action finds.
#[salsa::tracked(returns(copy))]
pub(crate) fn base(db: &dyn Refrain, unit: Unit) -> Key {
    base_key(db, unit.spec(db))
}

/// What the store knows of the files that a node's action finds. It is asked
/// again whenever the node's spec is written, even if that says what it did.
#[salsa::tracked(returns(ref))]
pub(crate) fn trails(db: &dyn Refrain, unit: Unit) -> Trails {
    unit.spec(db);
    let base = base(db, unit);
    let store = db.context().store.as_deref();
    let store = store.filter(|_| base.is_lasting());
    store.map_or_else(Trails::default, |store| {
        Trails::recall(store, &base.signature)
    })
}

fn base_key(db: &dyn Refrain, spec: &Spec) -> Key {
    let mut standing = own_standing(db, spec);
    let parents = parents(spec).map(|(name, parent)| {
        let key = signature(db, parent);
        standing = standing.max(key.standing);
        (name, *key.signature.as_bytes())
    });
    let signature = part_hashes(db, spec, parents, None).signature();
    Key {
        signature,
        standing,
    }
}

/// What the node's own sources allow its signature to be.
pub(crate) fn own_standing(db: &dyn Refrain, spec: &Spec) -> Standing {
    let unhashable = sources(spec).any(|(_, source)| source.bound(db).unhashable.is_some());
    match unhashable {
        true => Standing::Ephemeral,
        false => Standing::Lasting,
    }
}

/// What the store has under the node's signature. Only what is cached and
/// lasting is looked for.
#[salsa::tracked(returns(clone))]
pub(crate) fn probe(db: &dyn Refrain, unit: Unit) -> Option<Arc<Handle>> {
    look_up(db, unit)
}

/// The same without a memo.
pub(crate) fn look_up(db: &dyn Refrain, unit: Unit) -> Option<Arc<Handle>> {
    let spec = unit.spec(db);
    let key = signature(db, unit);
    let store = db.context().store.as_ref()?;
    if !spec.node.cache || !key.is_lasting() {
        return None;
    }
    match store.find(&key.signature) {
        Lookup::Hit(record) => Handle::recorded(&record, spec.node.output.codec()).map(Arc::new),
        Lookup::Absent => None,
        Lookup::Damaged(why) => {
            tracing::warn!(node = spec.node.name(), %why, "a damaged record counts as a miss");
            None
        }
    }
}

/// The output of a node.
///
/// # Panics
/// If it is demanded before it was found or made, which the driver never does.
#[salsa::tracked(returns(clone))]
pub(crate) fn output(db: &dyn Refrain, unit: Unit) -> Arc<Handle> {
    unit.forgotten(db);
    let arrived = db.context().take(&signature(db, unit).signature);
    arrived
        .or_else(|| probe(db, unit))
        .expect("an output is demanded only after it was found or made")
}

/// The hashes of a node's parts, with its parents known by the given keys:
/// their signatures, or, for the resolved signature, their outputs' digests.
pub(crate) fn part_hashes<'a>(
    db: &dyn Refrain,
    spec: &Spec,
    parents: impl Iterator<Item = (&'a str, [u8; 32])>,
    trail: Option<&Trail>,
) -> PartHashes {
    let depth = db.context().config.dependency_depth;
    PartHashes {
        code: spec.code,
        env: spec.env,
        inputs: Hash::part(PartKind::Inputs, |hash| {
            walk_sources(db, spec, hash);
            walk_trail(trail, hash);
        }),
        deps: Hash::part(PartKind::Deps, |hash| {
            walk_deps(parents, &spec.node.code, depth, hash);
        }),
    }
}

/// Names the node's sources to a visitor.
pub(crate) fn walk_sources(db: &dyn Refrain, spec: &Spec, visitor: &mut impl Visitor) {
    let bound = sources(spec).map(|(name, source)| {
        let bound = source.bound(db);
        (name, bound.digest, || bound.text())
    });
    walk_inputs(bound, visitor);
}

/// The node's direct sources, by parameter.
pub(crate) fn sources(spec: &Spec) -> impl Iterator<Item = (&str, Source)> {
    links(spec).filter_map(|(name, link)| match link {
        Link::Source(source) => Some((name, source)),
        Link::Node(_) => None,
    })
}

/// The node's parents, by parameter.
pub(crate) fn parents(spec: &Spec) -> impl Iterator<Item = (&str, Unit)> {
    links(spec).filter_map(|(name, link)| match link {
        Link::Node(parent) => Some((name, parent)),
        Link::Source(_) => None,
    })
}

fn links(spec: &Spec) -> impl Iterator<Item = (&str, Link)> {
    let params = spec.node.params.iter();
    params
        .zip(&spec.links)
        .map(|(param, link)| (&*param.name, *link))
}
