//! Plays a recorded server against a live client of the v1 APIs: the agent against an executor, or the master
//! against a scheduler.
//!
//! The client chooses some ids; everything else is as recorded.

mod order;

use std::collections::VecDeque;
use std::io::{self, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use serde_json::Value;

use super::ids::Ids;
use super::wire::{self, Encoding, Frame};
use super::{FrameError, Outcome, ReplayError, compare, in_frame};
use crate::descriptors;
use crate::eventually::PATIENCE;

/// Which conversation is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversation {
    /// An executor with its agent.
    Executor,
    /// A scheduler with its master.
    Scheduler,
}

impl Conversation {
    /// The message that requests to this path hold.
    fn message(self, path: &str) -> Option<&'static str> {
        match (self, path) {
            (Self::Executor, "/slave(1)/api/v1/executor") => Some("mesos.v1.executor.Call"),
            (Self::Executor, "/slave(1)/api/v1") => Some("mesos.v1.agent.Call"),
            (Self::Scheduler, "/master/api/v1/scheduler") => Some("mesos.v1.scheduler.Call"),
            (Self::Executor | Self::Scheduler, _) => None,
        }
    }

    fn event(self) -> &'static str {
        match self {
            Self::Executor => "mesos.v1.executor.Event",
            Self::Scheduler => "mesos.v1.scheduler.Event",
        }
    }

    /// Whether an event of this type answers a call, and so must not come before it.
    fn is_caused(self, kind: &str) -> bool {
        match self {
            Self::Executor => kind == "ACKNOWLEDGED",
            Self::Scheduler => kind == "UPDATE",
        }
    }

    /// Whether a call of this kind causes such an event.
    fn causes(self, kind: &str) -> bool {
        match self {
            Self::Executor => kind.starts_with("UPDATE"),
            Self::Scheduler => kind == "ACCEPT" || kind == "ACKNOWLEDGE",
        }
    }
}

/// The recorded server, ready for a client that is told of `address`.
#[derive(Debug)]
pub struct Player {
    /// Where it listens.
    pub address: SocketAddr,
    conversation: Conversation,
    arrivals: Receiver<Arrived>,
    kept: VecDeque<Arrived>,
    ids: Ids,
    outcome: Outcome,
    /// Events of the recorded stream that are still to be sent, and where to.
    events: VecDeque<Value>,
    stream: Option<(TcpStream, Encoding)>,
}

/// A request of the client.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) call: Value,
    pub(super) kind: String,
    /// Where the answer goes.
    pub(super) answer: TcpStream,
}

/// A recorded request.
struct Wanted<'a> {
    number: usize,
    call: Value,
    kind: String,
    /// The recorded answer; none when the client did not wait for it.
    answer: Option<&'a Frame>,
}

impl Player {
    /// Starts to listen.
    ///
    /// # Errors
    /// When no port is free.
    pub fn listen(conversation: Conversation) -> io::Result<Self> {
        let (address, arrivals) = listen(conversation)?;
        Ok(Self {
            address,
            conversation,
            arrivals,
            kept: VecDeque::new(),
            ids: Ids::default(),
            outcome: Outcome::default(),
            events: VecDeque::new(),
            stream: None,
        })
    }

    /// Plays what the client and the server at the recorded port exchanged.
    ///
    /// # Errors
    /// [`ReplayError`] names the frame at which the conversation stopped.
    pub fn play(mut self, frames: &[Frame], port: u64) -> Result<Outcome, ReplayError> {
        for (index, frame) in frames.iter().enumerate() {
            let message = self.conversation.message(frame.path());
            let Some(message) = message.filter(|_| frame.to_port == port) else {
                continue;
            };
            let is_answer = |later: &&Frame| {
                later.from_port == port
                    && later.to_port == frame.from_port
                    && later.start.starts_with("HTTP/")
            };
            let rest = frames.get(index..).unwrap_or_default();
            let answer = rest.iter().find(is_answer);
            let call = frame.call_json(message)?;
            self.request(&Wanted {
                number: frame.number,
                kind: kind(&call),
                call,
                answer,
            })?;
        }
        Ok(self.outcome)
    }

