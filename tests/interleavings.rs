//! The interleavings of threads, by a model: the pool with its turns and the queue behind the store's writer are compiled
//! here as they are, on locks, atomics and threads whose order a scheduler chooses, again and again.

#[path = "interleavings/sync.rs"]
mod sync;

/// What the pool is unaware of, as far as it has to be there.
mod executor {
    pub enum Done {
        Made,
    }

    pub trait Executor: Send + Sync {
        fn expect(&self, work: &crate::work::Work);
        fn execute(&self, work: &crate::work::Work) -> Done;
        fn execute_together(
            &self,
            works: &[std::sync::Arc<crate::work::Work>],
            batch: &crate::map::Batch,
        ) -> Vec<Done>;
    }
}

mod map {
    pub struct Batch;
}

mod work {
    use crate::turn::Turn;

    /// A piece of work that comes to its end when it may.
    #[derive(Default)]
    pub struct Work {
        pub turn: Turn,
        pub stop: Stop,
        /// It is asked to end, and nothing else ends it.
        pub is_stuck: bool,
        pub executed: std::sync::atomic::AtomicUsize,
    }

    #[derive(Default)]
    pub struct Stop(shuttle::sync::Mutex<bool>, shuttle::sync::Condvar);

    impl Stop {
        pub fn stop(&self) {
            *self.0.lock().unwrap() = true;
            self.1.notify_all();
        }

        pub fn wait(&self) {
            let mut stopped = self.0.lock().unwrap();
            while !*stopped {
                stopped = self.1.wait(stopped).unwrap();
            }
        }
    }
}

#[path = "../crates/engine/src/pool.rs"]
#[allow(dead_code)]
mod pool;
#[path = "../crates/store/src/queue.rs"]
#[allow(dead_code)]
mod queue;
#[path = "../crates/engine/src/turn.rs"]
#[allow(dead_code)]
mod turn;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use executor::{Done, Executor};
use map::Batch;
use pool::{Message, Pool};
use queue::Queue;
use shuttle::rand::Rng;
use sync::{Receiver, Sender, unbounded};
use work::Work;

/// Goes through many interleavings: more of them in a soak.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let soak = std::env::var_os("REFRAIN_SOAK").is_some();
    let times = if soak { 20_000 } else { 300 };
    let model = Arc::new(model);
    let random = Arc::clone(&model);
    shuttle::check_random(move || random(), times);
    shuttle::check_pct(move || model(), times, 3);
}

/// Executes what is not stuck, and what is stuck when it is asked to end.
struct Model;

impl Executor for Model {
    fn expect(&self, _: &Work) {}

    fn execute(&self, work: &Work) -> Done {
        if work.is_stuck {
            work.stop.wait();
        }
        shuttle::thread::yield_now();
        work.executed.fetch_add(1, Ordering::Relaxed);
        Done::Made
    }

    fn execute_together(&self, works: &[Arc<Work>], _: &Batch) -> Vec<Done> {
        works.iter().map(|work| self.execute(work)).collect()
    }
}

/// Waits until the work of every ticket but those given up is told to be done.
fn await_all(replies: &Receiver<Message>, mut tickets: Vec<u64>) {
    while !tickets.is_empty() {
        if let Message::Done(ticket, Done::Made) = replies.recv().expect("somebody is left to tell")
        {
            tickets.retain(|awaited| *awaited != ticket);
        }
    }
}

fn works(stuck: &[bool]) -> Vec<Arc<Work>> {
    let work = |is_stuck: &bool| {
        Arc::new(Work {
            is_stuck: *is_stuck,
            ..Work::default()
        })
    };
    stuck.iter().map(work).collect()
}

/// All workers that are left after the pool is dropped come to their ends; gives how many there were at once.
fn workers_after(pool: Pool, reply: Sender<Message>) -> usize {
    sync::settle();
    let alive = sync::threads();
    drop((pool, reply));
    alive
}

#[test]
fn every_piece_of_work_is_done_once_and_the_workers_stay_as_many() {
    check(|| {
        sync::begin();
        let pool = Pool::new(2, Arc::new(Model));
        let (reply, replies) = unbounded();
        let works = works(&[false; 4]);
        for (ticket, work) in works.iter().enumerate() {
            pool.submit(ticket as u64, Arc::clone(work), false, &reply);
        }
        await_all(&replies, (0..4).collect());
        assert!(
            works
                .iter()
                .all(|work| work.executed.load(Ordering::Relaxed) == 1)
        );
        assert_eq!(workers_after(pool, reply), 2);
    });
}

#[test]
fn work_that_is_given_up_takes_no_worker_away_and_leaves_none_too_many() {
    check(|| {
        sync::begin();
        let pool = Pool::new(1, Arc::new(Model));
        let (reply, replies) = unbounded();
        let works = works(&[true, false, true, false]);
        for (ticket, work) in works.iter().enumerate() {
            pool.submit(ticket as u64, Arc::clone(work), false, &reply);
        }
        // The one that is stuck holds all others up until it is given up.
        pool.give_up(&works[0]);
        pool.give_up(&works[2]);
        await_all(&replies, vec![1, 3]);
        assert_eq!(workers_after(pool, reply), 1);
    });
}

#[test]
fn work_that_is_done_at_once_is_given_up_piece_by_piece() {
    check(|| {
        sync::begin();
        let pool = Pool::new(1, Arc::new(Model));
        let (reply, replies) = unbounded();
        let works = works(&[true, true, false]);
        let together = (0..2).map(|ticket: u64| (ticket, Arc::clone(&works[ticket as usize])));
        pool.submit_together(together, Arc::new(Batch), false, &reply);
        pool.submit(2, Arc::clone(&works[2]), false, &reply);
        let mut given_up = [0, 1];
        if shuttle::rand::thread_rng().gen_bool(0.5) {
            given_up.reverse();
        }
        for number in given_up {
            pool.give_up(&works[number]);
        }
        // Whoever was asked to end and was not the last one ends as well.
        works.iter().for_each(|work| work.stop.stop());
        await_all(&replies, vec![2]);
        assert_eq!(workers_after(pool, reply), 1);
    });
}

#[test]
fn a_flush_returns_after_all_that_was_queued_before_it_was_taken() {
    check(|| {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        let take = move |batch: &mut Vec<usize>| {
            shuttle::thread::yield_now();
            counter.fetch_add(batch.len(), Ordering::Relaxed);
        };
        let queue = shuttle::sync::Arc::new(Queue::start("queue", take).unwrap());
        let other = {
            let (queue, taken) = (shuttle::sync::Arc::clone(&queue), Arc::clone(&taken));
            shuttle::thread::spawn(move || {
                queue.queue(1);
                queue.flush();
                assert!(taken.load(Ordering::Relaxed) >= 1);
                queue.queue(2);
            })
        };
        for number in 0..2 {
            queue.queue(number);
            queue.flush();
            assert!(taken.load(Ordering::Relaxed) > number);
        }
        other.join().unwrap();
        queue.queue(3);
        drop(queue);
        assert_eq!(
            taken.load(Ordering::Relaxed),
            5,
            "dropping it loses nothing"
        );
    });
}
