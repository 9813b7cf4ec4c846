//! A state that moves only along named transitions, and futures of states.
//!
//! Mirrors `3rdparty/libprocess/include/process/state_machine.hpp`.

use std::fmt;

use thiserror::Error;

use crate::future::Future;
use crate::promise::Promise;

/// The state is another one than the transition begins with.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("Invalid current state")]
pub struct InvalidState;

/// A state, and who waits for which one.
///
/// # Examples
/// ```
/// use libprocess::{InvalidState, StateMachine};
///
/// #[derive(Clone, Copy, Debug, PartialEq, Eq)]
/// enum Turnstile { Locked, Unlocked }
/// use Turnstile::{Locked, Unlocked};
///
/// let mut turnstile = StateMachine::new(Locked);
/// let opened = turnstile.when(Unlocked);
/// assert_eq!(turnstile.transition(Locked, Unlocked, || "coin"), Ok("coin"));
/// assert!(opened.now().is_some());
/// assert_eq!(turnstile.transition(Locked, Unlocked, || "coin"), Err(InvalidState));
/// ```
pub struct StateMachine<S> {
    state: S,
    waiting: Vec<(S, Promise<()>)>,
}

impl<S: Copy + PartialEq> StateMachine<S> {
    /// Begins in a state.
    #[must_use]
    pub const fn new(initial: S) -> Self {
        Self {
            state: initial,
            waiting: Vec::new(),
        }
    }

    /// Moves from one state to another, tells those who wait for it, and then runs `effect`.
    ///
    /// What needs time belongs between two states: move to one that says that it is going on, and move again after.
    ///
    /// # Errors
    /// When the state is not `from`; nothing has happened then.
    pub fn transition<R>(
        &mut self,
        from: S,
        to: S,
        effect: impl FnOnce() -> R,
    ) -> Result<R, InvalidState> {
        if self.state != from {
            return Err(InvalidState);
        }
        self.state = to;
        let (reached, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(state, _)| *state == to);
        self.waiting = waiting;
        let reached: Vec<(S, Promise<()>)> = reached;
        for (_, promise) in reached {
            promise.set(());
        }
        Ok(effect())
    }

    /// Whether this is the present state.
    #[must_use]
    pub fn is(&self, state: S) -> bool {
        self.state == state
    }

    /// Ready when the state is this one: at once, or the next time that it becomes it.
    pub fn when(&mut self, state: S) -> Future<()> {
        if self.state == state {
            return Future::ready(());
        }
        let (promise, reached) = Promise::new();
        self.waiting.push((state, promise));
        reached
    }
}

impl<S: fmt::Debug> fmt::Debug for StateMachine<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateMachine")
            .field("state", &self.state)
            .field("waiting", &self.waiting.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::future::Outcome;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum State {
        Initial,
        Starting,
        Running,
        Stopping,
        Stopped,
    }

    /// Mirrors: StateMachineTest.Transition
    #[test]
    fn a_transition_happens_once_and_gives_what_its_effect_gives() {
        let mut machine = StateMachine::new(State::Initial);

        let started = machine.transition(State::Initial, State::Starting, || 42);
        assert_eq!(started, Ok(42));
        let again = machine.transition(State::Initial, State::Starting, || ());
        assert_eq!(again, Err(InvalidState));

        let failing = machine.transition(State::Starting, State::Running, || Err::<(), _>("no"));
        assert_eq!(failing, Ok(Err("no")));
        assert!(machine.is(State::Running));

        let (promise, future) = Promise::new();
        let stopping = machine.transition(State::Running, State::Stopping, || future);
        let stopping = stopping.expect("the machine is running");
        assert!(stopping.is_pending());
        promise.set(42);
        assert_eq!(stopping.now(), Some(Outcome::Ready(42)));

        let failure = || Future::<u32>::failed("Failure");
        let stopped = machine.transition(State::Stopping, State::Stopped, failure);
        let outcome = stopped.expect("the machine is stopping").now();
        assert_eq!(outcome, Some(Outcome::Failed("Failure".to_owned())));
    }

    /// Mirrors: StateMachineTest.Is
    #[test]
    fn the_present_state_is_told() {
        let mut machine = StateMachine::new(State::Starting);
        assert!(machine.is(State::Starting));

        machine
            .transition(State::Starting, State::Running, || ())
            .expect("a transition");

        assert!(machine.is(State::Running) && !machine.is(State::Starting));
    }

    /// Mirrors: StateMachineTest.When
    #[test]
    fn who_waits_for_a_state_is_told_when_it_comes() {
        let mut machine = StateMachine::new(State::Starting);
        let now = machine.when(State::Starting);
        let running = machine.when(State::Running);
        let stopped = machine.when(State::Stopped);
        assert!(!now.is_pending() && running.is_pending());

        machine
            .transition(State::Starting, State::Running, || ())
            .expect("a transition");

        assert_eq!(running.now(), Some(Outcome::Ready(())));
        assert!(stopped.is_pending());
    }
}
