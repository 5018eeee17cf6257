//! A tier in memory, which behaves as it is told to.

#![allow(dead_code, reason = "every test file uses its own part of this")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use refrain_store::{Name, Tier, TierError, Trouble};

/// How a tier answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Well,
    /// Nobody is there.
    Dead,
    /// Nothing may be put there.
    ReadOnly,
    /// Everything has other bytes than it should.
    Garbling,
    /// Everything has the bytes of something else.
    Mixing,
}

#[derive(Debug, Default)]
pub struct MemoryTier {
    pub things: Mutex<BTreeMap<String, Vec<u8>>>,
    mood: Mutex<Mood>,
    /// How often it was asked, however many things at once.
    pub asked: AtomicUsize,
    /// How many milliseconds an answer takes.
    pub latency: AtomicU64,
}

impl MemoryTier {
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub fn names(&self) -> Vec<String> {
        self.things.lock().unwrap().keys().cloned().collect()
    }

    pub fn count(&self, prefix: &str) -> usize {
        let names = self.names();
        names.iter().filter(|name| name.starts_with(prefix)).count()
    }

    pub fn times_asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn answer(&self, writes: bool) -> Result<Mood, TierError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let latency = self.latency.load(Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(latency));
        let mood = *self.mood.lock().unwrap();
        let trouble = match mood {
            Mood::Dead => Trouble::Unreachable,
            Mood::ReadOnly if writes => Trouble::Refused,
            mood => return Ok(mood),
        };
        Err(TierError {
            label: self.label().into(),
            trouble,
            message: "not today".into(),
        })
    }

    fn get(&self, name: &Name, mood: Mood) -> Option<Vec<u8>> {
        let things = self.things.lock().unwrap();
        let mut bytes = things.get(&name.to_string())?.clone();
        match mood {
            Mood::Garbling => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0xff;
            }
            Mood::Mixing => {
                let kind = name.to_string()[..5].to_owned();
                let other = things.iter().find(|(other, bytes)| {
                    **other != name.to_string()
                        && other.starts_with(&kind)
                        && things[&name.to_string()] != **bytes
                });
                bytes = other.map_or(bytes, |(_, bytes)| bytes.clone());
            }
            _ => {}
        }
        Some(bytes)
    }
}

impl Tier for MemoryTier {
    fn label(&self) -> &str {
        "memory:"
    }

    fn read_many(
        &self,
        names: &[Name],
        limit: u64,
        each: &mut dyn FnMut(usize, Result<Option<Vec<u8>>, TierError>),
    ) {
        let mood = self.answer(false);
        for (at, name) in names.iter().enumerate() {
            let read = mood.clone().map(|mood| self.get(name, mood));
            assert!(
                read.iter()
                    .flatten()
                    .all(|bytes| bytes.len() as u64 <= limit)
            );
            each(at, read);
        }
    }

    fn read(&self, name: &Name, _: u64, into: &mut dyn Write) -> Result<Option<u64>, TierError> {
        let Some(bytes) = self.get(name, self.answer(false)?) else {
            return Ok(None);
        };
        into.write_all(&bytes).map_err(|error| TierError {
            label: self.label().into(),
            trouble: Trouble::Unreachable,
            message: error.to_string(),
        })?;
        Ok(Some(bytes.len() as u64))
    }

    fn has_many(&self, names: &[Name]) -> Result<Vec<bool>, TierError> {
        self.answer(false)?;
        let things = self.things.lock().unwrap();
        Ok(names
            .iter()
            .map(|name| things.contains_key(&name.to_string()))
            .collect())
    }

    fn write(&self, name: &Name, size: u64, from: &mut dyn Read) -> Result<(), TierError> {
        self.answer(true)?;
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, size, "{name}");
        self.things.lock().unwrap().insert(name.to_string(), bytes);
        Ok(())
    }
}
