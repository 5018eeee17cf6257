//! Archives: chosen records and all that they stand on in one file, for another cache directory.
//!
//! A tar in one zstd frame; the format is docs/storage-format.md's "Archives". What is taken in is verified like what
//! comes from a tier, no name in an archive is ever a path, and no more is written than its records promise.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use tar::{Archive, EntryType, Header};
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

use super::Store;
use crate::blob::Blob;
use crate::digest::{Digest, Signature};
use crate::envelope::{self, Envelope};
use crate::error::StoreError;
use crate::export;
use crate::parcel::{self, Piece};
use crate::record::Output;
use crate::tier::Name;
use crate::upload::kept;

/// The first entry says what the file is.
const MARK: (&str, &[u8]) = ("refrain-archive", b"1\n");

const LEVEL: i32 = 3;

/// The window of a frame, as a power of two.
const WINDOW: u32 = 27;

/// The bytes of all records of an archive, at most: they are in memory until their blobs are there.
const MOST_RECORDS: u64 = 1 << 30;

/// What went into an archive or came out of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Carried {
    /// The number of records.
    pub records: u64,
    /// The number of blobs; of those that came, the ones that were not here.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What was left out, and why.
    pub refused: Vec<String>,
}

impl Store {
    /// Writes the records of these signatures, and all that they stand on, into an archive at `to`, whole or not at
    /// all. What is not here or cannot be had is left out with its record.
    pub fn export_archive(
        &self,
        signatures: &[Signature],
        to: &Path,
    ) -> Result<Carried, StoreError> {
        self.flush();
        let mut carried = Carried::default();
        let written = export::file(to, false, |file| {
            self.write_archive(signatures, file, &mut carried)
        });
        written.map_err(|source| failed("write", to, source))?;
        Ok(carried)
    }

    fn write_archive(
        &self,
        signatures: &[Signature],
        file: &mut File,
        carried: &mut Carried,
    ) -> io::Result<()> {
        let mut to = tar::Builder::new(Encoder::new(file, LEVEL)?);
        append(&mut to, MARK.0, MARK.1.len() as u64, MARK.1)?;
        let mut pieces: Vec<Piece> = Vec::new();
        let mut seen = FxHashSet::default();
        for signature in signatures {
            let Some((record, notes)) = kept(&self.index, signature) else {
                continue;
            };
            let stands_on = match self.bring(&record.output) {
                Ok(stands_on) => stands_on,
                Err(damage) => {
                    carried.refused.push(format!("{}: {damage}", record.node));
                    continue;
                }
            };
            pieces.extend(stands_on.into_iter().filter(|piece| seen.insert(*piece)));
            let record = (*record).clone();
            let bytes = Envelope { record, notes }.encode()?;
            let name = Name::Record(*signature).to_string();
            append(&mut to, &name, bytes.len() as u64, &bytes[..])?;
            carried.records += 1;
        }
        let mut written = FxHashSet::default();
        for (blob, size) in pieces {
            if written.insert(blob.digest) {
                let bytes = self.blobs.open(&blob, size).map_err(io::Error::other)?;
                append(&mut to, &Name::Blob(blob.digest).to_string(), size, bytes)?;
                carried.blobs += 1;
                carried.bytes += size;
            }
        }
        to.into_inner()?.finish()?.flush()
    }

    /// Has all that an output stands on here; says what that is.
    fn bring(&self, output: &Output) -> Result<Vec<Piece>, crate::error::Damage> {
        if let Ok(pieces) = parcel::pieces(&self.blobs, output)
            && pieces
                .iter()
                .all(|(blob, size)| self.blobs.present(blob, *size).is_ok())
        {
            return Ok(pieces);
        }
        self.present(output)?;
        self.fetch(&[output]).pop().unwrap_or(Ok(()))?;
        parcel::pieces(&self.blobs, output)
    }

    /// Takes in what the archive at `from` has, but for records that are not accepted and for what is not what its name
    /// says. At most `limit` bytes of blobs are written.
    ///
    /// Fails when the file is no archive, or ends early; what came until then is kept.
    pub fn import_archive(&self, from: &Path, limit: u64) -> Result<Carried, StoreError> {
        self.writable()?;
        let mut arrival = Arrival {
            store: self,
            left: limit,
            records: Vec::new(),
            bytes_of_records: 0,
            wanted: FxHashMap::default(),
            carried: Carried::default(),
        };
        let read = arrival.read(from);
        let carried = arrival.finish();
        read.map_err(|source| failed("read the archive", from, source))?;
        Ok(carried)
    }
}

/// An archive that is being taken in.
struct Arrival<'a> {
    store: &'a Store,
    left: u64,
    /// Records that are kept when their blobs are there.
    records: Vec<Envelope>,
    bytes_of_records: u64,
    /// The blobs that these stand on, and the outputs that they may be the listings of.
    wanted: FxHashMap<Digest, Vec<(Piece, Option<Output>)>>,
    carried: Carried,
}

