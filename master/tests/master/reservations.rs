//! Dynamic reservations by frameworks.

use mesos_common::resources::Resources;
use mesos_proto::internal::{
    AgentReregisteredMessage, ApplyOperationMessage, CheckpointResourcesMessage, RunTaskMessage,
};

use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::agent_info::capability::Type as Capability;
use mesos_proto::v1::scheduler::call;

use crate::support::operations::{holds, parsed, reserve, reserved, reserved_by, unreserve};
use crate::support::{
    Agent, Scheduler, Stage, agent_capabilities, agent_info, framework, launch, mine, task_with,
};

fn staged(resources: &str, info: v1::FrameworkInfo) -> (Stage, Agent, Scheduler, v1::Offer) {
    let stage = Stage::start();
    let agent = stage.agent(resources);
    let mut scheduler = stage.subscribe(info);
    let offer = scheduler.offers().first().expect("an offer").clone();
    (stage, agent, scheduler, offer)
}

/// Mirrors: ReservationTest.ReserveThenUnreserve
/// Mirrors: ReservationTest.WithoutAuthenticationWithPrincipal
#[test]
fn reserved_resources_come_back_reserved_until_they_are_given_back() {
    let (stage, _agent, mut scheduler, offer) = staged("cpus:1;mem:512", mine("role"));
    let (free, taken) = (parsed("cpus:1;mem:512"), reserved("cpus:1;mem:512", "role"));
    assert!(holds(&offer, &free));

    let offer = scheduler.after(&stage, &offer, vec![reserve(&taken)]);
    assert!(holds(&offer, &taken));
    let offer = scheduler.after(&stage, &offer, vec![unreserve(&taken)]);

    assert!(holds(&offer, &free));
}

/// Mirrors: ReservationTest.WithoutAuthenticationWithoutPrincipal
#[test]
fn framework_without_principal_reserves_without_one() {
    let (stage, _agent, mut scheduler, offer) = staged("cpus:1;mem:512", framework("role"));
    let taken = reserved_by("cpus:1;mem:512", "role", None);

    let offer = scheduler.after(&stage, &offer, vec![reserve(&taken)]);
    assert!(holds(&offer, &taken));
    let offer = scheduler.after(&stage, &offer, vec![unreserve(&taken)]);

    assert!(holds(&offer, &parsed("cpus:1;mem:512")));
}

/// Mirrors: ReservationTest.ReserveTwiceWithDoubleValue
#[test]
fn two_tenths_of_a_cpu_are_one_fifth() {
    let (stage, _agent, mut scheduler, offer) = staged("cpus:24;mem:4096", mine("role"));
    let taken = reserved("cpus:0.1;mem:512", "role");

    let offer = scheduler.after(&stage, &offer, vec![reserve(&taken)]);
    assert!(holds(&offer, &taken));
    let offer = scheduler.after(&stage, &offer, vec![reserve(&taken)]);

    assert!(holds(&offer, &reserved("cpus:0.2;mem:1024", "role")));
}

/// Mirrors: ReservationTest.ReserveAndLaunchThenUnreserve
#[test]
fn task_of_the_same_accept_runs_on_the_reservation() {
    let (stage, agent, mut scheduler, offer) = staged("cpus:1;mem:512", mine("role"));
    let taken = reserved("cpus:1;mem:512", "role");
    let task = task_with("t", &offer, taken.clone());

    scheduler.accept(&offer, vec![reserve(&taken), launch(vec![task])]);
    let run: RunTaskMessage = agent.peer.expect();
    agent.update(&stage, &run, TaskState::TaskFinished, 1);
    let finished = scheduler.update();
    assert_eq!(finished.state(), TaskState::TaskFinished);
    scheduler.acknowledge(&finished);
    let offer = scheduler.next_offer(&stage);
    assert!(holds(&offer, &taken));
    let offer = scheduler.after(&stage, &offer, vec![unreserve(&taken)]);

    assert!(holds(&offer, &parsed("cpus:1;mem:512")));
}

/// Mirrors: ReservationTest.ReserveShareWithinRole
#[test]
fn frameworks_of_a_role_share_what_is_reserved_for_it() {
    let (stage, _agent, mut one, offer) = staged("cpus:1;mem:512", mine("role"));
    let taken = reserved("cpus:1;mem:512", "role");
    let offer = one.after(&stage, &offer, vec![reserve(&taken)]);
    one.decline(std::slice::from_ref(&offer), 1e6);
    stage.settle();

    let mut two = stage.subscribe(mine("role"));

    let offer = two.next_offer(&stage);
    assert!(holds(&offer, &taken));
}

