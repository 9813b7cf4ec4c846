//! Schedules, machines that go down and come up, and frameworks that are asked to leave.

use std::time::Duration;

use mesos_proto::internal::{
    AgentRegisteredMessage, RegisterAgentMessage, ResourceOffersMessage, RunTaskMessage,
    ShutdownMessage,
};
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::{Call, call, event};
use mesos_proto::v1::task_status::{Reason, Source};
use mesos_proto::{v0, v1};
use serde_json::{Value, json};

use crate::support::{
    ALICE, Agent, Answer, BOB, Driver, MALLORY, Peer, Scheduler, Stage, agent_capabilities,
    credentials, framework, launch, refusing, ruled, run_one, task, uuid_message,
};

/// A window of maintenance that begins at 60 s and lasts 120 s.
fn window(machines: &[Value]) -> Value {
    let unavailability = json!({
        "start": {"nanoseconds": 60_000_000_000_i64},
        "duration": {"nanoseconds": 120_000_000_000_i64},
    });
    json!({"machine_ids": machines, "unavailability": unavailability})
}

fn machine(hostname: &str, ip: &str) -> Value {
    json!({"hostname": hostname, "ip": ip})
}

/// The machine of the agents that tests start.
fn here() -> Value {
    machine("host", "127.0.0.1")
}

/// Three machines, each named differently.
fn machines() -> [Value; 3] {
    [
        json!({"hostname": "Machine1"}),
        json!({"ip": "0.0.0.2"}),
        machine("Machine3", "0.0.0.3"),
    ]
}

fn schedule(stage: &Stage, windows: &[Value]) -> Answer {
    let body = json!({"windows": windows}).to_string();
    stage.http("POST", "/maintenance/schedule", &[], body.as_bytes())
}

fn bring(stage: &Stage, direction: &str, machines: &[Value]) -> Answer {
    let body = json!(machines).to_string();
    stage.http(
        "POST",
        &format!("/machine/{direction}"),
        &[],
        body.as_bytes(),
    )
}

#[track_caller]
fn accepted(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
}

#[track_caller]
fn refused(answer: &Answer, text: &str) {
    assert_eq!((answer.status, answer.text().as_str()), (400, text));
}

/// Mirrors: MasterMaintenanceTest.UpdateSchedule
#[test]
fn schedule_is_checked_and_shown() {
    let stage = Stage::start();
    let [one, two, _] = machines();
    let with = |unavailability: Value| {
        let mut window = window(&[machines()[0].clone()]);
        *window.pointer_mut("/unavailability").expect("a plan") = unavailability;
        window
    };

    accepted(&schedule(&stage, &[window(std::slice::from_ref(&one))]));
    let shown = stage.get("/maintenance/schedule");
    assert_eq!(shown["windows"].as_array().expect("a list").len(), 1);
    assert_eq!(shown["windows"][0]["machine_ids"], json!([one]));

    refused(
        &schedule(&stage, &[window(&[])]),
        "List of machines in the maintenance window is empty",
    );
    let past = with(json!({"start": {"nanoseconds": -10_000_000_000_i64}}));
    accepted(&schedule(&stage, &[past]));
    let negative = with(json!({
        "start": {"nanoseconds": 0},
        "duration": {"nanoseconds": -10_000_000_000_i64},
    }));
    refused(
        &schedule(&stage, &[negative]),
        "Unavailability 'duration' is negative",
    );
    let twice = [
        window(std::slice::from_ref(&one)),
        window(std::slice::from_ref(&one)),
    ];
    refused(
        &schedule(&stage, &twice),
        r#"Machine '{"hostname":"Machine1"}' appears more than once in the schedule"#,
    );
    refused(
        &schedule(&stage, &[window(&[json!({})])]),
        "Both 'hostname' and 'ip' for a machine are empty",
    );
    accepted(&schedule(&stage, &[window(&[one, two])]));
    accepted(&schedule(&stage, &[]));
    assert_eq!(stage.get("/maintenance/status"), json!({}));
}

