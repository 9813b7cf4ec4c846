//! Agents through `GET_AGENTS`.

use mesos_common::flags::JsonMessage;
use mesos_common::resources::Resources;
use mesos_proto::v1;
use mesos_proto::v1::master::call::Type;
use mesos_proto::v1::master::response::get_agents;
use serde_json::json;

use crate::support::api::{Form, Who, in_both_forms, plain};
use crate::support::operations::{provided, reserved_by};
use crate::support::operator::form as reservation;
use crate::support::{ALICE, Agent, BOB, Stage, agent_info, from_json, provider, ruled};

fn domain(region: &str, zone: &str) -> v1::DomainInfo {
    from_json(&json!({"fault_domain": {"region": {"name": region}, "zone": {"name": zone}}}))
}

/// The only agent that the master shows.
#[track_caller]
fn only_agent(stage: &Stage, form: Form, who: Who<'_>) -> get_agents::Agent {
    let answer = stage.asked(form, who, &plain(Type::GetAgents));
    let [agent] = answer.get_agents().agents.as_slice() else {
        panic!("one agent")
    };
    agent.clone()
}

fn raw_disk() -> Resources {
    let disk: v1::Resource = from_json(&json!({
        "name": "disk", "type": "SCALAR", "scalar": {"value": 200},
        "disk": {"source": {"type": "RAW"}},
    }));
    Resources::from_proto(&[disk])
}

/// Mirrors: MasterAPITest.GetAgents
/// Mirrors: MasterAPITest.GetAgentsDisconnectedResourceProvider
#[test]
fn agent_is_shown_with_its_resource_providers() {
    let stage = Stage::start_with(|flags| {
        flags.domain = Some(JsonMessage::new(domain("region-abc", "zone-123")));
    });
    let mut info = agent_info("cpus:2;mem:1024;disk:1024;ports:[31000-32000]");
    info.domain = Some(domain("region-xyz", "zone-456"));
    let agent = stage.agent_of(info);
    in_both_forms(|form| {
        let shown = only_agent(&stage, form, None);
        assert_eq!(shown.agent_info().hostname(), "host");
        assert_eq!(
            shown.agent_info().domain(),
            &domain("region-xyz", "zone-456")
        );
        assert_eq!(shown.pid(), agent.peer.upid().to_string());
        assert!(shown.active());
        assert_eq!(shown.version(), "1.11.0");
        assert_eq!(shown.total_resources.len(), 4);
        assert!(shown.resource_providers.is_empty());
    });

    agent.announce(
        &stage,
        vec![],
        Some(vec![provider("rp", &raw_disk(), vec![])]),
    );

    in_both_forms(|form| {
        let shown = only_agent(&stage, form, None);
        let [provider] = shown.resource_providers.as_slice() else {
            panic!("one resource provider")
        };
        let info = provider.resource_provider_info();
        assert_eq!(
            (info.r#type(), info.name(), info.id().value()),
            ("org.apache.mesos.rp.test", "test", "rp")
        );
        assert_eq!(
            Resources::from_proto(&provider.total_resources),
            provided(&raw_disk(), "rp")
        );
    });
    agent.announce(&stage, vec![], Some(vec![]));
    in_both_forms(|form| {
        let shown = only_agent(&stage, form, None);
        assert!(shown.resource_providers.is_empty());
    });
}

/// Of all that is reserved only the one role is shown, in the form of older and of newer masters.
fn shows_only(agent: &get_agents::Agent, role: &str, kind: &str) {
    let described = &agent.agent_info().resources;
    assert!(described.iter().all(|one| one.role.is_none()));
    let of_others = |one: &v1::Resource| one.reservations.iter().any(|held| held.role() != role);
    assert!(!described.iter().any(of_others));
    let lists = [
        &agent.total_resources,
        &agent.allocated_resources,
        &agent.offered_resources,
    ];
    let mut held = 0;
    for resource in lists.into_iter().flatten() {
        assert!(resource.allocation_info.is_none());
        if resource.role() == "*" {
            assert!(resource.reservation.is_none() && resource.reservations.is_empty());
            continue;
        }
        assert_eq!(resource.role(), role);
        held += 1;
        assert_eq!(resource.reservation.is_some(), kind == "DYNAMIC");
        assert!(
            resource
                .reservation
                .as_ref()
                .is_none_or(|one| one.role.is_none())
        );
        let [reservation] = resource.reservations.as_slice() else {
            panic!("one reservation")
        };
        assert_eq!(reservation.role(), role);
        assert_eq!(reservation.r#type().as_str_name(), kind);
    }
    assert!(held > 0);
}

/// Mirrors: MasterAPITest.GetAgentsFiltering
#[test]
fn reservations_are_shown_to_those_who_may_see_their_role() {
    let (stage, _file) = ruled(&json!({"view_roles": [
        {"principals": {"values": ["alice"]}, "roles": {"values": ["superhero"]}},
        {"principals": {"values": ["alice"]}, "roles": {"type": "NONE"}},
        {"principals": {"values": ["bob"]}, "roles": {"values": ["muggle"]}},
        {"principals": {"values": ["bob"]}, "roles": {"type": "NONE"}}]}));
    let agent = stage.agent(
        "cpus(muggle):1;cpus:2;gpus:0;mem(muggle):1024;mem:1024;disk(muggle):1024;disk:1024;\
         ports(muggle):[30000-30999];ports:[31000-32000]",
    );
    let wanted = reserved_by("cpus:1;mem:12", "superhero", Some("alice"));
    let answer = stage.post("/reserve", &reservation(&agent, "resources", &wanted));
    assert_eq!(answer, (202, String::new()));
    stage.settle();

    in_both_forms(|form| {
        let alice = only_agent(&stage, form, Some(ALICE));
        assert!(
            alice
                .agent_info()
                .resources
                .iter()
                .all(|one| one.reservations.is_empty())
        );
        shows_only(&alice, "superhero", "DYNAMIC");
        shows_only(&only_agent(&stage, form, Some(BOB)), "muggle", "STATIC");
    });
}

#[track_caller]
fn listed(stage: &Stage, registered: &[&Agent], recovered: &[&Agent]) {
    let ids = |agents: &[&Agent]| agents.iter().map(|one| one.proto_id()).collect::<Vec<_>>();
    in_both_forms(|form| {
        let answer = stage.shown(form, Type::GetAgents);
        let agents = answer.get_agents();
        let here = agents
            .agents
            .iter()
            .map(|one| one.agent_info().id().clone());
        assert_eq!(here.collect::<Vec<_>>(), ids(registered));
        let awaited = agents.recovered_agents.iter().map(|info| info.id().clone());
        assert_eq!(awaited.collect::<Vec<_>>(), ids(recovered));
    });
}

/// Mirrors: MasterAPITest.GetRecoveredAgents
#[test]
fn agents_of_the_registry_are_shown_until_they_are_back() {
    let mut stage = Stage::start();
    let mut agent = stage.agent(
        "cpus(foo):1;cpus:2;mem(foo):1024;mem:1024;disk(foo):1024;disk:1024;ports:[31000-32000]",
    );
    let wanted = reserved_by("cpus:1;mem:12", "bar", None);
    let form = reservation(&agent, "resources", &wanted);
    assert_eq!(stage.post_as(None, "/reserve", &form), (202, String::new()));
    listed(&stage, &[&agent], &[]);
    stage.fail_over(|_| {});
    listed(&stage, &[], &[&agent]);

    agent.come_back(&stage, &[]);

    listed(&stage, &[&agent], &[]);
}
