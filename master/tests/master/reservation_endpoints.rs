//! `/reserve` and `/unreserve`.

use mesos_common::resources::Resources;
use mesos_proto::internal::{KillTaskMessage, RunTaskMessage};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::{Call, call, event};

use crate::support::operations::{holds, parsed, reserved, reserved_by};
use crate::support::operator::{form, list};
use crate::support::{Agent, BOB, MALLORY, Scheduler, Stage, launch, mine, task_with};

const ACCEPTED: (u16, String) = (202, String::new());

fn staged(resources: &str) -> (Stage, tempfile::NamedTempFile, Agent) {
    let (stage, file) = Stage::guarded();
    let agent = stage.agent(resources);
    (stage, file, agent)
}

fn reserve(stage: &Stage, agent: &Agent, resources: &Resources) -> (u16, String) {
    stage.post("/reserve", &form(agent, "resources", resources))
}

fn unreserve(stage: &Stage, agent: &Agent, resources: &Resources) -> (u16, String) {
    stage.post("/unreserve", &form(agent, "resources", resources))
}

fn first_offer(scheduler: &mut Scheduler) -> v1::Offer {
    scheduler.offers().first().expect("an offer").clone()
}

/// The offer after a revival.
fn revived(stage: &Stage, scheduler: &mut Scheduler) -> v1::Offer {
    scheduler.say(call::Type::Revive);
    scheduler.next_offer(stage)
}

fn all() -> (Resources, Resources) {
    (parsed("cpus:1;mem:512"), reserved("cpus:1;mem:512", "role"))
}

/// Mirrors: ReservationEndpointsTest.AvailableResources
#[test]
fn free_resources_are_reserved_and_given_back() {
    let (stage, _file, agent) = staged("cpus:1;mem:512");
    let (free, taken) = all();

    assert_eq!(reserve(&stage, &agent, &taken), ACCEPTED);
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = first_offer(&mut scheduler);
    assert!(holds(&offer, &taken));
    scheduler.decline(std::slice::from_ref(&offer), 1000.0);
    stage.settle();
    assert_eq!(unreserve(&stage, &agent, &taken), ACCEPTED);

    assert!(holds(&revived(&stage, &mut scheduler), &free));
}

/// Mirrors: ReservationEndpointsTest.ReserveOfferedResources
#[test]
fn offered_resources_are_taken_back_and_reserved() {
    let (stage, _file, agent) = staged("cpus:1;mem:512");
    let (free, taken) = all();
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = first_offer(&mut scheduler);
    assert!(holds(&offer, &free));

    assert_eq!(reserve(&stage, &agent, &taken), ACCEPTED);

    let rescind = scheduler.expect(event::Type::Rescind);
    assert_eq!(rescind.rescind().offer_id(), offer.id());
    assert!(holds(&revived(&stage, &mut scheduler), &taken));
}

/// Mirrors: ReservationEndpointsTest.UnreserveOfferedResources
#[test]
fn offered_reservation_is_taken_back_and_ended() {
    let (stage, _file, agent) = staged("cpus:1;mem:512");
    let (free, taken) = all();
    reserve(&stage, &agent, &taken);
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = first_offer(&mut scheduler);
    assert!(holds(&offer, &taken));

    assert_eq!(unreserve(&stage, &agent, &taken), ACCEPTED);

    let rescind = scheduler.expect(event::Type::Rescind);
    assert_eq!(rescind.rescind().offer_id(), offer.id());
    assert!(holds(&revived(&stage, &mut scheduler), &free));
}

