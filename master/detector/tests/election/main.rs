//! Who leads: alone, and through a real ZooKeeper.
mod needs_zookeeper;
mod silent;
mod standalone;
