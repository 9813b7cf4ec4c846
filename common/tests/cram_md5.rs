//! CRAM-MD5 between two hosts over real sockets.

use libprocess::{Context, Future, Outcome, Process, ProcessId, Promise, Runtime, Upid};
use mesos_common::cram_md5::{CramMd5Authenticator, Verdict, authenticate};
use mesos_common::credentials::Credentials;
use mesos_proto::internal::{
    AuthenticateMessage, AuthenticationErrorMessage, AuthenticationMechanismsMessage,
};
use mesos_proto::v1;

/// Starts a session for each client, as a master does.
struct Master {
    authenticator: CramMd5Authenticator,
    verdict: Option<Promise<Outcome<Verdict>>>,
}

impl Process for Master {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("master")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf(|master: &mut Self, from, _: AuthenticateMessage, ctx| {
            let verdict = master.authenticator.authenticate(from);
            ctx.on_any(verdict, |master, outcome, _| {
                if let Some(promise) = master.verdict.take() {
                    promise.set(outcome);
                }
            });
        });
    }
}

fn runtime() -> Runtime {
    let loopback = "127.0.0.1".parse().expect("an address");
    Runtime::builder().ip(loopback).start().expect("a runtime")
}

fn credential(principal: &str, secret: &str) -> v1::Credential {
    v1::Credential {
        principal: Some(principal.to_owned()),
        secret: Some(secret.to_owned()),
        ..Default::default()
    }
}

/// Authenticates with a master that knows `alice` and her secret `rabbit`.
fn attempt(presented: &v1::Credential) -> (Outcome<bool>, Outcome<Verdict>) {
    let (master, client) = (runtime(), runtime());
    let known = v1::Credentials {
        credentials: vec![credential("alice", "rabbit")],
        ..Default::default()
    };
    let (promise, verdict) = Promise::new();
    let process = Master {
        authenticator: CramMd5Authenticator::new(&master, Credentials::from_message(&known)),
        verdict: Some(promise),
    };
    let pid = master.spawn(process);

    let accepted = authenticate(&client, pid.upid(), &client.upid("scheduler"), presented);
    let accepted = client.block_on(accepted);
    let verdict = master.block_on(verdict).ready().expect("a verdict");

    master.shutdown();
    client.shutdown();
    (accepted, verdict)
}

/// Mirrors: CRAMMD5AuthenticationTest.Success
#[test]
fn who_knows_the_secret_is_accepted_by_name() {
    let (accepted, verdict) = attempt(&credential("alice", "rabbit"));

    assert_eq!(accepted.ready(), Some(true));
    assert_eq!(
        verdict.ready(),
        Some(Verdict::Accepted {
            principal: "alice".to_owned()
        })
    );
}

/// Mirrors: CRAMMD5AuthenticationTest.Failed1
#[test]
fn a_wrong_secret_is_refused() {
    let (accepted, verdict) = attempt(&credential("alice", "hare"));

    assert_eq!(accepted.ready(), Some(false));
    assert_eq!(verdict.ready(), Some(Verdict::Refused));
}

/// Mirrors: CRAMMD5AuthenticationTest.Failed2
#[test]
fn an_unknown_principal_is_refused() {
    let (accepted, verdict) = attempt(&credential("mallory", "rabbit"));

    assert_eq!(accepted.ready(), Some(false));
    assert_eq!(verdict.ready(), Some(Verdict::Refused));
}

/// Mirrors: CRAMMD5AuthenticationTest.AuthenticateeSecretMissing
#[test]
fn without_a_secret_nobody_is_accepted() {
    let client = runtime();
    let presented = v1::Credential {
        principal: Some("alice".to_owned()),
        ..Default::default()
    };

    let accepted = authenticate(&client, &Upid::default(), &Upid::default(), &presented);

    assert_eq!(client.block_on(accepted).ready(), Some(false));
    client.shutdown();
}

/// A client that says nothing after its first word.
struct Silent {
    asked: Option<Promise<()>>,
}

impl Process for Silent {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("silent")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf(
            |silent: &mut Self, _, _: AuthenticationMechanismsMessage, _| {
                if let Some(asked) = silent.asked.take() {
                    asked.set(());
                }
            },
        );
    }
}

/// Mirrors: CRAMMD5AuthenticationTest.AuthenticatorDestructionRace
#[test]
fn authenticator_that_goes_away_fails_what_is_going_on() {
    let master = runtime();
    let (promise, asked) = Promise::new();
    let client = master.spawn(Silent {
        asked: Some(promise),
    });
    let known = Credentials::from_message(&v1::Credentials::default());
    let authenticator = CramMd5Authenticator::new(&master, known);
    let verdict = authenticator.authenticate(client.upid());
    master.block_on(asked).ready().expect("the client is asked");

    drop(authenticator);

    assert!(matches!(master.block_on(verdict), Outcome::Failed(_)));
    master.shutdown();
}

/// Refuses at once, as a master without credentials does.
struct Closed;

impl Process for Closed {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("master")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf(|_: &mut Self, from: &Upid, _: AuthenticateMessage, ctx| {
            let answer = AuthenticationErrorMessage {
                error: Some("No authenticator loaded".to_owned()),
                ..Default::default()
            };
            ctx.send_protobuf(from, &answer);
        });
    }
}

#[test]
fn an_error_of_the_master_may_be_tried_again() {
    let (master, client) = (runtime(), runtime());
    let pid = master.spawn(Closed);

    let attempt: Future<bool> = authenticate(
        &client,
        pid.upid(),
        &client.upid("s"),
        &credential("alice", "rabbit"),
    );
    let outcome = client.block_on(attempt);

    assert_eq!(
        outcome.failure(),
        Some("Authentication error: No authenticator loaded")
    );
    master.shutdown();
    client.shutdown();
}
