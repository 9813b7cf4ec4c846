//! The only master wins.
//!
//! Mirrors `src/master/contender/standalone.cpp`.

use libprocess::{Future, Promise};
use mesos_proto::v1;

use super::{Candidacy, ContendError, Contender};

/// A contender without competitors: its candidacy is never lost.
#[derive(Default)]
pub struct StandaloneContender {
    initialized: bool,
    candidacy: Option<Promise<Result<(), ContendError>>>,
}

impl std::fmt::Debug for StandaloneContender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StandaloneContender")
            .field("initialized", &self.initialized)
            .finish()
    }
}

impl Drop for StandaloneContender {
    /// Who is gone does not contend any more.
    fn drop(&mut self) {
        if let Some(candidacy) = self.candidacy.take() {
            candidacy.set(Ok(()));
        }
    }
}

impl Contender for StandaloneContender {
    fn initialize(&mut self, _info: &v1::MasterInfo) {
        self.initialized = true;
    }

    fn contend(&mut self) -> Future<Result<Candidacy, ContendError>> {
        if !self.initialized {
            return Future::ready(Err(ContendError::NotInitialized));
        }
        let (promise, candidacy) = Promise::new();
        self.candidacy = Some(promise);
        Future::ready(Ok(candidacy))
    }
}
