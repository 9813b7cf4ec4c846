//! Never has anything to give a second time.
//!
//! Mirrors `src/slave/resource_estimators/noop.cpp`.

use libprocess::Future;
use mesos_common::resources::Resources;

use super::ResourceEstimator;
use crate::unanswered::Unanswered;

/// The estimator of an agent that does not oversubscribe: it never answers, so the master hears of no estimate.
#[derive(Debug, Default)]
pub struct NoopResourceEstimator {
    open: Unanswered<Resources>,
}

impl ResourceEstimator for NoopResourceEstimator {
    fn oversubscribable(&self) -> Future<Resources> {
        self.open.ask()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_never_comes() {
        let estimator = NoopResourceEstimator::default();

        assert!(estimator.oversubscribable().is_pending());
    }
}
