//! Rules on task groups, as frameworks hear of them.

use mesos_common::resources::Resources;
use mesos_proto::internal::RunTaskGroupMessage;
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::offer::operation;
use mesos_proto::v1::scheduler::event;
use mesos_proto::v1::task_status::Reason;
use serde_json::{Value, json};

use crate::support::{Agent, Scheduler, Stage, from_json, mine, task};

struct Staged {
    stage: Stage,
    agent: Agent,
    scheduler: Scheduler,
    offer: v1::Offer,
}

fn staged() -> Staged {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024;disk:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers().first().expect("an offer").clone();
    Staged {
        stage,
        agent,
        scheduler,
        offer,
    }
}

impl Staged {
    fn executor(&self, fields: &Value) -> v1::ExecutorInfo {
        let mut executor = json!({
            "type": "DEFAULT",
            "executor_id": {"value": "default"},
            "framework_id": {"value": self.scheduler.id.value()},
        });
        for (name, value) in fields.as_object().expect("an object") {
            executor[name] = value.clone();
        }
        let mut executor: v1::ExecutorInfo = from_json(&executor);
        executor.resources = task("x", &self.offer, "cpus:0.1;mem:32;disk:32").resources;
        executor
    }

    fn task(&self, id: &str) -> v1::TaskInfo {
        task(id, &self.offer, "cpus:0.1;mem:32")
    }

    fn launch(&self, executor: &v1::ExecutorInfo, tasks: Vec<v1::TaskInfo>) {
        let group = operation::LaunchGroup {
            executor: Some(executor.clone().into()),
            task_group: Some(v1::TaskGroupInfo {
                tasks,
                ..Default::default()
            }),
            ..Default::default()
        };
        let operation = v1::offer::Operation {
            r#type: Some(operation::Type::LaunchGroup.into()),
            launch_group: Some(group),
            ..Default::default()
        };
        self.scheduler.accept(&self.offer, vec![operation]);
    }

    /// What the framework hears of an invalid group: the same for each task.
    #[track_caller]
    fn error(&mut self, executor: &v1::ExecutorInfo, tasks: Vec<v1::TaskInfo>) -> String {
        let ids: Vec<String> = tasks
            .iter()
            .map(|task| task.task_id().value().to_owned())
            .collect();
        self.launch(executor, tasks);
        let mut texts = Vec::new();
        for id in ids {
            let status = self.scheduler.update();
            assert_eq!(status.task_id().value(), id);
            assert_eq!(status.state(), TaskState::TaskError);
            assert_eq!(status.reason(), Reason::ReasonTaskGroupInvalid);
            texts.push(status.message().to_owned());
        }
        self.scheduler.reconcile(&[]);
        assert!(!self.scheduler.heard_before_answer(event::Type::Update));
        assert!(!self.agent.peer.has::<RunTaskGroupMessage>());
        let offer = self.scheduler.next_offer(&self.stage);
        assert_eq!(
            Resources::from_proto(&offer.resources),
            Resources::from_proto(&self.offer.resources)
        );
        self.offer = offer;
        texts.dedup();
        assert_eq!(texts.len(), 1, "{texts:?}");
        texts.remove(0)
    }
}

/// Mirrors: TaskGroupValidationTest.ExecutorUsesDockerContainerInfo
#[test]
fn default_executor_runs_in_a_mesos_container() {
    let mut staged = staged();
    let executor = staged.executor(&json!({"container": {"type": "DOCKER"}}));
    let tasks = vec![staged.task("1"), staged.task("2")];

    assert_eq!(
        staged.error(&executor, tasks),
        "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor"
    );
}

/// Mirrors: TaskGroupValidationTest.ExecutorWithoutFrameworkId
#[test]
fn executor_of_a_group_names_its_framework() {
    let mut staged = staged();
    let mut executor = staged.executor(&json!({}));
    executor.framework_id = None;
    let tasks = vec![staged.task("1"), staged.task("2")];

    assert_eq!(
        staged.error(&executor, tasks),
        "'ExecutorInfo.framework_id' must be set"
    );
}

fn in_container(mut task: v1::TaskInfo, container: &Value) -> v1::TaskInfo {
    task.container = Some(from_json::<v1::ContainerInfo>(container).into());
    task
}

/// Mirrors: TaskGroupValidationTest.TaskUsesDockerContainerInfo
#[test]
fn task_of_a_group_runs_in_a_mesos_container() {
    let mut staged = staged();
    let executor = staged.executor(&json!({"type": "CUSTOM", "command": {"value": "exit 1"}}));
    let docker = json!({"type": "DOCKER", "docker": {"image": "alpine"}});
    let tasks = vec![in_container(staged.task("1"), &docker), staged.task("2")];

    assert_eq!(
        staged.error(&executor, tasks),
        "Task '1' is invalid: Docker ContainerInfo is not supported on the task"
    );
}

/// Mirrors: TaskGroupValidationTest.TaskWithNetworkInfosDoesNotHaveHTTPHealthChecks
/// Mirrors: TaskGroupValidationTest.TaskWithNetworkInfosDoesNotHaveTCPHealthChecks
#[test]
fn task_with_its_own_network_is_not_checked_from_outside() {
    let mut staged = staged();
    let checks = [
        json!({"type": "HTTP", "http": {"port": 80}}),
        json!({"type": "TCP", "tcp": {"port": 30000}}),
    ];
    for check in checks {
        let executor = staged.executor(&json!({}));
        let network = json!({"type": "MESOS", "network_infos": [{}]});
        let mut task = in_container(staged.task("1"), &network);
        task.health_check = Some(from_json::<v1::HealthCheck>(&check).into());

        assert_eq!(
            staged.error(&executor, vec![task]),
            "Task '1' is invalid: HTTP and TCP health checks are not supported for nested \
             containers not joining parent's network"
        );
    }
}

