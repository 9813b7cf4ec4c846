//! What Mesos asks of the Linux kernel: process trees, how processes end, and descriptors that are inherited.

pub mod descriptor;
pub mod process_tree;
pub mod wait_status;
