//! The client of ZooKeeper that all of this stands on.

use zookeeper_client::{Acl, Acls, AuthId, CreateMode, Permission};

use super::*;

async fn connect(server: &ZooKeeperServer, credentials: &str) -> Client {
    let address = server.address().to_string();
    let mut connector = Client::connector().with_server_version(3, 4, 0);
    if !credentials.is_empty() {
        connector = connector.with_auth("digest", credentials.as_bytes());
    }
    connector.connect(&address).await.expect("connects")
}

fn creator_only_writes() -> [Acl; 2] {
    [
        Acl::new(Permission::READ, AuthId::anyone()),
        Acl::new(Permission::ALL, AuthId::authed()),
    ]
}

/// Mirrors: ZooKeeperTest.Auth
#[test]
fn only_its_creator_writes_a_protected_node() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();

    runtime.block_on(async {
        let creator = connect(&server, "creator:creator").await;
        let acls = creator_only_writes();
        let options = CreateMode::Persistent.with_acls(Acls::new(&acls));
        creator
            .create("/test", b"42", &options)
            .await
            .expect("creates");

        for credentials in ["", "non-owner:non-owner"] {
            let other = connect(&server, credentials).await;
            let (data, _) = other.get_data("/test").await.expect("reads");
            let written = other.set_data("/test", b"", None).await;

            assert_eq!(data, b"42");
            assert_eq!(written.err(), Some(Error::NoAuth));
        }
    });
    runtime.shutdown();
}

/// Mirrors: ZooKeeperTest.Create
#[test]
fn folders_are_made_on_the_way_and_protected_ones_take_no_children_of_others() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();

    runtime.block_on(async {
        let creator = connect(&server, "creator:creator").await;
        let acls = creator_only_writes();
        let options = CreateMode::Persistent.with_acls(Acls::new(&acls));
        creator.mkdir("/foo/bar", &options).await.expect("makes");
        let everyone_creates = [
            Acl::new(Permission::CREATE | Permission::READ, AuthId::anyone()),
            Acl::new(Permission::ALL, AuthId::authed()),
        ];
        let shared = CreateMode::Persistent.with_acls(Acls::new(&everyone_creates));
        creator
            .create("/foo/bar/baz", b"43", &shared)
            .await
            .expect("creates");
        let other = connect(&server, "non-owner:non-owner").await;

        let beside = other.create("/foo/bar/bam", b"", &options).await;
        other
            .create("/foo/bar/baz/bam", b"44", &options)
            .await
            .expect("creates");
        let sequential = CreateMode::EphemeralSequential.with_acls(Acls::new(&acls));
        let (_, sequence) = other
            .create("/foo/bar/baz/", b"", &sequential)
            .await
            .expect("creates");

        let again = other.create("/foo/bar/baz/bam", b"", &options).await;

        assert_eq!(again.err(), Some(Error::NodeExists));
        assert_eq!(beside.err(), Some(Error::NoAuth));
        let (data, _) = other.get_data("/foo/bar/baz/bam").await.expect("reads");
        assert_eq!(data, b"44");
        assert!(sequence.to_string().starts_with('0'));
    });
    // Who cannot make the folder of a group uses the one that is there.
    let url = format!("zk://non-owner:non-owner@{}/foo/bar/baz", server.address());
    let options = GroupOptions {
        url: url.parse().expect("an address of ZooKeeper"),
        session_timeout: Duration::from_secs(4),
    };
    let group = Group::start(&runtime, options);
    let joined = join(&runtime, &group, "45");
    let data = wait(&runtime, group.data(joined.membership));

    assert_eq!(data, Ok(Some(b"45".to_vec())));
    runtime.shutdown();
}

/// Mirrors: ZooKeeperTest.SessionTimeoutNegotiation
#[test]
fn a_session_lasts_as_long_as_the_server_allows() {
    let limits = "minSessionTimeout=8000\nmaxSessionTimeout=20000\n";
    let server = ZooKeeperServer::start_with(limits).expect("a server");
    let runtime = runtime();
    let negotiated = [(7_000, 8_000), (10_000, 10_000), (22_000, 20_000)];

    runtime.block_on(async {
        for (wanted, granted) in negotiated {
            let client = Client::connector()
                .with_server_version(3, 4, 0)
                .with_session_timeout(Duration::from_millis(wanted))
                .with_connection_timeout(Duration::from_secs(10))
                .connect(&server.address().to_string())
                .await
                .expect("connects");

            assert_eq!(client.session_timeout(), Duration::from_millis(granted));
        }
    });
    runtime.shutdown();
}
