//! How a framework registers, is authenticated, and comes back.

use std::time::Duration;

use libprocess::Upid;
use mesos_proto::internal::FrameworkReregisteredMessage;
use mesos_proto::v1::scheduler::call;

use super::*;

/// Mirrors: MesosSchedulerDriverTest.RegistrationWithZeroFailoverTime
#[test]
fn registration_is_repeated_until_it_is_answered() {
    let mut pair = Pair::start_with(|options| {
        options.framework.failover_timeout = Some(0.0);
        options.flags.registration_backoff_factor = Duration::from_millis(1);
    });

    let first = pair.subscribe_call();
    let second = pair.subscribe_call();

    assert_eq!(first, second);
    assert_eq!(first.framework_id, None);
    assert_eq!(first.subscribe().force, None);
    pair.register();
}

#[test]
fn driver_with_a_framework_id_takes_over_once() {
    let mut pair = Pair::start_with(|options| options.framework.id = Some(framework_id()));

    let call = pair.subscribe_call();

    assert_eq!(call.framework_id(), &framework_id());
    assert_eq!(call.subscribe().force, Some(true));
}

/// Mirrors: MesosSchedulerDriverTest.RegisterWithSuppressedRole
#[test]
fn suppressed_roles_go_with_the_registration() {
    let mut pair = Pair::start_with(|options| options.suppressed_roles = vec!["a".into()]);

    let call = pair.subscribe_call();

    assert_eq!(call.subscribe().suppressed_roles, ["a"]);
}

/// Mirrors: MesosSchedulerDriverTest.ReregisterAfterSuppress
#[test]
fn registration_after_a_lost_connection_keeps_what_was_suppressed() {
    let mut pair = Pair::start();
    pair.register();
    pair.driver.suppress_offers(Vec::new());
    assert_eq!(pair.next_call().r#type(), call::Type::Suppress);

    let framework = pair.framework.clone().unwrap();
    pair.driver.dispatch(move |process, ctx| {
        let master = process.master.clone().unwrap();
        process.exited(&master, ctx);
    });
    assert_eq!(pair.next_told(), Told::Disconnected);
    let call = pair.subscribe_call();

    assert_eq!(call.subscribe().suppressed_roles, ["a", "b"]);
    assert_eq!(call.subscribe().force, Some(false));
    assert_eq!(pair.framework, Some(framework));
    pair.send(FrameworkReregisteredMessage {
        framework_id: Some(framework_id()),
        master_info: Some(master_info().into()),
        ..Default::default()
    });
    assert_eq!(pair.next_told(), Told::Reregistered);
}

/// An authentication whose outcome the test has chosen.
struct Chosen(Vec<Future<bool>>);

impl Authenticatee for Chosen {
    fn authenticate(
        &mut self,
        _: &Runtime,
        _: &Upid,
        client: &Upid,
        credential: &Credential,
    ) -> Future<bool> {
        assert!(client.id.starts_with("scheduler-"));
        assert_eq!(credential.principal, "me");
        self.0.remove(0)
    }
}

fn authenticating(outcomes: Vec<Future<bool>>) -> Pair {
    Pair::start_with(|options| {
        let credential = Credential {
            principal: "me".into(),
            secret: "secret".into(),
        };
        options.credential = Some(credential);
        options.authenticatee = Box::new(Chosen(outcomes));
    })
}

#[test]
fn framework_registers_once_it_is_authenticated() {
    let mut pair = authenticating(vec![Future::failed("try again"), Future::ready(true)]);

    pair.register();
}

#[test]
fn refused_authentication_aborts_the_driver() {
    let mut pair = authenticating(vec![Future::ready(false)]);

    assert_eq!(
        pair.next_told(),
        Told::Error("Master refused authentication".into())
    );
    assert_eq!(pair.driver.join(), Status::Aborted);
}
