//! The threads on which work is executed. They know work and where to send
//! its end; they do not know what comes next.

use smallvec::{SmallVec, smallvec};

use crate::executor::{Done, Executor};
use crate::map::Batch;
use crate::sync::{Arc, AtomicUsize, Ordering, Receiver, Sender, thread, unbounded};
use crate::turn::Hold;
use crate::work::Work;

/// Worker threads, started when they are first needed.
pub(crate) struct Pool {
    jobs: usize,
    /// How many workers there are, but for those that were replaced and have not
    /// come back.
    workers: AtomicUsize,
    queue: Sender<Job>,
    jobs_in: Receiver<Job>,
    executor: Arc<dyn Executor>,
}

/// Work on its way to a worker: one piece, or several that are done at once.
struct Job {
    works: SmallVec<[(u64, Arc<Work>); 1]>,
    batch: Option<Arc<Batch>>,
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
            workers: AtomicUsize::new(0),
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
        self.send(Job {
            works: smallvec![(ticket, work)],
            batch: None,
            announce,
            reply: reply.clone(),
        });
    }

    /// Queues pieces of work that are done at once. Each is told of by itself.
    pub fn submit_together(
        &self,
        works: impl Iterator<Item = (u64, Arc<Work>)>,
        batch: Arc<Batch>,
        announce: bool,
        reply: &Sender<Message>,
    ) {
        self.send(Job {
            works: works.collect(),
            batch: Some(batch),
            announce,
            reply: reply.clone(),
        });
    }

    fn send(&self, job: Job) {
        for (_, work) in &job.works {
            work.turn.wait();
            self.executor.expect(work);
        }
        let more = |workers| (workers < self.jobs).then_some(workers + 1);
        let (set, get) = (Ordering::AcqRel, Ordering::Acquire);
        if self.workers.fetch_update(set, get, more).is_ok() {
            self.add_worker();
        }
        self.queue.send(job).expect("the pool holds a receiver");
        if self.workers.load(Ordering::Acquire) == 0 {
            // The system has no thread for it.
            for job in self.jobs_in.try_iter() {
                perform(job, &*self.executor);
            }
        }
    }

    /// Lets go of work that nobody waits for any more. A worker that has nothing
    /// else is asked to end it, is replaced, and goes when it comes back.
    pub fn give_up(&self, work: &Work) {
        if work.turn.give_up() {
            work.stop.stop();
            self.add_worker();
        }
    }

    /// Starts a worker, which was counted already.
    fn add_worker(&self) {
        let (jobs, executor) = (self.jobs_in.clone(), self.executor.clone());
        // User functions expect the stack of a main thread.
        let spawned = thread::Builder::new()
            .name("refrain-worker".to_owned())
            .stack_size(8 << 20)
            .spawn(move || work(&jobs, &*executor));
        if let Err(error) = spawned {
            self.workers.fetch_sub(1, Ordering::AcqRel);
            tracing::warn!(%error, "a worker thread could not be started");
        }
    }
}

fn work(jobs: &Receiver<Job>, executor: &dyn Executor) {
    for job in jobs {
        if !perform(job, executor) {
            return;
        }
    }
}

/// Does what is still wanted of it; says whether the worker is.
fn perform(mut job: Job, executor: &dyn Executor) -> bool {
    let hold = Arc::new(Hold::default());
    job.works.retain(|(_, work)| work.turn.begin(&hold));
    if !hold.is_wanted() {
        return true;
    }
    if job.announce {
        for (ticket, _) in &job.works {
            let _ = job.reply.send(Message::Started(*ticket));
        }
    }
    let (tickets, works): (Vec<u64>, Vec<Arc<Work>>) = job.works.into_iter().unzip();
    let done = match &job.batch {
        Some(batch) => executor.execute_together(&works, batch),
        None => works.iter().map(|work| executor.execute(work)).collect(),
    };
    works.iter().for_each(|work| work.turn.end());
    let stays = !hold.is_replaced();
    // A run that is over no longer listens.
    for (ticket, done) in tickets.into_iter().zip(done) {
        let _ = job.reply.send(Message::Done(ticket, done));
    }
    stays
}
