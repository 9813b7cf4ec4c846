//! Contenders and detectors of the leading master.
//!
//! A master contends for leadership; masters, agents and drivers detect who leads.
//! The standalone pair knows what it is told; the other pair meets in [`zookeeper`].

pub mod contender;
pub mod detector;
pub mod master_info;
mod waiting;
pub mod zookeeper;

pub use contender::{ContendError, Contender, StandaloneContender, ZooKeeperContender};
pub use detector::{
    CreateError, DetectError, Detector, StandaloneDetector, ZooKeeperDetector, create_detector,
};
pub use master_info::{master_info, master_info_from_pid, same_master};
