//! Readers that wait awake for a peer that is known to answer at once.
//!
//! Has no counterpart in C++ libprocess; `docs/decisions/0009-quick-peers-are-polled.md` has the reasons.
//!
//! A thread that sleeps until bytes come has to be woken, and a core that has halted meanwhile takes longer to come
//! back than the bytes took. So a reader whose peer has been quick looks for bytes again and again for a moment, and
//! lets every other task of its thread have a turn in between, before it sleeps.
//!
//! # Invariants
//! - A connection is polled only after a run of short waits on it; a long one ends the run.
//! - After a poll in vain the next one takes a run that is twice as long: polls that do not pay die out.
//! - At most [`Polling::readers`] readers of a runtime poll at the same time.
//! - On a simulated network nobody polls: time stands still there.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use crate::duration_text;
use crate::metrics::{Counter, Metrics};

/// How many short waits in a row it takes at least before a reader polls.
const SHORTEST_RUN: u32 = 8;

/// How many it takes at most.
const LONGEST_RUN: u32 = 1024;

/// A wait that is slept through has a wake-up on either side in it, which one that is polled through does not have.
const SLEPT: u32 = 2;

/// Whether and for how long the readers of a runtime wait awake for peers that have been quick.
///
/// It costs nothing on connections that are idle or slow. The metrics `libprocess/polls` and
/// `libprocess/polls_in_vain` count what it does.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use libprocess::{Polling, Runtime};
///
/// let polling = Polling { span: Duration::from_micros(50), ..Polling::default() };
/// let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).polling(polling).start()?;
/// # runtime.shutdown();
/// assert_eq!("0ns".parse(), Ok(Polling::OFF));
/// # Ok::<(), libprocess::StartError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polling {
    /// How long a reader polls before it sleeps. Zero: never.
    pub span: Duration,
    /// How many readers of the runtime may poll at the same time. By default one for every two cores, so that the
    /// peers find a core too; on a machine with one core nobody polls.
    pub readers: usize,
}

impl Polling {
    /// Every reader sleeps at once.
    pub const OFF: Self = Self {
        span: Duration::ZERO,
        readers: 0,
    };
}

impl Default for Polling {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            span: Duration::from_micros(100),
            readers: cores / 2,
        }
    }
}

/// A span of time that cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ParsePollingError(pub String);

/// Reads the span as Mesos writes them: `100us`; a span of zero is [`Polling::OFF`].
impl FromStr for Polling {
    type Err = ParsePollingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let span = duration_text::parse(text).map_err(ParsePollingError)?;
        Ok(if span.is_zero() {
            Self::OFF
        } else {
            Self {
                span,
                ..Self::default()
            }
        })
    }
}

/// The readers of one runtime that poll at present.
pub(crate) struct Pollers {
    polling: Polling,
    present: AtomicUsize,
    polls: Counter,
    in_vain: Counter,
}

impl Pollers {
    pub(crate) fn new(polling: Polling, metrics: &Metrics) -> Self {
        Self {
            polling,
            present: AtomicUsize::new(0),
            polls: metrics.counter("libprocess/polls"),
            in_vain: metrics.counter("libprocess/polls_in_vain"),
        }
    }

    /// Room for one more, until it is dropped.
    fn room(&self) -> Option<Room<'_>> {
        self.present
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |present| {
                (present < self.polling.readers).then(|| present + 1)
            })
            .ok()
            .map(|_before| Room(&self.present))
    }
}

impl fmt::Debug for Pollers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pollers")
            .field("polling", &self.polling)
            .field("present", &self.present)
            .finish_non_exhaustive()
    }
}

/// One of the readers that may poll at the same time.
struct Room<'p>(&'p AtomicUsize);

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a reader knows of its peer's pace.
#[derive(Debug)]
pub(crate) struct Attention {
    /// How many waits in a row were short.
    run: u32,
    /// How many it takes before the next poll.
    needed: u32,
}

impl Default for Attention {
    fn default() -> Self {
        Self {
            run: 0,
            needed: SHORTEST_RUN,
        }
    }
}

impl Attention {
    /// Waits for bytes: awake for a moment when the peer has been quick.
    pub(crate) async fn wait<F: Future>(&mut self, pollers: &Pollers, bytes: F) -> F::Output {
        let mut bytes = pin!(bytes);
        // What is there already tells nothing of the pace.
        if let Poll::Ready(value) = look(bytes.as_mut()).await {
            return value;
        }
        let span = pollers.polling.span;
        if span.is_zero() {
            return bytes.await;
        }
        let begun = Instant::now();
        if self.is_keen()
            && let Some(room) = pollers.room()
        {
            pollers.polls.increment();
            if let Some(value) = look_for(span, begun, bytes.as_mut()).await {
                self.paid();
                return value;
            }
            drop(room);
            self.in_vain();
            pollers.in_vain.increment();
            return bytes.await;
        }
        let value = bytes.await;
        self.slept(begun.elapsed(), span);
        value
    }

    const fn is_keen(&self) -> bool {
        self.run >= self.needed
    }

    /// Learns from a wait without a poll.
    fn slept(&mut self, wait: Duration, span: Duration) {
        self.run = if wait < span.saturating_mul(SLEPT) {
            self.run.saturating_add(1)
        } else {
            0
        };
    }

    fn paid(&mut self) {
        self.needed = self.needed.saturating_sub(1).max(SHORTEST_RUN);
    }

    fn in_vain(&mut self) {
        self.run = 0;
        self.needed = self.needed.saturating_mul(2).min(LONGEST_RUN);
    }
}

/// Looks once.
async fn look<F: Future>(mut bytes: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(bytes.as_mut().poll(cx))).await
}

/// Looks again and again; all other tasks of the thread have a turn in between, and its sockets are asked.
async fn look_for<F: Future>(
    span: Duration,
    begun: Instant,
    mut bytes: Pin<&mut F>,
) -> Option<F::Output> {
    loop {
        tokio::task::yield_now().await;
        if let Poll::Ready(value) = look(bytes.as_mut()).await {
            return Some(value);
        }
        if begun.elapsed() >= span {
            return None;
        }
    }
}

#[cfg(test)]
mod tests;
