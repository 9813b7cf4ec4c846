//! A task whose readiness to run is seen by the clock.
//!
//! # Invariants
//! From the moment something wakes the task until it has been polled, its clock does not settle.

mod flag;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use self::flag::Flag as Woken;
use crate::abort::AbortOnPanic;
use crate::clock::Activity;

/// Wraps a task's future and counts it as active while it is woken or running.
pub(crate) struct Tracked<F> {
    future: Pin<Box<F>>,
    flag: Arc<Flag>,
    waker: Option<(Waker, Waker)>,
}

struct Flag {
    woken: Woken,
    activity: Arc<Activity>,
}

struct TrackedWaker {
    flag: Arc<Flag>,
    inner: Waker,
}

impl<F: Future> Tracked<F> {
    /// Counts as woken from the start, as a new task is.
    pub(crate) fn new(activity: Arc<Activity>, future: F) -> Self {
        activity.enter();
        let flag = Arc::new(Flag {
            woken: Woken::woken(),
            activity,
        });
        Self {
            future: Box::pin(future),
            flag,
            waker: None,
        }
    }

    /// The waker that counts, made anew only when the executor's waker has changed.
    fn waker(&mut self, outer: &Waker) -> Waker {
        match &self.waker {
            Some((known, tracked)) if known.will_wake(outer) => tracked.clone(),
            _ => {
                let tracked = Waker::from(Arc::new(TrackedWaker {
                    flag: Arc::clone(&self.flag),
                    inner: outer.clone(),
                }));
                self.waker = Some((outer.clone(), tracked.clone()));
                tracked
            }
        }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let waker = self.waker(cx.waker());
        let counted = self.flag.woken.begin_poll();
        let _guard = AbortOnPanic;
        let result = self.future.as_mut().poll(&mut Context::from_waker(&waker));
        if counted {
            self.flag.activity.exit();
        }
        result
    }
}

impl Wake for TrackedWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.flag.woken.wake(|| self.flag.activity.enter());
        self.inner.wake_by_ref();
    }
}

impl<F> Drop for Tracked<F> {
    fn drop(&mut self) {
        // A task that ended or was aborted is polled no more; late wake-ups count no more either.
        if self.flag.woken.end() {
            self.flag.activity.exit();
        }
    }
}

impl<F> fmt::Debug for Tracked<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracked").finish_non_exhaustive()
    }
}
