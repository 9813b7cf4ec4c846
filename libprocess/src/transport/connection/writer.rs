//! The sending half of a connection.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::{Awaited, BodyWanted, Connection, Gzip, Manner, Plain, Reply, Service};
use crate::future::{Future, Outcome};
use crate::http::pipe::Reader;
use crate::http::{Body, Response, compress};
use crate::promise::Promise;
use crate::simulation::{within, yield_now};
use crate::transport::head::{KeepAlive, Patience};
use crate::transport::respond::{self, LAST_CHUNK, Length};
use crate::transport::stream::WriteSide;

/// Answers are written together up to about this size.
const BATCH: usize = 64 * 1024;

/// How many answers to messages are written at once.
const PLAIN_BATCH: usize = 512;

/// How long answers to messages wait for more of them when the peer does not wait: each write wakes it for nothing.
const GATHER: Duration = Duration::from_millis(1);

/// Bodies from this length on are compressed when the client likes it.
const GZIP_FROM: usize = 1024;

/// Bodies beyond this are compressed on another thread.
const GZIP_HERE: usize = 64 * 1024;

/// How much of a file is read at once.
const FILE_PIECE: usize = 256 * 1024;

/// Whether the connection goes on after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    GoOn,
    Close,
}

/// Why a file cannot be served.
enum FileError {
    Missing,
    Unreadable(io::Error),
}

impl Connection {
    /// Writes answers in their order until one of them is the last.
    pub(super) async fn write(&self, socket: &mut WriteSide<'_>) -> io::Result<()> {
        let mut out = Output {
            socket,
            buffer: BytesMut::new(),
        };
        let mut after = After::GoOn;
        let mut fresh = true;
        loop {
            if fresh && self.only_unread() {
                self.gather().await;
                fresh = false;
            }
            let next = self.queue.borrow_mut().replies.pop_front();
            match next {
                None => {
                    out.flush().await?;
                    if after == After::Close {
                        return Ok(());
                    }
                    self.more.notified().await;
                    fresh = true;
                }
                Some(Reply::Close) => {
                    out.flush().await?;
                    return Ok(());
                }
                Some(Reply::Plain(kind, count)) => {
                    if self.patience.get() == Patience::Waits {
                        // What the message makes its actor send goes first: it is more urgent than the answer.
                        yield_now().await;
                    }
                    self.write_plain(&mut out, kind, count);
                }
                Some(Reply::Pending(awaited, manner)) => {
                    if self.write_response(&mut out, awaited, manner).await? == After::Close {
                        after = After::Close;
                    }
                    self.queue.borrow_mut().pending -= 1;
                    self.room.notify_one();
                }
            }
            if out.buffer.len() >= BATCH {
                out.flush().await?;
            }
        }
    }

    /// Whether nothing waits to be written but answers that nobody waits for.
    fn only_unread(&self) -> bool {
        let queue = self.queue.borrow();
        let plain = matches!(queue.replies.front(), Some(Reply::Plain(..)));
        plain && queue.replies.len() == 1 && self.patience.get() == Patience::SendsOn
    }

    /// Lets answers that nobody waits for become many.
    async fn gather(&self) {
        let gathering = async {
            while self.only_unread() {
                self.more.notified().await;
            }
        };
        // What else is there by then goes at once.
        let _ = within(GATHER, gathering).await;
    }

    const fn is_standalone(&self) -> bool {
        matches!(self.service, Service::Handler(_))
    }

    fn date(&self) -> String {
        self.runtime.clock().now().to_rfc1123()
    }

    fn write_plain(&self, out: &mut Output<'_, '_>, kind: Plain, count: usize) {
        let now = count.min(PLAIN_BATCH);
        if count > now {
            self.queue
                .borrow_mut()
                .replies
                .push_front(Reply::Plain(kind, count - now));
        }
        let date = self.date();
        match kind {
            Plain::Accepted => respond::accepted(&mut out.buffer, now, &date),
            Plain::Missing => {
                let response = Response::not_found();
                for _ in 0..now {
                    whole(
                        &mut out.buffer,
                        &response,
                        response.text().as_bytes(),
                        &date,
                        BodyWanted::Yes,
                    );
                }
            }
        }
    }

