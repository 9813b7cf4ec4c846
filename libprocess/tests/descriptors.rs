//! Reading, writing and redirecting descriptors.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use libprocess::io::{self, Ready};
use libprocess::{Outcome, Runtime};

fn runtime() -> Runtime {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(1)
        .start()
        .expect("a runtime")
}

fn blocking_pipe() -> (PipeReader, PipeWriter) {
    std::io::pipe().expect("a pipe")
}

fn pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = blocking_pipe();
    io::prepare_async(reader.as_fd()).expect("non-blocking");
    io::prepare_async(writer.as_fd()).expect("non-blocking");
    (reader, writer)
}

/// Writes until there is no more room.
fn fill(writer: &mut PipeWriter) -> usize {
    let mut size = 0;
    while let Ok(written) = writer.write(b"data") {
        size += written;
    }
    size
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// Mirrors: IOTest.PollRead
#[test]
fn waiting_for_something_to_read_ends_with_a_byte_or_a_discard() {
    let runtime = runtime();
    let (reader, mut writer) = pipe();

    let unwanted = io::poll(&runtime, reader.as_fd(), Ready::Read);
    assert!(unwanted.is_pending());
    unwanted.discard();
    assert_eq!(runtime.block_on(unwanted), Outcome::Discarded);

    let ready = io::poll(&runtime, reader.as_fd(), Ready::Read);
    assert!(ready.is_pending());
    writer.write_all(b"hi").expect("written");
    assert_eq!(runtime.block_on(ready), Outcome::Ready(()));
    runtime.shutdown();
}

/// Mirrors: IOTest.PollWrite
#[test]
fn waiting_for_room_to_write_ends_with_room_or_a_discard() {
    let runtime = runtime();
    let (mut reader, mut writer) = pipe();
    fill(&mut writer);

    let unwanted = io::poll(&runtime, writer.as_fd(), Ready::Write);
    assert!(unwanted.is_pending());
    unwanted.discard();
    assert_eq!(runtime.block_on(unwanted), Outcome::Discarded);

    let ready = io::poll(&runtime, writer.as_fd(), Ready::Write);
    assert!(ready.is_pending());
    let mut page = [0; 4096];
    reader.read_exact(&mut page).expect("a page");
    assert_eq!(runtime.block_on(ready), Outcome::Ready(()));
    runtime.shutdown();
}

/// Mirrors: IOTest.Read
#[test]
fn one_read_takes_what_is_there_and_a_discarded_one_takes_nothing() {
    let runtime = runtime();
    let (blocking, _writer) = blocking_pipe();
    let refused = runtime.block_on(io::read_some(&runtime, blocking.as_fd(), 3));
    assert_eq!(
        refused,
        Outcome::Failed("Expected an asynchronous file descriptor.".into())
    );
    let (reader, mut writer) = pipe();
    // This side cannot be read.
    let failed = runtime.block_on(io::read_some(&runtime, writer.as_fd(), 3));
    assert!(matches!(failed, Outcome::Failed(_)), "{failed:?}");

    let nothing = io::read_some(&runtime, reader.as_fd(), 0);
    assert_eq!(runtime.block_on(nothing), Outcome::Ready(Bytes::new()));

    let unwanted = io::read_some(&runtime, reader.as_fd(), 3);
    assert!(unwanted.is_pending());
    unwanted.discard();
    assert_eq!(runtime.block_on(unwanted), Outcome::Discarded);

    let two = io::read_some(&runtime, reader.as_fd(), 3);
    writer.write_all(b"hi").expect("written");
    assert_eq!(runtime.block_on(two), Outcome::Ready(bytes("hi")));

    let cancelled = io::read_some(&runtime, reader.as_fd(), 1);
    cancelled.discard();
    assert_eq!(runtime.block_on(cancelled), Outcome::Discarded);
    let three = io::read_some(&runtime, reader.as_fd(), 3);
    writer.write_all(b"omg").expect("written");
    assert_eq!(runtime.block_on(three), Outcome::Ready(bytes("omg")));

    let end = io::read_some(&runtime, reader.as_fd(), 3);
    drop(writer);
    assert_eq!(runtime.block_on(end), Outcome::Ready(Bytes::new()));
    runtime.shutdown();
}

/// Mirrors: IOTest.BufferedRead
#[test]
fn files_and_pipes_are_read_to_their_end() {
    let runtime = runtime();
    let data = vec![b'x'; 3 * io::BUFFERED_READ_SIZE + 1];
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(&data).expect("written");
    std::io::Seek::rewind(&mut file).expect("at the start");

    let whole = runtime.block_on(io::read(&runtime, file.as_fd())).ready();
    assert!(whole.as_deref() == Some(&data[..]));

    let (reader, mut writer) = blocking_pipe();
    let failed = runtime.block_on(io::read(&runtime, writer.as_fd()));
    assert!(matches!(failed, Outcome::Failed(_)), "{failed:?}");
    io::prepare_async(reader.as_fd()).expect("non-blocking");
    let whole = io::read(&runtime, reader.as_fd());
    drop(reader);
    assert!(whole.is_pending());
    let flags = rustix::fs::fcntl_getfl(&writer).expect("flags");
    rustix::fs::fcntl_setfl(&writer, flags.difference(rustix::fs::OFlags::NONBLOCK))
        .expect("blocking");
    writer.write_all(&data).expect("written");
    drop(writer);
    assert!(runtime.block_on(whole).ready().as_deref() == Some(&data[..]));
    runtime.shutdown();
}

/// Mirrors: IOTest.Write
#[test]
fn one_write_tells_how_much_and_fails_when_nobody_reads() {
    let runtime = runtime();
    let (_reader, blocking) = blocking_pipe();
    let refused = runtime.block_on(io::write_some(&runtime, blocking.as_fd(), bytes("hi")));
    assert!(matches!(refused, Outcome::Failed(_)), "{refused:?}");
    let (reader, writer) = pipe();
    let failed = runtime.block_on(io::write_some(&runtime, reader.as_fd(), bytes("hi")));
    assert!(matches!(failed, Outcome::Failed(_)), "{failed:?}");

    let nothing = io::write_some(&runtime, writer.as_fd(), Bytes::new());
    assert_eq!(runtime.block_on(nothing), Outcome::Ready(0));

    let two = io::write_some(&runtime, writer.as_fd(), bytes("hi"));
    assert_eq!(runtime.block_on(two), Outcome::Ready(2));
    let read = io::read_some(&runtime, reader.as_fd(), 2);
    assert_eq!(runtime.block_on(read), Outcome::Ready(bytes("hi")));

    drop(reader);
    let broken = runtime.block_on(io::write_some(&runtime, writer.as_fd(), bytes("hi")));
    assert!(matches!(broken, Outcome::Failed(_)), "{broken:?}");
    runtime.shutdown();
}

/// Mirrors: `IOTest.DISABLED_BlockingWrite`
#[test]
fn a_long_write_waits_for_its_reader_and_a_discarded_one_writes_nothing() {
    let runtime = runtime();
    let (_full, mut probe) = pipe();
    let size = fill(&mut probe);
    let (mut reader, writer) = pipe();
    let data = Bytes::from(b"data".repeat(2 * size));

    let long = io::write(&runtime, writer.as_fd(), data.clone());
    // The first page tells that the long one has begun.
    let first = runtime.block_on(io::read_some(&runtime, reader.as_fd(), 128));
    let first = first.ready().expect("some");
    assert!(long.is_pending());
    // Fill what was read, so that another must wait.
    let other = io::write(&runtime, writer.as_fd(), bytes("hello world"));
    assert!(other.is_pending());
    other.discard();
    assert_eq!(runtime.block_on(other), Outcome::Discarded);

    let flags = rustix::fs::fcntl_getfl(&reader).expect("flags");
    rustix::fs::fcntl_setfl(&reader, flags.difference(rustix::fs::OFlags::NONBLOCK))
        .expect("blocking");
    let mut rest = vec![0; data.len() - first.len()];
    let read = std::thread::spawn(move || {
        reader.read_exact(&mut rest).expect("the rest");
        (reader, rest)
    });
    assert_eq!(runtime.block_on(long), Outcome::Ready(()));
    let (_reader, rest) = read.join().expect("it reads");
    assert!([&first[..], &rest].concat() == data);
    runtime.shutdown();
}

/// Mirrors: IOTest.Redirect
#[test]
fn redirecting_carries_everything_through_the_hooks_after_both_are_closed_here() {
    let runtime = runtime();
    let path = tempfile::NamedTempFile::new().expect("a file");
    let file = std::fs::File::create(path.path()).expect("a file");
    let (reader, writer) = pipe();
    // Neither side can be used the wrong way round.
    let wrong = io::redirect(&runtime, writer.as_fd(), Some(file.as_fd()), 4096, vec![]);
    assert!(matches!(runtime.block_on(wrong), Outcome::Failed(_)));
    let seen: Arc<Mutex<Vec<u8>>> = Arc::default();
    let heard = Arc::clone(&seen);
    let hook: io::Hook = Box::new(move |piece| {
        assert!(piece.len() <= 4096);
        heard.lock().expect("a lock").extend_from_slice(piece);
    });
    let data = Bytes::from(b"Lorem ipsum dolor sit amet. ".repeat(40_000));

    let done = io::redirect(
        &runtime,
        reader.as_fd(),
        Some(file.as_fd()),
        4096,
        vec![hook],
    );
    drop((reader, file));
    assert!(done.is_pending());
    let written = runtime.block_on(io::write(&runtime, writer.as_fd(), data.clone()));
    assert_eq!(written, Outcome::Ready(()));
    assert!(done.is_pending());
    drop(writer);

    assert_eq!(runtime.block_on(done), Outcome::Ready(()));
    assert!(std::fs::read(path.path()).expect("the file") == data);
    assert!(*seen.lock().expect("a lock") == data);
    runtime.shutdown();
}

#[test]
fn redirecting_to_nowhere_only_feeds_the_hooks() {
    let runtime = runtime();
    let (reader, mut writer) = blocking_pipe();
    let seen: Arc<Mutex<Vec<u8>>> = Arc::default();
    let heard = Arc::clone(&seen);
    let hook: io::Hook = Box::new(move |piece| heard.lock().expect("a lock").extend(piece));

    let done = io::redirect(&runtime, reader.as_fd(), None, 4096, vec![hook]);
    writer.write_all(b"hello").expect("written");
    drop(writer);

    assert_eq!(runtime.block_on(done), Outcome::Ready(()));
    assert_eq!(*seen.lock().expect("a lock"), b"hello");
    runtime.shutdown();
}

#[test]
fn terminal_ends_when_its_other_side_is_closed() {
    let runtime = runtime();
    let ours = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR).expect("a terminal");
    rustix::pty::unlockpt(&ours).expect("unlocked");
    let flags = rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY;
    let other = rustix::pty::ioctl_tiocgptpeer(&ours, flags).expect("the other side");
    rustix::io::write(&other, b"hello\n").expect("written");
    let seen: Arc<Mutex<Vec<u8>>> = Arc::default();
    let heard = Arc::clone(&seen);
    let hook: io::Hook = Box::new(move |piece| heard.lock().expect("a lock").extend(piece));

    let done = io::redirect(&runtime, ours.as_fd(), None, 4096, vec![hook]);
    drop(other);

    assert_eq!(runtime.block_on(done), Outcome::Ready(()));
    assert_eq!(*seen.lock().expect("a lock"), b"hello\r\n");
    runtime.shutdown();
}
