//! A master and executors played by the test, and the agent between them.

use std::{fs, path::PathBuf, time::Duration};

use bytes::Bytes;
use libprocess::{
    Runtime, Upid,
    http::client::{ClientRequest, ClientResponse, request},
};
use mesos_agent::{AgentHandle, Replacements, flags::Flags};
use mesos_common::flags::{FlagSet, SecureValue};
use mesos_proto::{
    internal::{
        AgentRegisteredMessage, AgentReregisteredMessage, DrainAgentMessage,
        FrameworkToExecutorMessage, KillTaskMessage, PingAgentMessage, PongAgentMessage,
        RegisterAgentMessage, ReregisterAgentMessage, RunTaskGroupMessage, RunTaskMessage,
        ShutdownExecutorMessage, StatusUpdate, StatusUpdateAcknowledgementMessage,
        StatusUpdateMessage, UpdateAgentMessage,
    },
    v1::{self, TaskState},
};

mod executor_side;

pub(crate) use self::executor_side::{FakeExecutor, kill_tree};
pub(crate) use crate::{
    messages::*,
    peer::{PATIENCE, Peer},
};

/// Where an agent keeps its files; it can be started there again and again.
pub(crate) struct Place {
    pub(crate) directory: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let launcher = directory.path().join("libexec");
        fs::create_dir(&launcher).expect("created");
        let programs = [
            (
                "mesos-containerizer",
                env!("CARGO_BIN_EXE_mesos-containerizer"),
            ),
            ("mesos-fetcher", env!("CARGO_BIN_EXE_mesos-fetcher")),
            (
                "mesos-io-switchboard",
                env!("CARGO_BIN_EXE_mesos-io-switchboard"),
            ),
            (
                "mesos-logrotate-logger",
                env!("CARGO_BIN_EXE_mesos-logrotate-logger"),
            ),
        ];
        for (name, program) in programs {
            std::os::unix::fs::symlink(program, launcher.join(name)).expect("linked");
        }
        let place = Self { directory };
        place.command_executor("sleep 1000");
        place
    }

    /// The script that stands for the command executor; the test speaks for it.
    pub(crate) fn command_executor(&self, script: &str) {
        self.program("mesos-executor", script);
    }

    /// A script in place of a helper program.
    pub(crate) fn program(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.directory.path().join("libexec").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    }

    pub(crate) fn work_dir(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    pub(crate) fn flags(&self, master: &Upid) -> Flags {
        let below = |name: &str| self.directory.path().join(name).display().to_string();
        let mut flags = Flags::defaults();
        flags.master = Some(SecureValue::new(master.address.to_string()));
        flags.work_dir = below("work");
        flags.runtime_dir = below("run");
        flags.launcher_dir = below("libexec");
        flags.fetcher_cache_dir = below("cache");
        flags.isolation = "posix/cpu,posix/mem".to_owned();
        flags.launcher = "posix".to_owned();
        flags.switch_user = false;
        flags.hostname = Some("localhost".to_owned());
        flags.resources = Some("cpus:4;mem:1024;disk:1024;ports:[31000-32000]".to_owned());
        flags.registration_backoff_factor = Duration::from_millis(10);
        flags.executor_shutdown_grace_period = Duration::from_millis(100);
        // On a busy machine as well; recovery does not wait for executors that are back.
        flags.executor_reregistration_timeout = Duration::from_secs(15);
        flags
    }
}

/// A master, an agent and the agent's place.
pub(crate) struct Cluster {
    pub(crate) master: Peer,
    pub(crate) place: Place,
    pub(crate) runtime: Runtime,
    pub(crate) agent: AgentHandle,
    /// How the flags were set up.
    pub(crate) setup: Box<dyn Fn(&mut Flags)>,
    /// How they are changed when the agent is started again.
    pub(crate) change: fn(&mut Flags),
    /// The header with which requests prove who they are.
    pub(crate) authorization: Option<String>,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub(crate) fn start_with(change: impl Fn(&mut Flags) + 'static) -> Self {
        Self::start_replacing(change, Replacements::default())
    }

