//! The task behind a client connection: writes requests, reads responses, matches them by order.

use std::collections::VecDeque;
use std::fmt;
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::http::{HeaderMap, HeaderName, HeaderValue, Method};
use bytes::{Buf, Bytes, BytesMut};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{ClientError, ClientRequest, ClientResponse, Connected};
use crate::http::pipe::{self, Reader, Writer};
use crate::simulation;
use crate::transport::body::{BodyDecoder, Decoded, Framing, Parts};
use crate::transport::chunk;
use crate::transport::head::KeepAlive;
use crate::transport::stream::{ReadSide, Stream, WriteSide};

const READ_SIZE: usize = 64 * 1024;
const HEAD_LIMIT: usize = 256 * 1024;

/// How many headers a response may have.
const HEADERS: usize = 256;

/// How much of a body may wait for its reader before the socket is read no further.
const UNREAD_LIMIT: usize = 1024 * 1024;

type Answer = Result<ClientResponse, ClientError>;
type Waiting = oneshot::Receiver<Answer>;

/// A request on its way to the socket.
struct Job {
    head: Bytes,
    body: Bytes,
    stream: Option<Reader>,
}

/// Who waits for the next response, and for which method.
struct Due {
    answer: oneshot::Sender<Answer>,
    method: Method,
}

#[derive(Default)]
struct State {
    due: VecDeque<Due>,
    /// Why no more requests are taken.
    closed: Option<ClientError>,
}

/// What handles and task share.
pub(super) struct Shared {
    state: Arc<Mutex<State>>,
    jobs: mpsc::UnboundedSender<Job>,
    ended: CancellationToken,
    gone: CancellationToken,
    stop: Arc<Notify>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Starts the task for a socket.
    pub(super) fn serve(stream: Stream) -> Arc<Self> {
        let (jobs, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Self {
            state: Arc::default(),
            jobs,
            ended: CancellationToken::new(),
            gone: CancellationToken::new(),
            stop: Arc::new(Notify::new()),
        });
        let task = Task {
            state: Arc::clone(&shared.state),
            gone: shared.gone.clone(),
            ended: shared.ended.clone(),
        };
        let stop = Arc::clone(&shared.stop);
        let host = simulation::current();
        let activity = host.as_ref().map(|host| host.clock().activity());
        tokio::spawn(simulation::observed(activity, async move {
            task.run(stream, queue, &stop).await;
        }));
        shared
    }

    /// Queues a request and gives where its response will be.
    pub(super) fn queue(
        &self,
        head: Bytes,
        request: ClientRequest,
    ) -> Result<Waiting, ClientError> {
        let ClientRequest {
            method,
            body,
            stream,
            keep_alive,
            ..
        } = request;
        let (answer, waiting) = oneshot::channel();
        let mut state = lock(&self.state);
        if let Some(why) = &state.closed {
            return Err(why.clone());
        }
        if keep_alive == Connected::Close {
            state.closed = Some(ClientError::PipelineAfterClose);
        }
        // Within the lock, so that both queues have one order.
        if self.jobs.send(Job { head, body, stream }).is_err() {
            return Err(ClientError::Disconnected);
        }
        state.due.push_back(Due { answer, method });
        Ok(waiting)
    }

    pub(super) fn disconnect(&self) {
        self.stop.notify_one();
    }

