//! Calls that reserve, weigh, limit and end.

use mesos_common::resources::Resources;
use mesos_proto::internal::ShutdownFrameworkMessage;
use mesos_proto::v1;
use mesos_proto::v1::master::Call;
use mesos_proto::v1::master::call::{ReserveResources, Type, UnreserveResources};
use mesos_proto::v1::scheduler::{call, event};
use serde_json::{Value, json};

use crate::support::api::{Form, in_both_forms, plain, with};
use crate::support::operations::{holds, parsed, reserved};
use crate::support::{ALICE, Agent, BOB, Scheduler, Stage, mine, ruled};

fn reserve(agent: &Agent, resources: &Resources, source: Option<&Resources>) -> Call {
    let source = source.map(Resources::to_proto).unwrap_or_default();
    Call {
        reserve_resources: Some(
            ReserveResources {
                agent_id: Some(agent.proto_id()),
                resources: resources.to_proto(),
                source,
                ..Default::default()
            }
            .into(),
        ),
        ..plain(Type::ReserveResources)
    }
}

fn unreserve(agent: &Agent, resources: &Resources) -> Call {
    Call {
        unreserve_resources: Some(
            UnreserveResources {
                agent_id: Some(agent.proto_id()),
                resources: resources.to_proto(),
                ..Default::default()
            }
            .into(),
        ),
        ..plain(Type::UnreserveResources)
    }
}

fn first_offer(scheduler: &mut Scheduler) -> v1::Offer {
    scheduler.offers().first().expect("an offer").clone()
}

/// The offer that replaces one which is taken back.
#[track_caller]
fn offered_instead(stage: &Stage, scheduler: &mut Scheduler, taken: &v1::Offer) -> v1::Offer {
    let rescind = scheduler.expect(event::Type::Rescind);
    assert_eq!(rescind.rescind().offer_id(), taken.id());
    scheduler.say(call::Type::Revive);
    scheduler.next_offer(stage)
}

/// Mirrors: MasterAPITest.ReserveResources
#[test]
fn operator_reserves_what_is_offered() {
    in_both_forms(|form| {
        let (stage, _file) = Stage::guarded();
        let agent = stage.agent("cpus:2;mem:1024");
        let mut scheduler = stage.subscribe(mine("role"));
        let offer = first_offer(&mut scheduler);
        assert!(holds(&offer, &parsed("cpus:1;mem:512")));
        let wanted = reserved("cpus:1;mem:512", "role");

        stage.told(form, Some(ALICE), &reserve(&agent, &wanted, None), 202);

        let offer = offered_instead(&stage, &mut scheduler, &offer);
        assert!(holds(&offer, &wanted));
    });
}

/// Mirrors: MasterAPITest.UnreserveResources
#[test]
fn operator_gives_reserved_resources_back() {
    in_both_forms(|form| {
        let (stage, _file) = Stage::guarded();
        let agent = stage.agent("cpus:2;mem:1024");
        let taken = reserved("cpus:1;mem:512", "role");
        stage.told(form, Some(ALICE), &reserve(&agent, &taken, None), 202);
        let mut scheduler = stage.subscribe(mine("role"));
        let offer = first_offer(&mut scheduler);
        assert!(holds(&offer, &taken));

        stage.told(form, Some(ALICE), &unreserve(&agent, &taken), 202);

        let offer = offered_instead(&stage, &mut scheduler, &offer);
        assert!(holds(&offer, &parsed("cpus:2;mem:1024")));
        assert!(!holds(&offer, &taken));
    });
}

/// Resources that are reserved for `role` and then for a role below it.
fn refined(role: &str) -> Resources {
    let mut list = reserved("cpus:1;mem:10", "role").to_proto();
    for resource in &mut list {
        let mut inner = resource.reservations[0].clone();
        inner.role = Some(role.to_owned());
        resource.reservations.push(inner);
    }
    Resources::from_proto(&list)
}

#[track_caller]
fn all_that_is_reserved(stage: &Stage, role: &str) {
    let agents = stage.http_as(ALICE, "GET", "/slaves", b"").json();
    let reserved = &agents["slaves"][0]["reserved_resources"];
    let expected = json!({role: {"cpus": 1.0, "disk": 0.0, "gpus": 0.0, "mem": 10.0}});
    assert_eq!(reserved, &expected);
}

