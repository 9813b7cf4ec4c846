//! Calls of an executor to the operator API of its agent.

use bytes::Bytes;
use libprocess::Runtime;
use libprocess::http::client::{ClientError, Connection};
use libprocess::http::pipe::Reader;
use libprocess::tls::Tls;
use mesos_api_client::{ContentType, bearer_token};
use mesos_proto::v1::agent::Call;

use crate::mesos::{AgentEndpoint, ExecutorEnvironment};

/// Path of the API below the agent's actor.
const OPERATOR_API: &str = "/api/v1";

/// Where the API is, and who asks.
#[derive(Clone, Debug)]
pub(crate) struct AgentApi {
    endpoint: AgentEndpoint,
    token: Option<String>,
    tls: Option<Tls>,
}

/// An answer of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl AgentApi {
    pub(crate) fn of(environment: &ExecutorEnvironment) -> Self {
        Self {
            endpoint: environment.endpoint.clone(),
            token: environment.token.clone(),
            tls: None,
        }
    }

    /// Speaks as a runtime does.
    pub(crate) fn speak_as(&mut self, runtime: &Runtime) {
        self.tls = runtime.tls().cloned();
    }

    /// Opens a connection for calls that belong together.
    pub(crate) async fn connect(self) -> Result<Connected, ClientError> {
        let connection = match &self.endpoint {
            AgentEndpoint::Tcp(agent) => {
                Connection::connect_to(agent.address, self.tls.as_ref()).await?
            }
            AgentEndpoint::Unix { path, .. } => Connection::connect_unix(path).await?,
        };
        Ok(Connected {
            api: self,
            connection,
        })
    }

    /// Makes one call on a connection of its own.
    pub(crate) async fn call(self, call: Call) -> Result<Answer, ClientError> {
        let mut answers = self.connect().await?.calls(vec![call]).await?;
        answers.pop().ok_or(ClientError::Disconnected)
    }
}

/// An open connection to the API. It closes when it is dropped.
pub(crate) struct Connected {
    api: AgentApi,
    connection: Connection,
}

impl Connected {
    /// Makes calls one behind the other, without waiting for answers in between.
    pub(crate) async fn calls(self, calls: Vec<Call>) -> Result<Vec<Answer>, ClientError> {
        let sent: Vec<_> = calls
            .iter()
            .map(|call| self.connection.send(self.request(call)))
            .collect();
        let mut answers = Vec::with_capacity(sent.len());
        for response in sent {
            let response = response.await?;
            let status = response.status;
            answers.push(Answer {
                status,
                body: response.bytes().await?,
            });
        }
        Ok(answers)
    }

    /// Starts a session: the answer is a stream, and the connection keeps the session alive.
    pub(crate) async fn session(self, call: Call) -> Result<Session, ClientError> {
        let request = self
            .request(&call)
            .with_header("accept", "application/recordio")
            .with_header("message-accept", ContentType::Protobuf.media_type());
        let response = self.connection.send(request).await?;
        Ok(Session {
            status: response.status,
            output: response.body,
            _connection: self.connection,
        })
    }

    fn request(&self, call: &Call) -> libprocess::http::client::ClientRequest {
        let path = self.api.endpoint.path(OPERATOR_API);
        let mut request = ContentType::Protobuf.request(&path, call);
        if let Some(token) = &self.api.token {
            bearer_token(&mut request, token);
        }
        request
    }
}

/// A running session.
pub(crate) struct Session {
    pub(crate) status: u16,
    pub(crate) output: Reader,
    /// When it closes, the agent destroys the container of the session.
    _connection: Connection,
}