    /// Starts with parts that the test plays.
    pub(crate) fn start_replacing(
        change: impl Fn(&mut Flags) + 'static,
        replacements: Replacements,
    ) -> Self {
        let master = Peer::start("master");
        let place = Place::new();
        let mut flags = place.flags(&master.pid);
        change(&mut flags);
        let (runtime, agent) = launch_replacing(0, flags, replacements);
        Self {
            master,
            place,
            runtime,
            agent,
            setup: Box::new(change),
            change: |_| {},
            authorization: None,
        }
    }

    /// Starts with parts that the test plays, and registers.
    pub(crate) fn registered_replacing(
        change: impl Fn(&mut Flags) + 'static,
        replacements: Replacements,
    ) -> Self {
        let mut cluster = Self::start_replacing(change, replacements);
        cluster.register();
        cluster
    }

    /// Starts and registers.
    pub(crate) fn registered() -> Self {
        Self::registered_with(|_| {})
    }

    pub(crate) fn registered_with(change: impl Fn(&mut Flags) + 'static) -> Self {
        let mut cluster = Self::start_with(change);
        cluster.register();
        cluster
    }

    pub(crate) fn pid(&self) -> Upid {
        self.agent.pid().upid().clone()
    }

    pub(crate) fn register(&mut self) {
        self.accept_registration();
        self.master.expect::<UpdateAgentMessage>();
    }

    /// Registers; what the agent then tells of itself is left to be expected.
    pub(crate) fn accept_registration(&mut self) {
        let (from, _) = self.master.expect::<RegisterAgentMessage>();
        self.master.send(
            &from,
            &AgentRegisteredMessage {
                agent_id: Some(agent_id()),
                connection: Some(connection()),
                ..Default::default()
            },
        );
    }

    pub(crate) fn reregister(&mut self) -> ReregisterAgentMessage {
        let message = self.accept_reregistration();
        self.master.expect::<UpdateAgentMessage>();
        message
    }

    /// Registers again; what the agent then tells of itself is left to be expected.
    pub(crate) fn accept_reregistration(&mut self) -> ReregisterAgentMessage {
        let (from, message) = self.master.expect::<ReregisterAgentMessage>();
        self.master.send(
            &from,
            &AgentReregisteredMessage {
                agent_id: Some(agent_id()),
                connection: Some(connection()),
                ..Default::default()
            },
        );
        message
    }

    /// Ends the agent and starts another in its place.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// Ends the agent; its executors do not notice.
    pub(crate) fn stop(&self) {
        self.runtime.shutdown();
    }

    /// Starts an agent in the place of the one that was stopped.
    pub(crate) fn start_again(&mut self) {
        let port = self.pid().address.port;
        let mut flags = self.place.flags(&self.master.pid);
        (self.setup)(&mut flags);
        (self.change)(&mut flags);
        let (runtime, agent) = launch_at(port, flags);
        self.runtime = runtime;
        self.agent = agent;
    }

    /// Runs a task whose executor is to be launched.
    pub(crate) fn run(&self, framework: &v1::FrameworkInfo, task: v1::TaskInfo) {
        self.send_task(framework, task, Some(true));
    }

    /// Runs a task on an executor that is there.
    pub(crate) fn run_on(&self, framework: &v1::FrameworkInfo, task: v1::TaskInfo) {
        self.send_task(framework, task, Some(false));
    }

    fn send_task(
        &self,
        framework: &v1::FrameworkInfo,
        task: v1::TaskInfo,
        launch_executor: Option<bool>,
    ) {
        self.master.send(
            &self.pid(),
            &RunTaskMessage {
                framework: Some(framework.clone().into()),
                task: Some(task.into()),
                launch_executor,
                ..Default::default()
            },
        );
    }

    /// Runs tasks as a group of an executor of the framework's own.
    pub(crate) fn run_group(&self, executor: &str, tasks: Vec<v1::TaskInfo>) {
        self.send_group(executor, tasks, Some(true));
    }