/// Mirrors: MasterAPITest.ReservationUpdate
#[test]
fn reservation_moves_to_another_role_when_its_source_is_right() {
    in_both_forms(|form| {
        let (stage, _file) = Stage::guarded();
        let agent = stage.agent("cpus:2;mem:1024");
        let (foo, bar) = (refined("role/foo"), refined("role/bar"));
        let attempt = |from: &Resources, to: &Resources, status: u16| {
            stage.told(form, Some(ALICE), &reserve(&agent, to, Some(from)), status);
        };

        attempt(&bar, &foo, 409);
        attempt(&parsed("cpus:1;mem:10"), &foo, 202);
        all_that_is_reserved(&stage, "role/foo");
        let operation = agent.perform(&stage);
        assert_eq!(Resources::from_proto(&operation.reserve().resources), foo);
        attempt(&bar, &foo, 409);
        attempt(&foo, &bar, 202);

        all_that_is_reserved(&stage, "role/bar");
        let operation = agent.perform(&stage);
        assert_eq!(Resources::from_proto(&operation.reserve().resources), bar);
        assert_eq!(Resources::from_proto(&operation.reserve().source), foo);
    });
}

fn set_quota() -> Call {
    let scalar = |name: &str, value: f64| json!({"name": name, "type": "SCALAR", "scalar": {"value": value}});
    let request = json!({
        "force": true,
        "role": "role1",
        "guarantee": [scalar("cpus", 1.0), scalar("mem", 512.0)],
    });
    with(Type::SetQuota, &json!({ "quota_request": request }))
}

/// What is guaranteed to each role.
fn guarantees(stage: &Stage, form: Form) -> Vec<(String, Resources)> {
    let answer = stage.shown(form, Type::GetQuota);
    let infos = answer.get_quota().status().infos.iter();
    infos
        .map(|info| {
            let guarantee = Resources::from_proto(&info.guarantee);
            (info.role().to_owned(), guarantee)
        })
        .collect()
}

/// Mirrors: MasterAPITest.GetQuota
/// Mirrors: MasterAPITest.SetQuota
/// Mirrors: MasterAPITest.RemoveQuota
#[test]
fn quota_is_set_shown_and_removed() {
    in_both_forms(|form| {
        let stage = Stage::start();

        stage.told(form, None, &set_quota(), 200);
        let expected = vec![("role1".to_owned(), parsed("cpus:1;mem:512"))];
        assert_eq!(guarantees(&stage, form), expected);
        let remove = with(Type::RemoveQuota, &json!({"role": "role1"}));
        stage.told(form, None, &remove, 200);

        assert_eq!(guarantees(&stage, form), vec![]);
    });
}

fn weights(stage: &Stage, form: Form) -> Vec<(String, f64)> {
    let answer = stage.shown(form, Type::GetWeights);
    let infos = answer.get_weights().weight_infos.iter();
    infos
        .map(|info| (info.role().to_owned(), info.weight()))
        .collect()
}

/// Mirrors: MasterAPITest.GetWeights
/// Mirrors: MasterAPITest.UpdateWeights
#[test]
fn weights_are_shown_and_updated() {
    in_both_forms(|form| {
        let stage = Stage::start_with(|flags| flags.weights = Some("role=2.0".to_owned()));
        assert_eq!(weights(&stage, form), vec![("role".to_owned(), 2.0)]);

        let update = json!({"weight_infos": [{"role": "role", "weight": 4.0}]});
        stage.told(form, None, &with(Type::UpdateWeights, &update), 200);

        assert_eq!(weights(&stage, form), vec![("role".to_owned(), 4.0)]);
    });
}

/// How many frameworks are there, and how many are completed.
fn frameworks(stage: &Stage, form: Form) -> (usize, usize) {
    let answer = stage.asked(form, Some(ALICE), &plain(Type::GetFrameworks));
    let shown = answer.get_frameworks();
    (shown.frameworks.len(), shown.completed_frameworks.len())
}

/// Mirrors: MasterAPITest.Teardown
#[test]
fn framework_is_removed_by_whom_it_may_be() {
    let acls: Value = json!({"teardown_frameworks": [
        {"principals": {"values": ["bob"]}, "framework_principals": {"type": "NONE"}},
        {"principals": {"values": ["alice"]}, "framework_principals": {"values": ["alice"]}}]});
    in_both_forms(|form| {
        let (stage, _file) = ruled(&acls);
        let agent = stage.agent("cpus:2;mem:1024");
        let mut scheduler = stage.subscribe(mine("role"));
        let id = json!({"framework_id": {"value": scheduler.id.value()}});
        let call = with(Type::Teardown, &id);
        assert_eq!(frameworks(&stage, form), (1, 0));

        stage.told(form, Some(BOB), &call, 403);
        assert_eq!(frameworks(&stage, form), (1, 0));
        stage.told(form, Some(ALICE), &call, 200);

        assert_eq!(frameworks(&stage, form), (0, 1));
        let shutdown: ShutdownFrameworkMessage = agent.peer.expect();
        assert_eq!(shutdown.framework_id(), &scheduler.id);
        while scheduler.next().is_some() {}
    });
}