/// Mirrors: MasterMaintenanceTest.FailToUnscheduleDeactivatedMachines
#[test]
fn machine_that_is_down_stays_scheduled() {
    let stage = Stage::start();
    let [one, two, _] = machines();
    accepted(&schedule(&stage, &[window(&[one.clone(), two.clone()])]));
    accepted(&bring(&stage, "down", std::slice::from_ref(&one)));

    let without = schedule(&stage, &[window(&[two])]);

    refused(
        &without,
        r#"Machine '{"hostname":"Machine1"}' is deactivated and cannot be removed from the schedule"#,
    );
    accepted(&bring(&stage, "up", &[one]));
}

#[test]
fn machine_that_is_down_keeps_its_agents_out_of_the_next_master() {
    let mut stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    accepted(&schedule(&stage, &[window(&[here()])]));
    accepted(&bring(&stage, "down", &[here()]));

    stage.fail_over(|_| {});
    let again = Peer::start(&stage.runtime, "slave");
    stage.send(&again, &registration(&agent));

    let refused: ShutdownMessage = again.expect();
    assert_eq!(refused.message(), "Machine is `DOWN`");
}

#[test]
fn schedule_survives_the_master() {
    let mut stage = Stage::start();
    let [one, two, _] = machines();
    accepted(&schedule(&stage, &[window(&[one.clone(), two.clone()])]));
    accepted(&bring(&stage, "down", std::slice::from_ref(&one)));
    let before = stage.get("/maintenance/status");

    stage.fail_over(|_| {});

    assert_eq!(stage.get("/maintenance/status"), before);
    assert_eq!(before["down_machines"], json!([one]));
    assert_eq!(before["draining_machines"], json!([{"id": two}]));
}

fn start(unavailability: &v1::Unavailability) -> (i64, i64) {
    let duration = unavailability.duration().nanoseconds();
    (unavailability.start().nanoseconds(), duration)
}

const PLANNED: (i64, i64) = (60_000_000_000, 120_000_000_000);

/// Mirrors: MasterMaintenanceTest.PendingUnavailabilityTest
#[test]
fn scheduled_agent_is_offered_again_with_its_unavailability() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("*"));
    let before = scheduler.offers();

    accepted(&schedule(&stage, &[window(&[here()])]));

    let rescinded = scheduler.expect(event::Type::Rescind);
    let after = scheduler.offers();
    let inverse = scheduler.expect(event::Type::InverseOffers);
    assert_eq!(before.len(), 1);
    assert!(before[0].unavailability.is_none());
    assert_eq!(rescinded.rescind().offer_id(), before[0].id());
    assert_eq!(after.len(), 1);
    assert_eq!(start(after[0].unavailability()), PLANNED);
    assert_eq!(inverse.inverse_offers().inverse_offers.len(), 1);
}

/// Mirrors: MasterMaintenanceTest.PreV1SchedulerSupport
#[test]
fn driver_sees_the_unavailability_in_offers() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024");
    let driver = Driver::subscribe(&stage, framework("*"));
    let before = driver.offers();

    accepted(&schedule(&stage, &[window(&[here()])]));

    assert_eq!(&driver.rescinded(), before[0].id());
    let after: ResourceOffersMessage = driver.peer.expect();
    assert!(!before.is_empty() && !after.offers.is_empty());
    assert!(before.iter().all(|offer| offer.unavailability.is_none()));
    let planned = |offer: &v1::Offer| start(offer.unavailability()) == PLANNED;
    assert!(after.offers.iter().all(planned));
}

fn registration(agent: &Agent) -> RegisterAgentMessage {
    let mut info = agent.info.clone();
    info.id = None;
    RegisterAgentMessage {
        agent: Some(info.into()),
        version: Some("1.11.0".to_owned()),
        agent_capabilities: agent_capabilities(),
        resource_version_uuid: Some(uuid_message(1)),
        ..Default::default()
    }
}

