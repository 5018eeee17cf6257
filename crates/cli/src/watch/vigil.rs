//! Keeps a project current: hears of changes and keys, lets the session take
//! them up once it is quiet, and tells each revision.

use std::collections::BTreeSet;
use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use refrain::{Run, Status};

use super::changes::{Change, Changes};
use super::keys::Key;
use super::live::Live;
use super::message::Message;
use super::outlook::Outlook;
use super::quiet::Quiet;
use super::revisions::Revisions;
use super::watcher::Tell;
use crate::args::WatchArgs;
use crate::basis::Basis;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::exports;
use crate::maker::Maker;
use crate::printer::Printer;
use crate::project::Project;
use crate::signals::STOPPING;
use crate::style::{DIM, WARN, paint};
use crate::values::assign;

/// A project that is kept current.
pub struct Vigil<'a, T> {
    args: &'a WatchArgs,
    maker: &'a Maker<'a>,
    printer: &'a Printer,
    post: Sender<Message>,
    /// The last project that could be made.
    project: Project,
    /// What the present one was made of, be it refused or not.
    basis: Basis,
    /// The files that nodes found.
    found: BTreeSet<PathBuf>,
    /// When the files of the project were last looked at.
    looked: SystemTime,
    live: Live,
    outlook: Outlook<T>,
    /// Whether the project cannot be made as it is now.
    refused: bool,
    changes: Changes,
    quiet: Quiet,
    paused: bool,
    revisions: Revisions,
}

impl<'a, T: Tell> Vigil<'a, T> {
    /// Begins with the project as it is now, and asks for its first revision.
    pub fn begin(
        args: &'a WatchArgs,
        maker: &'a Maker<'a>,
        printer: &'a Printer,
        post: Sender<Message>,
        tell: T,
    ) -> Result<Self> {
        let looked = SystemTime::now();
        let (project, basis) = maker.anew();
        let project = asked(project?, args)?;
        warn(&project, printer);
        let live = Live::start(&project, args, printer, &post)?;
        let root = env::current_dir().map_err(|error| Error::file("find", ".", error))?;
        let mut vigil = Vigil {
            outlook: Outlook::open(root.clone(), args.poll, tell, printer.clone()),
            revisions: Revisions::new(args, root, printer.clone()),
            args,
            maker,
            printer,
            post,
            project,
            basis,
            found: BTreeSet::new(),
            looked,
            live,
            refused: false,
            changes: Changes::default(),
            quiet: Quiet::default(),
            paused: false,
        };
        if vigil.follow() {
            // What changed since it was looked at belongs to the first revision.
            vigil.take_up();
        }
        vigil.live.run();
        Ok(vigil)
    }

    /// Goes on until somebody wants an end.
    pub fn until_end(mut self, inbox: &Receiver<Message>) -> Result<Exit> {
        let exit = loop {
            match self.next(inbox) {
                None => self.take_up(),
                Some(Message::Changed(change)) => self.hear(change),
                Some(Message::Pressed(Key::Quit)) => break Ok(Exit::Fine),
                Some(Message::Pressed(key)) => self.press(key),
                Some(Message::Interrupted) => break Ok(Exit::Interrupted),
                Some(Message::Done(run, found)) => {
                    if let Err(error) = self.complete(run, found) {
                        break Err(error);
                    }
                }
            }
        };
        if self.live.is_busy() {
            self.printer.note(STOPPING);
        }
        self.revisions.end();
        let is_interrupt = |message| matches!(message, Message::Interrupted);
        let is_over = || inbox.try_iter().any(is_interrupt);
        self.live.end(self.printer, is_over);
        exit
    }

    /// The next message; `None` if changes are due before there is one.
    fn next(&self, inbox: &Receiver<Message>) -> Option<Message> {
        let due = self.quiet.due().filter(|_| !self.paused);
        match due {
            None => inbox.recv().ok(),
            // However many messages there are.
            Some(due) if due <= Instant::now() => None,
            Some(due) => match inbox.recv_deadline(due) {
                Err(RecvTimeoutError::Timeout) => None,
                message => message.ok(),
            },
        }
    }

    fn hear(&mut self, change: Change) {
        if self.outlook.hear(&change) {
            self.changes.add(change);
            self.quiet.hear(Instant::now());
        }
    }

