//! A v1 executor that does only what a test says, over HTTP and JSON.
//!
//! The agent must already expect the executor: launch a task with an `executor` whose command idles,
//! then subscribe here with the same ids.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use thiserror::Error;

use crate::http_client::{self, Answer, HttpError, Request};
use crate::record_stream::{RecordStream, StreamError};

const PATH: &str = "/api/v1/executor";

/// Why an executor could not go on.
#[derive(Debug, Error)]
pub enum ExecutorError {
    /// The event stream failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A call failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The first event is not SUBSCRIBED.
    #[error("the stream begins with {0}")]
    NotSubscribed(Value),
}

/// A subscribed executor.
#[derive(Debug)]
pub struct FakeExecutor {
    /// The whole SUBSCRIBED event.
    pub subscribed: Value,
    agent: SocketAddr,
    ids: Value,
    stream: RecordStream,
}

impl FakeExecutor {
    /// Subscribes the executor `executor_id` of `framework_id` with the agent.
    ///
    /// # Errors
    /// [`ExecutorError`] when the agent refuses.
    pub fn subscribe(
        agent: SocketAddr,
        framework_id: &str,
        executor_id: &str,
    ) -> Result<Self, ExecutorError> {
        let ids = json!({
            "framework_id": {"value": framework_id},
            "executor_id": {"value": executor_id},
        });
        let call = with(&ids, "SUBSCRIBE", json!({"subscribe": {}}));
        let mut stream = RecordStream::open(agent, &Request::post_json(PATH, &call))?;
        let subscribed = stream.next_json()?;
        if subscribed.get("type").and_then(Value::as_str) != Some("SUBSCRIBED") {
            return Err(ExecutorError::NotSubscribed(subscribed));
        }
        Ok(Self {
            subscribed,
            agent,
            ids,
            stream,
        })
    }

    /// Waits for the next event of that type and passes over others.
    ///
    /// # Errors
    /// [`ExecutorError::Stream`] when the stream ends.
    pub fn wait_for(&mut self, kind: &str) -> Result<Value, ExecutorError> {
        loop {
            let event = self.stream.next_json()?;
            if event.get("type").and_then(Value::as_str) == Some(kind) {
                return Ok(event);
            }
        }
    }

    /// Sends a status update and returns its uuid, with the answer.
    ///
    /// # Errors
    /// [`ExecutorError::Http`] when there is no answer.
    pub fn update(&self, task: &str, state: &str) -> Result<(String, Answer), ExecutorError> {
        let uuid = STANDARD.encode(uuid::Uuid::new_v4().as_bytes());
        let status = json!({
            "task_id": {"value": task},
            "state": state,
            "source": "SOURCE_EXECUTOR",
            "executor_id": self.ids.get("executor_id"),
            "uuid": uuid,
        });
        let answer = self.call("UPDATE", json!({"update": {"status": status}}))?;
        Ok((uuid, answer))
    }

    /// Sends any call and returns whatever the answer is.
    ///
    /// # Errors
    /// [`ExecutorError::Http`] when there is no answer.
    pub fn call(&self, kind: &str, body: Value) -> Result<Answer, ExecutorError> {
        let request = Request::post_json(PATH, &with(&self.ids, kind, body));
        Ok(http_client::send(self.agent, &request)?)
    }
}

fn with(ids: &Value, kind: &str, body: Value) -> Value {
    let mut call = ids.clone();
    if let (Some(call), Value::Object(body)) = (call.as_object_mut(), body) {
        call.insert("type".to_owned(), Value::from(kind));
        call.extend(body);
    }
    call
}
