//! Groups and elections on a real ZooKeeper server.

mod needs_zookeeper;
