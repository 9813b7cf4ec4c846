//! A v1 scheduler that does only what a test says, over HTTP and JSON.

use std::collections::VecDeque;
use std::net::SocketAddr;

use serde_json::{Value, json};
use thiserror::Error;

use crate::eventually::{PATIENCE, Stopwatch};
use crate::http_client::{self, Answer, HttpError, Request};
use crate::record_stream::{RecordStream, StreamError};

const PATH: &str = "/api/v1/scheduler";

/// Why a scheduler could not go on.
#[derive(Debug, Error)]
pub enum SchedulerError {
    /// The event stream failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A call failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A call was refused.
    #[error("the call {call} got {} {}", .answer.head.start, .answer.text())]
    Refused {
        /// Type of the call.
        call: String,
        /// What the master answered.
        answer: Answer,
    },
    /// The awaited event did not come in time.
    #[error("no {0} came in time")]
    Silence(String),
    /// The first event is not SUBSCRIBED.
    #[error("the stream begins with {0}")]
    NotSubscribed(Value),
}

/// A subscribed framework.
#[derive(Debug)]
pub struct FakeScheduler {
    /// The id that the master gave.
    pub framework_id: String,
    /// The id of the stream, from the header.
    pub stream_id: String,
    /// The whole SUBSCRIBED event.
    pub subscribed: Value,
    /// Every event read so far, the first one included.
    pub events: Vec<Value>,
    passed: VecDeque<Value>,
    /// Updates of tasks that nobody has asked for yet; they are acknowledged.
    of_others: VecDeque<Value>,
    master: SocketAddr,
    stream: RecordStream,
}

impl FakeScheduler {
    /// Subscribes a framework with role `*` and no capability.
    ///
    /// # Errors
    /// [`SchedulerError`] when the master refuses.
    pub fn subscribe(master: SocketAddr) -> Result<Self, SchedulerError> {
        Self::subscribe_as(
            master,
            &json!({
                "user": "root", "name": "test", "roles": ["*"],
                "capabilities": [{"type": "MULTI_ROLE"}],
            }),
        )
    }

    /// Subscribes the framework that `info` describes.
    ///
    /// # Errors
    /// [`SchedulerError`] when the master refuses.
    pub fn subscribe_as(master: SocketAddr, info: &Value) -> Result<Self, SchedulerError> {
        let mut call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        if let (Some(id), Some(call)) = (info.get("id"), call.as_object_mut()) {
            call.insert("framework_id".to_owned(), id.clone());
        }
        let mut stream = RecordStream::open(master, &Request::post_json(PATH, &call))?;
        let subscribed = stream.next_json()?;
        let id = subscribed
            .pointer("/subscribed/framework_id/value")
            .and_then(Value::as_str);
        let Some(framework_id) = id.map(str::to_owned) else {
            return Err(SchedulerError::NotSubscribed(subscribed));
        };
        let stream_id = stream
            .head
            .header("Mesos-Stream-Id")
            .unwrap_or_default()
            .to_owned();
        let events = vec![subscribed.clone()];
        Ok(Self {
            framework_id,
            stream_id,
            subscribed,
            events,
            passed: VecDeque::new(),
            of_others: VecDeque::new(),
            master,
            stream,
        })
    }

    /// Returns status line and headers of the stream.
    #[must_use]
    pub fn head(&self) -> &http_client::Head {
        &self.stream.head
    }

    /// Waits for the next event of any type that no other method has returned.
    ///
    /// # Errors
    /// [`SchedulerError::Stream`] when the stream ends.
    pub fn next_event(&mut self) -> Result<Value, SchedulerError> {
        match self.passed.pop_front() {
            Some(event) => Ok(event),
            None => self.read_event(),
        }
    }

    fn read_event(&mut self) -> Result<Value, SchedulerError> {
        let event = self.stream.next_json()?;
        self.events.push(event.clone());
        Ok(event)
    }

    /// Waits for the next event of that type; others are kept for later.
    ///
    /// # Errors
    /// [`SchedulerError::Stream`] when the stream ends.
    pub fn wait_for(&mut self, kind: &str) -> Result<Value, SchedulerError> {
        let is_wanted = |event: &Value| event.get("type").and_then(Value::as_str) == Some(kind);
        let passed = self.passed.iter().position(is_wanted);
        if let Some(event) = passed.and_then(|index| self.passed.remove(index)) {
            return Ok(event);
        }
        let watch = Stopwatch::start();
        loop {
            // Heartbeats keep the stream busy.
            if watch.elapsed() > PATIENCE {
                return Err(SchedulerError::Silence(kind.to_owned()));
            }
            let event = self.read_event()?;
            if is_wanted(&event) {
                return Ok(event);
            }
            self.passed.push_back(event);
        }
    }

    /// Waits for offers and returns the first one.
    ///
    /// # Errors
    /// [`SchedulerError::Stream`] when the stream ends.
    pub fn wait_for_offer(&mut self) -> Result<Value, SchedulerError> {
        loop {
            let event = self.wait_for("OFFERS")?;
            if let Some(offer) = event.pointer("/offers/offers/0") {
                return Ok(offer.clone());
            }
        }
    }

    /// Waits for a status update, acknowledges it when it wants that, and returns the status.
    ///
    /// # Errors
    /// [`SchedulerError`] when the stream ends or the acknowledgement is refused.
    pub fn wait_for_update(&mut self) -> Result<Value, SchedulerError> {
        let event = self.wait_for("UPDATE")?;
        let status = event.pointer("/update/status").cloned().unwrap_or_default();
        self.acknowledge(&status)?;
        Ok(status)
    }

