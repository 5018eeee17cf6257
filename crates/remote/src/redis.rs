//! A tier that is a Redis server, or one that speaks like it.
//!
//! Small things go in batches, each batch in one exchange; large ones in [parts](value). All keys begin with a prefix,
//! so that those of other programs are met by nobody. Unaware of what the bytes mean.

mod exchange;
mod line;
mod server;
mod socket;
mod value;

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use ::redis::Value;
use refrain_store::{Name, Tier, TierError};

use self::exchange::{Exchange, Keys};
use self::line::Login;
use self::server::Server;
use self::socket::Place;
use self::value::{Found, HEAD, PART, whole};
use crate::address::Address;
use crate::answers::Answers;
use crate::error::OpenError;
use crate::options::Options;
use crate::trouble::Label;

/// So many things at most go in one exchange.
const BATCH: u64 = 1000;

/// So many bytes at most go in one exchange, but for a single thing.
const BATCH_BYTES: u64 = 32 * 1024 * 1024;

/// Of many things, so many bytes of each are asked for first, so that many go in one exchange. Most have less.
const PEEK: u64 = 16 * 1024;

/// The tier of one server.
pub(crate) struct Redis {
    server: Server,
    keys: Keys,
}

/// Reads what stands under a key.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_value(bytes: Vec<u8>) {
    let is_cut = Found::read(bytes);
    if let Some(Found::Cut(cut)) = is_cut {
        let last = cut.parts().end - 1;
        assert!(cut.bytes(last) > 0);
    }
}

/// Makes a tier of a URL; see [`open`](crate::open()).
pub(crate) fn open(address: &Address, options: Options) -> Result<Arc<dyn Tier>, OpenError> {
    let settings = address.settings(&["prefix", "db"])?;
    let url = address.url();
    let local = url.scheme() == "redis+unix";
    let database = match (local, url.path().trim_matches('/'), settings.get("db")) {
        (true, _, Some(text)) | (false, "", Some(text)) => text,
        (true, _, None) | (false, "", None) => "0",
        (false, text, _) => text,
    };
    let (user, password) = address.credentials();
    let login = Login {
        user: user.or_else(|| options.variable("REFRAIN_REDIS_USERNAME")),
        password: password.or_else(|| options.variable("REFRAIN_REDIS_PASSWORD")),
        database: database
            .parse()
            .map_err(|_| address.error(format!("the database `{database}` is not a number")))?,
    };
    if login.user.is_some() && login.password.is_none() {
        return Err(address.error("a user and no password; set REFRAIN_REDIS_PASSWORD"));
    }
    let place = match url.host() {
        None if local => Place::Path(url.path().into()),
        Some(host) if !local => Place::Host {
            host: host.to_string().trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(6379),
            tls: url.scheme() == "rediss",
        },
        _ => return Err(address.error("write redis://host, or redis+unix:///path of a socket")),
    };
    let label = Label(address.label().to_owned());
    let prefix = settings.get("prefix").unwrap_or("refrain:").to_owned();
    Ok(Arc::new(Redis {
        server: Server::new(label, place, login, options),
        keys: Keys(prefix),
    }))
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis({})", self.label())
    }
}

impl Redis {
    fn exchange(&self) -> Result<Exchange<'_>, TierError> {
        Exchange::begin(&self.server, &self.keys)
    }
}

impl Tier for Redis {
    fn label(&self) -> &str {
        &self.server.label.0
    }

    fn read_many(
        &self,
        names: &[Name],
        limit: u64,
        each: &mut dyn FnMut(usize, Result<Option<Vec<u8>>, TierError>),
    ) {
        let most = limit.min(PART);
        let mut given = Answers::new(names.len(), each);
        let ended = self.exchange().and_then(|mut exchange| {
            for bytes in [most.min(PEEK), most] {
                let batch = BATCH.min(BATCH_BYTES / bytes.max(1)).max(1) as usize;
                for places in given.open().chunks(batch) {
                    let asked: Vec<Name> = places.iter().map(|place| names[*place]).collect();
                    // Its first byte says what it is, and one more tells that there is more of it.
                    let values = exchange.begins(&asked, bytes.saturating_add(2))?;
                    for (&place, value) in places.iter().zip(values) {
                        if bytes == most || !is_longer(&value, bytes + 1) {
                            given.give(place, exchange.small(&names[place], value, limit));
                        }
                    }
                }
            }
            Ok(())
        });
        given.end(ended);
    }

    fn read(
        &self,
        name: &Name,
        limit: u64,
        into: &mut dyn Write,
    ) -> Result<Option<u64>, TierError> {
        let mut exchange = self.exchange()?;
        let values = exchange.begins(&[*name], limit.min(PART).saturating_add(2))?;
        let Some(value) = values.into_iter().next() else {
            return Ok(None);
        };
        match exchange.found(name, value, limit)? {
            Found::Nothing => Ok(None),
            Found::Whole(bytes) => exchange.keep(name, &bytes, into).map(Some),
            Found::Cut(cut) => exchange.copy(name, &cut, into).map(Some),
        }
    }

    fn has_many(&self, names: &[Name]) -> Result<Vec<bool>, TierError> {
        let mut exchange = self.exchange()?;
        let mut has = Vec::with_capacity(names.len());
        for names in names.chunks(BATCH as usize) {
            let values = exchange.begins(names, HEAD)?;
            for (name, value) in names.iter().zip(values) {
                has.push(match exchange.found(name, value, u64::MAX) {
                    Ok(Found::Nothing) | Err(_) => false,
                    Ok(Found::Whole(_)) => true,
                    Ok(Found::Cut(cut)) => exchange.is_whole(&cut)?,
                });
            }
        }
        Ok(has)
    }

    fn write(&self, name: &Name, size: u64, from: &mut dyn Read) -> Result<(), TierError> {
        let mut exchange = self.exchange()?;
        if size > PART {
            return exchange.cut(name, size, from);
        }
        let bytes = exchange.take(name, from, size)?;
        exchange.place(&[(*name, whole(&bytes))])
    }

    fn write_many(&self, things: &[(Name, Vec<u8>)]) -> Result<(), TierError> {
        let mut exchange = self.exchange()?;
        let mut batch = Vec::new();
        let mut bytes = 0;
        for (name, thing) in things {
            let size = thing.len() as u64;
            if size > PART {
                exchange.cut(name, size, &mut &thing[..])?;
                continue;
            }
            if batch.len() as u64 >= BATCH || bytes + size > BATCH_BYTES {
                exchange.place(&std::mem::take(&mut batch))?;
                bytes = 0;
            }
            batch.push((*name, whole(thing)));
            bytes += size;
        }
        exchange.place(&batch)
    }
}

fn is_longer(value: &Value, bytes: u64) -> bool {
    matches!(value, Value::BulkString(found) if found.len() as u64 > bytes)
}
