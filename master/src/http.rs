//! The master's HTTP endpoints.
//!
//! Mirrors `src/master/http.cpp` and `src/master/readonly_handler.cpp`.
//! Reads take a snapshot in the actor and write their answer outside it.

pub mod agents;
mod api;
mod api_read;
pub(crate) mod authorize;
mod files;
pub mod frameworks;
pub mod help;
mod legacy_operations;
mod maintenance;
pub mod model;
pub mod negotiation;
mod quota;
mod redirect;
mod roles;
mod routes;
mod scheduler;
pub(crate) mod shared;
pub mod state;
pub mod stream;
mod tasks;
mod teardown;
mod version;
mod weights;

pub(crate) use self::redirect::Guard;
pub(crate) use self::version::stringified as flag_texts;

use libprocess::http::Request;

/// A small document with its keys in the order of the alphabet.
///
/// Answers that Mesos makes of whole messages come from a sorted map there.
pub(crate) fn sorted_keys(json: String) -> String {
    // A map of this parser is sorted.
    serde_json::from_str::<serde_json::Value>(&json).map_or(json, |value| value.to_string())
}

/// The callback that wraps a JSON answer.
pub(crate) fn jsonp(request: &Request) -> Option<String> {
    request.query.get("jsonp").map(str::to_owned)
}

/// The name of who asks.
pub(crate) fn principal(request: &Request) -> Option<String> {
    request
        .principal
        .as_ref()
        .and_then(|principal| principal.value.clone())
}
