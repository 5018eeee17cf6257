//! A connection over which commands go out together, and their answers come back in order.
//!
//! Unaware of keys and values. The `redis` crate packs and parses; its own connections are not used, because they
//! limit neither how long a call may take as a whole nor how much a server may answer.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use ::redis::{Cmd, ErrorKind, Parser, RedisError, ServerError, Value, cmd};

use super::socket::{Place, Socket};
use crate::apart::Apart;
use crate::patience::Patience;
use crate::trouble::said;

/// What an answer may have beside the bytes that were asked for: its length, or an error in words.
const WORDS: u64 = 1024;

/// What TLS may say before anything else, certificates mostly.
const GREETING: u64 = 64 * 1024;

/// A connection that was idle for this long may have been forgotten by what stands between.
const IDLE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection is of no use any more.
    Lost(io::Error),
    /// The server did not let us in.
    Closed,
    /// The server refused a command.
    Said(ServerError),
}

/// Who logs in.
#[derive(Clone, Default)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: u32,
}

/// A connection on which nothing is outstanding, or that is of no use.
pub(super) struct Line {
    socket: Socket,
    parser: Parser,
    outstanding: usize,
    used: Instant,
}

impl Line {
    /// Connects and logs in.
    pub(super) fn open(
        place: &Place,
        login: &Login,
        apart: &Apart,
        patience: &Patience,
    ) -> Result<Self, Failure> {
        let socket = Socket::connect(place, apart, patience.clone()).map_err(Failure::Lost)?;
        let mut line = Self {
            socket,
            parser: Parser::new(),
            outstanding: 0,
            used: Instant::now(),
        };
        let mut hello = Commands::default();
        if let Some(password) = &login.password {
            let mut auth = cmd("AUTH");
            auth.arg(&login.user).arg(password);
            hello.add(&auth, 0);
        }
        if login.database != 0 {
            hello.add(cmd("SELECT").arg(login.database), 0);
        }
        hello.add(&cmd("PING"), 0);
        let mut answers = line.call(&hello, &mut patience.clone())?.into_iter();
        if login.password.is_some() && matches!(answers.next(), Some(Value::ServerError(_))) {
            // What the server says of it may have the password in it.
            return Err(Failure::Closed);
        }
        for answer in answers {
            match answer {
                // Somebody may do all that is needed, and not this.
                Value::ServerError(error) if error.code() != "NOPERM" => {
                    return Err(Failure::Said(error));
                }
                _ => {}
            }
        }
        Ok(line)
    }

    /// Sends commands and waits for all their answers, one of which may be an error.
    pub(super) fn call(
        &mut self,
        commands: &Commands,
        patience: &mut Patience,
    ) -> Result<Vec<Value>, Failure> {
        self.send(commands, patience)?;
        self.receive(patience)
    }

    /// Sends commands, whose answers are received before anything else is sent.
    pub(super) fn send(&mut self, commands: &Commands, patience: &Patience) -> Result<(), Failure> {
        if self.outstanding > 0 {
            return Err(Failure::Lost(io::ErrorKind::NotConnected.into()));
        }
        self.outstanding = commands.count;
        self.socket
            .limit(patience, commands.allowance.saturating_add(GREETING));
        let sent = self.socket.write_all(&commands.bytes);
        sent.and_then(|()| self.socket.flush())
            .map_err(Failure::Lost)
    }

    /// Waits for all answers to what was sent.
    pub(super) fn receive(&mut self, patience: &mut Patience) -> Result<Vec<Value>, Failure> {
        let mut answers = Vec::with_capacity(self.outstanding);
        while self.outstanding > 0 {
            let answer = self.parser.parse_value(&mut self.socket);
            answers.push(answer.map_err(|error| self.lost(&error))?);
            self.outstanding -= 1;
        }
        *patience = self.socket.patience().clone();
        self.used = Instant::now();
        Ok(answers)
    }

    /// What an error of the parser means: the socket's, or that it makes no sense of what came.
    fn lost(&self, error: &RedisError) -> Failure {
        let kind = match error.kind() {
            ErrorKind::Io if error.is_timeout() => io::ErrorKind::TimedOut,
            ErrorKind::Io if !self.socket.is_overrun() => io::ErrorKind::ConnectionReset,
            _ => io::ErrorKind::InvalidData,
        };
        Failure::Lost(io::Error::new(kind, said(&error.to_string())))
    }

    /// Says whether it can be used once more.
    pub(super) fn is_fit(&self) -> bool {
        self.outstanding == 0 && self.used.elapsed() < IDLE && self.socket.is_alive()
    }
}

/// Commands that go out together.
#[derive(Default)]
pub(super) struct Commands {
    bytes: Vec<u8>,
    count: usize,
    allowance: u64,
}

impl Commands {
    /// Adds one that is answered by `size` bytes at most.
    pub(super) fn add(&mut self, command: &Cmd, size: u64) {
        command.write_packed_command(&mut self.bytes);
        self.count += 1;
        // TLS adds some bytes to each of its records.
        let size = size.saturating_add(size / 64).saturating_add(WORDS);
        self.allowance = self.allowance.saturating_add(size);
    }
}