    /// Waits for a response and writes it.
    async fn write_response(
        &self,
        out: &mut Output<'_, '_>,
        mut awaited: Awaited,
        manner: Manner,
    ) -> io::Result<After> {
        if awaited.0.is_pending() {
            out.flush().await?;
        }
        let outcome = (&mut awaited.0).await;
        let response = match outcome {
            Outcome::Ready(response) => response,
            Outcome::Failed(text) => Response::internal_server_error(text),
            Outcome::Discarded | Outcome::Abandoned if self.is_standalone() => {
                Response::default_text(503)
            }
            Outcome::Discarded => Response::internal_server_error("discarded future"),
            Outcome::Abandoned => Response::default_text(500),
        };
        let asks_to_close = response
            .headers
            .get("connection")
            .is_some_and(|value| value == "close");
        let after = match (manner.keep_alive, &response.body) {
            (KeepAlive::No, _) => After::Close,
            (KeepAlive::Yes, Body::Empty | Body::Bytes(_)) if asks_to_close => After::Close,
            (KeepAlive::Yes, _) => After::GoOn,
        };
        self.write_body(out, response, manner).await?;
        Ok(after)
    }

    async fn write_body(
        &self,
        out: &mut Output<'_, '_>,
        mut response: Response,
        manner: Manner,
    ) -> io::Result<()> {
        let date = self.date();
        match std::mem::take(&mut response.body) {
            Body::Empty => whole(&mut out.buffer, &response, &[], &date, manner.body),
            Body::Bytes(bytes) => {
                let bytes = self.compressed(&mut response, bytes, manner).await;
                if bytes.len() < BATCH {
                    whole(&mut out.buffer, &response, &bytes, &date, manner.body);
                    return Ok(());
                }
                let length = Length::Known(len64(bytes.len()));
                respond::head(
                    &mut out.buffer,
                    response.status,
                    &response.headers,
                    &date,
                    length,
                );
                out.flush().await?;
                if manner.body == BodyWanted::Yes {
                    out.write(bytes).await?;
                }
            }
            Body::Stream(reader) => {
                let length = Length::Chunked;
                respond::head(
                    &mut out.buffer,
                    response.status,
                    &response.headers,
                    &date,
                    length,
                );
                match manner.body {
                    BodyWanted::Yes => self.write_stream(out, reader).await?,
                    BodyWanted::No => {}
                }
            }
            Body::File(path) => self.write_file(out, response, path, manner.body).await?,
        }
        Ok(())
    }

    /// Compresses a body when it is worth it and welcome.
    async fn compressed(&self, response: &mut Response, body: Bytes, manner: Manner) -> Bytes {
        if manner.gzip == Gzip::Unwelcome
            || body.len() < GZIP_FROM
            || response.headers.contains_key("content-encoding")
        {
            return body;
        }
        let result = if body.len() <= GZIP_HERE {
            compress(&body).ok()
        } else {
            let whole = body.clone();
            self.blocking(move || compress(&whole).ok())
                .await
                .ready()
                .flatten()
        };
        let Some(smaller) = result else { return body };
        let value = ::http::HeaderValue::from_static("gzip");
        response.headers.insert("content-encoding", value);
        smaller
    }

    fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Future<T> {
        let (promise, future) = Promise::new();
        self.runtime.spawn_blocking(move || promise.set(work()));
        future
    }

