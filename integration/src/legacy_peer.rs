//! A peer on the legacy libprocess wire, written for these tests alone.
//!
//! It listens on a port of its own, answers every message with 202 and keeps what it got.
//! It sends with the header block of Mesos, byte for byte.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use crate::descriptors::{self, DescriptorError};
use crate::eventually::PATIENCE;
use crate::http_client::{Connection, HttpError};

/// Why a message was not sent or did not come.
#[derive(Debug, Error)]
pub enum PeerError {
    /// The peer cannot listen.
    #[error("listen")]
    Listen {
        /// What the operating system said.
        source: io::Error,
    },
    /// The other side cannot be reached or does not answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The other side answered with something else than 202.
    #[error("{name} to {to} got status {status}")]
    Refused {
        /// Name of the message.
        name: String,
        /// Receiver, `id@ip:port`.
        to: String,
        /// Status code.
        status: u16,
    },
    /// The address of the receiver is not `id@ip:port`.
    #[error("`{0}` is no address of a process")]
    Address(String),
    /// The awaited message did not come.
    #[error("no {name} came within {waited:?}; waiting: {waiting:?}")]
    Silence {
        /// Name of the message.
        name: String,
        /// How long was waited.
        waited: Duration,
        /// Names of other messages that came and nobody took.
        waiting: Vec<String>,
    },
    /// A message does not decode.
    #[error(transparent)]
    Message(#[from] DescriptorError),
}

/// A message that came in.
#[derive(Debug, Clone)]
pub struct Received {
    /// Id of the local process it was sent to.
    pub to: String,
    /// Name of the message.
    pub name: String,
    /// Sender, `id@ip:port`.
    pub from: String,
    /// Start line and headers as they came, with the empty line.
    pub head: String,
    /// Body without framing.
    pub body: Vec<u8>,
}

impl Received {
    /// Decodes the body by the name of the message.
    ///
    /// # Errors
    /// [`DescriptorError`] when it does not decode.
    pub fn json(&self) -> Result<Value, DescriptorError> {
        descriptors::to_json(&self.name, &self.body)
    }
}

/// A process address on the legacy wire.
#[derive(Debug)]
pub struct LegacyPeer {
    /// Where it listens.
    pub address: SocketAddr,
    id: String,
    incoming: Receiver<Received>,
    kept: VecDeque<Received>,
    links: Links,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
    routine: Arc<Mutex<Option<Routine>>>,
}

/// A question that is answered without asking anybody.
#[derive(Debug, Clone, Copy)]
struct Routine {
    question: &'static str,
    answer: &'static str,
}

impl LegacyPeer {
    /// Starts to listen as the process `id`, on a free port.
    ///
    /// # Errors
    /// [`PeerError::Listen`] when no port is free.
    pub fn listen(id: &str) -> Result<Self, PeerError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .map_err(|source| PeerError::Listen { source })?;
        let address = listener
            .local_addr()
            .map_err(|source| PeerError::Listen { source })?;
        let (sender, incoming) = channel();
        let sockets = Arc::new(Mutex::new(Vec::new()));
        let routine = Arc::new(Mutex::new(None));
        let id = id.to_owned();
        let listening = Listening {
            upid: format!("{id}@{address}"),
            sender,
            sockets: Arc::clone(&sockets),
            routine: Arc::clone(&routine),
        };
        thread::spawn(move || listening.accept_all(&listener));
        Ok(Self {
            address,
            id,
            incoming,
            kept: VecDeque::new(),
            links: BTreeMap::new(),
            sockets,
            routine,
        })
    }

    /// Returns the own address, `id@ip:port`.
    #[must_use]
    pub fn upid(&self) -> String {
        format!("{}@{}", self.id, self.address)
    }

    /// Answers every message called `question` with an empty one called `answer` from now on; nobody
    /// else sees them.
    pub fn answer_at_once(&self, question: &'static str, answer: &'static str) {
        *lock(&self.routine) = Some(Routine { question, answer });
    }

    /// Leaves to the test again what was answered at once.
    pub fn stop_answering(&self) {
        *lock(&self.routine) = None;
    }

