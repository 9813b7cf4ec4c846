//! Resources in the two spellings: of frameworks and operators that know refined reservations,
//! and of those that do not.

use mesos_common::resources::Resources;
use mesos_proto::internal::{RunTaskGroupMessage, RunTaskMessage};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::offer::operation;
use mesos_proto::v1::scheduler::event;
use mesos_proto_codec::{Dialect, to_json};
use serde_json::{Value, json};

use crate::support::operations::{
    create, destroy, offered, parsed, reserve, reserved, unreserve, volume,
};
use crate::support::{ALICE, Agent, Scheduler, Stage, executor_task, from_json, launch, mine};

/// Which spelling somebody uses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spelling {
    Old,
    New,
}

const BOTH: [Spelling; 2] = [Spelling::Old, Spelling::New];

impl Spelling {
    fn framework(self, role: &str) -> v1::FrameworkInfo {
        let mut info = mine(role);
        info.capabilities = vec![from_json(&json!({"type": "MULTI_ROLE"}))];
        if self == Self::New {
            info.capabilities
                .push(from_json(&json!({"type": "RESERVATION_REFINEMENT"})));
        }
        info
    }

    /// The resources as somebody writes them.
    fn written(self, resources: &[v1::Resource]) -> Vec<v1::Resource> {
        match self {
            Self::New => resources.to_vec(),
            Self::Old => Resources::from_proto(resources)
                .to_proto_pre_refinement()
                .expect("no refined reservations"),
        }
    }

    /// Whether offers are written that way.
    fn is_of(self, offer: &v1::Offer) -> bool {
        let is_new = |resource: &v1::Resource| resource.role.is_none();
        match self {
            Self::New => offer.resources.iter().all(is_new),
            Self::Old => !offer.resources.iter().any(is_new),
        }
    }

    fn rewrite(self, mut operation: v1::offer::Operation) -> v1::offer::Operation {
        if let Some(part) = operation.reserve.as_mut() {
            part.resources = self.written(&part.resources);
        }
        if let Some(part) = operation.unreserve.as_mut() {
            part.resources = self.written(&part.resources);
        }
        if let Some(part) = operation.create.as_mut() {
            part.volumes = self.written(&part.volumes);
        }
        if let Some(part) = operation.destroy.as_mut() {
            part.volumes = self.written(&part.volumes);
        }
        operation
    }
}

fn staged(spelling: Spelling, resources: &str) -> (Stage, Agent, Scheduler, v1::Offer) {
    let stage = Stage::start();
    let agent = stage.agent(resources);
    let mut scheduler = stage.subscribe(spelling.framework("role"));
    let offer = scheduler.offers()[0].clone();
    assert!(spelling.is_of(&offer), "{spelling:?}");
    (stage, agent, scheduler, offer)
}

fn list(spelling: Spelling, resources: &Resources) -> Vec<Value> {
    let written = spelling.written(&resources.to_proto());
    written
        .iter()
        .map(|one| serde_json::from_str(&to_json(one, Dialect::V1)).expect("JSON"))
        .collect()
}

fn accepted(stage: &Stage, call: &Value) {
    let answer = stage.http_as(ALICE, "POST", "/api/v1", call.to_string().as_bytes());
    assert_eq!(answer.status, 202, "{}", answer.text());
    stage.settle();
}

/// Mirrors: MasterTestPrePostReservationRefinement.ReserveAndUnreserveResourcesV1
#[test]
fn operator_reserves_and_gives_back_in_either_spelling() {
    for spelling in BOTH {
        let (stage, _file) = Stage::guarded();
        let agent = stage.agent("cpus:4;mem:1024");
        let taken = list(spelling, &reserved("cpus:1;mem:512", "role"));
        let id = json!({"value": agent.id});

        accepted(
            &stage,
            &json!({
                "type": "RESERVE_RESOURCES",
                "reserve_resources": {"agent_id": id, "resources": taken},
            }),
        );
        let shown = &stage.get("/slaves")["slaves"][0]["reserved_resources"]["role"];
        assert_eq!(shown["cpus"], json!(1.0), "{spelling:?}");
        accepted(
            &stage,
            &json!({
                "type": "UNRESERVE_RESOURCES",
                "unreserve_resources": {"agent_id": id, "resources": taken},
            }),
        );

        let shown = &stage.get("/slaves")["slaves"][0]["reserved_resources"];
        assert_eq!(shown, &json!({}), "{spelling:?}");
    }
}

