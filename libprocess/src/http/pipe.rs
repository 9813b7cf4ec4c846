//! A stream of byte chunks between two tasks.
//!
//! Mirrors `http::Pipe` in `3rdparty/libprocess/include/process/http.hpp`.
//! The buffer has no bound of its own: writers look at [`Writer::buffered_bytes`] where the reader may be slow.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use crate::future::Future;
use crate::promise::Promise;

/// The writer failed before the stream was complete.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct PipeError(pub String);

enum End {
    Open,
    Closed,
    Failed(PipeError),
}

struct State {
    chunks: VecDeque<Bytes>,
    buffered: usize,
    end: End,
    writers: usize,
    reader_gone: bool,
    reader: Option<Waker>,
    room: Vec<Waker>,
    reader_closed: Vec<Promise<()>>,
}

type Shared = Arc<Mutex<State>>;

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the two ends of a stream.
///
/// # Examples
/// ```
/// use libprocess::http::pipe;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let (writer, mut reader) = pipe::pipe();
/// assert!(writer.write("hello".into()));
/// writer.close();
/// assert_eq!(reader.read().await, Some(Ok("hello".into())));
/// assert_eq!(reader.read().await, None);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn pipe() -> (Writer, Reader) {
    let shared = Arc::new(Mutex::new(State {
        chunks: VecDeque::new(),
        buffered: 0,
        end: End::Open,
        writers: 1,
        reader_gone: false,
        reader: None,
        room: Vec::new(),
        reader_closed: Vec::new(),
    }));
    (
        Writer {
            shared: Arc::clone(&shared),
        },
        Reader { shared },
    )
}

/// The writing end; clones write to the same stream.
///
/// When the last writer is dropped without [`Writer::close`], the reader sees a failure.
pub struct Writer {
    shared: Shared,
}

impl Writer {
    /// Appends a chunk; false when either end is closed. An empty chunk does nothing.
    pub fn write(&self, chunk: Bytes) -> bool {
        let mut state = lock(&self.shared);
        if state.reader_gone || !matches!(state.end, End::Open) {
            return false;
        }
        if !chunk.is_empty() {
            state.buffered += chunk.len();
            state.chunks.push_back(chunk);
            wake_reader(state);
        }
        true
    }

    /// Ends the stream after what has been written; false when it had ended already.
    #[expect(clippy::must_use_candidate, reason = "most callers just close")]
    pub fn close(&self) -> bool {
        self.finish(End::Closed)
    }

    /// Breaks the stream off; the reader gets the rest and then the failure.
    pub fn fail(&self, text: impl Into<String>) -> bool {
        self.finish(End::Failed(PipeError(text.into())))
    }

    /// Ends the stream with a failure at once: what is buffered is dropped.
    ///
    /// For readers that do not read: a failure behind what they left unread would keep that forever.
    pub fn abort(&self, text: impl Into<String>) -> bool {
        let mut state = lock(&self.shared);
        if state.reader_gone || !matches!(state.end, End::Open) {
            return false;
        }
        let chunks = std::mem::take(&mut state.chunks);
        state.buffered = 0;
        drop(state);
        drop(chunks);
        self.fail(text)
    }

    fn finish(&self, end: End) -> bool {
        let mut state = lock(&self.shared);
        if state.reader_gone || !matches!(state.end, End::Open) {
            return false;
        }
        state.end = end;
        state.reader_closed.clear();
        wake_reader(state);
        true
    }

    /// Ready when the reader goes away before the stream has ended; abandoned when the stream ends first.
    pub fn reader_closed(&self) -> Future<()> {
        let (promise, future) = Promise::new();
        let mut state = lock(&self.shared);
        if state.reader_gone {
            drop(state);
            promise.set(());
        } else if matches!(state.end, End::Open) {
            state.reader_closed.push(promise);
        }
        future
    }

    /// Whether the reader is gone.
    #[must_use]
    pub fn is_reader_closed(&self) -> bool {
        lock(&self.shared).reader_gone
    }

    /// Bytes that the reader has not taken yet.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        lock(&self.shared).buffered
    }

    /// Waits until fewer than `limit` bytes are buffered, or the reader is gone.
    pub async fn below(&self, limit: usize) {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.shared);
            if state.reader_gone || state.buffered < limit {
                return Poll::Ready(());
            }
            if !state.room.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.room.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

