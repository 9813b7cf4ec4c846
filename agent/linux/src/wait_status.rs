//! How a finished process is described to frameworks.
//!
//! Mirrors `src/common/status_utils.hpp`.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// The raw status that `wait(2)` reports for a child.
///
/// # Wire
/// Its text is part of task messages (`Command exited with status 0`) and its number travels as
/// `exit_status` in the answers of the agent API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitStatus(i32);

impl WaitStatus {
    /// Wraps a raw status, as read from `wait(2)` or from the wire.
    #[must_use]
    pub fn from_raw(raw: i32) -> Self {
        Self(raw)
    }

    /// The raw status.
    #[must_use]
    pub fn raw(self) -> i32 {
        self.0
    }

    /// True for an ordinary exit with status 0.
    #[must_use]
    pub fn success(self) -> bool {
        self.exit_status().code() == Some(0)
    }

    /// The exit code of an ordinary exit.
    #[must_use]
    pub fn code(self) -> Option<i32> {
        self.exit_status().code()
    }

    /// The number of the signal that ended the process.
    #[must_use]
    pub fn signal(self) -> Option<i32> {
        self.exit_status().signal()
    }

    fn exit_status(self) -> ExitStatus {
        ExitStatus::from_raw(self.0)
    }
}

impl From<ExitStatus> for WaitStatus {
    fn from(status: ExitStatus) -> Self {
        Self(status.into_raw())
    }
}

impl fmt::Display for WaitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.exit_status();
        if let Some(code) = status.code() {
            write!(f, "exited with status {code}")
        } else if let Some(signal) = status.signal() {
            write!(f, "terminated with signal {}", SignalName(signal))?;
            if status.core_dumped() {
                f.write_str(" (core dumped)")
            } else {
                Ok(())
            }
        } else if let Some(signal) = status.stopped_signal() {
            write!(f, "stopped on signal {}", SignalName(signal))
        } else {
            write!(f, "wait status {}", self.0)
        }
    }
}

/// The description that the C library gives for a signal, such as `Killed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalName(pub i32);

/// Descriptions of the signals 1 to 31 on Linux, in order.
const DESCRIPTIONS: [&str; 31] = [
    "Hangup",
    "Interrupt",
    "Quit",
    "Illegal instruction",
    "Trace/breakpoint trap",
    "Aborted",
    "Bus error",
    "Floating point exception",
    "Killed",
    "User defined signal 1",
    "Segmentation fault",
    "User defined signal 2",
    "Broken pipe",
    "Alarm clock",
    "Terminated",
    "Stack fault",
    "Child exited",
    "Continued",
    "Stopped (signal)",
    "Stopped",
    "Stopped (tty input)",
    "Stopped (tty output)",
    "Urgent I/O condition",
    "CPU time limit exceeded",
    "File size limit exceeded",
    "Virtual timer expired",
    "Profiling timer expired",
    "Window changed",
    "I/O possible",
    "Power failure",
    "Bad system call",
];

impl SignalName {
    /// The signal whose description `text` is: what [`SignalName`] prints, read back.
    #[must_use]
    pub fn from_description(text: &str) -> Option<i32> {
        let position = DESCRIPTIONS.iter().position(|known| *known == text)?;
        i32::try_from(position + 1).ok()
    }
}

impl fmt::Display for SignalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = usize::try_from(self.0 - 1).ok();
        match index.and_then(|index| DESCRIPTIONS.get(index)) {
            Some(text) => f.write_str(text),
            // The C library keeps 32 and 33 for itself.
            None if (34..=64).contains(&self.0) => write!(f, "Real-time signal {}", self.0 - 34),
            None => write!(f, "Unknown signal {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(raw: i32, text: &str) {
        assert_eq!(WaitStatus::from_raw(raw).to_string(), text);
    }

    #[test]
    fn statuses_read_as_frameworks_know_them() {
        reads(0, "exited with status 0");
        reads(3 << 8, "exited with status 3");
        reads(9, "terminated with signal Killed");
        reads(15, "terminated with signal Terminated");
        reads(
            11 | 0x80,
            "terminated with signal Segmentation fault (core dumped)",
        );
        reads(36, "terminated with signal Real-time signal 2");
        reads((19 << 8) | 0x7f, "stopped on signal Stopped (signal)");
        reads(0xffff, "wait status 65535");
    }

    #[test]
    fn only_exit_zero_is_success() {
        assert!(WaitStatus::from_raw(0).success());
        assert!(!WaitStatus::from_raw(1 << 8).success());
        assert!(!WaitStatus::from_raw(9).success());
    }

    #[test]
    fn description_is_read_back() {
        assert_eq!(SignalName::from_description("Killed"), Some(9));
        assert_eq!(SignalName::from_description("Nonsense"), None);
    }
}
