//! The live session of a project, brought up to date on a thread of its own
//! whenever it is asked to. It is unaware of why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam::channel::{Sender, bounded};
use refrain::{Runner, Session};

use super::message::Message;
use crate::args::WatchArgs;
use crate::error::{Error, Result};
use crate::printer::{Printer, Verbosity};
use crate::progress::{Past, Progress};
use crate::project::Project;
use crate::transfers;

/// A session and the thread that runs it.
pub struct Live {
    /// What can be told of edits at any time.
    pub session: Session,
    /// Where its outputs are remembered.
    pub runner: Runner,
    ask: Sender<()>,
    busy: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Live {
    /// Starts the session; nothing runs yet. What comes of each run is posted.
    pub fn start(
        project: &Project,
        args: &WatchArgs,
        printer: &Printer,
        post: &Sender<Message>,
    ) -> Result<Self> {
        let runner = project.at_work(&args.effort)?;
        let session = runner.session(&project.pipeline, project.inputs.clone())?;
        // One that waits is enough: it takes up all that came before it.
        let (ask, asked) = bounded(1);
        let (live, printer, post) = (session.clone(), printer.clone(), post.clone());
        let busy = Arc::new(AtomicBool::new(false));
        let works = busy.clone();
        let past = Past {
            store: runner.store(),
            pipeline: project.pipeline.name().to_owned(),
        };
        let work = move || {
            for () in asked {
                // What was edited may have been taken up by the run before.
                if !live.is_edited() {
                    continue;
                }
                let shown = printer.is_watched() || printer.verbosity() == Verbosity::Verbose;
                let progress = shown
                    .then(|| Progress::beside(live.subscribe(), printer.clone(), past.clone()));
                works.store(true, Ordering::Relaxed);
                let run = live.run();
                works.store(false, Ordering::Relaxed);
                if let Some(progress) = progress {
                    progress.finish();
                }
                let _ = post.send(Message::Done(run, live.found_files()));
            }
        };
        let thread = thread::Builder::new().spawn(work);
        Ok(Live {
            session,
            runner,
            ask,
            busy,
            thread: thread.map_err(Error::Thread)?,
        })
    }

    /// Brings everything up to date that was edited.
    pub fn run(&self) {
        // A full channel is one that asks already.
        let _ = self.ask.try_send(());
    }

    /// Whether something runs.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// Ends what runs; what was finished is stored, and put into the remotes
    /// unless somebody wants that to be over.
    pub fn end(self, printer: &Printer, is_over: impl Fn() -> bool) {
        self.session.cancel().cancel();
        drop(self.ask);
        // A thread that panicked has told why.
        let _ = self.thread.join();
        self.session.flush();
        if let Some(store) = self.runner.store() {
            transfers::finish(&store, printer, is_over);
        }
    }
}
