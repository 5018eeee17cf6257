//! Outputs that are lists: what a mapped node gave for each of its items.

use super::Store;
use crate::blob::Blob;
use crate::codec::Codec;
use crate::error::{Damage, StoreError};
use crate::list::{self, ListEntry};
use crate::parcel;
use crate::record::{Home, Output};

impl Store {
    /// Does what [`Store::write_list_of`] does with entries that stand together.
    pub fn write_list(&self, entries: &[ListEntry]) -> Result<Output, StoreError> {
        self.write_list_of(entries.iter().map(|entry| (&*entry.key, &entry.output)))
    }

    /// Stores the outputs of a mapped node under their items' keys, in this order, as a [`Codec::LIST`].
    ///
    /// An inline output of more than 256 bytes is written as a blob, and has no inline bytes when the list is
    /// loaded. The digest is that of the listing: lists of equal outputs under equal keys have equal
    /// digests.
    pub fn write_list_of<'a>(
        &self,
        entries: impl ExactSizeIterator<Item = (&'a str, &'a Output)> + Clone,
    ) -> Result<Output, StoreError> {
        self.write_list_at(&Home::Blobs, entries)
    }

    /// Does what [`Store::write_list_of`] does, for a home of the list.
    pub fn write_list_at<'a>(
        &self,
        home: &Home,
        entries: impl ExactSizeIterator<Item = (&'a str, &'a Output)> + Clone,
    ) -> Result<Output, StoreError> {
        for (_, output) in entries.clone() {
            if let Some(bytes) = &output.inline
                && !list::stands_inside(output)
            {
                self.writable()?;
                self.blobs
                    .write(&Blob::of(output), bytes)
                    .map_err(|error| self.impaired(error))?;
            }
        }
        self.write_at(home, &list::encode(entries), Codec::LIST)
    }

    /// Loads what [`Store::write_list`] stored, verified. What the entries refer to is verified when it is loaded
    /// or placed; [`Store::present`] looks for it.
    pub fn load_list(&self, output: &Output) -> Result<Vec<ListEntry>, Damage> {
        decode(output, &self.bytes_of(output)?)
    }

    /// Looks for the outputs in a list. One that is itself a list is taken at its word.
    pub(super) fn present_list(&self, entries: &[ListEntry]) -> Result<(), Damage> {
        let mut blobs = Vec::with_capacity(entries.len());
        for ListEntry { output, .. } in entries {
            match (output.codec, parcel::own(output)) {
                (Codec::TREE, _) => self.present(output)?,
                (_, Some(piece)) => blobs.push(piece),
                (_, None) => self.present_bytes(output)?,
            }
        }
        self.present_all(&blobs)
    }
}

pub(super) fn decode(output: &Output, bytes: &[u8]) -> Result<Vec<ListEntry>, Damage> {
    list::decode(bytes)
        .map_err(|reason| Damage::Corrupt(format!("list {}: {reason}", output.digest)))
}
