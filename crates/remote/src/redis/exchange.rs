//! What is said over one connection for one call of the tier.

use std::fmt;
use std::io::{self, Read, Write};

use ::redis::{Value, cmd};
use refrain_store::{Name, TierError, Trouble};

use super::line::{Commands, Line};
use super::server::Server;
use super::value::{Cut, Found, HEAD};
use crate::patience::Patience;

/// Parts that nothing leads to any more, or does not yet, are forgotten after so many seconds.
const FORGOTTEN: u64 = 3600;

/// The keys of things: their names, after a prefix.
pub(super) struct Keys(pub(super) String);

impl Keys {
    fn of(&self, name: impl fmt::Display) -> String {
        format!("{}{name}", self.0)
    }
}

/// One call. Its connection goes back to the server when it ends, if it is still of use.
pub(super) struct Exchange<'a> {
    server: &'a Server,
    keys: &'a Keys,
    line: Option<Line>,
    patience: Patience,
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            self.server.give_back(line);
        }
    }
}

impl<'a> Exchange<'a> {
    pub(super) fn begin(server: &'a Server, keys: &'a Keys) -> Result<Self, TierError> {
        Ok(Self {
            server,
            keys,
            line: Some(server.line()?),
            patience: Patience::new(&server.options),
        })
    }

    /// The first `size` bytes of what is under each name, or of what kind it is.
    pub(super) fn begins(
        &mut self,
        names: &[impl fmt::Display],
        size: u64,
    ) -> Result<Vec<Value>, TierError> {
        let mut commands = Commands::default();
        for name in names {
            self.add_begin(&mut commands, name, size);
        }
        self.call("read", &commands)
    }

    /// What a value turned out to be. More than `limit` bytes are an error.
    pub(super) fn found(&self, name: &Name, value: Value, limit: u64) -> Result<Found, TierError> {
        let label = &self.server.label;
        let found = match value {
            Value::BulkString(bytes) => Found::read(bytes)
                .ok_or_else(|| label.garbled(format!("{name} is no value of refrain"))),
            Value::ServerError(error) => Err(self.server.refused("read", &error)),
            _ => Err(label.garbled(format!("{name} is answered as what it cannot be"))),
        }?;
        let size = match &found {
            Found::Nothing => 0,
            Found::Whole(bytes) => bytes.len() as u64,
            Found::Cut(cut) => cut.size,
        };
        match size > limit {
            true => Err(label.too_large(name, limit)),
            false => Ok(found),
        }
    }

