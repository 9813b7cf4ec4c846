//! Those who wait for one answer, and may stop to wait.

use libprocess::{Context, Future, Process, Promise};

/// Promises that one answer will fulfil; who discards its future leaves.
#[derive(Debug)]
pub(crate) struct Waiting<A: Send + 'static> {
    next: u64,
    promises: Vec<(u64, Promise<A>)>,
}

impl<A: Send + 'static> Default for Waiting<A> {
    fn default() -> Self {
        Self {
            next: 0,
            promises: Vec::new(),
        }
    }
}

impl<A: Clone + Send + 'static> Waiting<A> {
    /// One more that waits; `list` finds this list again in the actor.
    pub(crate) fn add<P: Process>(
        &mut self,
        ctx: &Context<P>,
        list: fn(&mut P) -> &mut Self,
    ) -> Future<A> {
        let (promise, future) = Promise::new();
        let (pid, number) = (ctx.pid(), self.next);
        self.next += 1;
        promise.on_discard(move || pid.dispatch(move |actor, _| list(actor).leave(number)));
        self.promises.push((number, promise));
        future
    }

    fn leave(&mut self, number: u64) {
        let at = self.promises.iter().position(|(known, _)| *known == number);
        if let Some(at) = at {
            let (_, promise) = self.promises.swap_remove(at);
            promise.discard();
        }
    }

    /// Answers all of them.
    pub(crate) fn answer(&mut self, answer: &A) {
        for (_, promise) in std::mem::take(&mut self.promises) {
            promise.set(answer.clone());
        }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.promises.len()
    }
}