/// Mirrors: MasterMaintenanceTest.EnterMaintenanceMode
#[test]
fn agent_of_a_machine_that_is_down_is_kept_out() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("*"));
    let run = run_one(&mut scheduler, &agent, "t", "cpus:1;mem:64");
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);
    accepted(&schedule(&stage, &[window(&[here()])]));

    accepted(&bring(&stage, "down", &[here()]));

    let shutdown: ShutdownMessage = agent.peer.expect();
    assert_eq!(shutdown.message(), "Operator initiated 'Machine DOWN'");
    let lost = scheduler.update();
    assert_eq!(lost.state(), TaskState::TaskLost);
    assert_eq!(lost.source(), Source::SourceMaster);
    assert_eq!(lost.reason(), Reason::ReasonAgentRemoved);
    let failure = scheduler.expect(event::Type::Failure);
    assert_eq!(failure.failure().agent_id(), &agent.proto_id());
    agent.peer.disappear();
    let again = Peer::start(&stage.runtime, "slave");
    stage.send(&again, &registration(&agent));
    let refused: ShutdownMessage = again.expect();
    assert_eq!(refused.message(), "Machine is `DOWN`");
    accepted(&bring(&stage, "up", &[here()]));
    stage.send(&again, &registration(&agent));
    let _registered: AgentRegisteredMessage = again.expect();
}

/// Waits for one inverse offer.
#[track_caller]
fn asked(scheduler: &mut Scheduler) -> v1::InverseOffer {
    let asked = scheduler.expect(event::Type::InverseOffers);
    let offers = &asked.inverse_offers().inverse_offers;
    assert_eq!(offers.len(), 1);
    offers.first().expect("an inverse offer").clone()
}

#[track_caller]
fn decline(scheduler: &Scheduler, offer: &v1::InverseOffer, seconds: f64) {
    let answer = scheduler.call(Call {
        r#type: Some(call::Type::DeclineInverseOffers.into()),
        decline_inverse_offers: Some(call::DeclineInverseOffers {
            inverse_offer_ids: vec![offer.id().clone()],
            filters: Some(refusing(seconds)),
            ..Default::default()
        }),
        ..Default::default()
    });
    assert_eq!(answer.status, 202);
}

#[track_caller]
fn accept(scheduler: &Scheduler, offer: &v1::InverseOffer) {
    let answer = scheduler.call(Call {
        r#type: Some(call::Type::AcceptInverseOffers.into()),
        accept_inverse_offers: Some(call::AcceptInverseOffers {
            inverse_offer_ids: vec![offer.id().clone()],
            filters: Some(refusing(0.0)),
            ..Default::default()
        }),
        ..Default::default()
    });
    assert_eq!(answer.status, 202);
}

fn next_run(stage: &Stage) {
    stage.settle();
    stage.advance(Duration::from_secs(1));
}

/// Mirrors: MasterMaintenanceTest.InverseOffers
#[test]
fn answers_to_inverse_offers_are_shown_and_asked_for_again() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    accepted(&schedule(&stage, &[window(&[here()])]));
    let status = |of: &str| {
        let status = stage.get("/maintenance/status");
        assert!(status.get("down_machines").is_none());
        let draining = status["draining_machines"]
            .as_array()
            .expect("a list")
            .clone();
        assert_eq!(draining.len(), 1);
        assert_eq!(draining[0]["id"]["hostname"], "host");
        draining[0].get(of).cloned().unwrap_or_default()
    };
    assert_eq!(status("statuses"), Value::Null);
    let mut scheduler = stage.subscribe(framework("*"));
    let offers = scheduler.offers();
    assert!(offers.iter().all(|offer| offer.unavailability.is_some()));
    let wanted = task("t", &offers[0], "cpus:2;mem:1024");
    scheduler.accept(&offers[0], vec![launch(vec![wanted])]);
    let _run: RunTaskMessage = agent.peer.expect();

    let first = asked(&mut scheduler);
    decline(&scheduler, &first, 0.0);
    next_run(&stage);
    let second = asked(&mut scheduler);
    let declined = status("statuses");
    accept(&scheduler, &second);
    next_run(&stage);
    let third = asked(&mut scheduler);
    let agreed = status("statuses");

    assert_eq!(first.agent_id(), &agent.proto_id());
    assert_eq!(start(first.unavailability()), PLANNED);
    assert!(first.id() != second.id() && second.id() != third.id());
    for (statuses, expected) in [(declined, "DECLINE"), (agreed, "ACCEPT")] {
        assert_eq!(statuses.as_array().expect("a list").len(), 1);
        assert_eq!(statuses[0]["status"], expected);
        assert_eq!(statuses[0]["framework_id"]["value"], scheduler.id.value());
    }
}

