//! Children with pipes, files and environment.
//!
//! Mirrors `3rdparty/libprocess/include/process/subprocess.hpp`, without the hooks that run between fork and exec:
//! what must happen there is the work of a helper program (`mesos-containerizer launch`).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use thiserror::Error;

use crate::future::Future;
use crate::runtime::Runtime;

/// Where one of a child's standard streams leads.
#[derive(Debug, Default)]
pub enum Io {
    /// To ours.
    #[default]
    Inherit,
    /// Nowhere.
    Null,
    /// To us, through a pipe whose end is in the [`Subprocess`].
    Pipe,
    /// To a file: read for the input, appended to and made when missing (mode 0644) for the outputs.
    Path(PathBuf),
    /// To this descriptor, which is closed here afterwards.
    Descriptor(OwnedFd),
}

/// Why a child was not started.
#[derive(Debug, Error)]
pub enum SubprocessError {
    /// A file for one of its streams cannot be opened.
    #[error("Failed to open '{path}'")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The program cannot be started.
    #[error("failed to start '{program}'")]
    Start {
        /// The program.
        program: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Describes a child that is to be started.
///
/// # Examples
/// ```
/// use std::io::Read;
/// use libprocess::{Runtime, subprocess::{Io, SubprocessBuilder}};
///
/// let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
/// let mut child = SubprocessBuilder::shell("echo hello; exit 3").stdout(Io::Pipe).spawn(&runtime)?;
/// let mut text = String::new();
/// std::fs::File::from(child.stdout.take().ok_or("no pipe")?).read_to_string(&mut text)?;
/// assert_eq!(text, "hello\n");
/// let status = runtime.block_on(child.status).ready().flatten();
/// assert_eq!(status.and_then(|status| status.code()), Some(3));
/// runtime.shutdown();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SubprocessBuilder {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Option<BTreeMap<OsString, OsString>>,
    directory: Option<PathBuf>,
    own_group: bool,
    stdin: Io,
    stdout: Io,
    stderr: Io,
}

impl SubprocessBuilder {
    /// A program with its arguments, of which the first is the name it is told.
    #[must_use]
    pub fn exec(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: None,
            directory: None,
            own_group: false,
            stdin: Io::Inherit,
            stdout: Io::Inherit,
            stderr: Io::Inherit,
        }
    }

    /// A command for `sh`.
    #[must_use]
    pub fn shell(command: impl Into<OsString>) -> Self {
        Self::exec(
            "sh",
            [OsString::from("sh"), OsString::from("-c"), command.into()],
        )
    }

    /// Appends `--name=value` for every flag.
    #[must_use]
    pub fn flags<'f>(mut self, flags: impl IntoIterator<Item = (&'f str, &'f str)>) -> Self {
        let texts = flags
            .into_iter()
            .map(|(name, value)| format!("--{name}={value}").into());
        self.arguments.extend(texts);
        self
    }

    /// Replaces the whole environment; by default ours is inherited.
    #[must_use]
    pub fn environment(
        mut self,
        variables: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        self.environment = Some(variables.collect());
        self
    }

    /// Starts it in this folder.
    #[must_use]
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// Makes it the leader of a process group of its own, so that signals to ours do not reach it.
    #[must_use]
    pub const fn own_group(mut self) -> Self {
        self.own_group = true;
        self
    }

    /// Where its input comes from.
    #[must_use]
    pub fn stdin(mut self, io: Io) -> Self {
        self.stdin = io;
        self
    }

    /// Where its output goes.
    #[must_use]
    pub fn stdout(mut self, io: Io) -> Self {
        self.stdout = io;
        self
    }

    /// Where its error output goes.
    #[must_use]
    pub fn stderr(mut self, io: Io) -> Self {
        self.stderr = io;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When a file for its streams cannot be opened, or the program cannot be started.
    pub fn spawn(self, runtime: &Runtime) -> Result<Subprocess, SubprocessError> {
        let mut command = Command::new(&self.program);
        let mut arguments = self.arguments.iter();
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        command.args(arguments);
        if let Some(environment) = &self.environment {
            command.env_clear().envs(environment);
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        if self.own_group {
            command.process_group(0);
        }
        let mut for_input = OpenOptions::new();
        for_input.read(true);
        let mut for_output = OpenOptions::new();
        for_output.create(true).append(true).mode(0o644);
        command.stdin(stdio(self.stdin, &for_input)?);
        command.stdout(stdio(self.stdout, &for_output)?);
        command.stderr(stdio(self.stderr, &for_output)?);
        let mut child = command.spawn().map_err(|source| SubprocessError::Start {
            program: self.program.clone(),
            source,
        })?;
        // Numbers of processes fit: the kernel's type is signed.
        let pid = i32::try_from(child.id()).unwrap_or_default();
        Ok(Subprocess {
            pid,
            stdin: child.stdin.take().map(OwnedFd::from),
            stdout: child.stdout.take().map(OwnedFd::from),
            stderr: child.stderr.take().map(OwnedFd::from),
            status: runtime.reap(pid),
        })
    }
}

fn stdio(io: Io, options: &OpenOptions) -> Result<Stdio, SubprocessError> {
    Ok(match io {
        Io::Inherit => Stdio::inherit(),
        Io::Null => Stdio::null(),
        Io::Pipe => Stdio::piped(),
        Io::Path(path) => open(&path, options)?.into(),
        Io::Descriptor(descriptor) => descriptor.into(),
    })
}

fn open(path: &Path, options: &OpenOptions) -> Result<File, SubprocessError> {
    options.open(path).map_err(|source| SubprocessError::Open {
        path: path.to_owned(),
        source,
    })
}

/// A child that was started.
#[derive(Debug)]
pub struct Subprocess {
    /// Its number.
    pub pid: i32,
    /// Our end of its input, if that is a pipe.
    pub stdin: Option<OwnedFd>,
    /// Our end of its output, if that is a pipe.
    pub stdout: Option<OwnedFd>,
    /// Our end of its error output, if that is a pipe.
    pub stderr: Option<OwnedFd>,
    /// How it ended, once it has.
    pub status: Future<Option<ExitStatus>>,
}
