//! A cluster, a framework, and its statuses.

use mesos_integration::cluster::Cluster;
use mesos_integration::fake_scheduler::{FakeScheduler, command_task};
use serde_json::{Value, json};

/// A cluster with one agent, and a framework on it.
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) scheduler: FakeScheduler,
    pub(crate) offer: Value,
}

impl Stage {
    pub(crate) fn start() -> Self {
        Self::start_as("*")
    }

    /// As [`Stage::start`], with a framework of a role.
    pub(crate) fn start_as(role: &str) -> Self {
        Self::start_with(&json!({"roles": [role]}), &[])
    }

    /// As [`Stage::start`], with further fields of the framework and flags of the agent.
    pub(crate) fn start_with(more: &Value, flags: &[&str]) -> Self {
        let mut cluster = Cluster::start().expect("the master starts");
        let mut all = vec!["--resources=cpus:4;mem:1024;disk:1024;ports:[31000-32000]"];
        all.extend(flags);
        cluster.add_agent_with(&all).expect("the agent registers");
        let mut info = json!({
            "user": "root", "name": "test", "roles": ["*"],
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}],
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            info[name] = value.clone();
        }
        let mut scheduler =
            FakeScheduler::subscribe_as(cluster.master.address, &info).expect("it subscribes");
        let offer = scheduler.wait_for_offer().expect("an offer comes");
        Self {
            cluster,
            scheduler,
            offer,
        }
    }

    /// A task with further fields.
    pub(crate) fn task(&self, id: &str, command: &str, more: &Value) -> Value {
        let mut task = command_task(id, command, &self.offer);
        for (name, value) in more.as_object().into_iter().flatten() {
            task[name] = value.clone();
        }
        task
    }

    /// Launches one task on the command executor.
    pub(crate) fn launch(&self, task: Value) {
        self.scheduler
            .launch(&self.offer, &[task])
            .expect("the launch is accepted");
    }

    /// Launches tasks together on the default executor.
    pub(crate) fn launch_group(&self, tasks: &[Value]) {
        let group = launch_group(&self.executor(&scalars(&json!({}))), tasks);
        self.accept(&[group]);
    }

    /// The default executor with these resources.
    pub(crate) fn executor(&self, resources: &Value) -> Value {
        json!({
            "type": "DEFAULT",
            "executor_id": {"value": "default"},
            "framework_id": {"value": self.scheduler.framework_id},
            "resources": resources,
        })
    }

    pub(crate) fn accept(&self, operations: &[Value]) {
        self.scheduler
            .accept(&self.offer, operations)
            .expect("the operations are accepted");
    }

    /// The next status, which must be of a running task, and have this reason.
    #[track_caller]
    pub(crate) fn running(&mut self, reason: Option<&str>) -> Value {
        loop {
            let status = self.scheduler.wait_for_update().unwrap_or_else(|error| {
                panic!("{error}\n{}", self.cluster.logs());
            });
            if status["state"] == "TASK_STARTING" {
                continue;
            }
            assert_eq!(status["state"], "TASK_RUNNING", "{status}");
            assert_eq!(
                status.get("reason").and_then(Value::as_str),
                reason,
                "{status}"
            );
            return status;
        }
    }

    /// The next result of a check.
    #[track_caller]
    pub(crate) fn checked(&mut self) -> Value {
        self.running(Some("REASON_TASK_CHECK_STATUS_UPDATED"))
    }

    /// The next result of a health check.
    #[track_caller]
    pub(crate) fn health_checked(&mut self) -> Value {
        self.running(Some("REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"))
    }

    /// Takes the first results of a check that answers 1 and of a health check of a healthy task, in
    /// whatever order they come: neither hides the other, and reconciliation tells both.
    #[track_caller]
    pub(crate) fn assert_checked_and_healthy(&mut self) {
        let told = [(); 2].map(|()| self.scheduler.wait_for_update().expect("a result"));
        self.scheduler
            .call("RECONCILE", json!({"reconcile": {"tasks": []}}))
            .expect("it is accepted");
        let reconciled = self.running(Some("REASON_RECONCILIATION"));

        let mut reasons = told.clone().map(|status| status["reason"].clone());
        reasons.sort_by_key(Value::to_string);
        let expected = [
            "REASON_TASK_CHECK_STATUS_UPDATED",
            "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED",
        ];
        assert_eq!(reasons, expected);
        let [first, second] = told;
        let exit_code = |status: &Value| status["check_status"]["command"]["exit_code"].clone();
        if first["reason"] == "REASON_TASK_CHECK_STATUS_UPDATED" {
            assert_eq!(first.get("healthy"), None, "{first}");
            assert_eq!(exit_code(&first), 1, "{first}");
        } else {
            assert_eq!(first["healthy"], true, "{first}");
            assert_eq!(exit_code(&first), Value::Null, "{first}");
        }
        for status in [second, reconciled] {
            assert_eq!(status["healthy"], true, "{status}");
            assert_eq!(exit_code(&status), 1, "{status}");
        }
    }

    /// The port of the agent, which answers `/health` with 200.
    pub(crate) fn port(&self) -> u16 {
        let agent = self.cluster.agents.first().expect("an agent was started");
        agent.address.port()
    }
}

/// CPUs, memory and disk, each with further fields.
pub(crate) fn scalars(more: &Value) -> Value {
    let amounts = [("cpus", 0.1), ("mem", 32.0), ("disk", 32.0)];
    let resources = amounts.map(|(name, amount)| {
        let mut resource = json!({"name": name, "type": "SCALAR", "scalar": {"value": amount}});
        for (name, value) in more.as_object().into_iter().flatten() {
            resource[name] = value.clone();
        }
        resource
    });
    json!(resources)
}

/// The operation that starts tasks together.
pub(crate) fn launch_group(executor: &Value, tasks: &[Value]) -> Value {
    json!({
        "type": "LAUNCH_GROUP",
        "launch_group": {"executor": executor, "task_group": {"tasks": tasks}},
    })
}

/// A command check without pauses.
pub(crate) fn command_check(command: &str) -> Value {
    json!({
        "type": "COMMAND", "delay_seconds": 0, "interval_seconds": 0,
        "command": {"command": {"value": command}},
    })
}

/// An HTTP check without pauses.
pub(crate) fn http_check(port: u16, path: &str) -> Value {
    json!({
        "type": "HTTP", "delay_seconds": 0, "interval_seconds": 0,
        "http": {"port": port, "path": path},
    })
}

/// A TCP check without pauses.
pub(crate) fn tcp_check(port: u16) -> Value {
    json!({
        "type": "TCP", "delay_seconds": 0, "interval_seconds": 0,
        "tcp": {"port": port},
    })
}
