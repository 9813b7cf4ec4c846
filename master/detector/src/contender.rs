//! Contending for leadership.
//!
//! Mirrors `src/master/contender/contender.cpp`.

mod standalone;
pub(crate) mod zookeeper;

pub use self::{standalone::StandaloneContender, zookeeper::ZooKeeperContender};

use libprocess::Future;
use mesos_proto::v1;

/// Why a master cannot take part in an election.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContendError {
    /// The contender does not know its master.
    #[error("initialize the contender first")]
    NotInitialized,
    /// The election service failed.
    #[error("{reason}")]
    Service {
        /// What went wrong.
        reason: String,
    },
}

/// A membership in an election: ready when it is lost.
pub type Candidacy = Future<Result<(), ContendError>>;

/// Takes part in the election of the leading master.
pub trait Contender: Send + 'static {
    /// Says which master contends.
    fn initialize(&mut self, info: &v1::MasterInfo);

    /// Enters the election.
    ///
    /// # Errors
    /// Through the future: the master cannot take part.
    fn contend(&mut self) -> Future<Result<Candidacy, ContendError>>;
}
