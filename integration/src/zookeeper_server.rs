//! A real ZooKeeper server, from Debian's package, for one test.
//!
//! # Owns
//! The server's process, its port and its folder; all end with the value.

use std::{
    fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    process::{Child, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use thiserror::Error;

use crate::{
    eventually::{NeverHappened, eventually},
    hosts::Place,
    ports,
};

const START_SCRIPT: &str = "/usr/share/zookeeper/bin/zkServer.sh";

/// Why there is no server.
#[derive(Debug, Error)]
pub enum ZooKeeperServerError {
    /// A file, a port or the process failed.
    #[error("{step}")]
    Io {
        /// What was attempted.
        step: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// It was started and does not answer.
    #[error(transparent)]
    NotReady(#[from] NeverHappened),
    /// A signal could not be sent.
    #[error("failed to signal the server")]
    Signal(#[from] rustix::io::Errno),
}

/// A running server on the loopback address.
#[derive(Debug)]
pub struct ZooKeeperServer {
    folder: TempDir,
    place: Place,
    port: u16,
    process: Option<Child>,
}

impl ZooKeeperServer {
    /// Starts a server with empty state and waits until it answers.
    ///
    /// # Errors
    /// [`ZooKeeperServerError`], for example when the package is not installed.
    pub fn start() -> Result<Self, ZooKeeperServerError> {
        Self::start_at(Place::loopback())
    }

    /// Starts a server as [`ZooKeeperServer::start`], at some other place.
    ///
    /// # Errors
    /// [`ZooKeeperServerError`], for example when the package is not installed.
    pub fn start_at(place: Place) -> Result<Self, ZooKeeperServerError> {
        Self::start_configured(place, "")
    }

    /// Starts a server as [`ZooKeeperServer::start`], with further lines of configuration.
    ///
    /// # Errors
    /// [`ZooKeeperServerError`], for example when the package is not installed.
    pub fn start_with(configuration: &str) -> Result<Self, ZooKeeperServerError> {
        Self::start_configured(Place::loopback(), configuration)
    }

    fn start_configured(place: Place, configuration: &str) -> Result<Self, ZooKeeperServerError> {
        let folder = tempfile::tempdir().map_err(io_error("make a folder"))?;
        let port = ports::reserve()
            .map_err(io_error("find a free port"))?
            .port();
        let mut server = Self {
            folder,
            place,
            port,
            process: None,
        };
        server
            .write_configuration(configuration)
            .map_err(io_error("write the configuration"))?;
        server.run()?;
        Ok(server)
    }

    /// Where it listens, such as `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((self.place.ip, self.port))
    }

    /// Kills the server at once; its folder stays.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn kill(&mut self) -> Result<(), ZooKeeperServerError> {
        if let Some(mut process) = self.process.take() {
            process.kill().map_err(io_error("kill the server"))?;
            process.wait().map_err(io_error("wait for the server"))?;
        }
        Ok(())
    }

    /// Starts the server again on the same port and folder.
    ///
    /// # Errors
    /// As [`ZooKeeperServer::start`].
    pub fn restart(&mut self) -> Result<(), ZooKeeperServerError> {
        self.kill()?;
        self.run()
    }

    /// Stops the server in its tracks, as a network cut does for its clients.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn freeze(&self) -> Result<(), ZooKeeperServerError> {
        self.signal(Signal::STOP)
    }

    /// Lets a frozen server go on.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn thaw(&self) -> Result<(), ZooKeeperServerError> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), ZooKeeperServerError> {
        if let Some(process) = &self.process {
            kill_process(Pid::from_child(process), signal)?;
        }
        Ok(())
    }

    /// Short ticks make sessions of a second possible.
    fn write_configuration(&self, more: &str) -> io::Result<()> {
        let data = self.folder.path().join("data");
        fs::create_dir(&data)?;
        let text = format!(
            "tickTime=200\ndataDir={}\nclientPort={}\nclientPortAddress={}\n\
             admin.enableServer=false\n4lw.commands.whitelist=ruok\n{more}",
            data.display(),
            self.port,
            self.place.ip,
        );
        fs::write(self.folder.path().join("zoo.cfg"), text)
    }

    fn run(&mut self) -> Result<(), ZooKeeperServerError> {
        let log = self.folder.path().join("server.log");
        let log = fs::File::create(log).map_err(io_error("create the log"))?;
        let process = self
            .place
            .command(START_SCRIPT)
            .arg("start-foreground")
            .arg(self.folder.path().join("zoo.cfg"))
            .env("ZOO_LOG_DIR", self.folder.path())
            .env("JMXDISABLE", "true")
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(io_error("share the log"))?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .map_err(io_error("start ZooKeeper"))?;
        self.process = Some(process);
        let address = self.address();
        eventually("ZooKeeper answers", || is_ok(address).then_some(()))?;
        Ok(())
    }
}

impl Drop for ZooKeeperServer {
    fn drop(&mut self) {
        drop(self.kill());
    }
}

/// Asks the server whether it is well.
fn is_ok(address: SocketAddr) -> bool {
    let ask = || -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"ruok")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer == "imok")
}

fn io_error(step: &'static str) -> impl FnOnce(io::Error) -> ZooKeeperServerError {
    move |source| ZooKeeperServerError::Io { step, source }
}