    /// Waits until an update of `task` has the state `state`, acknowledging all on the way.
    ///
    /// What comes of other tasks meanwhile is remembered for those who wait for them later.
    ///
    /// # Errors
    /// [`SchedulerError`] when the stream ends.
    pub fn wait_for_state(&mut self, task: &str, state: &str) -> Result<Value, SchedulerError> {
        let is = |status: &Value, path: &str, wanted: &str| {
            status.pointer(path).and_then(Value::as_str) == Some(wanted)
        };
        let is_wanted =
            |status: &Value| is(status, "/task_id/value", task) && is(status, "/state", state);
        let passed = self.of_others.iter().position(is_wanted);
        if let Some(status) = passed.and_then(|index| self.of_others.remove(index)) {
            return Ok(status);
        }
        loop {
            let status = self.wait_for_update()?;
            if is_wanted(&status) {
                return Ok(status);
            }
            if !is(&status, "/task_id/value", task) {
                self.of_others.push_back(status);
            }
        }
    }

    /// Sends a call; type, framework id and stream id are filled in.
    ///
    /// # Errors
    /// [`SchedulerError::Refused`] when the answer is not 202 or 200.
    pub fn call(&self, kind: &str, body: Value) -> Result<Answer, SchedulerError> {
        let answer = self.try_call(kind, body)?;
        if matches!(answer.status(), 200 | 202) {
            return Ok(answer);
        }
        Err(SchedulerError::Refused {
            call: kind.to_owned(),
            answer,
        })
    }

    /// Sends a call and returns whatever the answer is.
    ///
    /// # Errors
    /// [`SchedulerError::Http`] when there is no answer.
    pub fn try_call(&self, kind: &str, body: Value) -> Result<Answer, SchedulerError> {
        let mut call = json!({"type": kind, "framework_id": {"value": self.framework_id}});
        if let (Some(call), Value::Object(body)) = (call.as_object_mut(), body) {
            call.extend(body);
        }
        let request = Request::post_json(PATH, &call).header("Mesos-Stream-Id", &self.stream_id);
        Ok(http_client::send(self.master, &request)?)
    }

    /// Accepts an offer and launches `tasks` on it.
    ///
    /// # Errors
    /// [`SchedulerError`] when the master refuses.
    pub fn launch(&self, offer: &Value, tasks: &[Value]) -> Result<Answer, SchedulerError> {
        let operation = json!({"type": "LAUNCH", "launch": {"task_infos": tasks}});
        self.accept(offer, &[operation])
    }

    /// Accepts an offer with any operations.
    ///
    /// # Errors
    /// [`SchedulerError`] when the master refuses.
    pub fn accept(&self, offer: &Value, operations: &[Value]) -> Result<Answer, SchedulerError> {
        self.call(
            "ACCEPT",
            json!({"accept": {
                "offer_ids": [offer.get("id")],
                "operations": operations,
                "filters": {"refuse_seconds": 0.0},
            }}),
        )
    }

    /// Declines an offer for `seconds`.
    ///
    /// # Errors
    /// [`SchedulerError`] when the master refuses.
    pub fn decline(&self, offer: &Value, seconds: f64) -> Result<Answer, SchedulerError> {
        self.call(
            "DECLINE",
            json!({"decline": {
                "offer_ids": [offer.get("id")],
                "filters": {"refuse_seconds": seconds},
            }}),
        )
    }

    /// Kills a task.
    ///
    /// # Errors
    /// [`SchedulerError`] when the master refuses.
    pub fn kill(&self, task: &str) -> Result<Answer, SchedulerError> {
        self.call("KILL", json!({"kill": {"task_id": {"value": task}}}))
    }

    /// Acknowledges a status update; one without uuid needs none.
    ///
    /// # Errors
    /// [`SchedulerError`] when the master refuses.
    pub fn acknowledge(&self, status: &Value) -> Result<(), SchedulerError> {
        let Some(uuid) = status.get("uuid") else {
            return Ok(());
        };
        self.call(
            "ACKNOWLEDGE",
            json!({"acknowledge": {
                "agent_id": status.get("agent_id"),
                "task_id": status.get("task_id"),
                "uuid": uuid,
            }}),
        )?;
        Ok(())
    }

    /// Ends the framework.
    ///
    /// # Errors
    /// [`SchedulerError`] when the master refuses.
    pub fn teardown(&self) -> Result<Answer, SchedulerError> {
        self.call("TEARDOWN", json!({}))
    }
}

/// Describes a command task on the agent of `offer`, with 0.1 cpus and 16 MB.
#[must_use]
pub fn command_task(id: &str, command: &str, offer: &Value) -> Value {
    json!({
        "name": id,
        "task_id": {"value": id},
        "agent_id": offer.get("agent_id"),
        "command": {"value": command},
        "resources": resources(0.1, 16.0),
    })
}

/// Describes `cpus` and `mem` of the role `*`.
#[must_use]
pub fn resources(cpus: f64, mem: f64) -> Value {
    json!([
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": cpus},
         "allocation_info": {"role": "*"}},
        {"name": "mem", "type": "SCALAR", "scalar": {"value": mem},
         "allocation_info": {"role": "*"}},
    ])
}