/// Mirrors: MasterMaintenanceTest.InverseOffersFilters
#[test]
fn declined_inverse_offer_rests_as_long_as_its_filter() {
    let stage = Stage::start();
    let agents = [
        stage.agent("cpus:2;mem:1024"),
        stage.agent_at("host-2", "cpus:2;mem:1024"),
    ];
    let both = [here(), machine("host-2", "127.0.0.1")];
    accepted(&schedule(&stage, &[window(&both)]));
    let mut scheduler = stage.subscribe(framework("*"));
    let offers = scheduler.offers();
    assert_eq!(offers.len(), 2);
    for (index, offer) in offers.iter().enumerate() {
        assert!(offer.unavailability.is_some());
        let wanted = task(&format!("t{index}"), offer, "cpus:2;mem:1024");
        scheduler.accept(offer, vec![launch(vec![wanted])]);
    }
    let first = scheduler.expect(event::Type::InverseOffers);
    let inverse = &first.inverse_offers().inverse_offers;
    assert_eq!(inverse.len(), 2);
    let of = |agent: &Agent| {
        let found = inverse
            .iter()
            .find(|one| one.agent_id() == &agent.proto_id());
        found.expect("an inverse offer").clone()
    };
    let [one, two] = agents.each_ref().map(of);

    decline(&scheduler, &two, 101.0);
    accept(&scheduler, &one);
    next_run(&stage);
    let again = asked(&mut scheduler);
    decline(&scheduler, &again, 0.0);
    next_run(&stage);
    let once_more = asked(&mut scheduler);

    assert_eq!(again.agent_id(), one.agent_id());
    assert_eq!(once_more.agent_id(), one.agent_id());
}

/// Mirrors: MasterMaintenanceTest.EndpointsBadAuthentication
#[test]
fn strangers_neither_see_nor_change_maintenance() {
    let file = credentials();
    let path = file.path().to_owned();
    let stage = Stage::start_with(|flags| {
        flags.credentials = Some(path);
        flags.authenticate_http_readonly = true;
        flags.authenticate_http_readwrite = true;
    });
    let windows = json!({"windows": [window(&[here()])]}).to_string();
    let list = json!([here()]).to_string();

    for (method, path, body) in [
        ("POST", "/maintenance/schedule", windows.as_str()),
        ("GET", "/maintenance/schedule", ""),
        ("POST", "/machine/up", &list),
        ("POST", "/machine/down", &list),
        ("GET", "/maintenance/status", ""),
    ] {
        let nobody = stage.http(method, path, &[], body.as_bytes());
        let stranger = stage.http_as(MALLORY, method, path, body.as_bytes());

        assert_eq!(
            (nobody.status, stranger.status),
            (401, 401),
            "{method} {path}"
        );
    }
    let alice = stage.http_as(ALICE, "GET", "/maintenance/status", b"");
    assert_eq!((alice.status, alice.json()), (200, json!({})));
}

/// Mirrors: MasterMaintenanceTest.AcceptInvalidInverseOffer
#[test]
fn void_inverse_offer_is_ignored() {
    let stage = Stage::start();
    let driver = Driver::subscribe(&stage, framework("*"));
    let id = v1::OfferId {
        value: Some("invalid-inverse-offer".to_owned()),
        ..Default::default()
    };

    stage.send(
        &driver.peer,
        &v0::scheduler::Call {
            framework_id: Some(driver.id.clone()),
            r#type: Some(call::Type::AcceptInverseOffers.into()),
            accept_inverse_offers: Some(call::AcceptInverseOffers {
                inverse_offer_ids: vec![id],
                ..Default::default()
            }),
            ..Default::default()
        },
    );
    stage.settle();

    assert_eq!(stage.get("/maintenance/status"), json!({}));
    assert_eq!(stage.get("/frameworks")["frameworks"][0]["active"], true);
}

/// A master on which `bob` may not do one thing.
fn without_bob(right: &str) -> (Stage, tempfile::NamedTempFile) {
    let nothing = json!([{
        "principals": {"values": ["bob"]},
        "machines": {"type": "NONE"},
    }]);
    ruled(&json!({right: nothing}))
}