    /// Writes a stream, one chunk for every write of its producer.
    ///
    /// When the producer fails the connection is closed: the client must not take the rest for the whole.
    async fn write_stream(&self, out: &mut Output<'_, '_>, mut reader: Reader) -> io::Result<()> {
        loop {
            let polled = futures::poll!(std::pin::pin!(reader.read()));
            let next = match polled {
                std::task::Poll::Ready(next) => next,
                std::task::Poll::Pending => {
                    out.flush().await?;
                    reader.read().await
                }
            };
            match next {
                Some(Ok(data)) => respond::chunk(&mut out.buffer, &data),
                Some(Err(error)) => {
                    out.flush().await?;
                    return Err(io::Error::other(error));
                }
                None => {
                    out.buffer.extend_from_slice(LAST_CHUNK);
                    return Ok(());
                }
            }
            if out.buffer.len() >= BATCH {
                out.flush().await?;
            }
        }
    }

    async fn write_file(
        &self,
        out: &mut Output<'_, '_>,
        response: Response,
        path: PathBuf,
        wanted: BodyWanted,
    ) -> io::Result<()> {
        let date = self.date();
        let opened = self.blocking(move || open(&path)).await;
        let (file, size) = match opened {
            Outcome::Ready(Ok(found)) => found,
            Outcome::Ready(Err(FileError::Missing)) => {
                let missing = Response::not_found();
                whole(
                    &mut out.buffer,
                    &missing,
                    missing.text().as_bytes(),
                    &date,
                    wanted,
                );
                return Ok(());
            }
            Outcome::Ready(Err(FileError::Unreadable(error))) => {
                tracing::warn!(%error, "failed to serve a file");
                let failed = Response::default_text(500);
                whole(
                    &mut out.buffer,
                    &failed,
                    failed.text().as_bytes(),
                    &date,
                    wanted,
                );
                return Ok(());
            }
            Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned => {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        };
        respond::head(
            &mut out.buffer,
            response.status,
            &response.headers,
            &date,
            Length::Known(size),
        );
        let file = Arc::new(file);
        let mut left = if wanted == BodyWanted::Yes { size } else { 0 };
        while left > 0 {
            out.flush().await?;
            let file = Arc::clone(&file);
            let piece = self.blocking(move || read_piece(&file, left)).await;
            let piece = piece.ready().ok_or(io::ErrorKind::BrokenPipe)??;
            if piece.is_empty() {
                // It shrank: the client must not take the rest for the whole.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left -= len64(piece.len());
            out.write(piece).await?;
        }
        Ok(())
    }
}

/// Where the answers go: collected, then written together.
struct Output<'o, 's> {
    socket: &'o mut WriteSide<'s>,
    buffer: BytesMut,
}

impl Output<'_, '_> {
    async fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.socket.write_all(&mut self.buffer).await
    }

    /// Writes a large piece without collecting it.
    async fn write(&mut self, mut piece: Bytes) -> io::Result<()> {
        self.socket.write_all(&mut piece).await
    }
}

fn len64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// Writes a response whose body is at hand.
fn whole(out: &mut BytesMut, response: &Response, body: &[u8], date: &str, wanted: BodyWanted) {
    let length = Length::Known(len64(body.len()));
    respond::head(out, response.status, &response.headers, date, length);
    if wanted == BodyWanted::Yes {
        out.extend_from_slice(body);
    }
}

fn open(path: &PathBuf) -> Result<(File, u64), FileError> {
    let missing = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    let judge = |error: io::Error| {
        if missing.contains(&error.kind()) {
            FileError::Missing
        } else {
            FileError::Unreadable(error)
        }
    };
    let file = File::open(path).map_err(judge)?;
    let metadata = file.metadata().map_err(judge)?;
    if metadata.is_dir() {
        return Err(FileError::Missing);
    }
    Ok((file, metadata.len()))
}

fn read_piece(mut file: &File, left: u64) -> io::Result<Bytes> {
    let size = usize::try_from(left).unwrap_or(FILE_PIECE).min(FILE_PIECE);
    let mut piece = vec![0; size];
    let read = file.read(&mut piece)?;
    piece.truncate(read);
    Ok(piece.into())
}