    pub(crate) fn send_group(
        &self,
        executor: &str,
        tasks: Vec<v1::TaskInfo>,
        launch_executor: Option<bool>,
    ) {
        self.master.send(
            &self.pid(),
            &RunTaskGroupMessage {
                framework: Some(framework().into()),
                executor: executor_task("", executor, "sleep 1000").executor,
                task_group: Some(v1::TaskGroupInfo {
                    tasks,
                    ..Default::default()
                }),
                launch_executor,
                ..Default::default()
            },
        );
    }

    /// Waits for an update and acknowledges it.
    pub(crate) fn expect_update(&mut self) -> v1::TaskStatus {
        let (_, message) = self.master.expect::<StatusUpdateMessage>();
        let update = message.update().clone();
        self.acknowledge(&update);
        update.status().clone()
    }

    /// Waits for an update to a state; an earlier one may be repeated by an agent that came back.
    pub(crate) fn expect_update_to(&mut self, state: TaskState) -> v1::TaskStatus {
        loop {
            let status = self.expect_update();
            if status.state() == state {
                return status;
            }
            assert_eq!(status.state(), TaskState::TaskRunning);
        }
    }

    pub(crate) fn acknowledge(&self, update: &StatusUpdate) {
        self.master.send(
            &self.pid(),
            &StatusUpdateAcknowledgementMessage {
                agent_id: Some(agent_id()),
                framework_id: update.framework_id.clone(),
                task_id: update.status().task_id.clone(),
                uuid: update.uuid.clone(),
                ..Default::default()
            },
        );
    }

    /// Asks the agent over HTTP.
    pub(crate) fn ask(&self, request: ClientRequest) -> (u16, Bytes) {
        let response = self.open(request);
        let status = response.status;
        let body = self
            .master
            .runtime
            .block_on(response.bytes())
            .expect("a body");
        (status, body)
    }

    pub(crate) fn open(&self, mut asked: ClientRequest) -> ClientResponse {
        if let Some(authorization) = &self.authorization
            && !asked.headers.contains_key("authorization")
        {
            asked = asked.with_header("authorization", authorization);
        }
        let url = format!("http://{}", self.pid().address);
        self.master
            .runtime
            .block_on(request(&url, asked))
            .expect("an answer")
    }

    pub(crate) fn state(&self) -> serde_json::Value {
        let (status, body) = self.ask(ClientRequest::get("/state"));
        assert_eq!(status, 200);
        serde_json::from_slice(&body).expect("JSON")
    }

    /// Asks for the state until it satisfies a condition.
    pub(crate) fn wait_for_state(&self, wanted: impl Fn(&serde_json::Value) -> bool) {
        let came = self.comes(|| wanted(&self.state()));
        assert!(came, "the state did not come: {}", self.state());
    }

    /// Asks until an answer is yes; whether it came in time.
    fn comes(&self, wanted: impl Fn() -> bool) -> bool {
        let clock = libprocess::Clock::real();
        let end = clock.now() + PATIENCE;
        while clock.now() < end {
            if wanted() {
                return true;
            }
            self.pause();
        }
        false
    }

