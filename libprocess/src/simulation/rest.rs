//! Waiting, on the machine's clock or on the virtual one of a simulated host.

use std::future::Future;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::future::{Either, poll_fn, select};

use super::current;
use crate::clock::Activity;
use crate::promise::Promise;
use crate::timer::Timer;
use crate::tracked::Tracked;

/// Cancels its timer when nobody waits any more.
struct Cancelling(Timer);

impl Drop for Cancelling {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Waits for so long.
async fn pause(span: Duration) {
    let Some(host) = current() else {
        return tokio::time::sleep(span).await;
    };
    let (promise, passed) = Promise::new();
    let _timer = Cancelling(host.clock().timer(span, move || promise.set(())));
    passed.await;
}

/// The future's value, if it comes within `span`.
pub(crate) async fn within<F: Future>(span: Duration, future: F) -> Option<F::Output> {
    if current().is_none() {
        return tokio::time::timeout(span, future).await.ok();
    }
    let future = std::pin::pin!(future);
    let pause = std::pin::pin!(pause(span));
    match select(future, pause).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(((), _)) => None,
    }
}

/// Lets the other tasks of the thread have a turn. On a simulated host the clock sees that there is more to do.
pub(crate) async fn yield_now() {
    if current().is_none() {
        return tokio::task::yield_now().await;
    }
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// On a simulated host, a task whose readiness keeps the clock from settling; else the task as it is.
pub(crate) fn observed<F: Future>(
    activity: Option<&Arc<Activity>>,
    task: F,
) -> Either<Tracked<F>, F> {
    match activity {
        Some(activity) => Either::Left(Tracked::new(Arc::clone(activity), task)),
        None => Either::Right(task),
    }
}
