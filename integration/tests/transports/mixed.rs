//! Settings that differ: whoever chooses for itself goes along with the other.

use super::{cluster, connections, runs_to_its_end};

#[test]
fn auto_speaks_legacy_with_a_peer_that_has_nothing_else() {
    for (master, agent) in [("auto", "legacy"), ("legacy", "auto")] {
        let cluster = cluster(master, agent);

        runs_to_its_end(&cluster);

        assert!(connections(&cluster, "legacy") > 0.0, "{master}, {agent}");
        assert!(connections(&cluster, "grpc") < 1.0, "{master}, {agent}");
    }
}

#[test]
fn auto_speaks_grpc_with_a_peer_that_takes_it() {
    for (master, agent) in [("auto", "grpc"), ("grpc", "auto"), ("auto", "auto")] {
        let cluster = cluster(master, agent);

        runs_to_its_end(&cluster);

        assert!(connections(&cluster, "grpc") > 0.0, "{master}, {agent}");
        assert!(connections(&cluster, "legacy") < 1.0, "{master}, {agent}");
    }
}
