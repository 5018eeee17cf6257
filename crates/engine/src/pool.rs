//! The threads on which work is executed. They know work and where to send
//! its end; they do not know what comes next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam::channel::{Receiver, Sender, unbounded};

use crate::executor::{Done, Executor};
use crate::work::Work;

/// Worker threads, started when they are first needed.
pub(crate) struct Pool {
    jobs: usize,
    started: AtomicUsize,
    queue: Sender<Job>,
    jobs_in: Receiver<Job>,
    executor: Arc<dyn Executor>,
}

/// A piece of work on its way to a worker.
struct Job {
    ticket: u64,
    work: Arc<Work>,
    announce: bool,
    reply: Sender<Message>,
}

/// What a worker tells the driver about a ticket.
pub(crate) enum Message {
    Started(u64),
    Done(u64, Done),
    /// Somebody has changed what is wanted.
    Edited,
}

impl Pool {
    pub fn new(jobs: usize, executor: Arc<dyn Executor>) -> Self {
        let (queue, jobs_in) = unbounded();
        Pool {
            jobs,
            started: AtomicUsize::new(0),
            queue,
            jobs_in,
            executor,
        }
    }

    /// How many pieces of work run at once.
    pub fn jobs(&self) -> usize {
        self.jobs
    }

    /// Runs a piece of work on the calling thread.
    pub fn execute_here(&self, work: &Work) -> Done {
        self.executor.execute(work)
    }

    /// Queues a piece of work. With `announce` the driver is told when it starts.
    pub fn submit(&self, ticket: u64, work: Arc<Work>, announce: bool, reply: &Sender<Message>) {
        if self.started.load(Ordering::Relaxed) < self.jobs {
            self.add_worker();
        }
        work.turn.wait();
        let job = Job {
            ticket,
            work,
            announce,
            reply: reply.clone(),
        };
        self.queue.send(job).expect("the pool holds a receiver");
    }

    /// Lets go of work that nobody waits for any more. It is asked to end; a
    /// worker that has it is replaced, and goes when it comes back.
    pub fn give_up(&self, work: &Work) {
        let had = work.turn.give_up();
        work.stop.stop();
        if had {
            self.add_worker();
        }
    }

    fn add_worker(&self) {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let (jobs, executor) = (self.jobs_in.clone(), self.executor.clone());
        // User functions expect the stack of a main thread.
        let spawned = thread::Builder::new()
            .name(format!("refrain-worker-{number}"))
            .stack_size(8 << 20)
            .spawn(move || work(&jobs, &*executor));
        if let Err(error) = spawned {
            tracing::warn!(%error, "a worker thread could not be started");
        }
    }
}

fn work(jobs: &Receiver<Job>, executor: &dyn Executor) {
    for job in jobs {
        if !job.work.turn.begin() {
            continue;
        }
        if job.announce {
            let _ = job.reply.send(Message::Started(job.ticket));
        }
        let done = executor.execute(&job.work);
        let replaced = !job.work.turn.end();
        // A run that is over no longer listens.
        let _ = job.reply.send(Message::Done(job.ticket, done));
        if replaced {
            return;
        }
    }
}
