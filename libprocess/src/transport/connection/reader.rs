//! The receiving half of a connection.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, Waker};

use bytes::{Buf, Bytes, BytesMut};

use super::begin::{Begin, Envelope, Last, begin};
use super::{Awaited, Connection, Manner, Plain, ReadEnd, Reply, Service};
use crate::event::Message;
use crate::http::{Incoming, Inflater, Request, Response, pipe};
use crate::polling::Attention;
use crate::promise::Promise;
use crate::simulation::yield_now;
use crate::transport::body::{BodyDecoder, Decoded, Framing, Malformed, Parts};
use crate::transport::head::{Coding, KeepAlive, with_head};
use crate::transport::router;
use crate::transport::stream::ReadSide;

const SMALLEST_READ: usize = 4 * 1024;
const LARGEST_READ: usize = 128 * 1024;

/// How many reads in a row, without waiting, before the writing half has a turn.
const READS_IN_A_ROW: usize = 2;

enum State {
    /// Looking for the end of a head; so many bytes have been searched.
    Head(usize),
    Message {
        envelope: Envelope,
        body: BodyDecoder,
        first: Bytes,
        rest: Vec<Bytes>,
        len: usize,
        coding: Coding,
        keep_alive: KeepAlive,
    },
    Stream {
        body: BodyDecoder,
        writer: pipe::Writer,
        inflater: Option<Box<Inflater>>,
    },
}

/// What the reader waits for.
enum Want {
    /// So many more bytes are known to come.
    Bytes(u64),
    /// Fewer unanswered requests.
    Room,
}

/// An answer that is not to be awaited where it is made.
struct Answered(crate::future::Future<Response>);

struct Reader<'c> {
    connection: &'c Connection,
    buffer: BytesMut,
    state: State,
    last: Last,
    read_size: usize,
    attention: Attention,
}

impl Connection {
    /// Reads until the peer closes or sends nonsense. What is in the buffer has been read already.
    pub(super) async fn read(&self, buffer: BytesMut, socket: &mut ReadSide<'_>) -> ReadEnd {
        let mut reader = Reader {
            connection: self,
            buffer,
            state: State::Head(0),
            last: Last::default(),
            read_size: SMALLEST_READ,
            attention: Attention::default(),
        };
        let end = reader.run(socket).await;
        if let State::Stream { writer, .. } = &reader.state {
            writer.fail(match end {
                ReadEnd::Closed | ReadEnd::Broken => "Decoder is being deleted",
                ReadEnd::Malformed => "failed to decode body",
            });
        }
        end
    }
}

