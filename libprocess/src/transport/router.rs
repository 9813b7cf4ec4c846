//! Which actor a request is for.
//!
//! Mirrors `ProcessManager::handle` in `3rdparty/libprocess/src/process.cpp`.

use crate::event::Message;
use crate::future::Future;
use crate::http::{Exchange, Incoming, Request, Response, decode};
use crate::pid::Upid;
use crate::promise::Promise;
use crate::runtime::Runtime;

/// Hands a request that is not a message to the actor its path names.
pub(crate) fn route(runtime: &Runtime, mut request: Request, body: Incoming) -> Future<Response> {
    if !request.path.starts_with('/') {
        return Response::bad_request("Request URL path must start with '/'").into();
    }
    if request.path.contains("/..") {
        return Response::not_found().into();
    }
    let inner = runtime.inner();
    let named = first_segment(&request.path).and_then(|token| decode(token).ok());
    let target = named.and_then(|id| inner.processes.get(&id));
    let target = match (target, runtime.delegate()) {
        (Some(target), _) => Some(target),
        (None, Some(delegate)) => {
            request.path = if first_segment(&request.path).is_none() {
                format!("/{delegate}")
            } else {
                format!("/{delegate}{}", request.path)
            };
            inner.processes.get(delegate)
        }
        (None, None) => None,
    };
    let plain = inner.json_aliases.plain(&request.path);
    for path in [Some(request.path.as_str()), plain].into_iter().flatten() {
        if let Some(response) = inner.firewall.refuse(path) {
            return response.into();
        }
    }
    let Some(target) = target else {
        return Response::not_found().into();
    };
    let (promise, response) = Promise::new();
    if target.http(Box::new(Exchange {
        request,
        body,
        promise,
    })) {
        response
    } else {
        Response::not_found().into()
    }
}

fn first_segment(path: &str) -> Option<&str> {
    path.split('/').find(|token| !token.is_empty())
}

/// What the first line of a message says: the target's id, still encoded, and the message's name.
pub(crate) fn message_target(target: &str) -> (&str, &str) {
    let path = target.strip_prefix('/').unwrap_or(target);
    path.split_once('/').unwrap_or((path, ""))
}

/// Puts a message into the queue of the actor it names; false when there is none.
pub(crate) fn deliver(runtime: &Runtime, message: Message) -> bool {
    runtime
        .inner()
        .processes
        .get(&message.to.id)
        .is_some_and(|queue| queue.message(Box::new(message)))
}

/// The sender in a message's header; nobody when it cannot be read.
pub(crate) fn sender(header: &[u8]) -> Upid {
    std::str::from_utf8(header)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_message_is_all_after_the_second_slash() {
        assert_eq!(
            message_target("/slave(1)/mesos.internal.Ping"),
            ("slave(1)", "mesos.internal.Ping")
        );
        assert_eq!(message_target("/a/b/c%20d?e"), ("a", "b/c%20d?e"));
        assert_eq!(message_target("/ping"), ("ping", ""));
        assert_eq!(message_target("/"), ("", ""));
    }

    #[test]
    fn an_unreadable_sender_is_nobody() {
        assert!(sender(b"garbage").is_empty());
        assert!(sender(b"\xff").is_empty());
        assert_eq!(sender(b"a@1.2.3.4:5").to_string(), "a@1.2.3.4:5");
    }
}
