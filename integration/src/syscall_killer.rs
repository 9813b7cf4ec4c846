//! Kills a process at a chosen system call, by `strace`.
//!
//! A signal from outside hits a process anywhere.
//! This one hits it exactly when it is about to make its n-th call of some kind: the call is not made any more.

use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use thiserror::Error;

/// Why a process cannot be watched.
#[derive(Debug, Error)]
pub enum KillerError {
    /// `strace` cannot be started.
    #[error("start strace")]
    Start(#[source] io::Error),
    /// It cannot attach.
    #[error("strace did not attach: {0}")]
    Attach(String),
}

/// Waits for the chosen call of one process.
#[derive(Debug)]
pub struct SyscallKiller {
    tracer: Child,
}

impl SyscallKiller {
    /// Attaches to every thread of `process`: SIGKILL hits the first thread that is about to make its `number`-th `call`.
    ///
    /// Each thread is counted for itself.
    /// Children of the process and threads that it starts later are left alone.
    ///
    /// # Errors
    /// [`KillerError`] when `strace` is missing or may not attach.
    pub fn attach(process: u32, call: &str, number: u32) -> Result<Self, KillerError> {
        let mut command = Command::new("strace");
        command
            .args(["--quiet=exit,path-resolution", "-o", "/dev/null", "-e"])
            .arg(format!("trace={call}"))
            .arg("-e")
            .arg(format!("inject={call}:signal=SIGKILL:when={number}"));
        let threads = threads(process);
        for thread in &threads {
            command.arg("-p").arg(thread);
        }
        let mut tracer = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(KillerError::Start)?;
        let output = tracer.stderr.take().map(BufReader::new);
        let said = output.map_or_else(Vec::new, |output| first_lines(output, threads.len()));
        if said.len() == threads.len() && said.iter().all(|line| line.contains("attached")) {
            return Ok(Self { tracer });
        }
        let _ended = tracer.kill();
        let _reaped = tracer.wait();
        Err(KillerError::Attach(said.join("; ")))
    }
}

/// Lets the process go on, if it still lives.
impl Drop for SyscallKiller {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.tracer.id()).ok().and_then(Pid::from_raw) {
            // It has ended by itself when the process is dead.
            let _gone = kill_process(pid, Signal::TERM);
        }
        let _reaped = self.tracer.wait();
    }
}

fn threads(process: u32) -> Vec<String> {
    let tasks = Path::new("/proc").join(process.to_string()).join("task");
    std::fs::read_dir(tasks)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// One line for each thread; fewer when the tracer ends before.
fn first_lines(output: BufReader<ChildStderr>, count: usize) -> Vec<String> {
    output.lines().map_while(Result::ok).take(count).collect()
}
