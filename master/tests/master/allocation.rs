//! Who is offered what, seen from frameworks and agents.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos_common::resources::Resources;
use mesos_proto::internal::UnregisterAgentMessage;
use mesos_proto::internal::{RescindResourceOfferMessage, ResourceOffersMessage, RunTaskMessage};
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::event;

use crate::support::{
    Agent, Driver, Scheduler, Stage, amounts, framework, launch, offered, run_one, task,
};

/// The time between two runs of the allocator.
const INTERVAL: Duration = Duration::from_secs(1);

/// Lets the allocator run once more; what is offered then.
#[track_caller]
fn next_offered(stage: &Stage, scheduler: &mut Scheduler) -> (f64, f64) {
    stage.settle();
    stage.advance(INTERVAL);
    amounts(&scheduler.offers())
}

/// Launches tasks on the next offer, which must hold these amounts.
#[track_caller]
fn run_on(
    scheduler: &mut Scheduler,
    agent: &Agent,
    held: (f64, f64),
    tasks: &[(&str, &str)],
) -> Vec<RunTaskMessage> {
    let offers = scheduler.offers();
    assert_eq!(amounts(&offers), held);
    let offer = offers.first().expect("an offer");
    let infos = tasks.iter().map(|(id, text)| task(id, offer, text));
    scheduler.accept(offer, vec![launch(infos.collect())]);
    tasks.iter().map(|_| agent.peer.expect()).collect()
}

/// Mirrors: MasterAllocatorTest.SingleFramework
#[test]
fn only_framework_is_offered_the_whole_agent() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024;disk:0");

    let mut scheduler = stage.subscribe(framework("*"));

    assert_eq!(amounts(&scheduler.offers()), (2.0, 1024.0));
}

/// Mirrors: MasterAllocatorTest.ResourcesUnused
#[test]
fn what_a_task_leaves_is_offered_to_the_next_framework() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut first = stage.subscribe(framework("*"));
    run_on(
        &mut first,
        &agent,
        (2.0, 1024.0),
        &[("t", "cpus:1;mem:512")],
    );

    let mut second = stage.subscribe(framework("*"));

    assert_eq!(amounts(&second.offers()), (1.0, 512.0));
}

/// Mirrors: MasterAllocatorTest.SchedulerFailover
#[test]
fn scheduler_that_comes_back_is_offered_what_its_task_leaves() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:3;mem:1024");
    let mut info = framework("*");
    info.failover_timeout = Some(10.0);
    let mut first = stage.subscribe(info.clone());
    run_on(
        &mut first,
        &agent,
        (3.0, 1024.0),
        &[("t", "cpus:1;mem:256")],
    );
    let id = first.id.clone();
    drop(first);
    stage.until("the end of the connection", || {
        stage.get("/frameworks")["frameworks"][0]["active"] == false
    });

    info.id = Some(id.clone());
    let mut second = stage.subscribe(info);

    assert_eq!(second.id, id);
    assert_eq!(amounts(&second.offers()), (2.0, 768.0));
}

/// Mirrors: MasterAllocatorTest.FrameworkExited
#[test]
fn resources_of_a_framework_that_ends_go_to_the_other() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:3;mem:1024");
    let mut first = stage.subscribe(framework("*"));
    run_on(
        &mut first,
        &agent,
        (3.0, 1024.0),
        &[("1", "cpus:2;mem:512")],
    );
    let mut second = stage.subscribe(framework("*"));
    run_on(
        &mut second,
        &agent,
        (1.0, 512.0),
        &[("2", "cpus:1;mem:256")],
    );

    first.tear_down();

    assert_eq!(next_offered(&stage, &mut second), (2.0, 768.0));
}

/// Mirrors: MasterAllocatorTest.SlaveLost
#[test]
fn resources_of_a_lost_agent_are_not_offered_with_those_of_a_new_one() {
    let stage = Stage::start();
    let first = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("*"));
    let runs = run_on(
        &mut scheduler,
        &first,
        (2.0, 1024.0),
        &[("t", "cpus:2;mem:512")],
    );
    first.update(&stage, &runs[0], TaskState::TaskRunning, 1);
    scheduler.update();
    let leave = UnregisterAgentMessage {
        agent_id: Some(first.proto_id()),
        ..Default::default()
    };
    stage.send(&first.peer, &leave);
    let failure = scheduler.expect(event::Type::Failure);
    assert_eq!(failure.failure().agent_id(), &first.proto_id());

    let resources = "cpus:3;gpus:0;mem:256;disk:1024;ports:[31000-32000]";
    let _second = stage.agent_at("second", resources);
    let offers = scheduler.offers();

    let all = Resources::parse(resources).expect("resources");
    assert_eq!(offered(&offers), all);
    let roles = offers[0].resources.iter();
    assert!(
        roles
            .map(|one| one.allocation_info().role())
            .all(|role| role == "*")
    );
}

