//! The side of executors: what they say to the agent, and what they hear.

use std::fs;

use libprocess::http::client::{ClientRequest, ClientResponse};
use mesos_common::recordio;
use mesos_proto::v1::{
    self, TaskState,
    executor::{Call, Event, call, event},
};
use prost::Message as _;
use uuid::Uuid;

use super::{Cluster, PATIENCE, executor_call, run_dir, task_id};

impl Cluster {
    /// Speaks for the v1 executor that the agent launched.
    pub(crate) fn subscribe(&self, executor: &str) -> FakeExecutor {
        self.subscribe_with(executor, call::Subscribe::default())
    }

    pub(crate) fn subscribe_with(
        &self,
        executor: &str,
        subscribe: call::Subscribe,
    ) -> FakeExecutor {
        self.subscribe_by(&Call {
            r#type: Some(call::Type::Subscribe.into()),
            subscribe: Some(subscribe),
            ..executor_call(executor)
        })
    }

    /// Speaks for an executor of another framework.
    pub(crate) fn subscribe_for(
        &self,
        framework: &v1::FrameworkId,
        executor: &str,
    ) -> FakeExecutor {
        self.subscribe_by(&Call {
            r#type: Some(call::Type::Subscribe.into()),
            subscribe: Some(call::Subscribe::default()),
            framework_id: Some(framework.clone()),
            ..executor_call(executor)
        })
    }

    fn subscribe_by(&self, call: &Call) -> FakeExecutor {
        let response = self.open(
            ClientRequest::post(
                "/slave(1)/api/v1/executor",
                "application/x-protobuf",
                call.encode_to_vec(),
            )
            .with_header("accept", "application/x-protobuf"),
        );
        assert_eq!(response.status, 200);
        FakeExecutor {
            response,
            decoder: recordio::Decoder::default(),
            events: Vec::new(),
        }
    }

    /// Waits for a file in the sandbox of an executor.
    pub(crate) fn wait_for_file(&self, executor: &str, name: &str) {
        let path = run_dir(&self.place.work_dir(), executor).join(name);
        let clock = libprocess::Clock::real();
        let end = clock.now() + PATIENCE;
        while fs::metadata(&path).is_err() {
            assert!(clock.now() < end, "{} did not come", path.display());
            self.pause();
        }
    }

    /// Waits until the container of an executor runs.
    pub(crate) fn wait_for_executor(&self, executor: &str) {
        self.wait_for_state(|_| self.container_pid(executor).is_some());
    }

    /// Speaks for an executor as soon as there is one.
    pub(crate) fn subscribe_when_launched(&self, executor: &str) -> FakeExecutor {
        self.wait_for_executor(executor);
        self.subscribe(executor)
    }

    pub(crate) fn container_pid(&self, executor: &str) -> Option<i32> {
        let (_, body) = self.ask(ClientRequest::get("/containers"));
        let containers: Vec<serde_json::Value> = serde_json::from_slice(&body).expect("JSON");
        let found = containers
            .iter()
            .find(|one| one["executor_id"] == executor)?;
        i32::try_from(found["status"]["executor_pid"].as_i64()?).ok()
    }

    /// Kills the first process of an executor's container.
    pub(crate) fn kill_container_of(&self, executor: &str) {
        let pid = self.container_pid(executor).expect("a process");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::SIGKILL)
            .expect("killed");
    }

    /// Speaks for an executor as soon as a recovering agent lets it.
    pub(crate) fn subscribe_when_open(&self, executor: &str) -> FakeExecutor {
        self.subscribe_when_open_with(executor, call::Subscribe::default())
    }

    pub(crate) fn subscribe_when_open_with(
        &self,
        executor: &str,
        subscribe: call::Subscribe,
    ) -> FakeExecutor {
        self.wait_until_open(executor);
        self.subscribe_with(executor, subscribe)
    }

    /// Waits until a recovering agent lets executors come back.
    pub(crate) fn wait_until_open(&self, executor: &str) {
        let heartbeat = Call {
            r#type: Some(call::Type::Heartbeat.into()),
            ..executor_call(executor)
        };
        while self.call(&heartbeat).0 == 503 {
            self.pause();
        }
    }

    /// Sends a call of the v1 executor; returns the status.
    pub(crate) fn call(&self, call: &Call) -> (u16, String) {
        let (status, body) = self.ask(ClientRequest::post(
            "/slave(1)/api/v1/executor",
            "application/x-protobuf",
            call.encode_to_vec(),
        ));
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    pub(crate) fn report(&self, executor: &str, task: &str, state: TaskState) -> Uuid {
        let call = Self::update_call(executor, task, state);
        let (status, text) = self.call(&call);
        assert_eq!(status, 202, "{text}");
        Uuid::from_slice(call.update().status().uuid()).expect("a UUID")
    }

    /// The call with which an executor reports.
    pub(crate) fn update_call(executor: &str, task: &str, state: TaskState) -> Call {
        let uuid = Uuid::new_v4();
        let status = v1::TaskStatus {
            task_id: Some(task_id(task)),
            state: Some(state.into()),
            source: Some(v1::task_status::Source::SourceExecutor.into()),
            uuid: Some(uuid.as_bytes().to_vec().into()),
            timestamp: Some(1.0),
            ..Default::default()
        };
        let update = call::Update {
            status: Some(status.into()),
            ..Default::default()
        };
        Call {
            r#type: Some(call::Type::Update.into()),
            update: Some(update),
            ..executor_call(executor)
        }
    }
}

/// The stream of a v1 executor.
pub(crate) struct FakeExecutor {
    response: ClientResponse,
    decoder: recordio::Decoder,
    events: Vec<Event>,
}

impl FakeExecutor {
    /// Waits for the next event; none when the agent closed the stream.
    pub(crate) fn next(&mut self, cluster: &Cluster) -> Option<Event> {
        while self.events.is_empty() {
            let read = cluster.master.runtime.block_on(self.response.body.read());
            let chunk = read?.ok()?;
            let mut records = Vec::new();
            self.decoder.decode(&chunk, &mut records).expect("records");
            self.events.extend(
                records
                    .into_iter()
                    .map(|record| Event::decode(record).expect("event")),
            );
        }
        Some(self.events.remove(0))
    }

    /// Waits for an event of a kind; others are dropped.
    pub(crate) fn expect(&mut self, cluster: &Cluster, kind: event::Type) -> Event {
        loop {
            let event = self.next(cluster).expect("an event");
            if event.r#type() == kind {
                return event;
            }
        }
    }
}

/// Kills a container from outside, with everything in it.
pub(crate) fn kill_tree(pid: i32) {
    mesos_linux::process_tree::kill_tree(
        &mesos_linux::process_tree::ProcFs::default(),
        pid,
        nix::sys::signal::SIGKILL,
        mesos_linux::process_tree::Follow::GroupsAndSessions,
    )
    .expect("killed");
}
