//! LevelDB's view of the file system, with everything synced.
//!
//! rusty-leveldb itself never calls fsync: a flushed file is in the kernel, not on the disk.
//! Here a flush is a data sync, and a file that is created or renamed is synced into its folder.
//! The lock is taken in both ways, so that a C++ LevelDB (which uses `fcntl`) is kept out too.

use std::{
    cell::RefCell,
    collections::HashMap,
    fs,
    io::{self, BufWriter, Cursor, Read, Write},
    path::{Path, PathBuf},
    rc::Rc,
};

use nix::fcntl::{FcntlArg, fcntl};
use rusty_leveldb::{
    PosixDiskEnv, Result, Status, StatusCode,
    env::{Env, FileLock, Logger, RandomAccess},
};

use super::{checksum, journal};

/// The first failure of a file; after it nothing is renamed, deleted or opened any more.
///
/// rusty-leveldb closes files without asking whether that went well, and deletes the journal of a
/// table whose end may be missing. So the failure is kept here and told at the next step.
#[derive(Clone, Default)]
pub(super) struct FailedFile {
    message: Rc<RefCell<Option<String>>>,
}

impl FailedFile {
    /// The failure, if there was one.
    pub(super) fn message(&self) -> Option<String> {
        self.message.borrow().clone()
    }

    fn check(&self) -> Result<()> {
        match self.message() {
            Some(message) => Err(Status::new(StatusCode::IOError, &message)),
            None => Ok(()),
        }
    }

    fn keep(&self, message: String) {
        tracing::error!("a file of the log failed: {message}");
        self.message.borrow_mut().get_or_insert(message);
    }

    fn watch<T>(&self, path: &Path, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            self.keep(format!("'{}': {error}", path.display()));
        }
        result
    }
}

/// A file whose `flush` means "on disk", and whose `write` takes everything or fails.
struct SyncedFile {
    writer: BufWriter<fs::File>,
    path: PathBuf,
    failed: FailedFile,
}

impl Write for SyncedFile {
    /// rusty-leveldb does not look at how much was taken.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write_all(bytes);
        self.failed.watch(&self.path, written)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self
            .writer
            .flush()
            .and_then(|()| self.writer.get_ref().sync_data());
        self.failed.watch(&self.path, flushed)
    }
}

/// Drops without a flush would lose the tail of a table.
impl Drop for SyncedFile {
    fn drop(&mut self) {
        // A failure is kept for the next step.
        drop(self.flush());
    }
}

/// A table whose blocks are checked when they are read.
///
/// rusty-leveldb's iterators step over a block with a wrong checksum as if it had never been.
struct CheckedTable {
    file: Box<dyn RandomAccess>,
    size: usize,
    path: PathBuf,
    failed: FailedFile,
}

const BLOCK_TRAILER: usize = 5;

impl CheckedTable {
    /// A block ends with its kind and the checksum of both; a filter is read without that end.
    fn is_intact(&self, offset: usize, block: &[u8]) -> Result<bool> {
        if matches_checksum(block) || offset + block.len() >= self.size {
            return Ok(true);
        }
        let mut longer = vec![0; block.len() + BLOCK_TRAILER];
        self.file.read_at(offset, &mut longer)?;
        Ok(matches_checksum(&longer))
    }
}

fn matches_checksum(block: &[u8]) -> bool {
    block.split_last_chunk::<4>().is_some_and(|(data, stored)| {
        !data.is_empty() && checksum::masked(&[data]) == u32::from_le_bytes(*stored)
    })
}

impl RandomAccess for CheckedTable {
    fn read_at(&self, offset: usize, block: &mut [u8]) -> Result<usize> {
        let length = self.file.read_at(offset, block)?;
        if length == block.len() && self.is_intact(offset, block)? {
            return Ok(length);
        }
        let path = self.path.display();
        let message = format!("'{path}': bad block at offset {offset}");
        self.failed.keep(message.clone());
        Err(Status::new(StatusCode::Corruption, &message))
    }
}

/// The environment that the log's LevelDB runs in.
pub(super) struct SyncEnv {
    disk: PosixDiskEnv,
    locks: RefCell<HashMap<String, fs::File>>,
    failed: FailedFile,
}

impl SyncEnv {
    pub(super) fn new(failed: FailedFile) -> Self {
        Self {
            disk: PosixDiskEnv::new(),
            locks: RefCell::default(),
            failed,
        }
    }

