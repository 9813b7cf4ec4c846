//! Masters that take over from each other.

mod needs_zookeeper;
