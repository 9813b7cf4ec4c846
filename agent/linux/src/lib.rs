//! What Mesos asks of the Linux kernel: process trees and how processes end.

pub mod process_tree;
pub mod wait_status;