    pub(super) async fn disconnected(&self) {
        self.ended.cancelled().await;
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.gone.cancel();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

struct Task {
    state: Arc<Mutex<State>>,
    /// Cancelled when the last handle is dropped.
    gone: CancellationToken,
    /// Cancelled when no request is waited for any more.
    ended: CancellationToken,
}

impl Drop for Task {
    /// The runtime that serves the connection may end before it: nobody may wait for it then.
    fn drop(&mut self) {
        self.end(&ClientError::Disconnected);
        self.ended.cancel();
    }
}

impl Task {
    async fn run(self, mut stream: Stream, queue: mpsc::UnboundedReceiver<Job>, stop: &Notify) {
        let (receiving, sending) = stream.split();
        let why = tokio::select! {
            why = self.read(receiving) => why,
            why = self.write(queue, sending) => why,
            () = stop.notified() => ClientError::Disconnected,
        };
        self.end(&why);
    }

    /// Takes no more requests and fails those that are due.
    fn end(&self, why: &ClientError) {
        let due = {
            let mut state = lock(&self.state);
            state.closed = Some(match &state.closed {
                Some(ClientError::ClosedByServer) => ClientError::ClosedByServer,
                _ => ClientError::Disconnected,
            });
            std::mem::take(&mut state.due)
        };
        for Due { answer, .. } in due {
            // Who has stopped waiting need not be told.
            let _ = answer.send(Err(why.clone()));
        }
    }

    /// Writes requests until the last handle is gone and the last response is there.
    async fn write(
        &self,
        mut queue: mpsc::UnboundedReceiver<Job>,
        mut socket: WriteSide<'_>,
    ) -> ClientError {
        while let Some(Job { head, body, stream }) = queue.recv().await {
            let written = async {
                let mut bytes = BytesMut::with_capacity(head.len() + body.len());
                bytes.extend_from_slice(&head);
                if stream.is_none() {
                    bytes.extend_from_slice(&body);
                }
                socket.write_all(&mut bytes).await?;
                if let Some(stream) = stream {
                    write_stream(stream, &mut socket).await?;
                }
                Ok::<(), std::io::Error>(())
            };
            if written.await.is_err() {
                return ClientError::Disconnected;
            }
        }
        // No handle is left: the reading half ends when nothing is due.
        std::future::pending().await
    }

    /// Reads responses until the server closes, or nobody can want another.
    async fn read(&self, mut socket: ReadSide<'_>) -> ClientError {
        let mut buffer = BytesMut::new();
        loop {
            let head = match self.read_head(&mut socket, &mut buffer).await {
                Ok(head) => head,
                Err(why) => return why,
            };
            // Interim responses announce the real one.
            if head.status < 200 {
                continue;
            }
            let Some(Due { answer, method }) = lock(&self.state).due.pop_front() else {
                return ClientError::Unexpected;
            };
            let keep_alive = head.keep_alive;
            if keep_alive == KeepAlive::No {
                lock(&self.state).closed = Some(ClientError::ClosedByServer);
            }
            let framing = if method == Method::HEAD {
                Framing::Length(0)
            } else {
                head.framing
            };
            let (writer, body) = pipe::pipe();
            let response = ClientResponse {
                status: head.status,
                headers: head.headers,
                body,
            };
            // Who has stopped waiting drops the body's reader; the body is read over.
            let _ = answer.send(Ok(response));
            if let Err(why) = self
                .read_body(&mut socket, &mut buffer, framing, writer)
                .await
            {
                return why;
            }
            if keep_alive == KeepAlive::No {
                return ClientError::ClosedByServer;
            }
        }
    }

    async fn read_head(
        &self,
        socket: &mut ReadSide<'_>,
        buffer: &mut BytesMut,
    ) -> Result<ResponseHead, ClientError> {
        loop {
            if let Some(head) = parse(buffer)? {
                return Ok(head);
            }
            if buffer.len() > HEAD_LIMIT {
                return Err(ClientError::Decode);
            }
            if buffer.is_empty() && self.gone.is_cancelled() && lock(&self.state).due.is_empty() {
                return Err(ClientError::Disconnected);
            }
            buffer.reserve(READ_SIZE);
            let read = tokio::select! {
                read = socket.read(buffer) => read,
                () = self.abandoned() => return Err(ClientError::Disconnected),
            };
            match read {
                Ok(0) | Err(_) => return Err(ClientError::Disconnected),
                Ok(_) if lock(&self.state).due.is_empty() => return Err(ClientError::Unexpected),
                Ok(_) => {}
            }
        }
    }

    /// Waits until no handle is left and nothing is due.
    async fn abandoned(&self) {
        self.gone.cancelled().await;
        if !lock(&self.state).due.is_empty() {
            std::future::pending::<()>().await;
        }
    }

    async fn read_body(
        &self,
        socket: &mut ReadSide<'_>,
        buffer: &mut BytesMut,
        framing: Framing,
        writer: Writer,
    ) -> Result<(), ClientError> {
        let mut decoder = BodyDecoder::new(framing, Parts::AsTheyCome);
        loop {
            match decoder.decode(buffer) {
                Ok(Decoded::Part(part)) => {
                    writer.write(part);
                }
                Ok(Decoded::End) => {
                    writer.close();
                    return Ok(());
                }
                Ok(Decoded::NeedMore(_)) => {
                    writer.below(UNREAD_LIMIT).await;
                    if writer.is_reader_closed() && self.gone.is_cancelled() {
                        return Err(ClientError::Disconnected);
                    }
                    buffer.reserve(READ_SIZE);
                    let read = tokio::select! {
                        read = socket.read(buffer) => read.unwrap_or(0),
                        () = self.unwanted(&writer) => return Err(ClientError::Disconnected),
                    };
                    if read == 0 {
                        end_body(&decoder, &writer);
                        return Err(ClientError::Disconnected);
                    }
                }
                Err(_) => {
                    writer.fail("Failed to decode response");
                    return Err(ClientError::Decode);
                }
            }
        }
    }

    /// Waits until nobody reads the body and nobody can send another request.
    async fn unwanted(&self, writer: &Writer) {
        let closed = writer.reader_closed();
        if !closed.await.is_ready() {
            return std::future::pending().await;
        }
        self.gone.cancelled().await;
    }
}

async fn write_stream(mut body: Reader, socket: &mut WriteSide<'_>) -> std::io::Result<()> {
    let mut out = BytesMut::new();
    while let Some(part) = body.read().await {
        chunk(&mut out, &part.map_err(std::io::Error::other)?);
        socket.write_all(&mut out).await?;
    }
    socket.write_all(&mut &b"0\r\n\r\n"[..]).await
}

/// The stream has ended: that is the end of some bodies and breaks off the others.
fn end_body(decoder: &BodyDecoder, writer: &Writer) {
    if decoder.ends_with_stream() {
        writer.close();
    } else {
        writer.fail("failed to decode body");
    }
}

struct ResponseHead {
    status: u16,
    headers: HeaderMap,
    framing: Framing,
    keep_alive: KeepAlive,
}

/// Takes a response's head from the buffer, if it is there as a whole.
fn parse(buffer: &mut BytesMut) -> Result<Option<ResponseHead>, ClientError> {
    if buffer.is_empty() {
        return Ok(None);
    }
    let mut slots = [const { MaybeUninit::uninit() }; HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        buffer,
        &mut slots,
    );
    let len = match parsed {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(ClientError::Decode),
    };
    let status = response.code.ok_or(ClientError::Decode)?;
    let mut headers = HeaderMap::with_capacity(response.headers.len());
    for header in response.headers.iter() {
        let name =
            HeaderName::from_bytes(header.name.as_bytes()).map_err(|_error| ClientError::Decode)?;
        let value = HeaderValue::from_bytes(header.value).map_err(|_error| ClientError::Decode)?;
        headers.append(name, value);
    }
    let otherwise = if response.version == Some(0) {
        KeepAlive::No
    } else {
        KeepAlive::Yes
    };
    let framing = framing(status, &headers)?;
    let keep_alive = keep_alive(&headers, otherwise, framing);
    buffer.advance(len);
    Ok(Some(ResponseHead {
        status,
        headers,
        framing,
        keep_alive,
    }))
}

fn framing(status: u16, headers: &HeaderMap) -> Result<Framing, ClientError> {
    if status < 200 || status == 204 || status == 304 {
        return Ok(Framing::Length(0));
    }
    if let Some(encoding) = headers.get("transfer-encoding") {
        return if encoding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            Ok(Framing::Chunked)
        } else {
            Err(ClientError::Decode)
        };
    }
    match headers.get("content-length") {
        None => Ok(Framing::UntilEnd),
        Some(length) => {
            let length = length
                .to_str()
                .ok()
                .and_then(|text| text.trim().parse().ok());
            length.map(Framing::Length).ok_or(ClientError::Decode)
        }
    }
}

fn keep_alive(headers: &HeaderMap, otherwise: KeepAlive, framing: Framing) -> KeepAlive {
    if framing == Framing::UntilEnd {
        return KeepAlive::No;
    }
    match headers.get("connection").map(HeaderValue::as_bytes) {
        Some(value) if value.eq_ignore_ascii_case(b"close") => KeepAlive::No,
        Some(value) if value.eq_ignore_ascii_case(b"keep-alive") => KeepAlive::Yes,
        Some(_) | None => otherwise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mirrors: DecoderTest.Response
    /// Mirrors: DecoderTest.ResponseWithUnspecifiedLength
    #[test]
    fn a_response_is_taken_apart() {
        let mut buffer = BytesMut::from(
            &b"HTTP/1.1 200 OK\r\nDate: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"[..],
        );
        let head = parse(&mut buffer).expect("well-formed").expect("whole");
        assert_eq!(
            (head.status, head.framing, head.keep_alive),
            (200, Framing::Length(2), KeepAlive::Yes)
        );
        assert_eq!(head.headers["content-type"], "text/plain");
        assert_eq!(buffer, "hi");

        let mut buffer = BytesMut::from(&b"HTTP/1.1 200 OK\r\n\r\nhi"[..]);
        let head = parse(&mut buffer).expect("well-formed").expect("whole");
        assert_eq!(
            (head.framing, head.keep_alive),
            (Framing::UntilEnd, KeepAlive::No)
        );
    }

    /// Mirrors: DecoderTest.StreamingResponseInvalidHeader
    #[test]
    fn a_malformed_response_is_an_error() {
        for text in [
            &b"BOGUS 200 OK\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        ] {
            assert!(parse(&mut BytesMut::from(text)).is_err(), "{text:?}");
        }
    }
}