/// Mirrors: ReservationTest.DropReserveTooLarge
#[test]
fn reserving_more_than_is_offered_changes_nothing() {
    let (stage, agent, mut scheduler, offer) = staged("cpus:1;mem:512", mine("role"));

    let offer = scheduler.after(
        &stage,
        &offer,
        vec![reserve(&reserved("cpus:1;mem:1024", "role"))],
    );

    assert!(holds(&offer, &parsed("cpus:1;mem:512")));
    assert!(!agent.peer.has::<ApplyOperationMessage>());
    assert!((stage.metric("master/operations/error") - 1.0).abs() < 1e-9);
}

/// Mirrors: ReservationTest.DropReserveWithDifferentRole
#[test]
fn reserving_for_another_role_changes_nothing() {
    let (stage, agent, mut scheduler, offer) = staged("cpus:1;mem:512", mine("role"));

    let offer = scheduler.after(
        &stage,
        &offer,
        vec![reserve(&reserved("cpus:1;mem:512", "foo"))],
    );

    assert!(holds(&offer, &parsed("cpus:1;mem:512")));
    assert!(!agent.peer.has::<ApplyOperationMessage>());
}

/// Mirrors: ReservationTest.PreventUnreservingAlienResources
#[test]
fn framework_cannot_give_back_what_another_role_reserved() {
    let (stage, _agent, mut one, offer) = staged("cpus:1;mem:512", mine("role1"));
    let (half, taken) = (parsed("mem:256"), reserved("mem:256", "role1"));
    let offer = one.after(&stage, &offer, vec![reserve(&taken)]);
    assert!(holds(&offer, &taken) && holds(&offer, &half));
    one.decline(std::slice::from_ref(&offer), 1e6);
    stage.settle();
    let mut two = stage.subscribe(mine("role2"));
    let offer = two.next_offer(&stage);
    assert!(holds(&offer, &half) && !holds(&offer, &taken));

    let offer = two.after(&stage, &offer, vec![unreserve(&taken)]);

    assert!(holds(&offer, &half) && !holds(&offer, &taken));
    two.decline(std::slice::from_ref(&offer), 1e6);
    two.say(call::Type::Teardown);
    one.say(call::Type::Revive);
    let offer = one.next_offer(&stage);
    assert!(holds(&offer, &half) && holds(&offer, &taken));
}

/// Mirrors: ReservationTest.MasterFailover
#[test]
fn reservation_outlives_the_master() {
    let (stage, agent, mut scheduler, offer) = staged("cpus:8;mem:2048", mine("role"));
    let taken = reserved("cpus:8;mem:2048", "role");
    scheduler.after(&stage, &offer, vec![reserve(&taken)]);
    let next = Stage::start();
    stage.master.shutdown();

    next.send(&agent.peer, &agent.reregistration_storing(&taken));
    let _back: AgentReregisteredMessage = agent.peer.expect();
    let mut info = mine("role");
    info.id = Some(scheduler.id.clone());
    let mut scheduler = next.subscribe(info);

    let offer = scheduler.next_offer(&next);
    assert!(holds(&offer, &taken));
}

fn without_providers() -> Vec<v1::agent_info::Capability> {
    let mut capabilities = agent_capabilities();
    capabilities.retain(|one| {
        !matches!(
            one.r#type(),
            Capability::ResourceProvider | Capability::AgentOperationFeedback
        )
    });
    capabilities
}

/// Mirrors: ReservationCheckpointingTest.SendingCheckpointResourcesMessage
#[test]
fn older_agent_is_told_all_that_it_has_to_store() {
    let stage = Stage::start();
    let agent = stage.agent_that_can(agent_info("cpus:8;mem:4096"), without_providers());
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers().first().expect("an offer").clone();
    let (cpus, mem) = (reserved("cpus:8", "role"), reserved("mem:2048", "role"));

    scheduler.accept(
        &offer,
        vec![reserve(&cpus), reserve(&mem), unreserve(&cpus)],
    );

    for expected in [cpus.clone(), &cpus + &mem, mem] {
        let told: CheckpointResourcesMessage = agent.peer.expect();
        assert_eq!(Resources::from_proto(&told.resources), expected);
    }
}

/// Mirrors: SlaveRecoveryTest.CheckpointedResources
#[test]
fn older_agent_that_missed_a_reservation_is_told_again() {
    let stage = Stage::start();
    let agent = stage.agent_that_can(agent_info("cpus:8;mem:4096"), without_providers());
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers().first().expect("an offer").clone();
    let all = reserved("cpus:8;mem:4096", "role");
    scheduler.accept(&offer, vec![reserve(&all)]);
    let _missed: CheckpointResourcesMessage = agent.peer.expect();

    let mut message = agent.reregistration_storing(&Resources::new());
    message.agent_capabilities = without_providers();
    stage.send(&agent.peer, &message);
    let _back: AgentReregisteredMessage = agent.peer.expect();

    let told: CheckpointResourcesMessage = agent.peer.expect();
    assert_eq!(Resources::from_proto(&told.resources), all);
    let offer = scheduler.next_offer(&stage);
    assert!(holds(&offer, &all));
}
