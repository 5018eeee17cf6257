//! Records of outputs that are kept in the pickles of nodes.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::{Store, lists};
use crate::claim::{Claim, Locks};
use crate::codec::Codec;
use crate::digest::{Digest, Signature};
use crate::error::StoreError;
use crate::pickles::{Addition, Pickles};
use crate::record::{Home, Output, Record};

/// The bytes on their way into pickles, at most: who brings more waits.
const ON_THEIR_WAY: usize = 64 << 20;

impl Store {
    /// Does what [`Store::commit`] does, and sees to it that the output has the home that it was written for. Gives the
    /// output by which the store knows it from then on.
    ///
    /// An output that no pickle can have is where [`Store::write_at`] or [`Store::adopt_file_at`] put it.
    pub fn commit_at(
        &self,
        home: &Home,
        mut record: Record,
        notes: Vec<(Digest, Arc<str>)>,
        claim: Option<Claim>,
    ) -> Output {
        let addition = match home {
            Home::Pickle(node) if self.writer.is_some() => self.addition(node, &mut record.output),
            _ => None,
        };
        record.seal = self.index.seal(&record);
        let output = record.output.clone();
        let bytes = addition
            .as_ref()
            .and_then(|addition| addition.bytes.as_ref());
        let expected = bytes.map(|bytes| self.pickles.expect(output.digest, bytes));
        self.keep_and_tell(Arc::new(record), notes, claim, addition);
        if expected.is_some_and(|bytes| bytes > ON_THEIR_WAY) {
            self.flush();
        }
        output
    }

    /// What the pickle of the node is to have of an output, whose bytes are taken from it then.
    fn addition(&self, node: &Arc<str>, output: &mut Output) -> Option<Addition> {
        if !Pickles::takes(output.codec, output.size) {
            return None;
        }
        let bytes = output.inline.take();
        if bytes.is_none() && !self.pickles.has(&output.digest) {
            return None;
        }
        let listing = bytes.as_ref().filter(|_| output.codec == Codec::LIST);
        Some(Addition {
            node: Arc::clone(node),
            beside: listing.map_or_else(Vec::new, |listing| self.beside(node, output, listing)),
            bytes,
        })
    }

    /// The outputs in a list that the pickle of the node does not have.
    fn beside(&self, node: &str, output: &Output, listing: &[u8]) -> Vec<(Output, Arc<[u8]>)> {
        let entries = lists::decode(output, listing).unwrap_or_default();
        let outputs = entries.into_iter().map(|entry| entry.output);
        let absent = outputs.filter(|output| {
            let is_value = output.codec != Codec::LIST && Pickles::takes(output.codec, output.size);
            is_value && !self.pickles.has_for(node, &output.digest)
        });
        let loaded = absent.filter_map(|output| {
            let bytes = self.bytes_of(&output).ok()?.into();
            Some((output, bytes))
        });
        loaded.collect()
    }
}

/// What the records name that are there.
#[derive(Default)]
pub(super) struct Named {
    signatures: FxHashSet<Signature>,
    outputs: FxHashSet<Digest>,
}

impl Named {
    pub(super) fn add(&mut self, store: &Store, record: &Record) {
        self.signatures.insert(record.signature);
        self.outputs.insert(record.output.digest);
        if record.output.codec == Codec::LIST {
            let entries = store.load_list(&record.output).unwrap_or_default();
            let outputs = entries.iter().map(|entry| entry.output.digest);
            self.outputs.extend(outputs);
        }
    }
}

impl Store {
    /// Takes out of pickles what no record names, and was made before a time in nanoseconds since 1970.
    pub(super) fn tidy_pickles(
        &self,
        locks: &Arc<Locks>,
        named: &Named,
        spared_since: i128,
    ) -> Result<(), StoreError> {
        let keep = |signature: &Signature, created_ms: i64| {
            named.signatures.contains(signature)
                || i128::from(created_ms) * 1_000_000 >= spared_since
        };
        self.pickles
            .retain(locks, &keep, &|digest| named.outputs.contains(digest))
            .map_err(|source| StoreError::Io {
                operation: "write anew what is in",
                path: self.pickles.path(""),
                source,
            })
    }
}