    /// Waits until the agent answers calls.
    pub(crate) fn wait_until_recovered(&self) {
        let health =
            || ClientRequest::post("/api/v1", "application/json", r#"{"type":"GET_HEALTH"}"#);
        assert!(self.comes(|| self.ask(health()).0 == 200));
    }

    /// Waits until a metric of the agent, told by the end of its name, has counted so many.
    #[track_caller]
    pub(crate) fn check_count(&self, name: &str, expected: u32) {
        self.check_metric(&mesos_common::wire::agent_metric(name), f64::from(expected));
    }

    /// Waits until a metric has a value: an agent may tell others before it counts.
    #[track_caller]
    pub(crate) fn check_metric(&self, name: &str, expected: f64) {
        let came = self.comes(|| (self.metric(name) - expected).abs() < 1e-9);
        assert!(came, "{name}: {}, not {expected}", self.metric(name));
    }

    /// What the executors have and use.
    pub(crate) fn usage(&self) -> v1::ResourceUsage {
        let usage = self.agent.usage();
        let usage = self.master.runtime.block_on(usage.into_future());
        usage.ready().expect("the usage")
    }

    /// Has the framework speak to an executor.
    pub(crate) fn send_words(&self, executor: &str, words: &str) {
        self.master.send(
            &self.pid(),
            &FrameworkToExecutorMessage {
                agent_id: Some(agent_id()),
                framework_id: Some(framework_id()),
                executor_id: executor_call(executor).executor_id,
                data: Some(words.to_owned().into()),
                ..Default::default()
            },
        );
    }

    /// Waits until a task has ended and the acknowledgement of that was taken.
    pub(crate) fn wait_for_completed(&self, task: &str) {
        self.wait_for_state(|_| {
            let call = r#"{"type": "GET_TASKS"}"#;
            let call = ClientRequest::post("/api/v1", "application/json", call)
                .with_header("accept", "application/json");
            let (_, body) = self.ask(call);
            let told: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            let completed = told["get_tasks"]["completed_tasks"].as_array();
            let is_it = |one: &serde_json::Value| one["task_id"]["value"] == task;
            completed.is_some_and(|tasks| tasks.iter().any(is_it))
        });
    }

    pub(crate) fn metric(&self, name: &str) -> f64 {
        let snapshot = self.runtime.metrics().snapshot(None);
        let values = self.master.runtime.block_on(snapshot.into_future());
        let values = values.ready().expect("metrics");
        values.get(name).copied().expect("the metric")
    }

    pub(crate) fn kill(&self, task: &str) {
        self.master.send(
            &self.pid(),
            &KillTaskMessage {
                framework_id: Some(framework_id()),
                task_id: Some(task_id(task)),
                ..Default::default()
            },
        );
    }

    /// Has the master shut an executor down.
    pub(crate) fn shut_down_executor(&self, executor: &str) {
        self.master.send(
            &self.pid(),
            &ShutdownExecutorMessage {
                framework_id: Some(framework_id()),
                executor_id: executor_call(executor).executor_id,
                ..Default::default()
            },
        );
    }

    /// Waits until the agent has handled what the master sent: a later ping is answered.
    pub(crate) fn wait_until_handled(&mut self) {
        let ping = PingAgentMessage {
            connected: Some(true),
            ..Default::default()
        };
        self.master.send(&self.pid(), &ping);
        self.master.expect::<PongAgentMessage>();
    }

    pub(crate) fn drain(&self, config: v1::DrainConfig) {
        self.master.send(
            &self.pid(),
            &DrainAgentMessage {
                config: Some(config),
                ..Default::default()
            },
        );
    }

    /// Lets the agent work for a moment.
    fn pause(&self) {
        let clock = libprocess::Clock::real();
        self.master.runtime.block_on(async {
            let (promise, future) = libprocess::Promise::new();
            clock.timer(Duration::from_millis(20), move || promise.set(()));
            drop(future.await);
        });
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.runtime.clock().is_paused() {
            self.runtime.clock().resume();
        }
        // Everything that still runs was started by this agent.
        let mut exited = self.agent.exited();
        self.agent.unregister();
        if let Some(exited) = exited.take() {
            drop(self.master.runtime.block_on(exited.into_future()));
        }
        self.runtime.shutdown();
        self.master.runtime.shutdown();
    }
}

/// The port is part of what an agent says of itself, so one that comes back needs the same.
pub(crate) fn launch_at(port: u16, flags: Flags) -> (Runtime, AgentHandle) {
    launch_replacing(port, flags, Replacements::default())
}

fn launch_replacing(port: u16, flags: Flags, replacements: Replacements) -> (Runtime, AgentHandle) {
    let runtime = Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .port(port)
        .delegate("slave(1)")
        .realms("mesos-agent-readonly", "mesos-agent-readwrite")
        .grpc(mesos_agent::grpc::services())
        .start()
        .expect("runtime");
    let agent = mesos_agent::start_with(&runtime, flags, replacements).expect("agent");
    (runtime, agent)
}