    fn request(&mut self, wanted: &Wanted<'_>) -> Result<(), ReplayError> {
        let number = wanted.number;
        let arrived = self.compared(wanted)?;
        let Some(recorded) = wanted.answer else {
            return Ok(());
        };
        let mut answer = arrived.answer;
        if wanted.kind == "SUBSCRIBE" {
            self.events = recorded.records(self.conversation.event())?.into();
            write_head(&mut answer, recorded, None).map_err(in_frame(number))?;
            self.stream = Some((answer, recorded.encoding()));
            return self.send_free_events(number);
        }
        write_head(&mut answer, recorded, Some(recorded.body.len()))
            .and_then(|()| answer.write_all(&recorded.body))
            .map_err(in_frame(number))?;
        if self.conversation.causes(&wanted.kind) {
            self.send_event(number)?;
            self.send_free_events(number)?;
        }
        Ok(())
    }

    /// Waits for a recorded request and compares it.
    fn compared(&mut self, wanted: &Wanted<'_>) -> Result<Arrived, ReplayError> {
        let arrived = self.next(wanted)?;
        let place = format!("frame {} {}", wanted.number, wanted.kind);
        let differences = compare::compare(&place, &wanted.call, &arrived.call, &mut self.ids);
        self.outcome.add(&wanted.kind, differences);
        Ok(arrived)
    }

    /// Sends events up to the next one that a call must cause.
    fn send_free_events(&mut self, frame: usize) -> Result<(), ReplayError> {
        let conversation = self.conversation;
        let is_free = |event: &Value| {
            let kind = event.get("type").and_then(Value::as_str);
            kind.is_some_and(|kind| !conversation.is_caused(kind))
        };
        while self.events.front().is_some_and(is_free) {
            self.send_event(frame)?;
        }
        Ok(())
    }

    fn send_event(&mut self, frame: usize) -> Result<(), ReplayError> {
        let (Some(event), Some((stream, encoding))) = (self.events.pop_front(), &mut self.stream)
        else {
            return Ok(());
        };
        let event = self.ids.value(&event);
        let bytes = match encoding {
            Encoding::Json => event.to_string().into_bytes(),
            Encoding::Protobuf => {
                descriptors::to_bytes(self.conversation.event(), &event).map_err(in_frame(frame))?
            }
        };
        write_record(stream, &bytes).map_err(in_frame(frame))
    }

    /// The live request that is this recorded one.
    fn next(&mut self, wanted: &Wanted<'_>) -> Result<Arrived, ReplayError> {
        let is_it = |arrived: &Arrived| {
            arrived.kind == wanted.kind && is_about_the_same(&wanted.call, &arrived.call, &self.ids)
        };
        if let Some(index) = self.kept.iter().position(is_it)
            && let Some(arrived) = self.kept.remove(index)
        {
            return Ok(arrived);
        }
        loop {
            let arrived = self.arrivals.recv_timeout(PATIENCE).map_err(|_silence| {
                let missing = FrameError::Unplayable("the client did not send this request");
                in_frame(wanted.number)(missing)
            })?;
            if is_it(&arrived) {
                return Ok(arrived);
            }
            self.kept.push_back(arrived);
        }
    }
}

/// Starts to listen for the requests of a client, on a free port.
pub(super) fn listen(conversation: Conversation) -> io::Result<(SocketAddr, Receiver<Arrived>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let (sender, arrivals) = channel();
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let sender = sender.clone();
            thread::spawn(move || read_requests(conversation, socket, &sender));
        }
    });
    Ok((address, arrivals))
}