/// Mirrors: TaskGroupValidationTest.TaskUsesDifferentExecutor
#[test]
fn all_tasks_of_a_group_have_its_executor() {
    let mut staged = staged();
    let executor = staged.executor(&json!({"type": "CUSTOM", "command": {"value": "exit 1"}}));
    let mut odd = staged.task("1");
    let mut other = executor.clone();
    other.r#type = Some(v1::executor_info::Type::Default.into());
    odd.executor = Some(other.into());
    let tasks = vec![odd, staged.task("2")];

    assert_eq!(
        staged.error(&executor, tasks),
        "The `ExecutorInfo` of task '1' is different from executor 'default'"
    );
}

/// Mirrors: TaskGroupValidationTest.ExecutorEnvironmentInvalid
#[test]
fn environment_of_the_executor_is_checked() {
    let mut staged = staged();
    let executor = staged.executor(&json!({
        "type": "CUSTOM",
        "command": {"value": "x", "environment": {"variables": [{"name": "ENV_VAR_KEY"}]}},
    }));
    let tasks = vec![staged.task("1"), staged.task("2")];

    assert_eq!(
        staged.error(&executor, tasks),
        "Executor's `CommandInfo` is invalid: Environment variable 'ENV_VAR_KEY' of type 'VALUE' \
         must have a value set"
    );
}

/// Mirrors: TaskGroupValidationTest.TaskEnvironmentInvalid
#[test]
fn environment_of_each_task_is_checked() {
    let mut staged = staged();
    let executor = staged.executor(&json!({}));
    let mut bad = staged.task("1");
    let command = json!({"value": "x", "environment": {"variables": [{"name": "ENV_VAR_KEY"}]}});
    bad.command = Some(from_json::<v1::CommandInfo>(&command).into());
    let tasks = vec![bad, staged.task("2")];

    assert_eq!(
        staged.error(&executor, tasks),
        "Task '1' is invalid: Task's `CommandInfo` is invalid: Environment variable 'ENV_VAR_KEY' \
         of type 'VALUE' must have a value set"
    );
}

/// A container with the control groups of its executor.
fn shared() -> Value {
    json!({"type": "MESOS", "linux_info": {"share_cgroups": true}})
}

/// A container with control groups of its own.
fn apart() -> Value {
    json!({"type": "MESOS", "linux_info": {"share_cgroups": false}})
}

fn limited(mut task: v1::TaskInfo, mem: f64) -> v1::TaskInfo {
    for (name, amount) in [("cpus", 1.0), ("mem", mem)] {
        let scalar: v1::value::Scalar = from_json(&json!({"value": amount}));
        task.limits.insert(name.to_owned(), scalar);
    }
    task
}

#[test]
fn limits_of_a_group_need_own_cgroups_and_room() {
    let mut staged = staged();
    let executor = staged.executor(&json!({}));
    let own = |id: &str, staged: &Staged| in_container(staged.task(id), &apart());
    let tasks = vec![
        limited(own("1", &staged), 64.0),
        limited(own("2", &staged), 16.0),
    ];

    assert_eq!(
        staged.error(&executor, tasks),
        "Task '2' is invalid: The memory limit must be greater than or equal to the memory request"
    );
    let other = in_container(staged.task("2"), &shared());
    let tasks = vec![limited(own("1", &staged), 64.0), limited(other, 64.0)];
    assert_eq!(
        staged.error(&executor, tasks),
        "Task '2' is invalid: Resource limits may only be set for tasks within a task group when \
         the 'share_cgroups' field is set to 'false'."
    );
}

const ONE_MODE: &str = "If set, the value of 'share_cgroups' must be the same for all tasks in \
                        each task group and under a single executor";

/// Mirrors: TaskGroupValidationTest.ShareCgroup
#[test]
fn tasks_under_an_executor_all_share_its_cgroup_or_none() {
    let mut staged = staged();
    let executor = staged.executor(&json!({}));
    let nested = |id: &str, staged: &Staged| in_container(staged.task(id), &apart());
    let unset_and_nested = vec![staged.task("1"), nested("2", &staged)];
    assert_eq!(staged.error(&executor, unset_and_nested), ONE_MODE);
    let first = in_container(staged.task("1"), &shared());
    let both = vec![first, nested("2", &staged)];
    assert_eq!(staged.error(&executor, both), ONE_MODE);
    let sharing_executor = staged.executor(&json!({
        "type": "CUSTOM",
        "command": {"value": "exit 0"},
        "container": shared(),
    }));
    let tasks = vec![nested("1", &staged), nested("2", &staged)];
    assert_eq!(
        staged.error(&sharing_executor, tasks),
        "The 'share_cgroups' field cannot be set to 'true' on executor containers"
    );

    let executor = staged.executor(&json!({"container": apart()}));
    staged.launch(&executor, vec![nested("1", &staged), nested("2", &staged)]);
    let run: RunTaskGroupMessage = staged.agent.peer.expect();
    assert_eq!(run.task_group().tasks.len(), 2);
    staged.offer = staged.scheduler.next_offer(&staged.stage);
    let later = vec![
        in_container(staged.task("3"), &shared()),
        in_container(staged.task("4"), &shared()),
    ];
    staged.launch(&executor, later);

    for id in ["3", "4"] {
        let status = staged.scheduler.update();
        assert_eq!(status.task_id().value(), id);
        assert_eq!(status.reason(), Reason::ReasonTaskGroupInvalid);
        assert_eq!(status.message(), ONE_MODE);
    }
}
