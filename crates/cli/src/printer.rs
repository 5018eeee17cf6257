//! The two streams: data to standard output, everything else to standard
//! error. A standard error that nobody reads is no concern of a command. What
//! could give orders to a terminal is escaped here, whoever wants it printed.

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anstream::ColorChoice;
use indicatif::MultiProgress;
use refrain_manifest::Problems;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::error::{Error, Result};
use crate::escape::{self, is_order};
use crate::problems::render;
use crate::style::{BAD, NAME, WARN};

/// The bytes of a line that are shown together, at most.
const LONGEST: u64 = 1 << 20;

/// How much is told on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// What happened.
    Normal,
    /// Also what did not have to happen.
    Verbose,
}

/// Prints for one command, from any of its threads.
#[derive(Clone, Debug)]
pub struct Printer {
    verbosity: Verbosity,
    /// What stands at the end of standard error and is redrawn below new lines.
    bars: Arc<Mutex<Option<MultiProgress>>>,
}

impl Printer {
    /// A printer that tells this much.
    pub fn new(verbosity: Verbosity) -> Self {
        Printer {
            verbosity,
            bars: Arc::default(),
        }
    }

    /// How much is told on standard error.
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Writes styled text to standard output.
    pub fn text(&self, text: impl Display) -> Result<()> {
        let text = text.to_string();
        let mut out = anstream::stdout().lock();
        let written = out.write_all(escape::lines(&text).as_bytes());
        let written = written.and_then(|()| out.flush());
        written.map_err(Error::Output)
    }

    /// Lets `write` give standard output bytes as they are.
    pub fn bytes(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        let written = write(&mut out).and_then(|()| out.flush());
        written.map_err(Error::Output)
    }

    /// Writes what somebody else made to standard output, byte for byte, but
    /// for what a terminal could take for an order.
    pub fn copy(&self, mut from: impl Read) -> Result<()> {
        if !io::stdout().is_terminal() {
            return self.bytes(|out| io::copy(&mut from, out).map(drop));
        }
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = from.by_ref().take(LONGEST).read_until(b'\n', &mut line);
            match read.map_err(Error::Output)? {
                0 => return Ok(()),
                _ => self.text(String::from_utf8_lossy(&line))?,
            }
        }
    }

    /// Writes one JSON object and a newline to standard output.
    pub fn json(&self, value: &impl Serialize) -> Result<()> {
        self.bytes(|out| {
            let mut to = serde_json::Serializer::with_formatter(&mut *out, Harmless);
            value.serialize(&mut to)?;
            writeln!(out)
        })
    }

    /// Tells something on standard error.
    pub fn note(&self, line: impl Display) {
        if self.verbosity > Verbosity::Quiet {
            self.lines(&format!("{line}\n"));
        }
    }

    /// Tells something in whole lines, however little is to be told.
    pub fn lines(&self, lines: &str) {
        // What cannot be told is not worth ending a command for.
        let lines = escape::lines(lines);
        let write = || drop(anstream::stderr().write_all(lines.as_bytes()));
        match &*self.bars() {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    /// Keeps these bars below everything that is told from now on.
    pub fn draw(&self, bars: Option<MultiProgress>) {
        *self.bars() = bars;
    }

    fn bars(&self) -> MutexGuard<'_, Option<MultiProgress>> {
        self.bars.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what the user should know and that stops nothing.
    pub fn warning(&self, text: impl Display) {
        self.note(format_args!("{WARN}warning{WARN:#}: {text}"));
    }

    /// Tells what may be wrong with a manifest.
    pub fn warnings(&self, problems: &Problems) {
        if self.verbosity > Verbosity::Quiet {
            self.problems(problems);
        }
    }

    /// Tells what is wrong with a manifest.
    pub fn problems(&self, problems: &Problems) {
        let coloured = anstream::AutoStream::choice(&io::stderr()) != ColorChoice::Never;
        self.lines(&render(problems, coloured));
    }

    /// Tells why a command ends, and what to do next.
    pub fn error(&self, text: impl Display, help: Option<&str>) {
        let mut lines = format!("{BAD}error{BAD:#}: {text}\n");
        if let Some(help) = help {
            lines += &format!("{NAME}help{NAME:#}: {help}\n");
        }
        self.lines(&lines);
    }

    /// Tells why something is refused.
    pub fn refusal(&self, error: &Error) {
        match error {
            Error::Manifest(problems) => self.problems(problems),
            other => self.error(other, other.help().as_deref()),
        }
    }

    /// Whether somebody watches standard error as it is written.
    pub fn is_watched(&self) -> bool {
        self.verbosity > Verbosity::Quiet && io::stderr().is_terminal()
    }
}

/// Compact JSON in which what a terminal could take for an order is escaped.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W>(&mut self, to: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        let mut rest = fragment;
        while let Some((at, order)) = rest.char_indices().find(|(_, c)| is_order(*c)) {
            CompactFormatter.write_string_fragment(to, &rest[..at])?;
            // None of them has a second half.
            write!(to, "\\u{:04x}", u32::from(order))?;
            rest = &rest[at + order.len_utf8()..];
        }
        CompactFormatter.write_string_fragment(to, rest)
    }
}
