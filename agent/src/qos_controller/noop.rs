//! Corrects nothing.
//!
//! Mirrors `src/slave/qos_controllers/noop.cpp`.

use libprocess::Future;
use mesos_proto::agent::QoSCorrection;

use super::QoSController;
use crate::unanswered::Unanswered;

/// The controller of an agent that does not oversubscribe: it never answers.
#[derive(Debug, Default)]
pub struct NoopQoSController {
    open: Unanswered<Vec<QoSCorrection>>,
}

impl QoSController for NoopQoSController {
    fn corrections(&self) -> Future<Vec<QoSCorrection>> {
        self.open.ask()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_never_comes() {
        let controller = NoopQoSController::default();

        assert!(controller.corrections().is_pending());
    }
}
