//! Agents that prove who they are.

use std::fs;

use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::eventually;
use mesos_integration::fake_agent::FakeAgent;
use mesos_integration::legacy_peer::LegacyPeer;
use serde_json::json;
use tempfile::TempDir;

/// Starts a master that knows one principal and lets only authenticated agents register.
fn guarded(folder: &TempDir) -> Cluster {
    let known = folder.path().join("credentials");
    let text = r#"{"credentials":[{"principal":"alice","secret":"rabbit"}]}"#;
    fs::write(&known, text).expect("the credentials are in place");
    let credentials = format!("--credentials={}", known.display());
    Cluster::start_with(&["--authenticate_agents", &credentials])
        .expect("the credentials are in place")
}

fn credential(folder: &TempDir, secret: &str) -> String {
    let path = folder.path().join(secret);
    let text = format!(r#"{{"principal":"alice","secret":"{secret}"}}"#);
    fs::write(&path, text).expect("the credentials are in place");
    format!("--credential={}", path.display())
}

/// Mirrors: AuthenticationTest.AuthenticatedSlave
#[test]
fn agent_with_the_right_secret_registers() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = guarded(&folder);

    cluster
        .add_agent_with(&[&credential(&folder, "rabbit"), "--resources=cpus:1;mem:64"])
        .unwrap();

    assert_eq!(cluster.active_agents(), Some(1));
}

/// Mirrors: AuthenticationTest.UnauthenticatedSlave
#[test]
fn agent_that_proves_nothing_gets_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = guarded(&folder);

    let mut peer = LegacyPeer::listen("slave(1)").unwrap();

    FakeAgent::ask(&mut peer, cluster.master.address, &json!([])).unwrap();

    eventually("the refusal", || {
        let log = cluster.master.log();
        log.contains("the agent is not authenticated").then_some(())
    })
    .unwrap();
    assert_eq!(cluster.active_agents(), Some(0));
    assert!(peer.come().is_empty());
}
