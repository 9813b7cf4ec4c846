//! What the agent tells its executors by environment variables.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use libprocess::{Address, Upid};
use mesos_common::duration::{self, DurationError};
use mesos_common::wire::variable;

/// Where the agent listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentEndpoint {
    /// A TCP port of the agent's host.
    Tcp(Upid),
    /// A unix domain socket, and the actor behind it.
    Unix {
        /// The socket.
        path: PathBuf,
        /// The agent's actor, as the environment names it.
        agent: Upid,
    },
}

impl AgentEndpoint {
    /// The agent's actor.
    #[must_use]
    pub fn agent(&self) -> &Upid {
        match self {
            Self::Tcp(agent) | Self::Unix { agent, .. } => agent,
        }
    }

    /// The path of an API of the agent, such as `/api/v1/executor`, below the agent's actor.
    #[must_use]
    pub fn path(&self, api: &str) -> String {
        format!("/{}{api}", self.agent().id)
    }
}

/// How long an executor waits for its agent, when the framework checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Time after which an executor without an agent ends.
    pub timeout: Duration,
    /// Longest pause between two attempts to connect.
    pub max_backoff: Duration,
}

/// What ends an executor that does not end by itself after a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForcedEnd {
    /// Its whole process group is killed when the grace period is over.
    KillProcessGroup,
    /// Nothing: the executor lives in the process of somebody else (`MESOS_LOCAL`).
    Never,
}

/// The environment of an executor, read once.
///
/// # Examples
/// ```
/// use std::collections::BTreeMap;
/// use mesos_executor::ExecutorEnvironment;
///
/// let variables = BTreeMap::from([
///     ("MESOS_AGENT_ENDPOINT".to_owned(), "127.0.0.1:5051".to_owned()),
///     ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD".to_owned(), "5secs".to_owned()),
/// ]);
///
/// let environment = ExecutorEnvironment::from_variables(&variables)?;
///
/// assert_eq!(environment.endpoint.agent().address.port, 5051);
/// # Ok::<(), mesos_executor::EnvironmentError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ExecutorEnvironment {
    /// Where the agent listens.
    pub endpoint: AgentEndpoint,
    /// Proves to the agent who the executor is.
    pub token: Option<String>,
    /// Whether, and how long, the executor outlives its agent.
    pub recovery: Option<Recovery>,
    /// Time between a shutdown and the forced end.
    pub shutdown_grace_period: Duration,
    /// What happens then.
    pub forced_end: ForcedEnd,
}

/// Tokens stay out of logs.
impl std::fmt::Debug for ExecutorEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecutorEnvironment")
            .field("endpoint", &self.endpoint)
            .field("recovery", &self.recovery)
            .field("shutdown_grace_period", &self.shutdown_grace_period)
            .field("forced_end", &self.forced_end)
            .finish_non_exhaustive()
    }
}

/// Why an executor cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// A variable that is needed is not set.
    #[error("Expecting '{0}' to be set in the environment")]
    Missing(&'static str),
    /// The name or address of the agent cannot be read.
    #[error("Failed to parse {name} '{value}'")]
    Address {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// A variable that should be a duration is not.
    #[error("Failed to parse {name} '{value}': {source}")]
    Duration {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        #[source]
        source: DurationError,
    },
}

impl ExecutorEnvironment {
    /// Reads the variables that the agent sets.
    ///
    /// # Errors
    /// [`EnvironmentError`] names the variable that is missing or malformed.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Result<Self, EnvironmentError> {
        let agent = agent(variables)?;
        let endpoint = match variables.get("MESOS_DOMAIN_SOCKET") {
            Some(path) => AgentEndpoint::Unix {
                path: PathBuf::from(path),
                agent,
            },
            None => AgentEndpoint::Tcp(agent),
        };
        let checkpointing = variables
            .get("MESOS_CHECKPOINT")
            .is_some_and(|value| value == "1");
        let recovery = if checkpointing {
            let timeout = required_duration(variables, "MESOS_RECOVERY_TIMEOUT")?;
            let max_backoff = required_duration(variables, "MESOS_SUBSCRIPTION_BACKOFF_MAX")?;
            Some(Recovery {
                timeout,
                max_backoff,
            })
        } else {
            None
        };
        let forced_end = if variables.contains_key("MESOS_LOCAL") {
            ForcedEnd::Never
        } else {
            ForcedEnd::KillProcessGroup
        };
        Ok(Self {
            endpoint,
            token: variables
                .get("MESOS_EXECUTOR_AUTHENTICATION_TOKEN")
                .cloned(),
            recovery,
            shutdown_grace_period: required_duration(
                variables,
                "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD",
            )?,
            forced_end,
        })
    }
}

