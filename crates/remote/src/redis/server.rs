//! A server, the connections to it, and what its errors mean.
//!
//! Unaware of keys and values.

use ::redis::ServerError;
use parking_lot::Mutex;
use refrain_store::{TierError, Trouble};

use super::line::{Failure, Line, Login};
use super::socket::Place;
use crate::apart::Apart;
use crate::options::Options;
use crate::patience::Patience;
use crate::trouble::{Label, said};

/// A server and who logs in.
pub(super) struct Server {
    pub(super) label: Label,
    pub(super) options: Options,
    place: Place,
    login: Login,
    apart: Apart,
    idle: Mutex<Vec<Line>>,
}

impl Server {
    pub(super) fn new(label: Label, place: Place, login: Login, options: Options) -> Self {
        Self {
            label,
            options,
            place,
            login,
            apart: Apart::default(),
            idle: Mutex::default(),
        }
    }

    /// A connection that nobody uses, or a new one.
    pub(super) fn line(&self) -> Result<Line, TierError> {
        loop {
            let idle = self.idle.lock().pop();
            match idle {
                Some(line) if line.is_fit() => return Ok(line),
                Some(_) => {}
                None => break,
            }
        }
        let patience = Patience::connecting(&self.options);
        Line::open(&self.place, &self.login, &self.apart, &patience).map_err(|failure| {
            let error = self.failed("connect", failure);
            match error.trouble {
                // Somebody else answers there.
                Trouble::Garbled => self.label.unreachable(error.message),
                _ => error,
            }
        })
    }

    /// Keeps a connection for the next call.
    pub(super) fn give_back(&self, line: Line) {
        let mut idle = self.idle.lock();
        if line.is_fit() && idle.len() < self.options.in_flight {
            idle.push(line);
        }
    }

    pub(super) fn failed(&self, doing: &str, failure: Failure) -> TierError {
        match failure {
            Failure::Lost(error) => self.label.io(doing, &error),
            Failure::Closed => self.label.error(
                Trouble::Refused,
                "log in: refused; check REFRAIN_REDIS_USERNAME and REFRAIN_REDIS_PASSWORD",
            ),
            Failure::Said(error) => self.refused(doing, &error),
        }
    }

    /// What an error of the server means.
    pub(super) fn refused(&self, doing: &str, error: &ServerError) -> TierError {
        let detail = error.details().unwrap_or_default();
        let text = said(&format!("{} {detail}", error.code()));
        self.label
            .error(trouble(error.code(), detail), format!("{doing}: {text}"))
    }
}

/// What the first word of an error, and where that says little the others, mean for what is asked next.
fn trouble(code: &str, detail: &str) -> Trouble {
    match code {
        "WRONGTYPE" => Trouble::Garbled,
        "BUSY" | "LOADING" | "TRYAGAIN" => Trouble::Busy(None),
        "ERR" if detail.starts_with("max number of clients") => Trouble::Busy(None),
        "CLUSTERDOWN" | "MASTERDOWN" | "NOREPLICAS" => Trouble::Unreachable,
        // Out of memory, no rights, read only, one of a cluster, a command that it does not have.
        _ => Trouble::Refused,
    }
}