    /// The bytes of a value, which are few.
    pub(super) fn small(
        &mut self,
        name: &Name,
        value: Value,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, TierError> {
        match self.found(name, value, limit)? {
            Found::Nothing => Ok(None),
            Found::Whole(bytes) => Ok(Some(bytes)),
            Found::Cut(cut) => {
                let mut bytes = Vec::new();
                self.copy(name, &cut, &mut bytes)?;
                Ok(Some(bytes))
            }
        }
    }

    /// Copies what is in parts. While one is kept, the next one is on its way.
    pub(super) fn copy(
        &mut self,
        name: &Name,
        cut: &Cut,
        into: &mut dyn Write,
    ) -> Result<u64, TierError> {
        self.ask_part(cut, 0)?;
        for part in cut.parts() {
            let answer = self.receive("read")?.into_iter().next();
            if part + 1 < cut.parts().end {
                self.ask_part(cut, part + 1)?;
            }
            match answer {
                Some(Value::BulkString(found)) if found.len() as u64 == cut.bytes(part) => {
                    self.keep(name, &found, into)?;
                }
                Some(Value::ServerError(error)) => return Err(self.server.refused("read", &error)),
                _ => {
                    let text = format!("a part of {name} is missing: evicted, or written anew");
                    return Err(self.server.label.garbled(text));
                }
            }
        }
        Ok(cut.size)
    }

    fn ask_part(&mut self, cut: &Cut, part: u64) -> Result<(), TierError> {
        let mut commands = Commands::default();
        self.add_begin(&mut commands, cut.key(part), cut.bytes(part) + 1);
        self.send("read", &commands)
    }

    /// Says whether all parts are there.
    pub(super) fn is_whole(&mut self, cut: &Cut) -> Result<bool, TierError> {
        let mut commands = Commands::default();
        let mut exists = cmd("EXISTS");
        for part in cut.parts() {
            exists.arg(self.keys.of(cut.key(part)));
        }
        commands.add(&exists, 0);
        let answers = self.call("read", &commands)?;
        Ok(answers == [Value::Int(cut.parts().count() as i64)])
    }

    /// Writes what goes in parts: these first, and the name when all of them are there.
    pub(super) fn cut(
        &mut self,
        name: &Name,
        size: u64,
        from: &mut dyn Read,
    ) -> Result<(), TierError> {
        let Some(cut) = Cut::new(size) else {
            let text = format!("{name} is too large for it with {size} bytes");
            return Err(self.server.label.error(Trouble::Refused, text));
        };
        let mut keep = Commands::default();
        for part in cut.parts() {
            let bytes = self.take(name, from, cut.bytes(part))?;
            let key = self.keys.of(cut.key(part));
            let mut set = cmd("SET");
            set.arg(&key).arg(bytes).arg("EX").arg(FORGOTTEN);
            let mut commands = Commands::default();
            commands.add(&set, 0);
            self.do_all("write", &commands)?;
            keep.add(cmd("PERSIST").arg(key), 0);
        }
        // Who dies between these two leaves a name whose parts are forgotten, which is written anew.
        self.place(&[(*name, cut.value())])?;
        if self.do_all("write", &keep)?.contains(&Value::Int(0)) {
            let text = format!("a part of {name} was gone before the last one was written");
            return Err(self.server.label.unreachable(text));
        }
        Ok(())
    }

    /// Puts values under names, and lets what they led to before be forgotten.
    pub(super) fn place(&mut self, values: &[(Name, Vec<u8>)]) -> Result<(), TierError> {
        let mut commands = Commands::default();
        for (name, value) in values {
            self.add_begin(&mut commands, name, HEAD);
            commands.add(cmd("SET").arg(self.keys.of(name)).arg(&value[..]), 0);
        }
        let answers = self.call("write", &commands)?;
        let mut forget = Commands::default();
        for answer in answers.chunks(2) {
            if let [_, Value::ServerError(error)] = answer {
                return Err(self.server.refused("write", error));
            }
            // Another kind of value led nowhere, and is written over.
            let Some(Value::BulkString(before)) = answer.first() else {
                continue;
            };
            if let Some(Found::Cut(cut)) = Found::read(before.clone()) {
                for part in cut.parts() {
                    let key = self.keys.of(cut.key(part));
                    forget.add(cmd("EXPIRE").arg(key).arg(FORGOTTEN), 0);
                }
            }
        }
        self.do_all("write", &forget).map(drop)
    }

    /// The next bytes of what is to be written.
    pub(super) fn take(
        &self,
        name: &Name,
        from: &mut dyn Read,
        bytes: u64,
    ) -> Result<Vec<u8>, TierError> {
        let mut taken = Vec::with_capacity(bytes as usize);
        from.take(bytes)
            .read_to_end(&mut taken)
            .and_then(|read| match read as u64 == bytes {
                true => Ok(taken),
                false => Err(io::ErrorKind::UnexpectedEof.into()),
            })
            .map_err(|error| {
                let doing = format!("take bytes of {name}");
                self.server.label.callers(doing, &error)
            })
    }

    /// Gives bytes to the caller.
    pub(super) fn keep(
        &self,
        name: &Name,
        bytes: &[u8],
        into: &mut dyn Write,
    ) -> Result<u64, TierError> {
        into.write_all(bytes)
            .map(|()| bytes.len() as u64)
            .map_err(|error| self.server.label.callers(format!("keep {name}"), &error))
    }

    /// `GETRANGE` tells of other kinds of values, which `MGET` does not, and never gives more than is wanted.
    fn add_begin(&self, commands: &mut Commands, name: impl fmt::Display, size: u64) {
        let mut get = cmd("GETRANGE");
        get.arg(self.keys.of(name)).arg(0).arg(size - 1);
        commands.add(&get, size);
    }

    /// Calls commands none of which may fail.
    fn do_all(&mut self, doing: &str, commands: &Commands) -> Result<Vec<Value>, TierError> {
        let answers = self.call(doing, commands)?;
        for answer in &answers {
            if let Value::ServerError(error) = answer {
                return Err(self.server.refused(doing, error));
            }
        }
        Ok(answers)
    }

    fn call(&mut self, doing: &str, commands: &Commands) -> Result<Vec<Value>, TierError> {
        self.send(doing, commands)?;
        self.receive(doing)
    }

    fn send(&mut self, doing: &str, commands: &Commands) -> Result<(), TierError> {
        let Some(line) = &mut self.line else {
            return Ok(());
        };
        line.send(commands, &self.patience)
            .map_err(|failure| self.server.failed(doing, failure))
    }

    fn receive(&mut self, doing: &str) -> Result<Vec<Value>, TierError> {
        let Some(line) = &mut self.line else {
            return Ok(Vec::new());
        };
        line.receive(&mut self.patience)
            .map_err(|failure| self.server.failed(doing, failure))
    }
}
