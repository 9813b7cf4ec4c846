//! Calls that no client should make: no 500, no crash, no changed state, and texts that name the
//! field.

mod random;
mod templates;
mod wrong;

use std::net::SocketAddr;

use mesos_integration::http_client::{self, Connection, Request};

/// What must not change, as the endpoints show it.
fn state(address: SocketAddr, paths: &[&str]) -> Vec<String> {
    let show = |path: &&str| {
        let answer = http_client::send(address, &Request::get(path)).expect("it answers");
        assert_eq!(answer.status(), 200, "{path}");
        format!("{path}: {}", answer.text())
    };
    paths.iter().map(show).collect()
}

const STATE_OF_MASTER: [&str; 6] = [
    "/state",
    "/quota",
    "/weights",
    "/maintenance/schedule",
    "/maintenance/status",
    "/registrar(1)/registry",
];

/// What changes on an idle agent by itself is not among these.
const STATE_OF_AGENT: [&str; 2] = ["/state", "/containers"];

/// What came back: a status, and the text of a refusal.
struct Reply {
    status: u16,
    text: String,
}

/// Sends a request on a connection of its own; the body of a success may never end, so it is left.
fn reply(address: SocketAddr, request: &Request) -> Option<Reply> {
    let mut connection = Connection::open(address).expect("it listens");
    // The daemon may close before all is written.
    let _cut = connection.write(&request.encode(address));
    let head = connection.read_head().ok()?;
    let length = head.header("Content-Length").and_then(|it| it.parse().ok());
    let body = match length {
        Some(length) if head.status >= 400 => connection.read_exact(length).unwrap_or_default(),
        _ => Vec::new(),
    };
    Some(Reply {
        status: head.status,
        text: String::from_utf8_lossy(&body).into_owned(),
    })
}
