//! Reading, writing and redirecting descriptors without blocking anybody.
//!
//! Mirrors `3rdparty/libprocess/include/process/io.hpp`.
//!
//! Each function works on a duplicate of the descriptor it is given, on a thread of the runtime that serves
//! connections, and gives a future that can be asked to be discarded.
//! Regular files are always ready: what is read from them or written to them is done at once.
//! A pseudo-terminal ends when its other side is closed everywhere, where the kernel and C++ say that it failed.

use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bytes::{Buf, Bytes, BytesMut};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio_util::sync::CancellationToken;

use crate::future::Future;
use crate::promise::Promise;
use crate::runtime::Runtime;

/// How much [`read`] reads at once.
pub const BUFFERED_READ_SIZE: usize = 64 * 1024;

/// What is done with each piece that [`redirect`] carries, before it is written.
pub type Hook = Box<dyn FnMut(&[u8]) + Send>;

/// What [`poll`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// That there is something to read, or the end.
    Read,
    /// That there is room to write, or nobody who reads.
    Write,
}

/// Makes operations on a descriptor, and on all its duplicates, return at once when they would have to wait.
///
/// # Errors
/// When the operating system refuses.
pub fn prepare_async(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let flags = fcntl_getfl(descriptor)?;
    Ok(fcntl_setfl(descriptor, flags | OFlags::NONBLOCK)?)
}

/// Waits until a descriptor is ready.
pub fn poll(runtime: &Runtime, descriptor: BorrowedFd<'_>, what: Ready) -> Future<()> {
    let opened = Descriptor::duplicate(descriptor, what);
    perform(runtime, async move { opened?.register()?.wait().await })
}

/// Reads once, at most `size` bytes; no bytes are the end. The descriptor must be non-blocking.
pub fn read_some(runtime: &Runtime, descriptor: BorrowedFd<'_>, size: usize) -> Future<Bytes> {
    let opened = Descriptor::duplicate_async(descriptor, Ready::Read);
    perform(runtime, async move {
        let source = opened?.register()?;
        if size == 0 {
            return Ok(Bytes::new());
        }
        let mut buffer = BytesMut::zeroed(size);
        let read = source.read(&mut buffer).await?;
        buffer.truncate(read);
        Ok(buffer.freeze())
    })
}

/// Reads to the end. The descriptor becomes non-blocking.
///
/// # Examples
/// ```
/// use std::os::fd::AsFd;
/// use libprocess::Runtime;
///
/// let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
/// let (reader, mut writer) = std::io::pipe()?;
/// let text = libprocess::io::read(&runtime, reader.as_fd());
/// std::io::Write::write_all(&mut writer, b"hello")?;
/// drop(writer);
/// assert_eq!(runtime.block_on(text).ready().as_deref(), Some(&b"hello"[..]));
/// runtime.shutdown();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read(runtime: &Runtime, descriptor: BorrowedFd<'_>) -> Future<Bytes> {
    let opened = Descriptor::prepare(descriptor, Ready::Read);
    perform(runtime, async move {
        let source = opened?.register()?;
        let mut whole = BytesMut::new();
        let mut buffer = vec![0; BUFFERED_READ_SIZE];
        loop {
            let read = source.read(&mut buffer).await?;
            if read == 0 {
                return Ok(whole.freeze());
            }
            whole.extend_from_slice(buffer.get(..read).unwrap_or_default());
        }
    })
}

/// Writes once and tells how many bytes. The descriptor must be non-blocking.
pub fn write_some(runtime: &Runtime, descriptor: BorrowedFd<'_>, bytes: Bytes) -> Future<usize> {
    let opened = Descriptor::duplicate_async(descriptor, Ready::Write);
    perform(runtime, async move {
        let target = opened?.register()?;
        if bytes.is_empty() {
            return Ok(0);
        }
        target.write(&bytes).await
    })
}

/// Writes everything. The descriptor becomes non-blocking.
pub fn write(runtime: &Runtime, descriptor: BorrowedFd<'_>, mut bytes: Bytes) -> Future<()> {
    let opened = Descriptor::prepare(descriptor, Ready::Write);
    perform(runtime, async move {
        let target = opened?.register()?;
        target.write_all(&mut bytes).await
    })
}

/// Carries everything from one descriptor to another until the end of the first.
///
/// Each piece, of at most `chunk` bytes, goes to the hooks in their order and is then written.
/// Without `to` nothing is written. Both descriptors become non-blocking and may be closed at once by the caller.
pub fn redirect(
    runtime: &Runtime,
    from: BorrowedFd<'_>,
    to: Option<BorrowedFd<'_>>,
    chunk: usize,
    mut hooks: Vec<Hook>,
) -> Future<()> {
    let from = Descriptor::prepare(from, Ready::Read);
    let to = to.map(|to| Descriptor::prepare(to, Ready::Write));
    perform(runtime, async move {
        let source = from?.register()?;
        let target = match to {
            Some(to) => Some(to?.register()?),
            None => None,
        };
        let mut buffer = vec![0; chunk.max(1)];
        loop {
            let read = source.read(&mut buffer).await?;
            let mut piece = buffer.get(..read).unwrap_or_default();
            if piece.is_empty() {
                return Ok(());
            }
            for hook in &mut hooks {
                hook(piece);
            }
            if let Some(target) = &target {
                target.write_all(&mut piece).await?;
            }
        }
    })
}