impl Reader<'_> {
    async fn run(&mut self, socket: &mut ReadSide<'_>) -> ReadEnd {
        let mut reads = 0;
        loop {
            let want = match self.advance() {
                Ok(want) => want,
                Err(Malformed(what)) => {
                    tracing::debug!(peer = ?self.connection.peer, what, "malformed bytes");
                    return ReadEnd::Malformed;
                }
            };
            match want {
                Want::Room => {
                    self.connection.room.notified().await;
                    reads = 0;
                }
                Want::Bytes(hint) => {
                    if let State::Stream { writer, .. } = &self.state {
                        writer
                            .below(self.connection.runtime.limits().unread_stream)
                            .await;
                    }
                    match count_waits(self.fill(socket, hint)).await {
                        (Ok(0), _) => return ReadEnd::Closed,
                        (Err(_), _) => return ReadEnd::Broken,
                        (Ok(_), 0) => reads += 1,
                        // Everybody had a turn meanwhile.
                        (Ok(_), _) => reads = 0,
                    }
                }
            }
            if reads >= READS_IN_A_ROW {
                reads = 0;
                yield_now().await;
            }
        }
    }

    /// Reads once. Room is made only for what has come, not for what is announced.
    async fn fill(&mut self, socket: &mut ReadSide<'_>, hint: u64) -> io::Result<usize> {
        if self.buffer.is_empty() {
            // An idle connection keeps no memory.
            self.buffer = BytesMut::new();
        }
        let hint = usize::try_from(hint).unwrap_or(usize::MAX);
        let room = hint.min(self.buffer.len()).max(self.read_size);
        let bytes = async {
            socket.readable().await?;
            self.buffer.reserve(room);
            socket.read(&mut self.buffer).await
        };
        let pollers = &self.connection.runtime.inner().pollers;
        let read = self.attention.wait(pollers, bytes).await?;
        if read >= self.read_size {
            self.read_size = (self.read_size * 2).min(LARGEST_READ);
        } else if read < self.read_size / 4 {
            self.read_size = (self.read_size / 2).max(SMALLEST_READ);
        }
        Ok(read)
    }

    /// Takes as much out of the buffer as is there.
    fn advance(&mut self) -> Result<Want, Malformed> {
        loop {
            let want = match &self.state {
                State::Head(_) => self.advance_head()?,
                State::Message { .. } => self.advance_message()?,
                State::Stream { .. } => self.advance_stream()?,
            };
            if let Some(want) = want {
                return Ok(want);
            }
        }
    }

    fn advance_head(&mut self) -> Result<Option<Want>, Malformed> {
        let limits = self.connection.runtime.limits();
        let State::Head(searched) = self.state else {
            return Ok(None);
        };
        if self.connection.queue.borrow().pending >= limits.pipelined_requests {
            return Ok(Some(Want::Room));
        }
        if let Some((begin, len)) = self.last.again(&self.buffer) {
            self.buffer.advance(len);
            self.state = State::Head(0);
            self.begin(begin);
            return Ok(None);
        }
        // Nonsense is found at the first look, the end of a head by its empty line.
        let from = searched.saturating_sub(3);
        let fresh = self.buffer.get(from..).unwrap_or_default();
        if self.buffer.is_empty() || (searched > 0 && !has_empty_line(fresh)) {
            self.state = State::Head(self.buffer.len());
            return self.head_is_not_whole(limits.header).map(Some);
        }
        let Self {
            connection,
            buffer,
            last,
            ..
        } = self;
        let begin = with_head(buffer, |head| {
            let len = head.len;
            Ok((begin(connection, last, &head)?, len))
        })?;
        let Some((begin, len)) = begin else {
            self.state = State::Head(self.buffer.len());
            return self.head_is_not_whole(limits.header).map(Some);
        };
        if len > limits.header {
            return Err(Malformed("header block: it is too long"));
        }
        self.last
            .remember(&begin, self.buffer.get(..len).unwrap_or_default());
        self.buffer.advance(len);
        self.state = State::Head(0);
        self.begin(begin);
        Ok(None)
    }

    fn head_is_not_whole(&self, limit: usize) -> Result<Want, Malformed> {
        if self.buffer.len() > limit {
            return Err(Malformed("header block: it is too long"));
        }
        Ok(Want::Bytes(1))
    }

    fn begin(&mut self, begin: Begin) {
        match begin {
            Begin::Message {
                envelope,
                framing,
                coding,
                keep_alive,
            } => {
                let body = BodyDecoder::new(framing, Parts::Whole);
                self.state = State::Message {
                    envelope,
                    body,
                    first: Bytes::new(),
                    rest: Vec::new(),
                    len: 0,
                    coding,
                    keep_alive,
                };
            }
            Begin::Refused {
                response,
                framing,
                manner,
            } => {
                let (writer, _reader) = pipe::pipe();
                let body = BodyDecoder::new(framing, Parts::AsTheyCome);
                self.state = State::Stream {
                    body,
                    writer,
                    inflater: None,
                };
                self.connection
                    .push(Reply::Pending(Awaited(response.into()), manner));
            }
            Begin::Request {
                request,
                framing,
                coding,
                manner,
            } => {
                let incoming = self.incoming(framing, coding);
                self.call(*request, incoming, manner);
            }
        }
    }

    /// The body of a request: whole when it is in the buffer, else a stream that is fed as it comes.
    fn incoming(&mut self, framing: Framing, coding: Coding) -> Incoming {
        if let Framing::Length(length) = framing
            && let Ok(length) = usize::try_from(length)
            && self.buffer.len() >= length
            && (coding == Coding::Identity || length == 0)
        {
            return Incoming::Whole(self.buffer.split_to(length).freeze());
        }
        let (writer, reader) = pipe::pipe();
        let inflater = match coding {
            Coding::Identity => None,
            Coding::Gzip => Some(Box::new(Inflater::new(
                self.connection.runtime.limits().http_body,
            ))),
        };
        let body = BodyDecoder::new(framing, Parts::AsTheyCome);
        self.state = State::Stream {
            body,
            writer,
            inflater,
        };
        Incoming::Stream(reader)
    }

    /// Passes a request to the application, which hands it to its actor before we go on.
    fn call(&self, request: Request, incoming: Incoming, manner: Manner) {
        let application = match &self.connection.service {
            Service::Actors(application) => application.clone(),
            Service::Handler(handler) => {
                let answer = handler(with_body(request, incoming));
                self.connection
                    .push(Reply::Pending(Awaited(answer), manner));
                return;
            }
        };
        let mut call: Pin<Box<dyn Future<Output = _>>> =
            Box::pin(async move { Answered(application.call(request, incoming).await) });
        let answer = match call
            .as_mut()
            .poll(&mut TaskContext::from_waker(Waker::noop()))
        {
            Poll::Ready(Answered(answer)) => answer,
            Poll::Pending => {
                // A service that waits: perhaps for the body, so we must read on.
                let (promise, answer) = Promise::new();
                actix_rt::spawn(async move { promise.associate(call.await.0) });
                answer
            }
        };
        self.connection
            .push(Reply::Pending(Awaited(answer), manner));
    }

    fn advance_stream(&mut self) -> Result<Option<Want>, Malformed> {
        let State::Stream {
            body,
            writer,
            inflater,
        } = &mut self.state
        else {
            return Ok(None);
        };
        match body.decode(&mut self.buffer)? {
            Decoded::NeedMore(hint) => Ok(Some(Want::Bytes(hint))),
            Decoded::Part(part) => {
                let part = match inflater {
                    Some(inflater) => inflater.inflate(&part).map_err(gzip_failed)?,
                    None => part,
                };
                // Who does not want the rest of the body does not get it.
                writer.write(part);
                Ok(None)
            }
            Decoded::End => {
                if let Some(inflater) = inflater {
                    writer.write(inflater.finish().map_err(gzip_failed)?);
                }
                writer.close();
                self.state = State::Head(0);
                Ok(None)
            }
        }
    }

    fn advance_message(&mut self) -> Result<Option<Want>, Malformed> {
        let limit = self.connection.runtime.limits().message_body;
        let State::Message {
            body,
            first,
            rest,
            len,
            ..
        } = &mut self.state
        else {
            return Ok(None);
        };
        match body.decode(&mut self.buffer)? {
            Decoded::NeedMore(hint) => {
                let announced = usize::try_from(body.announced()).unwrap_or(usize::MAX);
                if announced > limit.saturating_sub(*len) {
                    return Err(Malformed("message: its body is too long"));
                }
                Ok(Some(Want::Bytes(hint)))
            }
            Decoded::Part(part) => {
                *len += part.len();
                if *len > limit {
                    return Err(Malformed("message: its body is too long"));
                }
                if first.is_empty() {
                    *first = part;
                } else {
                    rest.push(part);
                }
                Ok(None)
            }
            Decoded::End => {
                let state = std::mem::replace(&mut self.state, State::Head(0));
                if let State::Message {
                    envelope,
                    first,
                    rest,
                    coding,
                    keep_alive,
                    ..
                } = state
                {
                    let body = join(first, rest);
                    let body = match coding {
                        Coding::Identity => body,
                        Coding::Gzip => inflate(&body, limit)?,
                    };
                    self.deliver(envelope, body, keep_alive);
                }
                Ok(None)
            }
        }
    }

    fn deliver(&mut self, envelope: Envelope, body: Bytes, keep_alive: KeepAlive) {
        let Envelope {
            from,
            to,
            id,
            name,
            trace,
        } = envelope;
        let delivered = match to {
            Some(queue) => {
                let message = Message {
                    from,
                    to: queue.upid().clone(),
                    name,
                    body,
                };
                queue.traced_message(Box::new(message), trace)
            }
            None => {
                // It may have been spawned while the body came.
                let runtime = &self.connection.runtime;
                let to = runtime.upid(&id);
                router::deliver(
                    runtime,
                    Message {
                        from,
                        to,
                        name,
                        body,
                    },
                )
            }
        };
        let answer = if delivered {
            Plain::Accepted
        } else {
            self.last.target = None;
            Plain::Missing
        };
        self.connection.push(Reply::Plain(answer, 1));
        if keep_alive == KeepAlive::No {
            self.connection.push(Reply::Close);
        }
    }
}