    /// Sends a message as this process.
    ///
    /// # Errors
    /// [`PeerError`] when it is not answered with 202.
    pub fn send(&mut self, to: &str, name: &str, body: &[u8]) -> Result<(), PeerError> {
        let from = self.upid();
        self.send_as(&from, to, name, body)
    }

    /// Sends a message whose body is given as JSON.
    ///
    /// # Errors
    /// [`PeerError`] when it is not answered with 202, or the JSON does not fit.
    pub fn send_json(&mut self, to: &str, name: &str, body: &Value) -> Result<(), PeerError> {
        let body = descriptors::to_bytes(name, body)?;
        self.send(to, name, &body)
    }

    /// Sends a message as the process `from`, on the same connection.
    ///
    /// # Errors
    /// [`PeerError`] when it is not answered with 202.
    pub fn send_as(
        &mut self,
        from: &str,
        to: &str,
        name: &str,
        body: &[u8],
    ) -> Result<(), PeerError> {
        post(&mut self.links, from, to, name, body)
    }

    /// Waits for the next message of that name; others are kept.
    ///
    /// # Errors
    /// [`PeerError::Silence`] when it does not come in time.
    pub fn wait_for(&mut self, name: &str) -> Result<Received, PeerError> {
        self.wait_until(name, |message| message.name == name)
    }

    /// Waits for the next message that `wanted` picks; others are kept.
    ///
    /// # Errors
    /// [`PeerError::Silence`] names `what`.
    pub fn wait_until(
        &mut self,
        what: &str,
        wanted: impl Fn(&Received) -> bool,
    ) -> Result<Received, PeerError> {
        let index = self.kept.iter().position(&wanted);
        if let Some(message) = index.and_then(|index| self.kept.remove(index)) {
            return Ok(message);
        }
        loop {
            match self.incoming.recv_timeout(PATIENCE) {
                Ok(message) if wanted(&message) => return Ok(message),
                Ok(message) => self.kept.push_back(message),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Err(PeerError::Silence {
                        name: what.to_owned(),
                        waited: PATIENCE,
                        waiting: self
                            .kept
                            .iter()
                            .map(|message| message.name.clone())
                            .collect(),
                    });
                }
            }
        }
    }

    /// Returns every message that has come so far and nobody took; they stay.
    pub fn come(&mut self) -> &VecDeque<Received> {
        self.kept.extend(self.incoming.try_iter());
        &self.kept
    }

    /// Takes the message at `index` of what has come.
    pub fn take(&mut self, index: usize) -> Option<Received> {
        self.kept.remove(index)
    }

    /// Takes every message that has come so far and nobody waited for.
    pub fn take_all(&mut self) -> Vec<Received> {
        self.kept.extend(self.incoming.try_iter());
        self.kept.drain(..).collect()
    }

    /// Closes every connection, as when the process ends.
    pub fn hang_up(&mut self) {
        self.links.clear();
        close(&self.sockets);
    }
}

impl Drop for LegacyPeer {
    fn drop(&mut self) {
        close(&self.sockets);
    }
}

type Links = BTreeMap<SocketAddr, Connection>;

/// Sends a message and waits until it is taken.
fn post(links: &mut Links, from: &str, to: &str, name: &str, body: &[u8]) -> Result<(), PeerError> {
    let unreadable = || PeerError::Address(to.to_owned());
    let (id, address) = to.split_once('@').ok_or_else(unreadable)?;
    let address: SocketAddr = address.parse().map_err(|_ignored| unreadable())?;
    let link = match links.entry(address) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(Connection::open(address)?),
    };
    link.write(&encode(id, from, name, body))?;
    let answer = link.read_answer()?;
    if answer.status() == 202 {
        return Ok(());
    }
    let (name, to) = (name.to_owned(), to.to_owned());
    Err(PeerError::Refused {
        name,
        to,
        status: answer.status(),
    })
}

/// Returns the bytes of a message as Mesos sends them.
#[must_use]
pub fn encode(id: &str, from: &str, name: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "POST /{id}/{name} HTTP/1.1\r\nUser-Agent: libprocess/{from}\r\n\
         Libprocess-From: {from}\r\nConnection: Keep-Alive\r\nHost: \r\n"
    )
    .into_bytes();
    if body.is_empty() {
        bytes.extend_from_slice(b"\r\n");
        return bytes;
    }
    bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
    bytes.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(b"\r\n0\r\n\r\n");
    bytes
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn close(sockets: &Mutex<Vec<TcpStream>>) {
    for socket in lock(sockets).drain(..) {
        // Closed by the other side already is as good.
        let _gone = socket.shutdown(Shutdown::Both);
    }
}