fn wake_reader(mut state: MutexGuard<'_, State>) {
    let waker = state.reader.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Clone for Writer {
    fn clone(&self) -> Self {
        lock(&self.shared).writers += 1;
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let mut state = lock(&self.shared);
        state.writers -= 1;
        if state.writers == 0 && matches!(state.end, End::Open) {
            state.end = End::Failed(PipeError("the writer went away".to_owned()));
            wake_reader(state);
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("buffered_bytes", &self.buffered_bytes())
            .finish()
    }
}

/// Two writers are equal when they write to the same stream.
impl PartialEq for Writer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for Writer {}

/// The reading end. Dropping it closes it.
pub struct Reader {
    shared: Shared,
}

impl Reader {
    /// The next chunk; none at the end of the stream.
    ///
    /// # Errors
    /// When the writer failed.
    ///
    /// # Cancel safety
    /// A chunk is taken only when it is returned.
    pub async fn read(&mut self) -> Option<Result<Bytes, PipeError>> {
        std::future::poll_fn(|cx| self.poll_read(cx)).await
    }

    /// As [`Reader::read`], for hand-written futures.
    pub fn poll_read(&self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, PipeError>>> {
        let mut state = lock(&self.shared);
        if let Some(chunk) = state.chunks.pop_front() {
            state.buffered -= chunk.len();
            let room = std::mem::take(&mut state.room);
            drop(state);
            for waker in room {
                waker.wake();
            }
            return Poll::Ready(Some(Ok(chunk)));
        }
        match &state.end {
            End::Open => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
            End::Closed => Poll::Ready(None),
            End::Failed(error) => {
                let error = error.clone();
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    /// Reads to the end.
    ///
    /// # Errors
    /// When the writer failed, or more than `limit` bytes came.
    pub async fn read_all(&mut self, limit: usize) -> Result<Bytes, ReadAllError> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.read().await {
            let chunk = chunk.map_err(ReadAllError::Pipe)?;
            if chunk.len() > limit.saturating_sub(whole.len()) {
                return Err(ReadAllError::TooLong { limit });
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// Tells the writer that nobody reads any more; what is buffered is dropped.
    pub fn close(&mut self) {
        let mut state = lock(&self.shared);
        if state.reader_gone {
            return;
        }
        state.reader_gone = true;
        let chunks = std::mem::take(&mut state.chunks);
        state.buffered = 0;
        let told = std::mem::take(&mut state.reader_closed);
        let room = std::mem::take(&mut state.room);
        drop(state);
        drop(chunks);
        for waker in room {
            waker.wake();
        }
        for promise in told {
            promise.set(());
        }
    }
}

/// Why a stream could not be read to its end.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ReadAllError {
    /// The writer failed.
    #[error("{0}")]
    Pipe(#[source] PipeError),
    /// More came than was allowed.
    #[error("more than {limit} bytes")]
    TooLong {
        /// What was allowed, in bytes.
        limit: usize,
    },
}

impl futures::Stream for Reader {
    type Item = Result<Bytes, PipeError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.poll_read(cx);
        if matches!(polled, Poll::Ready(Some(Err(_)))) {
            // A stream ends after its failure.
            lock(&self.shared).end = End::Closed;
        }
        polled
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// Two readers are equal when they read the same stream.
impl PartialEq for Reader {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for Reader {}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<F: std::future::Future>(future: F) -> F::Output {
        futures::executor::block_on(future)
    }

    /// Mirrors: HTTPTest.PipeEOF
    #[test]
    fn what_was_written_before_the_end_is_read_then_the_end() {
        let (writer, mut reader) = pipe();
        assert!(writer.write("hello".into()));
        assert!(writer.write(Bytes::new()));
        assert!(writer.write("world".into()));
        assert!(writer.close());

        assert!(!writer.write("!".into()));
        assert!(!writer.close());
        assert_eq!(block_on(reader.read()), Some(Ok("hello".into())));
        assert_eq!(block_on(reader.read()), Some(Ok("world".into())));
        assert_eq!(block_on(reader.read()), None);
        assert_eq!(block_on(reader.read()), None);
    }

    /// Mirrors: HTTPTest.PipeFailure
    #[test]
    fn what_was_written_before_a_failure_is_read_then_the_failure() {
        let (writer, mut reader) = pipe();
        assert!(writer.write("hello".into()));
        assert!(writer.fail("disconnected!"));

        assert!(!writer.close());
        assert_eq!(block_on(reader.read()), Some(Ok("hello".into())));
        assert_eq!(
            block_on(reader.read()),
            Some(Err(PipeError("disconnected!".into())))
        );
    }

    #[test]
    fn what_nobody_read_is_dropped_when_the_stream_is_aborted() {
        let (writer, mut reader) = pipe();
        assert!(writer.write("hello".into()));

        assert!(writer.abort("disconnected!"));

        assert!(!writer.abort("again"));
        assert_eq!(writer.buffered_bytes(), 0);
        assert_eq!(
            block_on(reader.read()),
            Some(Err(PipeError("disconnected!".into())))
        );
    }

    /// Mirrors: HTTPTest.PipeReadAll
    #[test]
    fn a_whole_stream_is_read_up_to_the_limit() {
        let whole = |limit| {
            let (writer, mut reader) = pipe();
            writer.write("hello".into());
            writer.write("world".into());
            writer.close();
            block_on(reader.read_all(limit))
        };

        assert_eq!(whole(10), Ok("helloworld".into()));
        assert_eq!(whole(9), Err(ReadAllError::TooLong { limit: 9 }));
    }

    /// Mirrors: HTTPTest.PipeReaderCloses
    #[test]
    fn a_writer_learns_that_the_reader_closed() {
        let (writer, mut reader) = pipe();
        let closed = writer.reader_closed();
        assert!(closed.is_pending());

        reader.close();

        assert!(closed.now().is_some_and(|outcome| outcome.is_ready()));
        assert!(!writer.write("hello".into()));
        assert!(!writer.close());
    }

    /// Mirrors: HTTPTest.PipeEquality
    #[test]
    fn ends_are_equal_when_they_are_of_one_stream() {
        let (writer, _reader) = pipe();
        let (other, _other_reader) = pipe();

        assert_eq!(writer, writer.clone());
        assert_ne!(writer, other);
    }

    #[test]
    fn a_writer_that_vanishes_breaks_the_stream() {
        let (writer, mut reader) = pipe();
        drop(writer.clone());
        assert!(writer.write("a".into()));

        drop(writer);

        assert_eq!(block_on(reader.read()), Some(Ok("a".into())));
        assert!(block_on(reader.read()).is_some_and(|chunk| chunk.is_err()));
    }

    #[test]
    fn a_writer_can_wait_for_room() {
        let (writer, mut reader) = pipe();
        writer.write("12345".into());
        assert_eq!(writer.buffered_bytes(), 5);

        assert!(futures::FutureExt::now_or_never(writer.below(5)).is_none());
        let _ = block_on(reader.read());

        assert!(futures::FutureExt::now_or_never(writer.below(5)).is_some());
    }
}
