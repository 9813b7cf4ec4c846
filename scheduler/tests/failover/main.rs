//! The legacy driver and masters that take over from each other.

mod needs_zookeeper;
