//! What goes with a record: the blobs that its output stands on.
//!
//! Unaware of tiers and of who asks.

use std::sync::Arc;

use crate::blob::Blob;
use crate::blobs::Blobs;
use crate::codec::Codec;
use crate::error::Damage;
use crate::list;
use crate::record::Output;
use crate::tree::Tree;

/// A blob and its size.
pub(crate) type Piece = (Blob, u64);

/// All blobs that `output` stands on, itself first. A listing is read, from where `blobs` are.
pub(crate) fn pieces(blobs: &Blobs, output: &Output) -> Result<Vec<Piece>, Damage> {
    let mut found = Vec::new();
    add(blobs, output, &mut found)?;
    Ok(found)
}

/// The blobs that a listing refers to, which is one of `output`; of lists and trees in it, their listings only.
pub(crate) fn listed(output: &Output, bytes: &[u8]) -> Result<Vec<Piece>, String> {
    match output.codec {
        Codec::TREE => {
            let tree = Tree::decode(bytes)?;
            let files = tree.files().map(|file| (file.blob, file.size));
            Ok(files.collect())
        }
        Codec::LIST => {
            let entries = list::decode(bytes)?;
            let blobs = entries.iter().filter_map(|entry| own(&entry.output));
            Ok(blobs.collect())
        }
        _ => Ok(Vec::new()),
    }
}

/// What a listing refers to, and what each of it is the listing of, if it is one.
pub(crate) fn entries(output: &Output, bytes: &[u8]) -> Vec<(Piece, Option<Output>)> {
    match output.codec {
        Codec::LIST => {
            let entries = list::decode(bytes).unwrap_or_default().into_iter();
            let outputs = entries.map(|entry| entry.output);
            let direct = |output: Output| match &output.inline {
                // As elsewhere, a list in a list is taken at its word.
                Some(bytes) if output.codec == Codec::TREE => entries_of_tree(&output, bytes),
                Some(_) => Vec::new(),
                None => own(&output)
                    .map(|piece| (piece, Some(output)))
                    .into_iter()
                    .collect(),
            };
            outputs.flat_map(direct).collect()
        }
        _ => entries_of_tree(output, bytes),
    }
}

fn entries_of_tree(output: &Output, bytes: &[u8]) -> Vec<(Piece, Option<Output>)> {
    let listed = match output.codec {
        Codec::TREE => listed(output, bytes).unwrap_or_default(),
        _ => Vec::new(),
    };
    listed.into_iter().map(|piece| (piece, None)).collect()
}

/// Says whether the bytes of the output refer to other blobs.
pub(crate) fn is_listing(output: &Output) -> bool {
    matches!(output.codec, Codec::TREE | Codec::LIST)
}

/// The blob of the output itself, where its bytes are not inline.
pub(crate) fn own(output: &Output) -> Option<Piece> {
    let piece = (Blob::of(output), output.size);
    output.inline.is_none().then_some(piece)
}

fn add(blobs: &Blobs, output: &Output, to: &mut Vec<Piece>) -> Result<(), Damage> {
    to.extend(own(output));
    if !is_listing(output) {
        return Ok(());
    }
    let bytes: Arc<[u8]> = match &output.inline {
        Some(bytes) => Arc::clone(bytes),
        None => blobs.load(&Blob::of(output), output.size)?.into(),
    };
    let corrupt = |reason| Damage::Corrupt(format!("listing {}: {reason}", output.digest));
    if output.codec == Codec::TREE {
        to.extend(listed(output, &bytes).map_err(corrupt)?);
        return Ok(());
    }
    for entry in list::decode(&bytes).map_err(corrupt)? {
        // As elsewhere, a list in a list is taken at its word.
        match entry.output.codec {
            Codec::LIST => to.extend(own(&entry.output)),
            _ => add(blobs, &entry.output, to)?,
        }
    }
    Ok(())
}
