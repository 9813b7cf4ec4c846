//! Looks into the master's registry from outside.

use std::net::SocketAddr;

use serde_json::Value;

use crate::http_client::{self, HttpError};

/// Reads the whole registry as JSON.
///
/// # Errors
/// [`HttpError`] when the master does not answer with JSON.
pub fn registry(master: SocketAddr) -> Result<Value, HttpError> {
    http_client::get_json(master, "/registrar(1)/registry")
}

/// Lists the ids of the admitted agents.
///
/// # Errors
/// [`HttpError`] when the master does not answer with JSON.
pub fn admitted_agents(master: SocketAddr) -> Result<Vec<String>, HttpError> {
    let registry = registry(master)?;
    let agents = registry.pointer("/slaves/slaves").and_then(Value::as_array);
    Ok(agents
        .into_iter()
        .flatten()
        .filter_map(|agent| agent.pointer("/info/id/value")?.as_str())
        .map(str::to_owned)
        .collect())
}
