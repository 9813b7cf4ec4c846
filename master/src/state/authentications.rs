//! Who has proved, on the legacy wire, to be which principal.
//!
//! # Invariants
//! - A process is in one attempt at most; a new one gives up the old one.
//! - What waits for an attempt goes on only when that attempt came to an end, right or wrong.

use std::collections::HashMap;

use libprocess::{DiscardHandle, Upid};

/// One attempt among all; an answer to an older one is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AttemptId(u64);

/// Attempts in flight and principals that are proved; `W` is what waits for an attempt.
pub(crate) struct Authentications<W> {
    attempts: HashMap<Upid, Attempt<W>>,
    principals: HashMap<Upid, String>,
    last: u64,
}

struct Attempt<W> {
    id: AttemptId,
    give_up: Option<DiscardHandle>,
    waiting: Vec<W>,
}

impl<W> Default for Authentications<W> {
    fn default() -> Self {
        Self {
            attempts: HashMap::new(),
            principals: HashMap::new(),
            last: 0,
        }
    }
}

impl<W> Authentications<W> {
    /// Begins an attempt of a process; what it had proved before counts no more.
    ///
    /// What waited for an older attempt waits for this one.
    pub(crate) fn begin(&mut self, pid: &Upid, give_up: Option<DiscardHandle>) -> AttemptId {
        self.principals.remove(pid);
        self.last += 1;
        let id = AttemptId(self.last);
        let mut attempt = Attempt {
            id,
            give_up,
            waiting: Vec::new(),
        };
        if let Some(old) = self.attempts.remove(pid) {
            if let Some(give_up) = &old.give_up {
                give_up.discard();
            }
            attempt.waiting = old.waiting;
        }
        self.attempts.insert(pid.clone(), attempt);
        id
    }

    /// Ends an attempt with the principal it proved, if any, and returns what waited for it.
    ///
    /// Nothing happens when the attempt is stale.
    pub(crate) fn end(&mut self, pid: &Upid, id: AttemptId, principal: Option<String>) -> Vec<W> {
        if self
            .attempts
            .get(pid)
            .is_none_or(|attempt| attempt.id != id)
        {
            return Vec::new();
        }
        if let Some(principal) = principal {
            self.principals.insert(pid.clone(), principal);
        }
        self.attempts
            .remove(pid)
            .map(|attempt| attempt.waiting)
            .unwrap_or_default()
    }

    /// Lets something wait for the attempt of a process; given back when there is none.
    pub(crate) fn wait(&mut self, pid: &Upid, waiter: W) -> Option<W> {
        match self.attempts.get_mut(pid) {
            Some(attempt) => {
                attempt.waiting.push(waiter);
                None
            }
            None => Some(waiter),
        }
    }

    /// Whether a process is in an attempt.
    pub(crate) fn is_running(&self, pid: &Upid) -> bool {
        self.attempts.contains_key(pid)
    }

    /// The principal that a process has proved to be.
    pub(crate) fn principal(&self, pid: &Upid) -> Option<&str> {
        self.principals.get(pid).map(String::as_str)
    }

    /// Forgets what a process has proved: it is gone.
    pub(crate) fn forget(&mut self, pid: &Upid) {
        self.principals.remove(pid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Upid {
        "scheduler@127.0.0.1:1".parse().expect("a process id")
    }

    #[test]
    fn a_proved_principal_is_remembered_until_the_process_is_gone() {
        let mut authentications = Authentications::<&str>::default();
        let attempt = authentications.begin(&client(), None);
        authentications.end(&client(), attempt, Some("alice".to_owned()));

        assert_eq!(authentications.principal(&client()), Some("alice"));
        authentications.forget(&client());
        assert_eq!(authentications.principal(&client()), None);
    }

    #[test]
    fn the_answer_to_an_older_attempt_is_stale() {
        let mut authentications = Authentications::<&str>::default();
        let old = authentications.begin(&client(), None);
        authentications.wait(&client(), "registration");
        let new = authentications.begin(&client(), None);

        assert!(
            authentications
                .end(&client(), old, Some("alice".to_owned()))
                .is_empty()
        );
        assert_eq!(
            authentications.end(&client(), new, None),
            vec!["registration"]
        );
        assert_eq!(authentications.principal(&client()), None);
    }

    #[test]
    fn nothing_waits_without_an_attempt() {
        let mut authentications = Authentications::default();

        assert_eq!(
            authentications.wait(&client(), "registration"),
            Some("registration")
        );
    }
}