/// The side of a peer that others connect to.
#[derive(Clone)]
struct Listening {
    upid: String,
    sender: Sender<Received>,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
    routine: Arc<Mutex<Option<Routine>>>,
}

impl Listening {
    fn accept_all(&self, listener: &TcpListener) {
        for socket in listener.incoming().flatten() {
            if let Ok(copy) = socket.try_clone() {
                lock(&self.sockets).push(copy);
            }
            let listening = self.clone();
            thread::spawn(move || {
                // A connection that breaks ends the thread, as it should.
                let _broken = listening.read_all(socket);
            });
        }
    }

    fn read_all(&self, socket: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(socket);
        let mut links = BTreeMap::new();
        while let Some(message) = read_message(&mut reader)? {
            let routine = *lock(&self.routine);
            let routine = routine.filter(|routine| routine.question == message.name);
            reader
                .get_mut()
                .write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")?;
            if let Some(routine) = routine {
                // Whoever does not take the answer will ask again.
                let _refused = post(&mut links, &self.upid, &message.from, routine.answer, &[]);
            } else if self.sender.send(message).is_err() {
                break;
            }
        }
        Ok(())
    }
}

fn read_message(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Received>> {
    let mut head = String::new();
    loop {
        let begin = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
        if head.get(begin..) == Some("\r\n") {
            break;
        }
    }
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let body = if header("Transfer-Encoding").is_some() {
        read_chunks(reader)?
    } else {
        let length = header("Content-Length")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        read_exactly(reader, length)?
    };
    let path = head
        .split(' ')
        .nth(1)
        .unwrap_or_default()
        .trim_start_matches('/');
    let (to, name) = path.split_once('/').unwrap_or(("", path));
    Ok(Some(Received {
        to: to.to_owned(),
        name: name.to_owned(),
        from: header("Libprocess-From").unwrap_or_default(),
        body,
        head,
    }))
}

fn read_chunks(reader: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        body.extend(read_exactly(reader, length)?);
        let mut end = String::new();
        reader.read_line(&mut end)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

fn read_exactly(reader: &mut BufReader<TcpStream>, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{LegacyPeer, encode};
    use crate::golden::Golden;
    use crate::replay::wire;
    use serde_json::json;

    #[test]
    fn header_block_is_the_recorded_one_byte_for_byte() {
        let golden = Golden::open("standalone").unwrap();
        let raw: Vec<serde_json::Value> = golden
            .text("wire.jsonl")
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();

        let mut compared = 0;
        for frame in wire::frames(&golden).unwrap() {
            let Some((id, name)) = frame.legacy() else {
                continue;
            };
            let from = frame.header("Libprocess-From").unwrap();
            let head = raw[frame.number - 1]["head_raw"].as_str().unwrap();
            if name == "mesos.internal.Nope" {
                continue;
            }
            let ours = encode(id, from, name, &frame.body);
            assert!(ours.starts_with(head.as_bytes()), "frame {}", frame.number);
            compared += 1;
        }

        assert!(compared > 150, "{compared}");
    }

    #[test]
    fn message_arrives_with_sender_and_body() {
        let mut one = LegacyPeer::listen("one").unwrap();
        let mut two = LegacyPeer::listen("slave(1)").unwrap();

        let body = json!({"connected": true});
        one.send_json(&two.upid(), "mesos.internal.PingSlaveMessage", &body)
            .unwrap();
        one.send(&two.upid(), "mesos.internal.PongSlaveMessage", b"")
            .unwrap();
        let pong = two.wait_for("mesos.internal.PongSlaveMessage").unwrap();
        let ping = two.wait_for("mesos.internal.PingSlaveMessage").unwrap();

        assert_eq!((pong.to.as_str(), pong.from), ("slave(1)", one.upid()));
        assert_eq!(ping.json().unwrap(), body);
    }
}
