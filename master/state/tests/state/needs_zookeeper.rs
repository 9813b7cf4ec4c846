//! What the storage in ZooKeeper promises, asked of a real server.

use std::time::Duration;

use mesos_detector::zookeeper::GroupOptions;
use mesos_integration::zookeeper_server::ZooKeeperServer;
use mesos_state::ZooKeeperStorage;

use super::{Fixture, State};

fn fixture() -> Fixture<ZooKeeperServer> {
    let server = ZooKeeperServer::start().expect("a server");
    Fixture::of(server, |runtime, server| {
        let url = format!("zk://{}/state/", server.address());
        let options = GroupOptions {
            url: url.parse().expect("an address of ZooKeeper"),
            session_timeout: Duration::from_secs(4),
        };
        State::new(ZooKeeperStorage::start(runtime, options))
    })
}

/// Mirrors: ZooKeeperStateTest.FetchAndStoreAndFetch
/// Mirrors: ZooKeeperStateTest.FetchAndStoreAndStoreAndFetch
/// Mirrors: ZooKeeperStateTest.FetchAndStoreAndStoreFailAndFetch
#[test]
fn only_the_newest_version_is_stored_again() {
    let fixture = fixture();
    let empty = fixture.fetch();

    let first = fixture.store(&empty, "one").expect("stored");
    let second = fixture.store(&first, "two").expect("stored again");
    let stale = fixture.store(&first, "three");

    assert!(empty.value().is_empty());
    assert!(stale.is_none());
    assert_eq!(fixture.fetch(), second);
}

/// Mirrors: ZooKeeperStateTest.FetchAndStoreAndExpungeAndFetch
/// Mirrors: ZooKeeperStateTest.FetchAndStoreAndExpungeAndExpunge
/// Mirrors: ZooKeeperStateTest.FetchAndStoreAndExpungeAndStoreAndFetch
#[test]
fn a_variable_is_expunged_once_and_can_be_stored_again() {
    let fixture = fixture();
    let stored = fixture.store(&fixture.fetch(), "one").expect("stored");

    let expunged = fixture.wait(fixture.state.expunge(stored.clone()));
    let again = fixture.wait(fixture.state.expunge(stored.clone()));
    let emptied = fixture.fetch();
    fixture.store(&stored, "two").expect("stored again");

    assert_eq!((expunged, again), (true, false));
    assert!(emptied.value().is_empty());
    assert_eq!(fixture.fetch().value(), "two");
}

/// Mirrors: ZooKeeperStateTest.Names
#[test]
fn names_are_the_nodes_of_the_folder() {
    let fixture = fixture();
    let before = fixture.wait(fixture.state.names());

    fixture.store(&fixture.fetch(), "one").expect("stored");

    assert!(before.is_empty());
    assert_eq!(fixture.wait(fixture.state.names()), ["agents"]);
}

#[test]
fn more_than_a_megabyte_is_refused() {
    let fixture = fixture();
    let large = fixture.fetch().mutate(vec![7; 1024 * 1024].into());

    let refused = fixture
        .runtime
        .block_on(fixture.state.store(&large))
        .ready();

    let error = refused.expect("an answer").expect_err("too big");
    assert_eq!(error.to_string(), "Serialized data is too big (> 1 MB)");
}