impl Arrival<'_> {
    #[allow(
        clippy::disallowed_methods,
        reason = "an archive stands outside of the cache directory"
    )]
    fn read(&mut self, from: &Path) -> io::Result<()> {
        let mut frame = Decoder::new(BufReader::new(File::open(from)?))?;
        frame.window_log_max(WINDOW)?;
        let mut archive = Archive::new(frame);
        // Raw: an entry is what its header says, and no entry speaks about another.
        let mut entries = archive.entries()?.raw(true);
        let mark = entries.next().transpose()?;
        let is_marked = mark.is_some_and(|mut mark| {
            let mut bytes = Vec::new();
            let read = mark.by_ref().take(16).read_to_end(&mut bytes);
            read.is_ok() && *mark.path_bytes() == *MARK.0.as_bytes() && bytes == MARK.1
        });
        if !is_marked {
            return Err(invalid(
                "it is no archive of refrain, or one of a newer version",
            ));
        }
        for entry in entries {
            let mut entry = entry?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let size = entry.header().entry_size()?;
            if entry.header().entry_type() != EntryType::Regular {
                return Err(invalid(&format!("{name:?} is no file")));
            }
            match name
                .split_once('/')
                .map(|(kind, hex)| (kind, hex.parse::<Digest>()))
            {
                Some(("records", Ok(key))) => self.take_record(key, size, &mut entry)?,
                Some(("blobs", Ok(digest))) => self.take_blob(&digest, size, &mut entry)?,
                _ => return Err(invalid(&format!("{name:?} is nothing that an archive has"))),
            }
        }
        Ok(())
    }

    fn take_record(&mut self, key: Digest, size: u64, from: &mut impl Read) -> io::Result<()> {
        self.bytes_of_records = self.bytes_of_records.saturating_add(size);
        if size > envelope::MOST || self.bytes_of_records > MOST_RECORDS {
            return Err(invalid("a record that is too large"));
        }
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        let key = Signature::from_bytes(*key.as_bytes());
        let opened = Envelope::decode(&bytes).and_then(|envelope| {
            self.store.check(&envelope.record, &key)?;
            Ok(envelope)
        });
        match opened {
            Ok(envelope) => {
                let output = &envelope.record.output;
                if let Some(bytes) = output.inline.clone() {
                    self.want_listed(output, &bytes);
                } else if let Some(piece) = parcel::own(output) {
                    self.want(piece, Some(output.clone()));
                }
                self.records.push(envelope);
            }
            Err(why) => self.refuse(&format!("{}: {why}", Name::Record(key))),
        }
        Ok(())
    }

    fn want(&mut self, piece: Piece, listing: Option<Output>) {
        let listing = listing.filter(parcel::is_listing);
        let wanted = self.wanted.entry(piece.0.digest).or_default();
        if !wanted
            .iter()
            .any(|(known, is)| *known == piece && *is == listing)
        {
            wanted.push((piece, listing));
        }
    }

    fn want_listed(&mut self, output: &Output, bytes: &[u8]) {
        for (piece, listing) in parcel::entries(output, bytes) {
            self.want(piece, listing);
        }
    }

    fn take_blob(&mut self, digest: &Digest, size: u64, from: &mut impl Read) -> io::Result<()> {
        let wanted = self.wanted.get(digest).cloned().unwrap_or_default();
        let mut pieces = wanted.iter().map(|(piece, _)| *piece);
        let Some(first) = pieces.find(|piece| piece.1 == size) else {
            self.refuse(&format!("{}: no record stands on it", Name::Blob(*digest)));
            return Ok(());
        };
        let store = self.store;
        if store.blobs.present(&first.0, size).is_err() {
            let left = self.left.checked_sub(size);
            self.left = left.ok_or_else(|| invalid("it has more than may be taken in"))?;
            let mut incoming = store.blobs.incoming(&first.0).map_err(io::Error::other)?;
            io::copy(from, &mut incoming)?;
            if !incoming.keep(size).map_err(io::Error::other)? {
                let name = Name::Blob(*digest);
                self.refuse(&format!("{name}: it holds other bytes than its name says"));
                return Ok(());
            }
            self.carried.blobs += 1;
            self.carried.bytes += size;
        }
        for (piece, listing) in wanted {
            if piece != first && piece.1 == size {
                self.copy(&first.0, &piece.0, size)?;
            }
            if let Some(output) = listing
                && let Ok(bytes) = store.blobs.load(&piece.0, size)
            {
                self.want_listed(&output, &bytes);
            }
        }
        Ok(())
    }

    /// The same bytes once more, as a program or as none.
    fn copy(&self, from: &Blob, to: &Blob, size: u64) -> io::Result<()> {
        let blobs = &self.store.blobs;
        if blobs.present(to, size).is_ok() {
            return Ok(());
        }
        let mut bytes = blobs.open(from, size).map_err(io::Error::other)?;
        let mut incoming = blobs.incoming(to).map_err(io::Error::other)?;
        io::copy(&mut bytes, &mut incoming)?;
        incoming.keep(size).map(drop).map_err(io::Error::other)
    }

    /// Keeps the records whose blobs are all there.
    fn finish(mut self) -> Carried {
        for Envelope { record, notes } in std::mem::take(&mut self.records) {
            let is_whole = parcel::pieces(&self.store.blobs, &record.output).and_then(|pieces| {
                let mut pieces = pieces.iter();
                pieces.try_for_each(|(blob, size)| self.store.blobs.present(blob, *size))
            });
            match is_whole {
                Ok(()) => {
                    self.store.keep(Arc::new(record), notes, None, None, None);
                    self.carried.records += 1;
                }
                Err(damage) => self.refuse(&format!("{}: {damage}", record.node)),
            }
        }
        self.store.flush();
        self.carried
    }

    fn refuse(&mut self, why: &str) {
        self.carried.refused.push(why.to_owned());
    }
}

fn append(
    to: &mut tar::Builder<impl Write>,
    name: &str,
    size: u64,
    bytes: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_path(name)?;
    header.set_cksum();
    to.append(&header, bytes)
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn failed(operation: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io {
        operation,
        path: path.to_owned(),
        source,
    }
}
