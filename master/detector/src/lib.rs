//! Contenders and detectors of the leading master.
//!
//! A master contends for leadership; masters, agents and drivers detect who leads.
//! The standalone pair knows what it is told.

pub mod contender;
pub mod detector;
pub mod master_info;

pub use contender::{ContendError, Contender, StandaloneContender};
pub use detector::{CreateError, DetectError, Detector, StandaloneDetector, create_detector};
pub use master_info::{master_info, master_info_from_pid, same_master};
