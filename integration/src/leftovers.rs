//! Finds processes that a test started and nobody ended.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::binary::MARK;
use crate::eventually::within;

const LIMIT: Duration = Duration::from_secs(5);

/// A process that carries the mark of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its process id.
    pub pid: i32,
    /// Its command line, arguments joined by spaces.
    pub command: String,
}

/// Lists living processes that carry `mark` in their environment or work below `folder`.
///
/// Zombies do not count: they have ended.
#[must_use]
pub fn processes(mark: &str, folder: &Path) -> Vec<Process> {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own && !is_zombie(*pid) && belongs(*pid, mark, folder))
        .map(|pid| Process {
            pid,
            command: command_line(pid),
        })
        .collect()
}

/// Kills every process that [`processes`] finds, until it finds none: one may fork while it dies.
pub fn kill_all(mark: &str, folder: &Path) {
    // What cannot be killed in this time is left to whoever looks for leftovers.
    let _given_up = within(LIMIT, "the end of every process", || {
        let found = processes(mark, folder);
        for process in &found {
            if let Some(pid) = Pid::from_raw(process.pid) {
                // Gone in the meantime is as good as killed.
                let _gone = kill_process(pid, Signal::KILL);
            }
        }
        found.is_empty().then_some(())
    });
}

fn belongs(pid: i32, mark: &str, folder: &Path) -> bool {
    let wanted = format!("{MARK}={mark}");
    let marked = fs::read(format!("/proc/{pid}/environ")).is_ok_and(|bytes| {
        bytes
            .split(|byte| *byte == 0)
            .any(|entry| entry == wanted.as_bytes())
    });
    marked || fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
}

fn is_zombie(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| Some(stat.rsplit_once(") ")?.1.starts_with('Z')))
        .unwrap_or(true)
}

fn command_line(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes)
        .replace('\0', " ")
        .trim_end()
        .to_owned()
}