/// Awaits a future and tells how often it was not ready.
async fn count_waits<F: Future>(future: F) -> (F::Output, usize) {
    let mut future = pin!(future);
    let mut waits = 0;
    let output = poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        waits += usize::from(polled.is_pending());
        polled
    })
    .await;
    (output, waits)
}

/// Gives a request its body, whole or as a stream.
fn with_body(mut request: Request, incoming: Incoming) -> Request {
    match incoming {
        Incoming::Whole(bytes) => request.body = bytes,
        Incoming::Stream(reader) => request.reader = Some(reader),
    }
    request
}

fn gzip_failed(_error: io::Error) -> Malformed {
    Malformed("compressed body")
}

fn inflate(body: &[u8], limit: usize) -> Result<Bytes, Malformed> {
    let mut inflater = Inflater::new(limit);
    let mut whole = BytesMut::from(&*inflater.inflate(body).map_err(gzip_failed)?);
    whole.extend_from_slice(&inflater.finish().map_err(gzip_failed)?);
    Ok(whole.freeze())
}

fn join(first: Bytes, rest: Vec<Bytes>) -> Bytes {
    if rest.is_empty() {
        return first;
    }
    let mut whole = BytesMut::from(first);
    for part in rest {
        whole.extend_from_slice(&part);
    }
    whole.freeze()
}

fn has_empty_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|two| two == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}
