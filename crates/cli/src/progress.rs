//! What a run does, as it does it, on standard error: one line for each node
//! that is done with, and, where somebody watches, a bar for the run and a line
//! for each running node. It learns everything from the run's events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded, select};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use refrain::{ItemCounts, NodeReport, Outcome, RunEvent};
use refrain_store::Store;

use crate::escape;
use crate::figures::{elapsed, seconds};
use crate::printer::{Printer, Verbosity};
use crate::style::{BAD, DIM, GOOD, NAME, SPARED, WARN, paint};

/// How often the lines of running nodes are brought up to date.
const TICK: Duration = Duration::from_millis(100);
/// A run that is over by then shows no bars: they would only flicker.
const QUICK: Duration = Duration::from_millis(200);
/// The most running nodes that are shown, so that the screen does not jump.
const SHOWN: usize = 12;

/// Where expected times come from.
#[derive(Clone)]
pub struct Past {
    /// The records of earlier runs.
    pub store: Option<Arc<Store>>,
    /// The pipeline's name.
    pub pipeline: String,
}

/// A thread that tells of what runs.
pub struct Progress {
    /// None where the system has no more threads: then nothing is told.
    thread: Option<JoinHandle<()>>,
    /// Gone when no more is to be waited for; `None` while a run is told to its
    /// end.
    open: Option<Sender<()>>,
}

impl Progress {
    /// Starts telling of one run to its end, node by node.
    pub fn start(events: Receiver<RunEvent>, printer: Printer, past: Past) -> Self {
        let thread = spawned(printer.clone(), move || {
            let mut teller = Teller::new(printer, past, Verbosity::Normal);
            loop {
                match events.recv_timeout(TICK) {
                    Ok(RunEvent::Finished { .. }) | Err(RecvTimeoutError::Disconnected) => break,
                    Ok(event) => teller.hear(event),
                    Err(RecvTimeoutError::Timeout) => teller.tick(),
                }
            }
            teller.end();
        });
        Progress { thread, open: None }
    }

    /// Starts telling of whatever runs until [`finish`](Self::finish): node by
    /// node only to those who ask for more.
    pub fn beside(events: Receiver<RunEvent>, printer: Printer, past: Past) -> Self {
        let (open, closed) = bounded::<()>(0);
        let thread = spawned(printer.clone(), move || {
            let mut teller = Teller::new(printer, past, Verbosity::Verbose);
            loop {
                select! {
                    recv(events) -> event => match event {
                        Ok(event) => teller.hear(event),
                        Err(_) => break,
                    },
                    recv(closed) -> _ => break,
                    default(TICK) => teller.tick(),
                }
            }
            events.try_iter().for_each(|event| teller.hear(event));
            teller.end();
        });
        Progress {
            thread,
            open: Some(open),
        }
    }

    /// Waits until everything is told.
    pub fn finish(self) {
        drop(self.open);
        // A thread that panicked has told why.
        let _ = self.thread.map(JoinHandle::join);
    }
}

/// Starts a thread, where the system has one more.
fn spawned(printer: Printer, tell: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
    let thread = thread::Builder::new().spawn(tell);
    let failed = |error| printer.warning(format_args!("nothing is told of single nodes: {error}"));
    thread.map_err(failed).ok()
}

struct Teller {
    printer: Printer,
    past: Past,
    /// How much has to be asked for to be told of each node.
    of_nodes: Verbosity,
    live: Option<Live>,
}

impl Teller {
    fn new(printer: Printer, past: Past, of_nodes: Verbosity) -> Self {
        let live = printer.is_watched().then(Live::new);
        printer.draw(live.as_ref().map(|live| live.bars.clone()));
        Teller {
            printer,
            past,
            of_nodes,
            live,
        }
    }

    fn hear(&mut self, event: RunEvent) {
        match event {
            RunEvent::ToMake { nodes } => self.live_mut(|live| live.expect(nodes)),
            RunEvent::Edited { .. } => self.live_mut(Live::start_over),
            RunEvent::NodeStarted { node } => {
                let Teller { past, live, .. } = self;
                if let Some(live) = live {
                    live.start(node.clone(), past.expected(&node));
                }
            }
            RunEvent::ItemFinished { node, items, .. } => {
                self.live_mut(|live| live.count(&node, items));
            }
            RunEvent::NodeFinished(report) => {
                self.live_mut(|live| live.finish(&report));
                let verbosity = self.printer.verbosity();
                if verbosity >= self.of_nodes && is_told(&report, verbosity) {
                    self.printer.note(line(&report));
                }
            }
            RunEvent::Warning(text) => self.printer.warning(text),
            _ => {}
        }
    }

    fn live_mut(&mut self, change: impl FnOnce(&mut Live)) {
        if let Some(live) = &mut self.live {
            change(live);
        }
    }

    fn tick(&mut self) {
        self.live_mut(Live::tick);
    }

    fn end(&mut self) {
        if let Some(live) = self.live.take() {
            // The bars are gone when the last lines are printed.
            let _ = live.bars.clear();
            self.printer.draw(None);
        }
    }
}