/// Mirrors: MasterAllocatorTest.SlaveAdded
#[test]
fn new_agent_is_offered_with_what_is_left_of_the_old_one() {
    let stage = Stage::start();
    let first = stage.agent("cpus:3;mem:1024");
    let mut scheduler = stage.subscribe(framework("*"));
    run_on(
        &mut scheduler,
        &first,
        (3.0, 1024.0),
        &[("t", "cpus:2;mem:512")],
    );

    let _second = stage.agent_at("second", "cpus:4;mem:2048");
    let fresh = scheduler.offers();
    scheduler.decline(&fresh, 0.0);

    assert_eq!(next_offered(&stage, &mut scheduler), (5.0, 2560.0));
}

/// Mirrors: MasterAllocatorTest.TaskFinished
#[test]
fn resources_of_a_finished_task_are_offered_again() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:3;mem:1024");
    let mut scheduler = stage.subscribe(framework("*"));
    let tasks = [("1", "cpus:1;mem:256"), ("2", "cpus:1;mem:256")];
    let runs = run_on(&mut scheduler, &agent, (3.0, 1024.0), &tasks);

    agent.update(&stage, &runs[0], TaskState::TaskFinished, 1);

    assert_eq!(next_offered(&stage, &mut scheduler), (2.0, 768.0));
}

/// Mirrors: MasterAllocatorTest.CpusOnlyOfferedAndTaskLaunched
/// Mirrors: MasterAllocatorTest.MemoryOnlyOfferedAndTaskLaunched
#[test]
fn agent_with_one_kind_of_resource_runs_tasks() {
    for (total, wanted, held) in [
        ("cpus:2;mem:0", "cpus:2", (2.0, 0.0)),
        ("cpus:0;mem:200", "mem:200", (0.0, 200.0)),
    ] {
        let stage = Stage::start();
        let agent = stage.agent(total);
        let mut scheduler = stage.subscribe(framework("*"));
        let runs = run_on(&mut scheduler, &agent, held, &[("t", wanted)]);

        agent.update(&stage, &runs[0], TaskState::TaskFinished, 1);

        assert_eq!(next_offered(&stage, &mut scheduler), held);
    }
}

/// Mirrors: MasterAllocatorTest.MinAllocatableResources
#[test]
fn agents_with_too_little_are_not_offered() {
    let stage = Stage::start_with(|flags| {
        flags.min_allocatable_resources = "cpus:1;mem:100|disk:100|cpus:1;ports:10".to_owned();
    });
    for (index, resources) in [
        "cpus:1;mem:10;disk:10;ports:[1-5]",
        "cpus:0.5;mem:100;disk:10;ports:[6-10]",
        "cpus:0.5;mem:200;disk:10;ports:[11-15]",
        "cpus:0.5;mem:10;disk:50;ports:[16-20]",
    ]
    .iter()
    .enumerate()
    {
        stage.agent_at(&format!("small{index}"), resources);
    }
    let enough: Vec<Agent> = [
        "cpus:1;mem:100;disk:0;ports:[1-5]",
        "cpus:0.5;mem:10;disk:100;ports:[1-5]",
        "cpus:1;mem:100;disk:50",
        "cpus:1;mem:10;disk:10;ports:[1-10]",
    ]
    .iter()
    .enumerate()
    .map(|(index, resources)| stage.agent_at(&format!("enough{index}"), resources))
    .collect();

    let mut scheduler = stage.subscribe(framework("*"));
    let offers = scheduler.offers();

    let ids: BTreeSet<&str> = offers
        .iter()
        .map(|offer| offer.agent_id().value())
        .collect();
    assert_eq!(ids, enough.iter().map(|agent| agent.id.as_str()).collect());
    assert_eq!(offers.len(), 4);
}

/// Mirrors: MasterAllocatorTest.Whitelist
/// Mirrors: WhitelistTest.WhitelistSlave
#[test]
fn only_hosts_of_the_whitelist_are_offered() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("whitelist.txt");
    std::fs::write(&path, "dummy-agent1\n").expect("writes");
    let file = path.clone();
    let stage = Stage::start_with(|flags| flags.whitelist = Some(file));
    let first = stage.agent_at("dummy-agent1", "cpus:1;mem:64");
    let second = stage.agent_at("dummy-agent2", "cpus:2;mem:64");
    let mut scheduler = stage.subscribe(framework("*"));

    let before = scheduler.offers();
    std::fs::write(&path, "dummy-agent1\ndummy-agent2\n").expect("writes");
    stage.advance(Duration::from_secs(5));
    stage.advance(INTERVAL);
    let after = scheduler.offers();

    assert_eq!(before.len(), 1);
    assert_eq!(before[0].agent_id().value(), first.id);
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].agent_id().value(), second.id);
}

