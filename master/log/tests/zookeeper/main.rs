//! Logs whose replicas meet in a real ZooKeeper.

mod needs_zookeeper;
