//! ZooKeeper: groups of ephemeral nodes, and who leads them.
//!
//! Mirrors `src/zookeeper` of C++ Mesos on the `zookeeper-client` crate.
//! The client keeps one session alive; when that session has expired a new client is made, which
//! is what C++ `ZooKeeperProcess` does with a new handle.

mod group;
mod leader_contender;
mod leader_detector;
mod membership;
mod session;
mod url;

pub use self::{
    group::{Cancelled, Group, GroupError, GroupOptions, JoinRequest, Joined},
    leader_contender::{ContenderError, LeaderContender},
    leader_detector::LeaderDetector,
    membership::Membership,
    session::{Failure, Session, failure_of},
    url::{UrlError, ZooKeeperUrl},
};
