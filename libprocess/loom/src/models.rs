//! What must hold in every order of steps.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use loom::model::Builder;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::clock::Count;
use crate::event_queue::{Next, Schedule};
use crate::future::{Outcome, Shared};
use crate::tracked::Flag;

/// Plays all orders with up to three preemptions, for at most so long.
fn model(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.max_duration = Some(Duration::from_secs(30));
    builder.check(body);
}

/// An actor as its queue sees it: events, wake-ups on their way, what was handled.
struct Actor {
    schedule: Schedule,
    events: Mutex<VecDeque<u32>>,
    wakes: Mutex<usize>,
    woken: Condvar,
    handled: Mutex<Vec<u32>>,
}

impl Actor {
    fn push(&self, event: u32) {
        self.events.lock().expect("a lock").push_back(event);
        if self.schedule.claim() {
            let mut wakes = self.wakes.lock().expect("a lock");
            *wakes += 1;
            assert_eq!(*wakes, 1, "two wake-ups are on their way");
            drop(wakes);
            self.woken.notify_one();
        }
    }

    /// The arbiter's thread: a turn for each wake-up, until so many events were handled.
    fn run(&self, all: usize) {
        let mut put_back = None;
        while self.handled.lock().expect("a lock").len() < all {
            let mut wakes = self.wakes.lock().expect("a lock");
            while *wakes == 0 {
                wakes = self.woken.wait(wakes).expect("a lock");
            }
            *wakes -= 1;
            drop(wakes);
            loop {
                let next = self.schedule.next(|| {
                    let waiting = put_back.take();
                    waiting.or_else(|| self.events.lock().expect("a lock").pop_front())
                });
                match next {
                    Next::Event(event) => self.handled.lock().expect("a lock").push(event),
                    Next::Late(event) => {
                        put_back = Some(event);
                        break;
                    }
                    Next::Rest => break,
                }
            }
        }
    }
}

#[test]
fn no_event_stays_behind_and_one_wake_up_at_most_is_on_its_way() {
    model(|| {
        let actor = Arc::new(Actor {
            schedule: Schedule::scheduled(),
            events: Mutex::default(),
            wakes: Mutex::new(1),
            woken: Condvar::new(),
            handled: Mutex::default(),
        });
        let senders: Vec<_> = [[1, 2], [11, 12]]
            .into_iter()
            .map(|events| {
                let actor = Arc::clone(&actor);
                thread::spawn(move || events.map(|event| actor.push(event)))
            })
            .collect();

        actor.run(4);

        for sender in senders {
            sender.join().expect("a sender");
        }
        let handled = actor.handled.lock().expect("a lock").clone();
        let of = |first: u32| {
            handled
                .iter()
                .copied()
                .filter(move |event| event / 10 == first / 10)
        };
        assert!(of(1).eq([1, 2]) && of(11).eq([11, 12]), "{handled:?}");
    });
}

#[test]
fn who_waits_for_rest_wakes_when_the_last_one_rests_and_not_before() {
    model(|| {
        let count = Arc::new(Count::default());
        let done = Arc::new(AtomicUsize::new(0));
        count.enter();
        count.enter();
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let (count, done) = (Arc::clone(&count), Arc::clone(&done));
                thread::spawn(move || {
                    // Work is handed on: the receiver is entered first.
                    count.enter();
                    count.exit_many(1);
                    done.fetch_add(1, Ordering::SeqCst);
                    count.exit_many(1);
                })
            })
            .collect();

        let seen = count.wait_until_idle();

        assert_eq!(done.load(Ordering::SeqCst), 2);
        assert!(count.is_unchanged(seen));
        for worker in workers {
            worker.join().expect("a worker");
        }
        count.enter();
        count.exit_many(1);
        assert!(
            !count.is_unchanged(seen),
            "a rest in between is another rest"
        );
    });
}

#[test]
fn a_callback_runs_once_with_the_first_outcome() {
    model(|| {
        let shared = Arc::new(Shared::pending());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let completing: Vec<_> = [1, 2]
            .into_iter()
            .map(|value| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.complete(Outcome::Ready(value)))
            })
            .collect();

        let log = Arc::clone(&seen);
        shared.on_any(Box::new(move |outcome| {
            log.lock().expect("a lock").push(outcome);
        }));

        for thread in completing {
            thread.join().expect("a producer");
        }
        let seen = seen.lock().expect("a lock");
        assert!(
            matches!(seen.as_slice(), [Outcome::Ready(1 | 2)]),
            "{seen:?}"
        );
    });
}

/// Remembers that it was called.
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_task_that_found_nothing_is_woken_and_finds_the_outcome() {
    model(|| {
        let shared = Arc::new(Shared::pending());
        let bell = Arc::new(Bell(AtomicBool::new(false)));
        let producer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.complete(Outcome::Ready(7)))
        };

        let waker = Waker::from(Arc::clone(&bell));
        let first = shared.poll(&Context::from_waker(&waker));

        producer.join().expect("a producer");
        match first {
            Poll::Ready(outcome) => assert_eq!(outcome, Outcome::Ready(7)),
            Poll::Pending => {
                assert!(bell.0.load(Ordering::SeqCst), "nobody woke the task");
                let again = shared.poll(&Context::from_waker(&waker));
                assert_eq!(again, Poll::Ready(Outcome::Ready(7)));
            }
        }
    });
}

#[test]
fn a_discard_reaches_the_producer_once_and_not_after_the_completion() {
    model(|| {
        let shared = Arc::new(Shared::<u32>::pending());
        let asked = Arc::new(AtomicUsize::new(0));
        let discarding: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.discard())
            })
            .collect();

        let seen = Arc::clone(&asked);
        shared.on_discard(Box::new(move || {
            seen.fetch_add(1, Ordering::SeqCst);
        }));

        for thread in discarding {
            thread.join().expect("a consumer");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert!(shared.discard_requested() && shared.is_pending());
        shared.complete(Outcome::Discarded);
        shared.discard();
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_woken_task_is_counted_once_until_its_poll_and_never_after_its_end() {
    model(|| {
        let count = Arc::new(Count::default());
        let flag = Arc::new(Flag::woken());
        count.enter();
        let wakers: Vec<_> = (0..2)
            .map(|_| {
                let (count, flag) = (Arc::clone(&count), Arc::clone(&flag));
                thread::spawn(move || flag.wake(|| count.enter()))
            })
            .collect();

        let poll = || {
            let counted = flag.begin_poll();
            if counted {
                count.exit_many(1);
            }
        };
        poll();
        poll();
        if flag.end() {
            count.exit_many(1);
        }

        for waker in wakers {
            waker.join().expect("a waker");
        }
        // Entered and exited equally often: else this waits for ever, which loom reports.
        count.wait_until_idle();
    });
}
