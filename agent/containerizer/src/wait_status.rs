//! Says in words how a process ended.
//!
//! Mirrors `WSTRINGIFY` of `src/common/status_utils.hpp`.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

use nix::sys::signal::Signal;

/// Describes a raw wait status.
pub fn describe(status: i32) -> String {
    let exit = ExitStatus::from_raw(status);
    if let Some(code) = exit.code() {
        return format!("exited with status {code}");
    }
    if let Some(signal) = exit.signal() {
        let dumped = if exit.core_dumped() {
            " (core dumped)"
        } else {
            ""
        };
        return format!("terminated with signal {}{dumped}", name(signal));
    }
    match exit.stopped_signal() {
        Some(signal) => format!("stopped on signal {}", name(signal)),
        None => format!("wait status {status}"),
    }
}

/// Names a signal as the C library does.
fn name(signal: i32) -> String {
    let text = match Signal::try_from(signal) {
        Ok(Signal::SIGHUP) => "Hangup",
        Ok(Signal::SIGINT) => "Interrupt",
        Ok(Signal::SIGQUIT) => "Quit",
        Ok(Signal::SIGILL) => "Illegal instruction",
        Ok(Signal::SIGTRAP) => "Trace/breakpoint trap",
        Ok(Signal::SIGABRT) => "Aborted",
        Ok(Signal::SIGBUS) => "Bus error",
        Ok(Signal::SIGFPE) => "Floating point exception",
        Ok(Signal::SIGKILL) => "Killed",
        Ok(Signal::SIGUSR1) => "User defined signal 1",
        Ok(Signal::SIGSEGV) => "Segmentation fault",
        Ok(Signal::SIGUSR2) => "User defined signal 2",
        Ok(Signal::SIGPIPE) => "Broken pipe",
        Ok(Signal::SIGALRM) => "Alarm clock",
        Ok(Signal::SIGTERM) => "Terminated",
        Ok(Signal::SIGXCPU) => "CPU time limit exceeded",
        Ok(Signal::SIGXFSZ) => "File size limit exceeded",
        Ok(Signal::SIGSYS) => "Bad system call",
        Ok(other) => return other.as_str().to_owned(),
        Err(_) => return format!("Unknown signal {signal}"),
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_reads_as_mesos_writes_it() {
        assert_eq!(describe(3 << 8), "exited with status 3");
        assert_eq!(describe(9), "terminated with signal Killed");
        assert_eq!(
            describe(11 | 0x80),
            "terminated with signal Segmentation fault (core dumped)"
        );
    }
}