fn bring_as(stage: &Stage, who: (&str, &str), direction: &str, machines: &[Value]) -> u16 {
    let body = json!(machines).to_string();
    let path = format!("/machine/{direction}");
    stage.http_as(who, "POST", &path, body.as_bytes()).status
}

fn schedule_as(stage: &Stage, who: (&str, &str), windows: &[Value]) -> u16 {
    let body = json!({"windows": windows}).to_string();
    let answer = stage.http_as(who, "POST", "/maintenance/schedule", body.as_bytes());
    answer.status
}

fn seen_by(stage: &Stage, who: (&str, &str), what: &str) -> Value {
    let answer = stage.http_as(who, "GET", &format!("/maintenance/{what}"), b"");
    assert_eq!(answer.status, 200);
    answer.json()
}

/// Mirrors: MasterMaintenanceTest.BringDownMachines
#[test]
fn only_draining_machines_go_down() {
    let (stage, _file) = without_bob("start_maintenances");
    let [one, two, _] = machines();
    let both = [one.clone(), two.clone()];
    let down = |who, machines: &[Value]| bring_as(&stage, who, "down", machines);

    assert_eq!(down(ALICE, &both), 400);
    assert_eq!(down(ALICE, &[]), 400);
    assert_eq!(down(ALICE, &[json!({})]), 400);
    assert_eq!(schedule_as(&stage, ALICE, &[window(&both)]), 200);
    assert_eq!(down(BOB, std::slice::from_ref(&one)), 403);
    assert_eq!(down(ALICE, std::slice::from_ref(&one)), 200);
    assert_eq!(down(ALICE, &[one]), 400);
    assert_eq!(down(ALICE, &both), 400);
    assert_eq!(down(ALICE, &[two]), 200);
}

/// Mirrors: MasterMaintenanceTest.BringUpMachines
#[test]
fn only_machines_that_are_down_come_up() {
    let (stage, _file) = without_bob("stop_maintenances");
    let [one, two, three] = machines();
    let both = [one, two];
    let third = [three];
    let up = |who, machines: &[Value]| bring_as(&stage, who, "up", machines);

    assert_eq!(up(ALICE, &both), 400);
    assert_eq!(
        schedule_as(&stage, ALICE, &[window(&both), window(&third)]),
        200
    );
    assert_eq!(up(ALICE, &both), 400);
    assert_eq!(bring_as(&stage, ALICE, "down", &third), 200);
    assert_eq!(up(BOB, &third), 403);
    assert_eq!(up(ALICE, &third), 200);
    let windows = seen_by(&stage, ALICE, "schedule")["windows"].clone();
    assert_eq!(windows.as_array().expect("a list").len(), 1);
    assert_eq!(windows[0]["machine_ids"], json!(both));
    assert_eq!(bring_as(&stage, ALICE, "down", &both), 200);
    assert_eq!(up(ALICE, &both), 200);
    assert_eq!(seen_by(&stage, ALICE, "schedule"), json!({}));
}

/// Mirrors: MasterMaintenanceTest.MachineStatus
#[test]
fn status_tells_which_machines_drain_and_which_are_down() {
    let (stage, _file) = without_bob("get_maintenance_statuses");
    let [one, two, _] = machines();
    let both = [one.clone(), two.clone()];
    let status = || seen_by(&stage, ALICE, "status");
    assert_eq!(schedule_as(&stage, ALICE, &[window(&both)]), 200);

    assert_eq!(seen_by(&stage, BOB, "status"), json!({}));
    let draining = status();
    assert_eq!(
        draining["draining_machines"]
            .as_array()
            .expect("a list")
            .len(),
        2
    );
    assert_eq!(draining["down_machines"], Value::Null);
    assert_eq!(
        bring_as(&stage, ALICE, "down", std::slice::from_ref(&one)),
        200
    );
    let down = json!({"draining_machines": [{"id": two}], "down_machines": [one]});
    assert_eq!(status(), down);
    assert_eq!(bring_as(&stage, ALICE, "up", &[one]), 200);
    assert_eq!(status(), json!({"draining_machines": [{"id": two}]}));
}
