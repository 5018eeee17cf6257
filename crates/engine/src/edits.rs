//! What people have changed about a live pipeline and no run has taken up yet.
//! It holds what is wanted now, whatever was wanted in between, and is unaware
//! of what a change invalidates.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam::channel::Sender;

use crate::force::Forced;
use crate::inputs::{Input, Inputs};
use crate::pipeline::Pipeline;
use crate::pool::Message;

/// The edits of one session, made on any thread.
pub(crate) struct Edits(Mutex<State>);

struct State {
    wanted: Edit,
    pending: bool,
    /// The nodes that the run that is going on executes in any case.
    executing: BTreeSet<Arc<str>>,
    /// The run that is going on, to be told of an edit.
    listener: Option<Sender<Message>>,
}

/// What a pipeline is to become.
#[derive(Clone)]
pub(crate) struct Edit {
    pub pipeline: Pipeline,
    pub inputs: Inputs,
    pub look: Look,
    /// The nodes to execute in any case.
    pub forced: BTreeSet<Arc<str>>,
}

/// Which inputs may be others than they were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Look {
    /// The names of inputs that were given anew.
    pub names: Which<Arc<str>>,
    /// The files that have changed.
    pub files: Which<PathBuf>,
}

/// Some things of a kind, or all.
#[derive(Clone, Debug)]
pub(crate) enum Which<T> {
    These(BTreeSet<T>),
    All,
}

impl<T: Ord> Which<T> {
    fn add(&mut self, more: impl IntoIterator<Item = T>) {
        if let Which::These(these) = self {
            these.extend(more);
        }
    }
}

impl<T> Default for Which<T> {
    fn default() -> Self {
        Which::These(BTreeSet::new())
    }
}

impl Edit {
    /// The nodes to execute, as far as they are there.
    pub fn forced(&self) -> Forced {
        let (graph, targets) = (&self.pipeline.graph, &self.pipeline.targets);
        let forced = self.forced.iter().filter_map(|name| graph.find(name).ok());
        Forced::new(graph, targets, &forced.collect::<Vec<u32>>())
    }
}

impl State {
    fn take(&mut self) -> Edit {
        self.executing.append(&mut self.wanted.forced);
        let edit = Edit {
            forced: self.executing.clone(),
            ..self.wanted.clone()
        };
        self.wanted.look = Look::default();
        edit
    }
}

impl Look {
    /// Everything may be another.
    pub fn everywhere() -> Self {
        Look {
            names: Which::All,
            files: Which::All,
        }
    }
}

impl Edits {
    /// A session that is to be brought up to date with this.
    pub fn new(pipeline: Pipeline, inputs: Inputs) -> Self {
        Edits(Mutex::new(State {
            wanted: Edit {
                pipeline,
                inputs,
                look: Look::everywhere(),
                forced: BTreeSet::new(),
            },
            pending: true,
            executing: BTreeSet::new(),
            listener: None,
        }))
    }

    /// What is wanted now.
    pub fn wanted(&self) -> Edit {
        self.state().wanted.clone()
    }

    /// Gives an input another value.
    pub fn set_input(&self, name: &str, input: Input) {
        self.change(|wanted| {
            wanted.inputs = std::mem::take(&mut wanted.inputs).with(name, input);
            wanted.look.names.add([name.into()]);
        });
    }

    /// Puts another pipeline with its inputs in the place of the present one.
    pub fn set_pipeline(&self, pipeline: Pipeline, inputs: Inputs) {
        self.change(|wanted| {
            wanted.pipeline = pipeline;
            wanted.inputs = inputs;
            wanted.look = Look::everywhere();
        });
    }

    /// Says that files may have changed.
    pub fn look_at(&self, files: Which<PathBuf>) {
        self.change(|wanted| match files {
            Which::These(files) => wanted.look.files.add(files),
            Which::All => wanted.look.files = Which::All,
        });
    }

    /// Says which nodes are to execute in any case, once.
    pub fn force(&self, nodes: impl IntoIterator<Item = Arc<str>>) {
        self.change(|wanted| wanted.forced.extend(nodes));
    }

    /// Whether there is anything to take up.
    pub fn is_pending(&self) -> bool {
        self.state().pending
    }

    /// Takes up what is wanted, if that has changed since the last time.
    pub fn take(&self) -> Option<Edit> {
        let mut state = self.state();
        let pending = std::mem::replace(&mut state.pending, false);
        pending.then(|| state.take())
    }

    /// Takes up what is wanted for a run that begins.
    pub fn begin(&self) -> Edit {
        let mut state = self.state();
        state.pending = false;
        state.take()
    }

    /// Notes that a run has come to its end.
    pub fn end(&self) {
        self.state().executing.clear();
    }

    /// What was taken up could not be: it is to be tried again from the start.
    pub fn put_back(&self) {
        let mut state = self.state();
        state.wanted.look = Look::everywhere();
        state.pending = true;
    }

    /// Who is told of edits from now on.
    pub fn listen(&self, listener: Option<Sender<Message>>) {
        self.state().listener = listener;
    }

    fn change(&self, change: impl FnOnce(&mut Edit)) {
        let mut state = self.state();
        change(&mut state.wanted);
        state.pending = true;
        if let Some(listener) = &state.listener {
            // A run that has just ended hears of it no more; the next one asks.
            let _ = listener.send(Message::Edited);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is made in one piece.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
