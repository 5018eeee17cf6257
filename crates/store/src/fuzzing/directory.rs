//! What is read by whoever opens a whole directory: rows of a database, archives.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::collect::Limits;
use crate::digest::{Digest, Signature};
use crate::fields::{Reader, check};
use crate::store::Store;
use crate::{body, packed};

/// The columns of each table that a row is put into.
const TABLES: [(&str, usize); 8] = [
    ("records", 8),
    ("parts", 3),
    ("notes", 2),
    ("pipelines", 2),
    ("latest", 3),
    ("runs", 9),
    ("files", 2),
    ("facts", 2),
];

/// A directory whose database has rows that somebody else wrote: everything that is asked of a store is answered.
pub fn rows(bytes: &[u8]) {
    let dir = Directory::new();
    drop(Store::open(&dir.0));
    let put = Connection::open(dir.0.join("records.db"))
        .and_then(|database| put_rows(&database, &mut Reader(bytes)));
    let Ok(keys) = put else { return };
    let Ok(store) = Store::open(&dir.0) else {
        return;
    };
    for key in &keys {
        if let crate::Lookup::Hit(record) = store.find(key) {
            let _ = store.load(&record.output);
        }
        store.find_resolved(key);
    }
    for run in store.runs(9) {
        store.changes(&run.id);
        store.signatures_at(&run.id);
        store.run(&run.id);
        store.failed(&run.pipeline, "n");
        store.state(&run.pipeline);
        for (node, _) in store.latest_signatures(&run.pipeline) {
            store.latest(&run.pipeline, &node);
        }
        let nodes = store.latest_signatures(&run.pipeline);
        let _ = store.snapshot(&run.pipeline, &mut nodes.into_iter());
    }
    store.statistics(None);
    store.usage();
    store.verify(&mut |_| ());
    let limits = Limits {
        max_size: Some(100),
        ..Limits::default()
    };
    let _ = store.gc(&limits, SystemTime::now(), true);
    let _ = store.gc(&limits, SystemTime::now(), false);
}

/// Puts rows into the tables, whatever is in them; gives the signatures that may be there.
fn put_rows(database: &Connection, from: &mut Reader<'_>) -> rusqlite::Result<Vec<Signature>> {
    database.execute_batch("BEGIN")?;
    let mut keys = Vec::new();
    while let Some([table]) = from.array().copied() {
        let (table, columns) = TABLES[usize::from(table) % TABLES.len()];
        let Some(mut row) = (0..columns)
            .map(|_| value(from))
            .collect::<Option<Vec<_>>>()
        else {
            break;
        };
        sign(table, &mut row);
        if let [_, Value::Integer(prefix), _, _, Value::Blob(body), ..] = &row[..] {
            keys.extend(body::signature_of(prefix.cast_unsigned(), body));
        }
        let places = vec!["?"; columns].join(", ");
        // Some are refused: a key that is there already, nothing where there must be something.
        let _ = database.execute(
            &format!("INSERT OR REPLACE INTO {table} VALUES ({places})"),
            params_from_iter(row),
        );
    }
    database.execute_batch("COMMIT")?;
    Ok(keys)
}

/// A value of any of SQLite's types.
fn value(from: &mut Reader<'_>) -> Option<Value> {
    let [kind] = *from.array()?;
    Some(match kind % 5 {
        0 => Value::Null,
        1 => Value::Integer(from.number()?.cast_signed()),
        2 => Value::Real(f64::from_le_bytes(*from.array()?)),
        3 => Value::Text(String::from_utf8_lossy(from.sized()?).into_owned()),
        _ => Value::Blob(from.sized()?.to_vec()),
    })
}

/// Puts the check that fits behind a body that has one, and the digest that fits before a note.
fn sign(table: &str, row: &mut [Value]) {
    match (table, row) {
        (
            "records",
            [
                _,
                Value::Integer(signature),
                Value::Integer(resolved),
                _,
                Value::Blob(body),
                ..,
            ],
        ) => {
            let sum = check(&[&signature.to_le_bytes(), &resolved.to_le_bytes(), body]);
            body.extend_from_slice(&sum);
        }
        ("parts", [_, Value::Blob(hash), Value::Blob(body)]) => {
            hash.resize(32, 0);
            let sum = check(&[hash, body]);
            body.extend_from_slice(&sum);
        }
        ("notes", [digest, Value::Text(text)]) => {
            *digest = Value::Blob(Digest::of(text.as_bytes()).as_bytes().to_vec());
        }
        ("runs", [_, Value::Text(name), .., Value::Blob(changes), _]) => {
            let sum = check(&[changes, name.as_bytes()]);
            changes.extend_from_slice(&sum);
        }
        ("latest", [_, _, Value::Blob(signature)]) => signature.resize(32, 0),
        ("files", [Value::Blob(path), Value::Blob(entry)]) => {
            entry.resize(88, 0);
            let sum = check(&[entry, path]);
            entry.extend_from_slice(&sum);
        }
        _ => {}
    }
}

/// An archive that somebody else wrote, as it is and as what is in the frame.
pub fn archive(bytes: &[u8]) {
    let dir = Directory::new();
    let Ok(store) = Store::open(&dir.0) else {
        return;
    };
    let file = dir.0.join("archive");
    let framed = packed::pack(bytes).unwrap_or_default();
    for bytes in [bytes, &framed] {
        std::fs::write(&file, bytes).expect("write");
        let _ = store.import_archive(&file, 1 << 20);
    }
}

/// A directory for one input, which goes with it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let thread = std::thread::current().id();
        let name = format!("refrain-fuzz-{}-{thread:?}", std::process::id());
        // In memory, where there is such a place.
        let shared = Path::new("/dev/shm");
        let parent = match shared.is_dir() {
            true => shared.to_owned(),
            false => std::env::temp_dir(),
        };
        Self(parent.join(name))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