/// Writes one record of an open stream.
pub(super) fn write_record(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let head = format!("{}\n", bytes.len());
    write_chunk(stream, &[head.as_bytes(), bytes].concat())
}

fn write_chunk(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let head = format!("{:x}\r\n", bytes.len());
    stream.write_all(&[head.as_bytes(), bytes, b"\r\n"].concat())
}

/// Paths to what tells calls of one kind from each other.
const SUBJECTS: [&str; 8] = [
    "/update/status/task_id/value",
    "/acknowledge/task_id/value",
    "/launch_container/command/value",
    "/launch_nested_container_session/container_id/parent/value",
    "/wait_nested_container/container_id/value",
    "/kill_nested_container/container_id/value",
    "/kill_nested_container/signal",
    "/remove_nested_container/container_id/value",
];

/// Tells whether two calls of one kind concern the same task, as far as that is known.
fn is_about_the_same(recorded: &Value, live: &Value, ids: &Ids) -> bool {
    SUBJECTS.iter().all(|path| {
        let recorded = recorded.pointer(path).map(|subject| ids.value(subject));
        recorded.as_ref() == live.pointer(path)
    })
}

/// The type of a call, and the state of an update.
pub(super) fn kind(call: &Value) -> String {
    let text = |path: &str| call.pointer(path).and_then(Value::as_str);
    let kind = text("/type").unwrap_or_default();
    match text("/update/status/state") {
        Some(state) => format!("{kind} {state}"),
        None => kind.to_owned(),
    }
}

/// Hands every request of a connection on.
fn read_requests(conversation: Conversation, socket: TcpStream, arrivals: &Sender<Arrived>) {
    let Ok(answer) = socket.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(socket);
    while let Ok(Some(request)) = read_request(&mut reader) {
        let Some(message) = conversation.message(&request.path) else {
            return;
        };
        let call = wire::decode(0, message, request.encoding, &request.body);
        let (Ok(call), Ok(answer)) = (call, answer.try_clone()) else {
            return;
        };
        let kind = kind(&call);
        if arrivals.send(Arrived { call, kind, answer }).is_err() {
            return;
        }
    }
}

struct Request {
    path: String,
    encoding: Encoding,
    body: Vec<u8>,
}

/// Reads one request; none at the end of the connection.
fn read_request(reader: &mut impl io::BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut encoding) = (0, Encoding::Protobuf);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        if name.eq_ignore_ascii_case("content-type") && value == "application/json" {
            encoding = Encoding::Json;
        }
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap_or_default();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Request {
        path,
        encoding,
        body,
    }))
}

/// Writes the recorded head of an answer.
fn write_head(out: &mut TcpStream, answer: &Frame, length: Option<usize>) -> io::Result<()> {
    let mut head = format!("{}\r\n", answer.start);
    for (name, value) in &answer.headers {
        if name != "Content-Length" {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    if let Some(length) = length {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    head.push_str("\r\n");
    out.write_all(head.as_bytes())
}

/// The frames of one framework, with what its clients asked a server in between.
#[must_use]
pub fn of_framework(all: &[Frame], conversation: Conversation, framework: &str) -> Vec<Frame> {
    let names = |frame: &&Frame| {
        conversation.message(frame.path()).is_some()
            && frame
                .body
                .windows(framework.len())
                .any(|part| part == framework.as_bytes())
    };
    let first = all.iter().find(names).map_or(0, |frame| frame.number);
    let last = all.iter().rfind(names).map_or(0, |frame| frame.number);
    // The first call of a scheduler names no framework yet; the last answer comes a little later.
    let before = match conversation {
        Conversation::Executor => 0,
        Conversation::Scheduler => 2,
    };
    let requests = first.saturating_sub(before)..=last;
    let answers = first..=last.saturating_add(20);
    let frames = all.iter().filter(|frame| {
        requests.contains(&frame.number)
            || (answers.contains(&frame.number) && frame.path().is_empty())
    });
    frames.cloned().collect()
}