/// Reads a variable that must be there.
///
/// # Errors
/// [`EnvironmentError::Missing`] when it is not.
pub fn required<'a>(
    variables: &'a BTreeMap<String, String>,
    name: &'static str,
) -> Result<&'a str, EnvironmentError> {
    variables
        .get(name)
        .map(String::as_str)
        .ok_or(EnvironmentError::Missing(name))
}

/// Other agents than ours set both; the endpoint alone is enough.
fn agent(variables: &BTreeMap<String, String>) -> Result<Upid, EnvironmentError> {
    let malformed = |name, value: &str| EnvironmentError::Address {
        name,
        value: value.to_owned(),
    };
    if let Some(pid) = variables.get(variable::AGENT_PID) {
        return Upid::resolve(pid).map_err(|_malformed| malformed(variable::AGENT_PID, pid));
    }
    let Some(endpoint) = variables.get("MESOS_AGENT_ENDPOINT") else {
        return Err(EnvironmentError::Missing(variable::AGENT_PID));
    };
    let address: Result<Address, _> = endpoint.parse();
    let address = address.map_err(|_malformed| malformed("MESOS_AGENT_ENDPOINT", endpoint))?;
    Ok(Upid::new(variable::AGENT_PROCESS_ID, address))
}

fn required_duration(
    variables: &BTreeMap<String, String>,
    name: &'static str,
) -> Result<Duration, EnvironmentError> {
    let value = required(variables, name)?;
    duration::parse(value).map_err(|source| EnvironmentError::Duration {
        name,
        value: value.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let base = [
            (variable::AGENT_PID, "agent@127.0.0.1:5051"),
            ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"),
        ];
        let all = base.iter().chain(pairs);
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn executor_without_checkpointing_does_not_outlive_its_agent() {
        let environment = ExecutorEnvironment::from_variables(&variables(&[]));

        let environment = environment.unwrap();
        assert_eq!(environment.recovery, None);
        assert_eq!(environment.shutdown_grace_period, Duration::from_secs(5));
        assert_eq!(environment.endpoint.path("/api/v1"), "/agent/api/v1");
    }

    #[test]
    fn checkpointing_needs_its_two_times() {
        let checkpoint = ("MESOS_CHECKPOINT", "1");
        let timeout = ("MESOS_RECOVERY_TIMEOUT", "15mins");
        let backoff = ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs");

        let read = |pairs: &[_]| ExecutorEnvironment::from_variables(&variables(pairs));

        assert_eq!(
            read(&[checkpoint]).unwrap_err().to_string(),
            "Expecting 'MESOS_RECOVERY_TIMEOUT' to be set in the environment"
        );
        assert_eq!(
            read(&[checkpoint, timeout]).unwrap_err(),
            EnvironmentError::Missing("MESOS_SUBSCRIPTION_BACKOFF_MAX")
        );
        let recovery = read(&[checkpoint, timeout, backoff])
            .unwrap()
            .recovery
            .unwrap();
        assert_eq!(recovery.timeout, Duration::from_secs(900));
        assert_eq!(recovery.max_backoff, Duration::from_secs(2));
    }

    #[test]
    fn agent_is_needed_and_its_endpoint_alone_is_enough() {
        let mut variables = variables(&[]);
        variables.remove(variable::AGENT_PID);

        let missing = ExecutorEnvironment::from_variables(&variables).unwrap_err();
        variables.insert("MESOS_AGENT_ENDPOINT".into(), "127.0.0.1:5051".into());
        let environment = ExecutorEnvironment::from_variables(&variables).unwrap();

        assert_eq!(
            missing.to_string(),
            format!(
                "Expecting '{}' to be set in the environment",
                variable::AGENT_PID
            )
        );
        assert_eq!(
            &*environment.endpoint.agent().id,
            variable::AGENT_PROCESS_ID
        );
    }

    #[test]
    fn token_is_not_shown() {
        let variables = variables(&[("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "jwt")]);
        let environment = ExecutorEnvironment::from_variables(&variables).unwrap();

        assert_eq!(environment.token.as_deref(), Some("jwt"));
        assert!(!format!("{environment:?}").contains("jwt"));
    }

    #[test]
    fn malformed_duration_is_named() {
        let variables = variables(&[("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5")]);

        let error = ExecutorEnvironment::from_variables(&variables)
            .unwrap_err()
            .to_string();

        assert!(error.starts_with("Failed to parse MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD '5'"));
    }
}
