//! What goes into the file of a node, and how it is written there.
//!
//! A value stands once in a file: who has the same one refers to it, and so does a list to the outputs that it has.
//! Unaware of files.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::entry::{self, Content, Header};
use crate::codec::Codec;
use crate::digest::Digest;
use crate::list;
use crate::record::{Output, Record};

/// Something for the file of a node.
#[derive(Debug)]
pub(crate) struct Addition {
    /// The node whose file it is.
    pub(crate) node: Arc<str>,
    /// The bytes of the output; without them it is one that stands there already, if it is any.
    pub(crate) bytes: Option<Arc<[u8]>>,
    /// Outputs that a list names and that may stand nowhere in the file.
    pub(crate) beside: Vec<(Output, Arc<[u8]>)>,
}

/// The value of an entry that is to be written.
pub(super) enum Given {
    Bytes(Arc<[u8]>),
    Same(u32),
}

impl Given {
    /// Writes the entry; `known` says under which number the bytes of a digest stand in the file.
    pub(super) fn put(
        &self,
        to: &mut Vec<u8>,
        header: &Header,
        number: u32,
        known: impl Fn(&Digest) -> Option<u32>,
    ) {
        let bytes = match self {
            Given::Same(same) => return entry::put(to, header, &Content::Same(*same), number),
            Given::Bytes(bytes) => bytes,
        };
        let listed = match header.codec {
            Codec::LIST => list::decode(bytes).ok(),
            _ => None,
        };
        let content = match &listed {
            Some(entries) => {
                let items = entries.iter();
                let items = items.map(|item| (&*item.key, known(&item.output.digest)));
                Content::List(bytes, items.collect())
            }
            None => Content::Bytes(bytes),
        };
        entry::put(to, header, &content, number);
    }
}

/// The entries of additions, the first of which has the number `first`; `standing` gives the numbers of those that
/// stand in the file.
pub(super) fn written(
    additions: &[&(&Record, &Addition)],
    first: u32,
    standing: impl Fn(&Digest) -> Option<u32>,
) -> Vec<u8> {
    let mut to = Vec::new();
    let mut number = first;
    let mut new: FxHashMap<Digest, u32> = FxHashMap::default();
    let mut put = |header: &Header, bytes: Option<&Arc<[u8]>>, is_beside: bool| {
        let known = |digest: &Digest| new.get(digest).copied().or_else(|| standing(digest));
        if is_beside && known(&header.digest).is_some() {
            return;
        }
        let given = match (known(&header.digest), bytes) {
            (Some(same), _) => Given::Same(same),
            (None, Some(bytes)) => Given::Bytes(Arc::clone(bytes)),
            (None, None) => return,
        };
        given.put(&mut to, header, number, known);
        new.entry(header.digest).or_insert(number);
        number += 1;
    };
    for (record, addition) in additions {
        let header = Header::of(record);
        for (output, bytes) in &addition.beside {
            let Output {
                digest,
                size,
                codec,
                ..
            } = *output;
            let key = *digest.as_bytes();
            let elapsed_us = 0;
            put(
                &Header {
                    key,
                    digest,
                    size,
                    codec,
                    elapsed_us,
                    ..header.clone()
                },
                Some(bytes),
                true,
            );
        }
        put(&header, addition.bytes.as_ref(), false);
    }
    to
}