/// A task takes `available`; what is left is offered; the task is killed, so that one part of
/// everything is free and the other offered.
fn half_free(stage: &Stage, agent: &Agent, available: &Resources) -> (Scheduler, v1::Offer) {
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = first_offer(&mut scheduler);
    let task = task_with("t", &offer, available.clone());
    scheduler.accept(&offer, vec![launch(vec![task])]);
    let run: RunTaskMessage = agent.peer.expect();
    let offer = scheduler.next_offer(stage);
    scheduler.call(Call {
        r#type: Some(call::Type::Kill.into()),
        kill: Some(
            call::Kill {
                task_id: run.task().task_id.clone(),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    });
    let _kill: KillTaskMessage = agent.peer.expect();
    agent.update(stage, &run, TaskState::TaskKilled, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskKilled);
    stage.settle();
    (scheduler, offer)
}

/// Mirrors: ReservationEndpointsTest.ReserveAvailableAndOfferedResources
#[test]
fn free_and_offered_resources_are_reserved_together() {
    let (stage, _file, agent) = staged("cpus:1;mem:512");
    let taken = reserved("cpus:1;mem:512", "role");
    let (mut scheduler, offer) = half_free(&stage, &agent, &parsed("cpus:1;mem:128"));
    assert!(holds(&offer, &parsed("mem:384")));

    assert_eq!(reserve(&stage, &agent, &taken), ACCEPTED);

    scheduler.expect(event::Type::Rescind);
    assert!(holds(&revived(&stage, &mut scheduler), &taken));
}

/// Mirrors: ReservationEndpointsTest.UnreserveAvailableAndOfferedResources
#[test]
fn free_and_offered_reservations_end_together() {
    let (stage, _file, agent) = staged("cpus:1;mem:512");
    let taken = reserved("cpus:1;mem:512", "role");
    assert_eq!(reserve(&stage, &agent, &taken), ACCEPTED);
    let (mut scheduler, offer) = half_free(&stage, &agent, &reserved("cpus:1;mem:128", "role"));
    assert!(holds(&offer, &reserved("mem:384", "role")));

    assert_eq!(unreserve(&stage, &agent, &taken), ACCEPTED);

    scheduler.expect(event::Type::Rescind);
    assert!(holds(
        &revived(&stage, &mut scheduler),
        &parsed("cpus:1;mem:512")
    ));
}

fn labelled(value: &str) -> Resources {
    let mut list = reserved("cpus:1;mem:512", "role").to_proto();
    for resource in &mut list {
        for reservation in &mut resource.reservations {
            reservation.labels = Some(v1::Labels {
                labels: vec![v1::Label {
                    key: Some("foo".to_owned()),
                    value: Some(value.to_owned()),
                    ..Default::default()
                }],
                ..Default::default()
            });
        }
    }
    Resources::from_proto(&list)
}

/// Mirrors: ReservationEndpointsTest.LabeledResources
#[test]
fn labels_tell_reservations_apart() {
    let (stage, _file, agent) = staged("cpus:2;mem:1024");
    let (bar, baz) = (labelled("bar"), labelled("baz"));
    let (half, total) = (parsed("cpus:1;mem:512"), parsed("cpus:2;mem:1024"));
    assert_eq!(reserve(&stage, &agent, &bar), ACCEPTED);
    assert_eq!(reserve(&stage, &agent, &baz), ACCEPTED);
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = first_offer(&mut scheduler);
    assert!(holds(&offer, &bar) && holds(&offer, &baz));

    assert_eq!(unreserve(&stage, &agent, &bar), ACCEPTED);
    scheduler.expect(event::Type::Rescind);
    let offer = revived(&stage, &mut scheduler);
    assert!(holds(&offer, &half) && holds(&offer, &baz));
    assert!(!holds(&offer, &total) && !holds(&offer, &bar));

    assert_eq!(unreserve(&stage, &agent, &bar).0, 409);
    assert_eq!(unreserve(&stage, &agent, &baz), ACCEPTED);
    scheduler.expect(event::Type::Rescind);
    let offer = revived(&stage, &mut scheduler);
    assert!(holds(&offer, &total) && !holds(&offer, &bar) && !holds(&offer, &baz));
}

/// Mirrors: ReservationEndpointsTest.InvalidResource
#[test]
fn nothing_is_reserved_for_everybody() {
    let (stage, _file, agent) = staged("cpus:1;mem:512");
    let body = format!(
        r#"slaveId={}&resources=[{{"name":"cpus","type":"SCALAR","scalar":{{"value":1}},
        "reservations":[{{"type":"DYNAMIC","role":"*","principal":"alice"}}]}}]"#,
        agent.id
    );

    for path in ["/reserve", "/unreserve"] {
        let (status, text) = stage.post(path, &body);
        assert_eq!(status, 400);
        assert!(
            text.contains("Invalid reservation: role \"*\" cannot be reserved"),
            "{text}"
        );
    }
}

