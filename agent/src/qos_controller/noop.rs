//! Corrects nothing.
//!
//! Mirrors `src/slave/qos_controllers/noop.cpp`.

use std::fmt;
use std::sync::Mutex;

use libprocess::{Future, Promise};
use mesos_proto::agent::QoSCorrection;

use super::QoSController;

/// The controller of an agent that does not oversubscribe.
///
/// It keeps the question open for as long as it lives.
#[derive(Default)]
pub struct NoopQoSController {
    open: Mutex<Vec<Promise<Vec<QoSCorrection>>>>,
}

impl fmt::Debug for NoopQoSController {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoopQoSController").finish_non_exhaustive()
    }
}

impl NoopQoSController {
    /// A controller that was never asked.
    pub fn new() -> Self {
        Self::default()
    }
}

impl QoSController for NoopQoSController {
    fn corrections(&self) -> Future<Vec<QoSCorrection>> {
        let (promise, future) = Promise::new();
        if let Ok(mut open) = self.open.lock() {
            open.push(promise);
        }
        future
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_never_comes() {
        let controller = NoopQoSController::new();

        assert!(controller.corrections().is_pending());
    }
}