/// Runs work on a thread that serves connections until it is done or nobody wants it.
fn perform<T: Send + 'static>(
    runtime: &Runtime,
    work: impl std::future::Future<Output = io::Result<T>> + Send + 'static,
) -> Future<T> {
    let (promise, future) = Promise::new();
    let unwanted = CancellationToken::new();
    let asked = unwanted.clone();
    promise.on_discard(move || asked.cancel());
    let task = async move {
        tokio::select! {
            biased;
            () = unwanted.cancelled() => promise.discard(),
            done = work => match done {
                Ok(value) => promise.set(value),
                Err(error) => promise.fail(error.to_string()),
            },
        }
    };
    // Without a thread the promise is dropped, which the future tells.
    if let Some(arbiter) = runtime.inner().arbiters.connection(0) {
        arbiter.spawn(task);
    }
    future
}

/// A duplicate that is not waited for yet.
struct Descriptor {
    descriptor: OwnedFd,
    what: Ready,
}

impl Descriptor {
    fn duplicate(descriptor: BorrowedFd<'_>, what: Ready) -> io::Result<Self> {
        Ok(Self {
            descriptor: descriptor.try_clone_to_owned()?,
            what,
        })
    }

    /// Of a descriptor that must be non-blocking.
    fn duplicate_async(descriptor: BorrowedFd<'_>, what: Ready) -> io::Result<Self> {
        if fcntl_getfl(descriptor)?.contains(OFlags::NONBLOCK) {
            Self::duplicate(descriptor, what)
        } else {
            Err(io::Error::other(
                "Expected an asynchronous file descriptor.",
            ))
        }
    }

    /// Of a descriptor that is made non-blocking.
    fn prepare(descriptor: BorrowedFd<'_>, what: Ready) -> io::Result<Self> {
        let duplicate = Self::duplicate(descriptor, what)?;
        prepare_async(duplicate.descriptor.as_fd())?;
        Ok(duplicate)
    }

    /// Makes it known to the event loop of the calling thread.
    #[expect(
        deprecated,
        reason = "what takes its place is unsafe, for descriptors that may change; this one is owned"
    )]
    fn register(self) -> io::Result<Registered> {
        let interest = match self.what {
            Ready::Read => Interest::READABLE,
            Ready::Write => Interest::WRITABLE,
        };
        match AsyncFd::try_with_interest(self.descriptor, interest) {
            Ok(polled) => Ok(Registered::Polled(polled, interest)),
            Err(refused) => {
                let (descriptor, error) = refused.into_parts();
                // What no event loop takes is always ready: a regular file.
                if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) {
                    Ok(Registered::Always(descriptor))
                } else {
                    Err(error)
                }
            }
        }
    }
}

enum Registered {
    Polled(AsyncFd<OwnedFd>, Interest),
    Always(OwnedFd),
}

impl Registered {
    async fn wait(&self) -> io::Result<()> {
        match self {
            Self::Polled(polled, interest) => polled.ready(*interest).await.map(|_guard| ()),
            Self::Always(_) => Ok(()),
        }
    }

    async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.attempt(
            |descriptor| match rustix::io::read(descriptor, &mut *buffer) {
                // So a terminal tells that nobody has its other side open any more.
                Err(Errno::IO) if descriptor.is_terminal() => Ok(0),
                read => read,
            },
        )
        .await
    }

    async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|descriptor| rustix::io::write(descriptor, bytes))
            .await
    }

    async fn write_all(&self, bytes: &mut impl Buf) -> io::Result<()> {
        while bytes.has_remaining() {
            let written = self.write(bytes.chunk()).await?;
            bytes.advance(written);
        }
        Ok(())
    }

    /// Tries at once, and again whenever the descriptor is ready: what can never be ready says so at the first try.
    async fn attempt<T>(
        &self,
        mut operation: impl FnMut(&OwnedFd) -> Result<T, Errno>,
    ) -> io::Result<T> {
        // A descriptor that is always ready leaves a turn to others.
        tokio::task::coop::consume_budget().await;
        let (polled, interest) = match self {
            Self::Always(descriptor) => return Ok(persist(|| operation(descriptor))?),
            Self::Polled(polled, interest) => (polled, *interest),
        };
        match persist(|| operation(polled.get_ref())) {
            Err(Errno::AGAIN) => {}
            done => return Ok(done?),
        }
        loop {
            let mut guard = polled.ready(interest).await?;
            let tried = guard.try_io(|polled| Ok(persist(|| operation(polled.get_ref()))?));
            if let Ok(done) = tried {
                return done;
            }
        }
    }
}

/// Tries until no signal comes between.
fn persist<T>(mut operation: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match operation() {
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
}
