//! LevelDB's view of the file system, with everything synced.
//!
//! rusty-leveldb itself never calls fsync: a flushed file is in the kernel, not on the disk.
//! Here a flush is a data sync, and a file that is created or renamed is synced into its folder.
//! The lock is taken in both ways, so that a C++ LevelDB (which uses `fcntl`) is kept out too.

use std::{
    cell::RefCell,
    collections::HashMap,
    fs,
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use nix::fcntl::{FcntlArg, fcntl};
use rusty_leveldb::{
    PosixDiskEnv, Result, Status, StatusCode,
    env::{Env, FileLock, Logger, RandomAccess},
};

/// A file whose `flush` means "on disk".
struct SyncedFile {
    writer: BufWriter<fs::File>,
}

impl Write for SyncedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_data()
    }
}

/// Drops without a flush would lose the tail of a table.
impl Drop for SyncedFile {
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            tracing::error!(%error, "failed to sync a file of the log when closing it");
        }
    }
}

/// The environment that the log's LevelDB runs in.
pub(super) struct SyncEnv {
    disk: PosixDiskEnv,
    locks: RefCell<HashMap<String, fs::File>>,
}

impl SyncEnv {
    pub(super) fn new() -> Self {
        Self {
            disk: PosixDiskEnv::new(),
            locks: RefCell::default(),
        }
    }

    fn open(options: &fs::OpenOptions, path: &Path) -> Result<Box<dyn Write>> {
        let file = options.open(path)?;
        sync_parent(path)?;
        Ok(Box::new(SyncedFile {
            writer: BufWriter::new(file),
        }))
    }
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
        self.disk.open_sequential_file(path)
    }

    fn open_random_access_file(&self, path: &Path) -> Result<Box<dyn RandomAccess>> {
        self.disk.open_random_access_file(path)
    }

    fn open_writable_file(&self, path: &Path) -> Result<Box<dyn Write>> {
        Self::open(
            fs::OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true),
            path,
        )
    }

    fn open_appendable_file(&self, path: &Path) -> Result<Box<dyn Write>> {
        Self::open(fs::OpenOptions::new().create(true).append(true), path)
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        Ok(path.try_exists()?)
    }

    fn children(&self, path: &Path) -> Result<Vec<PathBuf>> {
        self.disk.children(path)
    }

    fn size_of(&self, path: &Path) -> Result<usize> {
        self.disk.size_of(path)
    }

    fn delete(&self, path: &Path) -> Result<()> {
        self.disk.delete(path)
    }

    fn mkdir(&self, path: &Path) -> Result<()> {
        self.disk.mkdir(path)
    }

    fn rmdir(&self, path: &Path) -> Result<()> {
        self.disk.rmdir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
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