impl Past {
    fn expected(&self, node: &str) -> Option<Duration> {
        let record = self.store.as_ref()?.latest(&self.pipeline, node)?;
        Some(record.elapsed)
    }
}

/// What is redrawn: the run's bar, and the nodes that are running.
struct Live {
    bars: MultiProgress,
    run: ProgressBar,
    begun: Instant,
    shown: bool,
    running: BTreeMap<Arc<str>, Running>,
}

struct Running {
    since: Instant,
    expected: Option<Duration>,
    /// Of a mapped node, how far it is.
    items: Option<ItemCounts>,
    /// Its line; none if too many others are shown.
    bar: Option<ProgressBar>,
}

impl Running {
    /// How long it has been running, of how long, and how many items are done.
    fn told(&self) -> String {
        let mut told = seconds(self.since.elapsed());
        if let Some(time) = self.expected {
            told += &format!(" of about {}", seconds(time));
        }
        if let Some(items) = self.items {
            let done = items.executed + items.hit + items.failed;
            told += &format!(", {done} of {} items", items.total);
        }
        told
    }
}

impl Live {
    fn new() -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let run = bars.add(ProgressBar::new(0));
        run.set_style(template("{bar:24} {pos}/{len}  {msg}").progress_chars("━━─"));
        Live {
            bars,
            run,
            begun: Instant::now(),
            shown: false,
            running: BTreeMap::new(),
        }
    }

    fn expect(&mut self, nodes: usize) {
        self.run.set_length(self.run.position() + nodes as u64);
    }

    /// What is to be made is counted anew; what runs goes on.
    fn start_over(&mut self) {
        self.run.set_position(0);
        self.run.set_length(0);
    }

    fn start(&mut self, node: Arc<str>, expected: Option<Duration>) {
        let shown = self.running.values().filter(|node| node.bar.is_some());
        let bar = (shown.count() < SHOWN).then(|| {
            let bar = self.bars.add(ProgressBar::new_spinner());
            bar.set_style(template("  {prefix}  {msg}"));
            bar.set_prefix(escape::word(&node).into_owned());
            bar
        });
        let since = Instant::now();
        let running = Running {
            since,
            expected,
            items: None,
            bar,
        };
        if let Some(bar) = self.running.insert(node, running).and_then(|last| last.bar) {
            self.remove(&bar);
        }
        self.tick();
    }

    fn count(&mut self, node: &str, items: ItemCounts) {
        if let Some(node) = self.running.get_mut(node) {
            node.items = Some(items);
        }
    }

    fn finish(&mut self, report: &NodeReport) {
        if let Some(bar) = self.running.remove(&report.name).and_then(|node| node.bar) {
            self.remove(&bar);
        }
        if report.outcome != Outcome::Hit {
            self.run.inc(1);
        }
    }

    fn remove(&self, bar: &ProgressBar) {
        bar.finish_and_clear();
        self.bars.remove(bar);
    }

    fn tick(&mut self) {
        for node in self.running.values() {
            if let Some(bar) = &node.bar {
                bar.set_message(node.told());
            }
        }
        let running = self.running.len();
        let took = self.begun.elapsed();
        self.run
            .set_message(format!("{running} running, {}", seconds(took)));
        if took >= QUICK && !std::mem::replace(&mut self.shown, true) {
            self.bars
                .set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
    }
}

fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text).expect("a template that was tried")
}

/// Whether a node is worth a line: what was found as it was is so only for
/// those who ask for more.
fn is_told(report: &NodeReport, verbosity: Verbosity) -> bool {
    match report.outcome {
        Outcome::Hit | Outcome::Unneeded | Outcome::Cancelled => verbosity == Verbosity::Verbose,
        _ => true,
    }
}

/// One line about a node that is done with.
fn line(report: &NodeReport) -> String {
    let (style, verb) = match report.outcome {
        Outcome::Executed => (GOOD, "executed"),
        Outcome::Hit => (DIM, "hit"),
        Outcome::Cutoff => (SPARED, "cutoff"),
        Outcome::Unneeded => (DIM, "unneeded"),
        Outcome::Failed => (BAD, "failed"),
        Outcome::Blocked => (WARN, "blocked"),
        Outcome::Cancelled => (WARN, "cancelled"),
    };
    let mut line = format!("{style}{verb:>9}{style:#} {}", paint(NAME, &report.name));
    if matches!(report.outcome, Outcome::Executed | Outcome::Failed) {
        line += &format!(" in {}", elapsed(report.elapsed));
    }
    if let Some(items) = &report.items {
        line += &format!(", {} of {} items", items.executed, items.total);
        if items.failed > 0 {
            line += &format!(", {} failed", items.failed);
        }
    }
    if let Some(tier) = &report.tier {
        line += &paint(DIM, format_args!(" from {tier}"));
    }
    if let Some(reason) = &report.reason {
        line += &paint(DIM, format_args!(" ({reason})"));
    }
    // A failure's own words stand below, where all failures are told.
    if let Some(note) = report
        .note
        .as_deref()
        .filter(|_| report.outcome == Outcome::Executed)
    {
        line += &format!(": {note}");
    }
    line
}
