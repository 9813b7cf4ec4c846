//! Every operation of one `ACCEPT` is allowed or refused by its own rule.

use mesos_common::resources::Resources;
use mesos_proto::internal::{
    AgentRegisteredMessage, ApplyOperationMessage, RegisterAgentMessage, RunTaskGroupMessage,
    RunTaskMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::scheduler::event;
use mesos_proto::v1::{OperationState, TaskState};
use serde_json::{Value, json};

use crate::support::operations::{
    create, create_disk, destroy, grow, named, parsed, provided, reserve, reserved, shrink,
    unreserve, volume,
};
use crate::support::{
    Agent, Peer, Scheduler, Stage, agent_capabilities, agent_info, from_json, launch, mine,
    provider, rules, task_with, uuid_message,
};

/// Rules with what they are about.
const RULES: [(&str, &str); 11] = [
    ("run_tasks", "users"),
    ("reserve_resources", "roles"),
    ("unreserve_resources", "reserver_principals"),
    ("create_volumes", "roles"),
    ("destroy_volumes", "creator_principals"),
    ("resize_volumes", "roles"),
    ("create_block_disks", "roles"),
    ("destroy_block_disks", "roles"),
    ("create_mount_disks", "roles"),
    ("destroy_mount_disks", "roles"),
    ("destroy_raw_disks", "roles"),
];

/// The framework may do nothing but one thing.
fn only(allowed: &str) -> Value {
    let refused = RULES.iter().filter(|(name, _)| *name != allowed);
    let rule =
        |objects: &str| json!([{"principals": {"values": ["alice"]}, objects: {"type": "NONE"}}]);
    Value::Object(
        refused
            .map(|(name, objects)| ((*name).to_owned(), rule(objects)))
            .collect(),
    )
}

/// A disk of the resource provider.
fn disk(kind: &str, id: Option<&str>) -> Resources {
    let mut source = json!({"type": kind, "profile": "profile"});
    if let Some(id) = id {
        source["id"] = json!(id);
    }
    let disk: v1::Resource = from_json(&json!({
        "name": "disk", "type": "SCALAR", "scalar": {"value": 32}, "disk": {"source": source}}));
    provided(&Resources::from_proto(&[disk]), "rp")
}

fn allocated(mut resources: Resources) -> Resources {
    resources.allocate(&"role".into());
    resources
}

fn destroy_disk(disk: &Resources) -> Operation {
    Operation {
        r#type: Some(v1::offer::operation::Type::DestroyDisk.into()),
        destroy_disk: Some(v1::offer::operation::DestroyDisk {
            source: Some(disk.to_proto().remove(0).into()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn into_block(mut operation: Operation) -> Operation {
    let block = v1::resource::disk_info::source::Type::Block;
    operation.create_disk.get_or_insert_default().target_type = Some(block.into());
    operation
}

/// Operations with the rule that each asks, and what the agent needs for them.
fn operations() -> (Vec<(&'static str, Operation)>, Resources, Resources) {
    let volumes = |names: [&str; 2], megabytes: u32| {
        let part = |name| volume(&parsed(&format!("disk(role):{megabytes}")), name);
        part(names[0]) + part(names[1])
    };
    let own =
        |name: &str, megabytes: u32| volume(&parsed(&format!("disk(role):{megabytes}")), name);
    let held = reserved("cpus:1;mem:32", "role");
    let (old, grown, shrunk) = (volumes(["d1", "d2"], 32), own("g", 32), own("s", 64));
    let raw = disk("RAW", None);
    let (block, mount) = (disk("BLOCK", Some("b")), disk("MOUNT", Some("m")));
    let known = disk("RAW", Some("r"));
    let each = vec![
        (
            "reserve_resources",
            reserve(&allocated(reserved("cpus:1;mem:32", "role"))),
        ),
        ("unreserve_resources", unreserve(&allocated(held.clone()))),
        (
            "create_volumes",
            create(&allocated(volumes(["c1", "c2"], 32))),
        ),
        ("destroy_volumes", destroy(&allocated(old.clone()))),
        (
            "resize_volumes",
            grow(
                &allocated(grown.clone()),
                &allocated(parsed("disk(role):32")),
            ),
        ),
        ("resize_volumes", shrink(&allocated(shrunk.clone()), 32.0)),
        (
            "create_block_disks",
            into_block(create_disk(&allocated(raw.clone()), None)),
        ),
        (
            "destroy_block_disks",
            destroy_disk(&allocated(block.clone())),
        ),
        (
            "create_mount_disks",
            create_disk(&allocated(raw.clone()), None),
        ),
        (
            "destroy_mount_disks",
            destroy_disk(&allocated(mount.clone())),
        ),
        ("destroy_raw_disks", destroy_disk(&allocated(known.clone()))),
    ];
    let stored = held + old + grown + shrunk;
    let provided = raw.clone() + raw + block + mount + known;
    (each, stored, provided)
}

/// An agent with all that the operations are about.
fn equipped(stage: &Stage, stored: &Resources, provided: &Resources) -> Agent {
    let peer = Peer::start(&stage.runtime, "slave");
    let mut info = agent_info("cpus:20;mem:1024;disk:128;disk(role):1024");
    let message = RegisterAgentMessage {
        agent: Some(info.clone().into()),
        checkpointed_resources: stored.to_proto(),
        version: Some("1.11.0".to_owned()),
        agent_capabilities: agent_capabilities(),
        resource_version_uuid: Some(uuid_message(1)),
        ..Default::default()
    };
    stage.send(&peer, &message);
    let registered: AgentRegisteredMessage = peer.expect();
    info.id = registered.agent_id.clone();
    let agent = Agent {
        id: registered.agent_id().value().to_owned(),
        info,
        peer,
    };
    agent.announce(stage, vec![], Some(vec![provider("rp", provided, vec![])]));
    agent
}

/// Two tasks by themselves and two in a group.
fn tasks(scheduler: &Scheduler, offer: &v1::Offer, name: &str) -> Vec<Operation> {
    let task =
        |number: usize| task_with(&format!("{name}{number}"), offer, parsed("cpus:1;mem:32"));
    let mut executor: v1::ExecutorInfo = from_json(&json!({
        "type": "DEFAULT",
        "executor_id": {"value": name},
        "framework_id": {"value": scheduler.id.value()}}));
    executor.resources = allocated(parsed("cpus:1;mem:32;disk:32")).to_proto();
    let group = v1::offer::operation::LaunchGroup {
        executor: Some(executor.into()),
        task_group: Some(v1::TaskGroupInfo {
            tasks: vec![task(3), task(4)],
            ..Default::default()
        }),
        ..Default::default()
    };
    vec![
        launch(vec![task(1), task(2)]),
        Operation {
            r#type: Some(v1::offer::operation::Type::LaunchGroup.into()),
            launch_group: Some(group),
            ..Default::default()
        },
    ]
}

/// The agent finishes what it is told to do.
fn finish(stage: &Stage, agent: &Agent, allowed: &str) {
    if allowed == "run_tasks" {
        for _ in 0..4 {
            let run: RunTaskMessage = agent.peer.expect_keeping();
            agent.update(stage, &run, TaskState::TaskFinished, 1);
        }
        for _ in 0..2 {
            let group: RunTaskGroupMessage = agent.peer.expect_keeping();
            for task in &group.task_group().tasks {
                let run = RunTaskMessage {
                    framework: group.framework.clone(),
                    task: Some(task.clone().into()),
                    ..Default::default()
                };
                agent.update(stage, &run, TaskState::TaskFinished, 1);
            }
        }
        return;
    }
    let told = if allowed == "resize_volumes" { 2 } else { 1 };
    for _ in 0..told {
        let apply: ApplyOperationMessage = agent.peer.expect();
        agent.report(stage, &apply, OperationState::OperationFinished, None);
    }
}

#[track_caller]
fn only_allowed_is_done(allowed: &str) {
    let acls = only(allowed);
    let stage = Stage::start_with(|flags| flags.acls = Some(rules(&acls)));
    let (each, stored, provided) = operations();
    let agent = equipped(&stage, &stored, &provided);
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers()[0].clone();
    let mut all = tasks(&scheduler, &offer, "first");
    let numbered = each.iter().enumerate();
    all.extend(
        numbered.map(|(number, (_, operation))| named(operation.clone(), &number.to_string())),
    );
    all.extend(tasks(&scheduler, &offer, "last"));

    scheduler.accept(&offer, all);
    finish(&stage, &agent, allowed);

    let (mut tasks_left, mut operations_left) = (8, each.len());
    while tasks_left + operations_left > 0 {
        let event = scheduler.next().expect("an event");
        if event.r#type() == event::Type::Update {
            tasks_left -= 1;
            let state = event.update().status().state();
            let is_allowed = allowed == "run_tasks";
            let expected = [TaskState::TaskError, TaskState::TaskFinished][usize::from(is_allowed)];
            assert_eq!(state, expected, "{allowed}");
        } else if event.r#type() == event::Type::UpdateOperationStatus {
            operations_left -= 1;
            let status = event.update_operation_status().status();
            let number: usize = status.operation_id().value().parse().expect("a number");
            let (rule, _) = each[number];
            let expected = if rule == allowed {
                OperationState::OperationFinished
            } else {
                OperationState::OperationError
            };
            assert_eq!(
                status.state(),
                expected,
                "{allowed} {rule}: {}",
                status.message()
            );
        }
    }
}

/// Mirrors: MasterOperationAuthorizationTest.Accept
#[test]
fn operation_that_is_allowed_is_done_and_no_other() {
    for (rule, _) in RULES {
        only_allowed_is_done(rule);
    }
}
