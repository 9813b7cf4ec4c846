//! A Docker daemon of its own for a test, with one image made of programs of this machine.
//!
//! It has no network of its own and touches no rule of the machine's firewall.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use thiserror::Error;

use crate::eventually::{NeverHappened, eventually};

/// What the image holds, besides the libraries that these need.
const PROGRAMS: [&str; 8] = [
    "bin/sh",
    "bin/sleep",
    "bin/touch",
    "bin/mkdir",
    "bin/rm",
    "bin/cat",
    "bin/echo",
    "usr/bin/tail",
];

/// Why there is no daemon.
#[derive(Debug, Error)]
pub enum DockerError {
    /// A program or a file is missing.
    #[error("run docker")]
    Io(#[from] io::Error),
    /// The daemon does not answer.
    #[error("the daemon did not start: {log}")]
    NotStarted {
        /// What it said.
        log: String,
        /// How long was waited.
        source: NeverHappened,
    },
    /// A program failed.
    #[error("{program}: {errors}")]
    Failed {
        /// Its command line.
        program: String,
        /// What it said.
        errors: String,
    },
}

/// A running daemon; it ends with its containers when this is dropped.
#[derive(Debug)]
pub struct DockerDaemon {
    daemon: Child,
    folder: TempDir,
}

impl DockerDaemon {
    /// Starts a daemon and gives it one image.
    ///
    /// # Errors
    /// [`DockerError`] when Docker is not installed or does not start.
    pub fn start(image: &str) -> Result<Self, DockerError> {
        Self::start_by(Command::new("dockerd"), image, &PROGRAMS)
    }

    /// As [`DockerDaemon::start`], in a network namespace of its own, where it can make networks for containers; its
    /// image also holds what lies at these paths, which begin without a slash.
    ///
    /// # Errors
    /// As [`DockerDaemon::start`].
    pub fn start_apart(image: &str, more: &[&str]) -> Result<Self, DockerError> {
        let mut command = Command::new("unshare");
        command.args(["--net", "dockerd"]);
        Self::start_by(command, image, &[&PROGRAMS, more].concat())
    }

    fn start_by(mut command: Command, image: &str, paths: &[&str]) -> Result<Self, DockerError> {
        let folder = tempfile::tempdir()?;
        let below = |name: &str| folder.path().join(name).display().to_string();
        let log = File::create(below("log"))?;
        let daemon = command
            .args(["--host", &format!("unix://{}", below("docker.sock"))])
            .args(["--data-root", &below("data"), "--exec-root", &below("run")])
            .args(["--pidfile", &below("pid"), "--storage-driver", "vfs"])
            .args(["--bridge", "none", "--iptables=false", "--ip6tables=false"])
            .args(["--shutdown-timeout", "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .spawn()?;
        let docker = Self { daemon, folder };
        eventually("the start of the daemon", || docker.docker(&["info"]).ok()).map_err(
            |source| {
                let log = std::fs::read_to_string(docker.path().join("log"));
                let log = log.unwrap_or_default();
                DockerError::NotStarted { log, source }
            },
        )?;
        docker.import(image, paths)?;
        Ok(docker)
    }

    /// Makes an image from scratch: a shell, a few programs, and what they need.
    fn import(&self, image: &str, paths: &[&str]) -> Result<(), DockerError> {
        let libraries =
            "for p in \"$@\"; do [ -d /$p ] || ldd /$p; done | grep -o '/[^ ]*' | sort -u";
        let libraries = run(Command::new("sh").args(["-c", libraries, "sh"]).args(paths))?;
        let archive = self.path().join("image.tar");
        run(Command::new("tar")
            .args(["-C", "/", "-chf"])
            .arg(&archive)
            .args(paths)
            .args(libraries.lines().map(|path| path.trim_start_matches('/'))))?;
        self.docker(&["import", &archive.display().to_string(), image])?;
        Ok(())
    }

    /// Returns the folder of the daemon, which may hold more.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the socket of the daemon.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path().join("docker.sock")
    }

    /// Runs `docker` against this daemon, and returns what it printed.
    ///
    /// # Errors
    /// [`DockerError::Failed`] tells what Docker said.
    pub fn docker(&self, arguments: &[&str]) -> Result<String, DockerError> {
        let host = format!("unix://{}", self.socket().display());
        run(Command::new("docker").args(["-H", &host]).args(arguments))
    }
}

fn run(command: &mut Command) -> Result<String, DockerError> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(DockerError::Failed {
        program: format!("{command:?}"),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

impl Drop for DockerDaemon {
    fn drop(&mut self) {
        // A container that ignores SIGTERM would keep the daemon for ten seconds.
        let running = self.docker(&["ps", "-q"]).unwrap_or_default();
        let mut kill = vec!["kill"];
        kill.extend(running.lines());
        let _gone = self.docker(&kill);
        let pid = i32::try_from(self.daemon.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // The daemon ends its containers and their helpers.
            let _sent = kill_process(pid, Signal::TERM);
        }
        let _status = self.daemon.wait();
    }
}
