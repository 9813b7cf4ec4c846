//! Children with pipes, files and environment.
//!
//! Mirrors `3rdparty/libprocess/include/process/subprocess.hpp`.
//! Of the hooks that C++ runs between fork and exec there are the folder, the session and the process group; whatever
//! else must happen there is the work of a helper program (`mesos-containerizer launch`).

mod child;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use thiserror::Error;

use self::child::{Gate, Session, Setup};
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
    /// A hook of the parent refused; the child was killed.
    #[error("Failed to execute Subprocess::ParentHook in parent for child '{pid}': {why}")]
    ParentHook {
        /// The number the child had.
        pid: i32,
        /// What the hook said.
        why: String,
    },
}

/// Runs here when the child is there and before it becomes its program; an error ends the child.
pub type ParentHook = Box<dyn FnOnce(i32) -> Result<(), String> + Send>;

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
pub struct SubprocessBuilder {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Option<BTreeMap<OsString, OsString>>,
    directory: Option<PathBuf>,
    own_group: bool,
    session: Session,
    keep: Vec<OwnedFd>,
    hooks: Vec<ParentHook>,
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
            session: Session::Ours,
            keep: Vec::new(),
            hooks: Vec::new(),
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

    /// Makes it the leader of a session of its own, without a terminal.
    #[must_use]
    pub const fn own_session(mut self) -> Self {
        self.session = Session::Own;
        self
    }

    /// Lets it inherit these descriptors, by the numbers they have here, and besides its streams no others.
    #[must_use]
    pub fn keep(mut self, descriptors: impl IntoIterator<Item = OwnedFd>) -> Self {
        self.keep.extend(descriptors);
        self
    }

    /// Runs a function here, with the number of the child, before the child becomes its program.
    ///
    /// Hooks run in their order. When one fails, the child is killed and not started.
    #[must_use]
    pub fn parent_hook(
        mut self,
        hook: impl FnOnce(i32) -> Result<(), String> + Send + 'static,
    ) -> Self {
        self.hooks.push(Box::new(hook));
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
    /// When a file for its streams cannot be opened, a hook refuses, or the program cannot be started.
    pub fn spawn(self, runtime: &Runtime) -> Result<Subprocess, SubprocessError> {
        let program = self.program.clone();
        let failed = |source| SubprocessError::Start {
            program: program.clone(),
            source,
        };
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
        // Who leads a session leads a group, and who leads a group cannot begin a session.
        if self.own_group && self.session == Session::Ours {
            command.process_group(0);
        }
        let mut for_input = OpenOptions::new();
        for_input.read(true);
        let mut for_output = OpenOptions::new();
        for_output.create(true).append(true).mode(0o644);
        command.stdin(stdio(self.stdin, &for_input)?);
        command.stdout(stdio(self.stdout, &for_output)?);
        command.stderr(stdio(self.stderr, &for_output)?);
        let (gate, keeper) = gate(self.hooks).map_err(failed)?;
        let drop = if self.keep.is_empty() {
            Vec::new()
        } else {
            child::inheritable()
        };
        if gate.is_some() || !self.keep.is_empty() || self.session == Session::Own {
            let setup = Setup {
                gate,
                session: self.session,
                keep: self.keep,
                drop,
            };
            setup.install(&mut command);
        }
        let (spawned, passed) = match keeper {
            Some(keeper) => keeper.spawn(command),
            None => (command.spawn(), Ok(())),
        };
        let mut child = spawned.map_err(failed)?;
        if let Err(refused) = passed {
            // It is killed already; nobody else will collect it.
            let _ = child.wait();
            return Err(refused);
        }
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

impl fmt::Debug for SubprocessBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubprocessBuilder")
            .field("program", &self.program)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

/// The parent's side of the gate at which a child waits for hooks.
struct Gatekeeper {
    hooks: Vec<ParentHook>,
    number: PipeReader,
    go: PipeWriter,
}

fn gate(hooks: Vec<ParentHook>) -> io::Result<(Option<Gate>, Option<Gatekeeper>)> {
    if hooks.is_empty() {
        return Ok((None, None));
    }
    let (number, tell) = io::pipe()?;
    let (wait, go) = io::pipe()?;
    let gate = Gate {
        tell: tell.into(),
        wait: wait.into(),
    };
    Ok((Some(gate), Some(Gatekeeper { hooks, number, go })))
}

impl Gatekeeper {
    /// Starts a command whose child waits at the gate, and runs the hooks meanwhile.
    fn spawn(self, mut command: Command) -> (io::Result<Child>, Result<(), SubprocessError>) {
        std::thread::scope(|scope| {
            let keeping = scope.spawn(|| self.keep());
            let spawned = command.spawn();
            // Without a child, nobody tells a number any more.
            drop(command);
            let passed = keeping.join().unwrap_or_else(|_panicked| {
                let why = "a hook panicked".to_owned();
                Err(SubprocessError::ParentHook { pid: 0, why })
            });
            (spawned, passed)
        })
    }

    fn keep(mut self) -> Result<(), SubprocessError> {
        let mut number = [0; 4];
        if self.number.read_exact(&mut number).is_err() {
            // The child never came here: why, is told to who started it.
            return Ok(());
        }
        let pid = i32::from_ne_bytes(number);
        for hook in self.hooks {
            if let Err(why) = hook(pid) {
                if let Some(child) = Pid::from_raw(pid) {
                    // Gone by itself is as good.
                    let _ = kill_process(child, Signal::KILL);
                }
                return Err(SubprocessError::ParentHook { pid, why });
            }
        }
        // A child that was killed at the gate has a status that tells it.
        let _ = self.go.write_all(&[1]);
        Ok(())
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
