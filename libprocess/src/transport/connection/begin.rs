//! What a request's head makes of it: a message, a request, or a refusal.

use std::sync::Arc;

use ::http::Method;

use super::{BodyWanted, Connection, Gzip, Manner, Service};
use crate::address::Address;
use crate::event_queue::AnyQueue;
use crate::http::{Request, Response, decode};
use crate::pid::Upid;
use crate::runtime::{Inner, PeerCheck};
use crate::trace;
use crate::transport::body::{Framing, Malformed};
use crate::transport::head::{Coding, Head, KeepAlive, Patience};
use crate::transport::router;

/// What was decided from a head.
pub(super) enum Begin {
    Message {
        envelope: Envelope,
        framing: Framing,
        coding: Coding,
        keep_alive: KeepAlive,
    },
    Request {
        request: Box<Request>,
        framing: Framing,
        coding: Coding,
        manner: Manner,
    },
    /// Answered without looking at it any further.
    Refused {
        response: Response,
        framing: Framing,
        manner: Manner,
    },
}

/// A message whose body is still to come.
pub(super) struct Envelope {
    pub(super) from: Upid,
    /// The actor, when there is one.
    pub(super) to: Option<Arc<dyn AnyQueue>>,
    pub(super) id: String,
    pub(super) name: Arc<str>,
    /// The span it was sent in.
    pub(super) trace: Option<Box<str>>,
}

/// What the last message said: the next one mostly says the same.
#[derive(Default)]
pub(super) struct Last {
    header: Vec<u8>,
    sender: Upid,
    pub(super) target: Option<Arc<dyn AnyQueue>>,
    name: Option<Arc<str>>,
    head: Known,
}

/// A message's head to the byte, and what it says of the body; an empty one is known of nothing.
struct Known {
    bytes: Vec<u8>,
    framing: Framing,
    coding: Coding,
    keep_alive: KeepAlive,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            framing: Framing::Length(0),
            coding: Coding::Identity,
            keep_alive: KeepAlive::Yes,
        }
    }
}

impl Last {
    /// When the buffer begins with the very head of the last message: the same again, without parsing, and its length.
    pub(super) fn again(&self, buffer: &[u8]) -> Option<(Begin, usize)> {
        let head = &self.head;
        if head.bytes.is_empty() || !buffer.starts_with(&head.bytes) {
            return None;
        }
        let begin = Begin::Message {
            envelope: Envelope {
                from: self.sender.clone(),
                to: Some(Arc::clone(self.target.as_ref()?)),
                id: String::new(),
                name: Arc::clone(self.name.as_ref()?),
                trace: None,
            },
            framing: head.framing,
            coding: head.coding,
            keep_alive: head.keep_alive,
        };
        Some((begin, head.bytes.len()))
    }

    /// Remembers the head at the front of the buffer if it began a message to an actor that is there.
    pub(super) fn remember(&mut self, begin: &Begin, bytes: &[u8]) {
        self.head.bytes.clear();
        if let Begin::Message {
            envelope:
                Envelope {
                    to: Some(_),
                    trace: None,
                    ..
                },
            framing,
            coding,
            keep_alive,
        } = begin
        {
            self.head.bytes.extend_from_slice(bytes);
            self.head.framing = *framing;
            self.head.coding = *coding;
            self.head.keep_alive = *keep_alive;
        }
    }
}

/// Decides what a head is.
pub(super) fn begin(
    connection: &Connection,
    last: &mut Last,
    head: &Head<'_>,
) -> Result<Begin, Malformed> {
    let keep_alive = head.keep_alive;
    let mut manner = Manner {
        keep_alive,
        gzip: Gzip::Unwelcome,
        body: BodyWanted::Yes,
    };
    if let Service::Actors(_) = connection.service
        && let Some(sender) = head.sender
        && head.target.starts_with('/')
    {
        return Ok(match envelope(connection, last, head, sender) {
            Ok(mut envelope) => {
                if trace::is_on() {
                    envelope.trace = head.header(trace::HEADER).and_then(trace::received);
                }
                Begin::Message {
                    envelope,
                    framing: head.framing,
                    coding: head.coding,
                    keep_alive,
                }
            }
            Err(response) => Begin::Refused {
                response: *response,
                framing: head.framing,
                manner,
            },
        });
    }
    let method =
        Method::from_bytes(head.method.as_bytes()).map_err(|_error| Malformed("method"))?;
    if method == Method::HEAD {
        manner.body = BodyWanted::No;
    }
    let mut request = Request::new(method, head.target).map_err(|_error| Malformed("query"))?;
    request.headers = head.header_map()?;
    request.peer = connection.peer;
    request.connection = connection.number;
    if request.accepts_gzip() {
        manner.gzip = Gzip::Welcome;
    }
    if !request.path.starts_with('/') {
        let response = Response::bad_request("Request URL path must start with '/'");
        return Ok(Begin::Refused {
            response,
            framing: head.framing,
            manner,
        });
    }
    let (framing, coding) = (head.framing, head.coding);
    Ok(Begin::Request {
        request: Box::new(request),
        framing,
        coding,
        manner,
    })
}

/// Whether a peer waits for its answers. Runtimes of one clock do: it settles when they are there.
fn patience(inner: &Inner, head: &Head<'_>, from: Address) -> Patience {
    if inner.network.is_some() || inner.clock.activity().has_runtime(from) {
        Patience::Waits
    } else {
        head.patience
    }
}

/// Reads from the head of a message who it is from and for, or how it is refused.
fn envelope(
    connection: &Connection,
    last: &mut Last,
    head: &Head<'_>,
    sender: &[u8],
) -> Result<Envelope, Box<Response>> {
    let inner = connection.runtime.inner();
    if last.header != sender || last.header.is_empty() {
        let from = router::sender(sender);
        if from.address != last.sender.address && !from.is_empty() {
            inner.sockets.heard_legacy(from.address);
        }
        connection.patience.set(patience(inner, head, from.address));
        last.sender = from;
        last.header.clear();
        last.header.extend_from_slice(sender);
    }
    let from = last.sender.clone();
    if inner.peer_check == PeerCheck::RequireSameIp
        && connection.peer.map(|peer| peer.ip().to_canonical()) != Some(from.address.ip)
    {
        return Err(Box::new(Response::bad_request(format!(
            "UPID IP address validation failed: Message from {from} was sent from IP {}",
            connection
                .peer
                .map_or_else(String::new, |peer| peer.to_string())
        ))));
    }
    let (segment, name) = router::message_target(head.target);
    let name = match &last.name {
        Some(known) if **known == *name => Arc::clone(known),
        _ => {
            let shared = inner.names.intern(name);
            last.name = Some(Arc::clone(&shared));
            shared
        }
    };
    if let Some(known) = &last.target
        && *known.upid().id == *segment
    {
        return Ok(Envelope {
            from,
            to: Some(Arc::clone(known)),
            id: String::new(),
            name,
            trace: None,
        });
    }
    let id = decode(segment).map_err(|error| {
        Box::new(Response::internal_server_error(format!(
            "Failed to decode URL path: {error}"
        )))
    })?;
    let to = inner.processes.get(&id);
    last.target.clone_from(&to);
    Ok(Envelope {
        from,
        to,
        id,
        name,
        trace: None,
    })
}