/// Mirrors: ReservationEndpointsTest.InsufficientResources
#[test]
fn more_than_there_is_cannot_be_reserved_or_given_back() {
    let (stage, _file, agent) = staged("cpus:1;mem:512");
    let much = reserved("cpus:4;mem:4096", "role");

    assert_eq!(reserve(&stage, &agent, &much).0, 409);
    assert_eq!(unreserve(&stage, &agent, &much).0, 409);
}

/// Mirrors: ReservationEndpointsTest.NoHeader
/// Mirrors: ReservationEndpointsTest.BadCredentials
#[test]
fn who_proves_nothing_reserves_nothing() {
    let (stage, _file, agent) = staged("cpus:1;mem:512");
    let body = form(&agent, "resources", &all().1);

    for who in [None, Some(MALLORY)] {
        for path in ["/reserve", "/unreserve"] {
            assert_eq!(stage.post_as(who, path, &body).0, 401, "{path}");
        }
    }
}

/// Mirrors: ReservationEndpointsTest.NoSlaveId
/// Mirrors: ReservationEndpointsTest.NoResources
#[test]
fn agent_and_resources_must_be_named() {
    let (stage, _file, agent) = staged("cpus:1;mem:512");
    let no_agent = format!("resources={}", list(&all().1));
    let no_resources = format!("slaveId={}", agent.id);

    for path in ["/reserve", "/unreserve"] {
        assert_eq!(stage.post(path, &no_agent).0, 400);
        assert_eq!(stage.post(path, &no_resources).0, 400);
    }
}

/// Mirrors: ReservationEndpointsTest.NonMatchingPrincipal
#[test]
fn operator_reserves_in_his_own_name() {
    let (stage, _file, agent) = staged("cpus:1;mem:512");
    let taken = reserved_by("cpus:1;mem:512", "role", Some("badPrincipal"));

    assert_eq!(reserve(&stage, &agent, &taken).0, 400);
}

/// Mirrors: ReservationEndpointsTest.ReserveAndUnreserveNoAuthentication
#[test]
fn without_authentication_any_principal_may_stand_there() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:1;mem:512");

    for principal in [None, Some("alice")] {
        let taken = reserved_by("cpus:1;mem:512", "role", principal);
        let body = form(&agent, "resources", &taken);
        assert_eq!(stage.post_as(None, "/reserve", &body), ACCEPTED);
        assert_eq!(stage.post_as(None, "/unreserve", &body), ACCEPTED);
    }
}

/// Mirrors: ReservationEndpointsTest.DifferentPrincipalsSameRole
#[test]
fn two_operators_reserve_for_one_role() {
    let (stage, _file, agent) = staged("cpus:2;mem:1024");
    let alice = reserved_by("cpus:1;mem:512", "role", Some("alice"));
    let bob = reserved_by("cpus:1;mem:512", "role", Some("bob"));
    assert_eq!(reserve(&stage, &agent, &alice), ACCEPTED);
    let body = form(&agent, "resources", &bob);
    assert_eq!(stage.post_as(Some(BOB), "/reserve", &body), ACCEPTED);

    let mut scheduler = stage.subscribe(mine("role"));

    let offer = first_offer(&mut scheduler);
    assert!(holds(&offer, &alice) && holds(&offer, &bob));
}
