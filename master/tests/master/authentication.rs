//! Proving who one is on the legacy wire and on HTTP.

use libprocess::Outcome;
use mesos_common::cram_md5::authenticate;
use mesos_proto::internal::{
    AgentRegisteredMessage, FrameworkErrorMessage, FrameworkRegisteredMessage,
    RegisterAgentMessage, RegisterFrameworkMessage,
};
use mesos_proto::v1;

use crate::support::{ALICE, MALLORY, Peer, Stage, agent_info, credentials, framework};

fn credential(secret: &str) -> v1::Credential {
    v1::Credential {
        principal: Some("alice".to_owned()),
        secret: Some(secret.to_owned()),
        ..Default::default()
    }
}

/// Authenticates in the name of a peer.
fn prove(stage: &Stage, peer: &Peer, secret: &str) -> Outcome<bool> {
    let master = stage.master.upid();
    let proof = authenticate(&stage.runtime, master, peer.upid(), &credential(secret));
    let outcome = stage.runtime.block_on(proof);
    stage.settle();
    outcome
}

fn registration(principal: Option<&str>) -> RegisterFrameworkMessage {
    let mut info = framework("eng");
    info.principal = principal.map(str::to_owned);
    RegisterFrameworkMessage {
        framework: Some(info.into()),
        ..Default::default()
    }
}

fn guarded() -> (Stage, tempfile::NamedTempFile) {
    let file = credentials();
    let path = file.path().to_owned();
    let stage = Stage::start_with(|flags| {
        flags.credentials = Some(path);
        flags.authenticate_frameworks = true;
        flags.authenticate_agents = true;
    });
    (stage, file)
}

/// Mirrors: AuthenticationTest.UnauthenticatedFramework
#[test]
fn a_driver_that_proved_nothing_is_refused() {
    let (stage, _file) = guarded();
    let driver = Peer::start(&stage.runtime, "scheduler");

    stage.send(&driver, &registration(None));
    let error: FrameworkErrorMessage = driver.expect();

    assert_eq!(
        error.message(),
        format!("Framework at {} is not authenticated", driver.upid())
    );
}

/// Mirrors: AuthenticationTest.AuthenticatedFramework
#[test]
fn a_driver_that_proved_its_principal_registers() {
    let (stage, _file) = guarded();
    let driver = Peer::start(&stage.runtime, "scheduler");

    let proved = prove(&stage, &driver, "rabbit");
    stage.send(&driver, &registration(None));
    let registered: FrameworkRegisteredMessage = driver.expect();
    let state = stage.get("/master/state");

    assert_eq!(proved.ready(), Some(true));
    assert!(!registered.framework_id().value().is_empty());
    assert_eq!(state["frameworks"][0]["principal"], "alice");
}

/// Mirrors: AuthenticationTest.MismatchedFrameworkInfoPrincipal
#[test]
fn a_driver_cannot_claim_another_principal_than_the_proved_one() {
    let (stage, _file) = guarded();
    let driver = Peer::start(&stage.runtime, "scheduler");
    prove(&stage, &driver, "rabbit");

    stage.send(&driver, &registration(Some("mallory")));
    let error: FrameworkErrorMessage = driver.expect();

    assert_eq!(
        error.message(),
        "Framework principal 'mallory' does not match authenticated principal 'alice'"
    );
}

#[test]
fn a_wrong_secret_is_refused_and_proves_nothing() {
    let (stage, _file) = guarded();
    let driver = Peer::start(&stage.runtime, "scheduler");

    let proved = prove(&stage, &driver, "hare");
    stage.send(&driver, &registration(None));
    let error: FrameworkErrorMessage = driver.expect();

    assert_eq!(proved.ready(), Some(false));
    assert!(error.message().ends_with("is not authenticated"));
}

fn agent_registration() -> RegisterAgentMessage {
    RegisterAgentMessage {
        agent: Some(agent_info("cpus:1").into()),
        version: Some("1.11.0".to_owned()),
        ..Default::default()
    }
}

/// Mirrors: AuthenticationTest.UnauthenticatedSlave
#[test]
fn an_agent_that_proved_nothing_gets_no_answer() {
    let (stage, _file) = guarded();
    let agent = Peer::start(&stage.runtime, "slave");

    stage.send(&agent, &agent_registration());

    assert!(!agent.has::<AgentRegisteredMessage>());
}

/// Mirrors: AuthenticationTest.AuthenticatedSlave
#[test]
fn an_agent_that_proved_its_principal_registers() {
    let (stage, _file) = guarded();
    let agent = Peer::start(&stage.runtime, "slave");

    prove(&stage, &agent, "rabbit");
    stage.send(&agent, &agent_registration());
    let registered: AgentRegisteredMessage = agent.expect();

    assert!(!registered.agent_id().value().is_empty());
}

#[test]
fn without_credentials_whoever_wants_to_prove_something_is_told_so() {
    let stage = Stage::start();
    let driver = Peer::start(&stage.runtime, "scheduler");

    let proved = prove(&stage, &driver, "rabbit");

    assert_eq!(
        proved.failure(),
        Some("Authentication error: No authenticator loaded")
    );
}

#[test]
fn a_closed_realm_asks_for_a_secret_and_opens_with_it() {
    let file = credentials();
    let path = file.path().to_owned();
    let stage = Stage::start_with(|flags| {
        flags.credentials = Some(path);
        flags.authenticate_http_readonly = true;
    });

    let stranger = stage.http("GET", "/master/state", &[], b"");
    let known = stage.http("GET", "/master/state", &[ALICE], b"");

    assert_eq!((stranger.status, known.status), (401, 200));
    assert_eq!(
        stranger.header("WWW-Authenticate"),
        Some(r#"Basic realm="mesos-master-readonly""#)
    );
}

/// Mirrors: RegistrarTest.Authentication
#[test]
fn the_registry_is_shown_to_those_who_prove_who_they_are() {
    let file = credentials();
    let path = file.path().to_owned();
    let stage = Stage::start_with(|flags| {
        flags.credentials = Some(path);
        flags.authenticate_http_readonly = true;
    });
    let registry = "/registrar(1)/registry";

    let nobody = stage.http("GET", registry, &[], b"");
    let stranger = stage.http("GET", registry, &[MALLORY], b"");
    let known = stage.http("GET", registry, &[ALICE], b"");

    assert_eq!(
        (nobody.status, stranger.status, known.status),
        (401, 401, 200)
    );
}