/// Mirrors: MasterTestPrePostReservationRefinement.CreateAndDestroyVolumesV1
#[test]
fn operator_creates_and_destroys_volumes_in_either_spelling() {
    for spelling in BOTH {
        let (stage, _file) = Stage::guarded();
        let agent = stage.agent("disk(role1):1024");
        let volumes = list(spelling, &volume(&parsed("disk(role1):64"), "id1"));
        let id = json!({"value": agent.id});
        let shown = || stage.get("/slaves")["slaves"][0]["reserved_resources_full"].to_string();

        accepted(
            &stage,
            &json!({
                "type": "CREATE_VOLUMES",
                "create_volumes": {"agent_id": id, "volumes": volumes},
            }),
        );
        assert!(shown().contains("\"id1\""), "{spelling:?}");
        accepted(
            &stage,
            &json!({
                "type": "DESTROY_VOLUMES",
                "destroy_volumes": {"agent_id": id, "volumes": volumes},
            }),
        );

        assert!(!shown().contains("\"id1\""), "{spelling:?}");
    }
}

/// Mirrors: MasterTestPrePostReservationRefinement.LaunchTask
#[test]
fn framework_launches_a_task_in_either_spelling() {
    for spelling in BOTH {
        let (stage, agent, mut scheduler, offer) = staged(spelling, "cpus:2;mem:1024");
        let mut task = executor_task("1", "default", &offer, "cpus:2");
        task.resources = offer.resources.clone();

        scheduler.accept(&offer, vec![launch(vec![task])]);

        let run: RunTaskMessage = agent.peer.expect();
        assert_eq!(
            Resources::from_proto(&run.task().resources),
            Resources::from_proto(&offer.resources)
        );
        agent.update(&stage, &run, TaskState::TaskRunning, 1);
        let status = scheduler.update();
        assert_eq!(status.state(), TaskState::TaskRunning);
    }
}

/// Mirrors: MasterTestPrePostReservationRefinement.LaunchGroup
#[test]
fn framework_launches_a_group_in_either_spelling() {
    for spelling in BOTH {
        let (_stage, agent, scheduler, offer) = staged(spelling, "cpus:2;mem:1024;disk:1024");
        let resources = spelling.written(&parsed("cpus:0.1;mem:32;disk:32").to_proto());
        let mut executor: v1::ExecutorInfo = from_json(&json!({
            "type": "DEFAULT",
            "executor_id": {"value": "default"},
            "framework_id": {"value": scheduler.id.value()},
        }));
        executor.resources = resources.clone();
        let mut task = crate::support::task("1", &offer, "cpus:0.1");
        task.resources = resources;
        let group = v1::offer::Operation {
            r#type: Some(operation::Type::LaunchGroup.into()),
            launch_group: Some(operation::LaunchGroup {
                executor: Some(executor.into()),
                task_group: Some(v1::TaskGroupInfo {
                    tasks: vec![task],
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        };

        scheduler.accept(&offer, vec![group]);

        let run: RunTaskGroupMessage = agent.peer.expect();
        assert_eq!(run.executor().r#type(), v1::executor_info::Type::Default);
        let tasks = &run.task_group().tasks;
        assert_eq!(tasks.len(), 1);
        let resources = Resources::from_proto(&tasks[0].resources);
        let mut expected = parsed("cpus:0.1;mem:32;disk:32");
        expected.allocate(&"role".into());
        assert_eq!(resources, expected, "{spelling:?}");
    }
}

/// Mirrors: MasterTestPrePostReservationRefinement.ReserveCreateLaunchDestroyUnreserve
#[test]
fn framework_reserves_creates_destroys_and_gives_back_in_either_spelling() {
    for spelling in BOTH {
        let (stage, _agent, mut scheduler, mut offer) = staged(spelling, "cpus:8;disk:512");
        let (cpus, disk) = (reserved("cpus:8", "role"), reserved("disk:512", "role"));
        let volume = volume(&disk, "id1");
        assert_eq!(offered(&offer), parsed("cpus:8;disk:512"));

        for (operation, expected) in [
            (reserve(&(&cpus + &disk)), &cpus + &disk),
            (create(&volume), &cpus + &volume),
            (destroy(&volume), &cpus + &disk),
            (unreserve(&(&cpus + &disk)), parsed("cpus:8;disk:512")),
        ] {
            let operation = spelling.rewrite(operation);
            offer = scheduler.after(&stage, &offer, vec![operation]);
            assert_eq!(offered(&offer), expected, "{spelling:?}");
            assert!(spelling.is_of(&offer), "{spelling:?}");
        }

        assert!(!scheduler.heard_before_answer(event::Type::Update));
        for (name, expected) in [
            ("calls/accept", 4.0),
            ("offers/accepted", 4.0),
            ("operations", 4.0),
            ("operations/reserve", 1.0),
            ("operations/create", 1.0),
            ("operations/destroy", 1.0),
            ("operations/unreserve", 1.0),
        ] {
            stage.counts_of(&scheduler.id, name, expected);
        }
    }
}