/// Mirrors: MasterAllocatorTest.RoleTest
#[test]
fn allocator_knows_frameworks_of_listed_roles_only() {
    let stage = Stage::start_with(|flags| flags.roles = Some("role2".to_owned()));
    let share = |role: &str| {
        let key = format!("allocator/mesos/roles/{role}/shares/dominant");
        stage.find_metric(&key)
    };

    let error = Driver::refused(&stage, framework("role1"));
    let scheduler = stage.subscribe(framework("role2"));
    stage.settle();
    let known = (share("role1"), share("role2"));
    scheduler.tear_down();
    stage.settle();

    assert_eq!(
        error,
        "Roles { role1 } are not present in the master's --roles"
    );
    assert_eq!(known, (None, Some(0.0)));
    assert_eq!(share("role2"), None);
}

/// A framework runs a task on an agent, then the master fails.
fn failed_over() -> (Stage, Agent, RunTaskMessage, Scheduler) {
    let mut stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("*"));
    let runs = run_on(
        &mut scheduler,
        &agent,
        (2.0, 1024.0),
        &[("t", "cpus:1;mem:500")],
    );
    let run = runs.first().expect("the task").clone();
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskRunning);
    scheduler.acknowledge(&status);
    stage.settle();
    stage.fail_over(|_| {});
    (stage, agent, run, scheduler)
}

fn subscribe_again(stage: &Stage, former: &Scheduler) -> Scheduler {
    let mut info = framework("*");
    info.id = Some(former.id.clone());
    let scheduler = stage.subscribe(info);
    assert_eq!(scheduler.id, former.id);
    scheduler
}

/// Mirrors: MasterAllocatorTest.FrameworkReregistersFirst
#[test]
fn agent_that_returns_after_its_framework_is_offered_without_its_task() {
    let (stage, mut agent, run, former) = failed_over();

    let mut scheduler = subscribe_again(&stage, &former);
    agent.come_back(&stage, &[(&run, TaskState::TaskRunning)]);

    assert_eq!(amounts(&scheduler.offers()), (1.0, 524.0));
}

/// Mirrors: MasterAllocatorTest.SlaveReregistersFirst
#[test]
fn agent_that_returns_before_its_framework_is_offered_without_its_task() {
    let (stage, mut agent, run, former) = failed_over();

    agent.come_back(&stage, &[(&run, TaskState::TaskRunning)]);
    let recovered = stage.get("/frameworks")["frameworks"][0].clone();
    let mut scheduler = subscribe_again(&stage, &former);

    assert_eq!(recovered["id"], former.id.value());
    assert_eq!(recovered["active"], false);
    assert_eq!(amounts(&scheduler.offers()), (1.0, 524.0));
}

/// Mirrors: MasterAllocatorTest.RebalancedForUpdatedWeights
#[test]
fn changed_weight_shares_all_agents_out_again() {
    const AGENT: &str = "cpus:2;gpus:0;mem:1024;disk:4096;ports:[31000-32000]";
    let stage = Stage::start();
    let _agents: Vec<Agent> = (0..3).map(|_| stage.agent(AGENT)).collect();
    let whole = Resources::parse(AGENT).expect("resources");
    let first = Driver::subscribe(&stage, framework("role1"));
    let before = first.offers();
    let second = Driver::subscribe(&stage, framework("role2"));

    let weights = br#"[{"role":"role2","weight":2.0}]"#;
    let answer = stage.http("PUT", "/weights", &[], weights);
    stage.settle();
    stage.advance(INTERVAL);

    assert_eq!((before.len(), answer.status), (3, 200));
    let all = [first.rescinded(), first.rescinded(), first.rescinded()];
    let back: BTreeSet<&str> = all.iter().map(|id| id.value()).collect();
    assert_eq!(
        back,
        before.iter().map(|offer| offer.id().value()).collect()
    );
    let (to_first, to_second) = (first.offers(), second.offers());
    assert_eq!((to_first.len(), to_second.len()), (1, 2));
    for offer in to_first.iter().chain(&to_second) {
        assert_eq!(offered(std::slice::from_ref(offer)), whole);
    }
    assert!(!first.peer.has::<RescindResourceOfferMessage>());
}

/// Mirrors: MasterAllocatorTest.NestedRoles
#[test]
fn fairness_is_between_siblings_in_the_tree_of_roles() {
    let stage = Stage::start();
    let first = stage.agent("cpus:2;mem:1024");
    let mut in_a_b = stage.subscribe(framework("a/b"));
    run_one(&mut in_a_b, &first, "1", "cpus:2;mem:1024");
    let in_a_c = Driver::subscribe(&stage, framework("a/c"));
    let mut in_b_x = stage.subscribe(framework("b/x"));

    let second = stage.agent_at("second", "cpus:1;mem:512");

    run_on(
        &mut in_b_x,
        &second,
        (1.0, 512.0),
        &[("2", "cpus:1;mem:512")],
    );
    assert!(!in_a_c.peer.has::<ResourceOffersMessage>());
}