    fn open(&self, options: &fs::OpenOptions, path: &Path) -> Result<Box<dyn Write>> {
        self.failed.check()?;
        let file = options.open(path)?;
        sync_parent(path)?;
        Ok(Box::new(SyncedFile {
            writer: BufWriter::new(file),
            path: path.to_owned(),
            failed: self.failed.clone(),
        }))
    }
}

/// Reads a journal without what was being written when its writer ended.
fn read_journal(path: &Path) -> Result<Cursor<Vec<u8>>> {
    let mut journal = fs::read(path)?;
    let whole = journal::whole_records(&journal).map_err(|damage| {
        let message = format!("'{}': {damage}", path.display());
        Status::new(StatusCode::Corruption, &message)
    })?;
    if whole < journal.len() {
        let (path, dropped) = (path.display(), journal.len() - whole);
        tracing::warn!("left out {dropped} bytes at the end of '{path}': a write was cut off");
    }
    journal.resize(whole, 0);
    journal.resize(whole + journal::padding(whole), 0);
    Ok(Cursor::new(journal))
}

fn sync_parent(path: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// Takes the lock that C++ LevelDB looks at.
fn lock_for_other_implementations(path: &Path) -> Result<fs::File> {
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    let lock = nix::libc::flock {
        l_type: lock_kind(),
        l_whence: lock_origin(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    match fcntl(&file, FcntlArg::F_SETLK(&lock)) {
        Ok(_) => Ok(file),
        Err(error) => Err(Status::new(
            StatusCode::LockError,
            &format!("another process holds '{}': {error}", path.display()),
        )),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the constant is 1 on every Linux"
)]
fn lock_kind() -> i16 {
    nix::libc::F_WRLCK as i16
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the constant is 0 on every Linux"
)]
fn lock_origin() -> i16 {
    nix::libc::SEEK_SET as i16
}

impl Env for SyncEnv {
    fn open_sequential_file(&self, path: &Path) -> Result<Box<dyn Read>> {
        if journal::is_journal(path) {
            return Ok(Box::new(read_journal(path)?));
        }
        self.disk.open_sequential_file(path)
    }

    fn open_random_access_file(&self, path: &Path) -> Result<Box<dyn RandomAccess>> {
        Ok(Box::new(CheckedTable {
            file: self.disk.open_random_access_file(path)?,
            size: self.disk.size_of(path)?,
            path: path.to_owned(),
            failed: self.failed.clone(),
        }))
    }

    fn open_writable_file(&self, path: &Path) -> Result<Box<dyn Write>> {
        self.open(
            fs::OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true),
            path,
        )
    }

    fn open_appendable_file(&self, path: &Path) -> Result<Box<dyn Write>> {
        self.open(fs::OpenOptions::new().create(true).append(true), path)
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        Ok(path.try_exists()?)
    }

    fn children(&self, path: &Path) -> Result<Vec<PathBuf>> {
        self.disk.children(path)
    }

    fn size_of(&self, path: &Path) -> Result<usize> {
        self.failed.check()?;
        self.disk.size_of(path)
    }

    fn delete(&self, path: &Path) -> Result<()> {
        self.failed.check()?;
        self.disk.delete(path)
    }

    fn mkdir(&self, path: &Path) -> Result<()> {
        self.disk.mkdir(path)
    }

    fn rmdir(&self, path: &Path) -> Result<()> {
        self.disk.rmdir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.failed.check()?;
        self.disk.rename(from, to)?;
        sync_parent(to)
    }

    fn lock(&self, path: &Path) -> Result<FileLock> {
        let file = lock_for_other_implementations(path)?;
        let lock = self.disk.lock(path)?;
        self.locks.borrow_mut().insert(lock.id.clone(), file);
        Ok(lock)
    }

    fn unlock(&self, lock: FileLock) -> Result<()> {
        self.locks.borrow_mut().remove(&lock.id);
        self.disk.unlock(lock)
    }

    fn new_logger(&self, path: &Path) -> Result<Logger> {
        self.disk.new_logger(path)
    }

    fn micros(&self) -> u64 {
        self.disk.micros()
    }

    fn sleep_for(&self, micros: u32) {
        self.disk.sleep_for(micros);
    }
}