    /// Lets the session take up what has changed.
    fn take_up(&mut self) {
        self.quiet.clear();
        let changes = std::mem::take(&mut self.changes);
        let meaning = self.outlook.meaning(&changes);
        if meaning.is_nothing() {
            return;
        }
        tracing::debug!(?meaning, "changes are taken up");
        self.looked = SystemTime::now();
        if meaning.anew {
            self.make_anew();
        } else if meaning.moved {
            self.follow();
        }
        if meaning.everything {
            self.live.session.refresh_files();
        } else if !meaning.sources.is_empty() {
            self.live.session.refresh_paths(meaning.sources);
        }
        if self.live.session.is_edited() {
            self.revisions.add(meaning.told);
            self.live.run();
        }
    }

    /// Makes the project anew and gives it to the session, unless it is the same.
    /// If it cannot be made, the last one stays.
    fn make_anew(&mut self) {
        let (project, mut basis) = self.maker.anew();
        let made = match basis.state.is_some() && basis.state == self.basis.state {
            true => Ok(()),
            false => project
                .and_then(|project| asked(project, self.args))
                .and_then(|project| self.replace(project)),
        };
        if let Err(error) = &made {
            self.printer.refusal(error);
            // What was not reached this time is where it was.
            basis.state = self.basis.state;
            basis.files.append(&mut self.basis.files);
            basis.folders.append(&mut self.basis.folders);
        }
        self.basis = basis;
        if made.is_err() != std::mem::replace(&mut self.refused, made.is_err()) {
            self.printer.note(match made {
                Ok(()) => paint(DIM, "mended"),
                Err(_) => paint(WARN, "the last good pipeline stays"),
            });
        }
        self.follow();
    }

    /// Lets the session go over to another project.
    fn replace(&mut self, project: Project) -> Result<()> {
        if project.cache.config == self.project.cache.config {
            let inputs = project.inputs.clone();
            self.live.session.set_pipeline(&project.pipeline, inputs)?;
        } else {
            // It is remembered in another way: that takes another session.
            let live = Live::start(&project, self.args, self.printer, &self.post)?;
            std::mem::replace(&mut self.live, live).end(self.printer, || false);
        }
        if warnings(&project) != warnings(&self.project) {
            warn(&project, self.printer);
        }
        self.project = project;
        Ok(())
    }

    /// Watches what the session stands on now. What changed there before it was
    /// watched is heard of now; says whether there is any.
    fn follow(&mut self) -> bool {
        let (project, basis, found) = (&self.project, &self.basis, &self.found);
        let missed = self.outlook.follow(project, basis, found, self.looked);
        let any = !missed.is_empty();
        missed.into_iter().for_each(|change| self.hear(change));
        any
    }

    /// Tells a revision that is complete, or why there is none.
    fn complete(&mut self, run: refrain::Result<Arc<Run>>, found: BTreeSet<PathBuf>) -> Result<()> {
        match run {
            // Only an end or another session takes its place.
            Ok(run) if run.status() == Status::Cancelled => {}
            Ok(run) => {
                let put = exports::put_all(&self.project, &self.live.runner, &run);
                if let Err(error) = &put {
                    self.printer.refusal(error);
                }
                self.revisions.tell(&run, &self.project, put.is_ok())?;
            }
            Err(error) if self.revisions.is_empty() => return Err(error.into()),
            Err(error) => self.printer.refusal(&error.into()),
        }
        if found != self.found {
            self.found = found;
            self.follow();
        }
        Ok(())
    }

    fn press(&mut self, key: Key) {
        match key {
            Key::Run | Key::Force => {
                self.take_up();
                if key == Key::Force {
                    let pipeline = self.live.session.pipeline();
                    if let Err(error) = self.live.session.force(pipeline.nodes()) {
                        return self.printer.refusal(&error.into());
                    }
                }
                self.live.session.refresh_files();
                self.revisions.want();
                self.live.run();
            }
            Key::Pause => {
                self.paused = !self.paused;
                let told = match self.paused {
                    true => "paused: changes wait until p is pressed again, or r",
                    false => "watching",
                };
                self.printer.note(paint(DIM, told));
            }
            Key::Why => self.revisions.explain(),
            Key::Help => self.printer.note(paint(DIM, Key::HELP)),
            Key::Quit => {}
        }
    }
}

fn warn(project: &Project, printer: &Printer) {
    if let Some(warnings) = &project.warnings {
        printer.warnings(warnings);
    }
}

fn warnings(project: &Project) -> Option<String> {
    project.warnings.as_ref().map(ToString::to_string)
}

/// The project with the targets and the values that were asked for.
fn asked(project: Project, args: &WatchArgs) -> Result<Project> {
    let project = assign(project, &args.bindings.set)?.targets(&args.targets)?;
    exports::ask(project)
}
