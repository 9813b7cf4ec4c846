//! What fails around three masters, and what must not be lost by it.

mod needs_zookeeper;
