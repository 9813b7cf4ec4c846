//! The program `mesos-logrotate-logger`: writes its input to a file, and has `logrotate` rotate the file when it is full.
//!
//! Mirrors `src/slave/container_loggers/logrotate.cpp`.
//!
//! # Exit
//! 0 at the end of the input; else 1, with the reason on standard error.

use std::{
    ffi::CString,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use mesos_common::flags::{Row, Source, load, usage};
use mesos_common::{bytes::ByteSize, flag, flag_struct};
use nix::unistd::{User, geteuid, getgrouplist, setgid, setgroups, setuid};
use thiserror::Error;

use super::{LogrotateError, PROGRAM, answers};

flag_struct! {
    /// Flags of `mesos-logrotate-logger`.
    pub struct Flags {
        max_size: ByteSize,
        logrotate_options: Option<String>,
        log_filename: Option<String>,
        logrotate_path: String,
        user: Option<String>,
    }
    groups: [ROWS]
}

const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.max_size = "10MB",
        "Size of a file. It must be at least one page of memory."
    ),
    flag!(
        Flags.logrotate_options,
        "Options for the configuration of logrotate. The option `size` is set by this program."
    ),
    flag!(
        Flags.log_filename,
        "Absolute path of the file. Beside it are its `.logrotate.conf` and `.logrotate.state`."
    ),
    flag!(
        Flags.logrotate_path = "logrotate",
        "The program `logrotate`."
    ),
    flag!(Flags.user, "The user that this program runs as."),
];

/// The program cannot begin or go on.
#[derive(Debug, Error)]
enum ProgramError {
    /// Nothing says where to write.
    #[error("Missing required option --log_filename")]
    NoFile,
    /// The file would depend on where this was started.
    #[error("Expected --log_filename to be an absolute path")]
    Relative,
    /// The file would be too small for the buffer in front of it.
    #[error("Expected --max_size of at least {0} bytes")]
    Size(u64),
    /// There is no `logrotate`.
    #[error(transparent)]
    Logrotate(#[from] LogrotateError),
    /// The user cannot be become.
    #[error("Failed to switch user for logrotate process: {0}")]
    User(#[source] io::Error),
    /// The configuration cannot be written.
    #[error("Failed to write configuration file: {0}")]
    Configuration(#[source] io::Error),
    /// The file cannot be opened.
    #[error("Failed to open '{path}': {source}")]
    Open {
        path: String,
        #[source]
        source: io::Error,
    },
    /// The input broke.
    #[error("Failed to read: {0}")]
    Read(#[source] io::Error),
}

/// Runs the program; `arguments` are those after its name.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program speaks to who started it"
)]
pub fn run(arguments: &[String]) -> ExitCode {
    let loading = load::<Flags>(&Source::arguments(arguments.iter()));
    let flags = loading.flags;
    if flags.help {
        print!("{}", usage::<Flags>(PROGRAM, None, None));
        return ExitCode::SUCCESS;
    }
    let checked = match loading.error {
        Some(error) => Err(error.to_string()),
        None => check(&flags).map_err(|error| error.to_string()),
    };
    let file = match checked {
        Ok(file) => file,
        Err(error) => {
            eprint!("{}", usage::<Flags>(PROGRAM, None, Some(&error)));
            return ExitCode::FAILURE;
        }
    };
    match keep(&flags, file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Checks that `logrotate` can be run.
pub(super) fn check_logrotate(path: &str) -> Result<(), LogrotateError> {
    if answers(path) {
        Ok(())
    } else {
        Err(LogrotateError::NoLogrotate(path.to_owned()))
    }
}

fn check(flags: &Flags) -> Result<PathBuf, ProgramError> {
    let file = PathBuf::from(flags.log_filename.as_deref().ok_or(ProgramError::NoFile)?);
    if !file.is_absolute() {
        return Err(ProgramError::Relative);
    }
    let page = procfs::page_size();
    if flags.max_size.bytes() < page {
        return Err(ProgramError::Size(page));
    }
    check_logrotate(&flags.logrotate_path)?;
    Ok(file)
}

fn keep(flags: &Flags, file: PathBuf) -> Result<(), ProgramError> {
    // The leader of a session already has what it needs: it does not end with the agent.
    let _in_new_session = nix::unistd::setsid();
    if let Some(user) = &flags.user {
        become_user(user).map_err(ProgramError::User)?;
    }
    let page = procfs::page_size();
    let mut log = Log {
        configuration: beside(&file, ".logrotate.conf"),
        state: beside(&file, ".logrotate.state"),
        path: file,
        logrotate: flags.logrotate_path.clone(),
        max_size: flags.max_size.bytes(),
        open: None,
        written: 0,
    };
    let options = flags.logrotate_options.as_deref().unwrap_or_default();
    let size = log.max_size - page;
    let configuration = format!("\"{}\" {{\n{options}\nsize {size}\n}}", log.path.display());
    fs::write(&log.configuration, configuration).map_err(ProgramError::Configuration)?;
    log.take(io::stdin().lock(), page)
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

fn become_user(name: &str) -> io::Result<()> {
    let user =
        User::from_name(name)?.ok_or_else(|| io::Error::other(format!("No such user '{name}'")))?;
    if user.uid == geteuid() {
        return Ok(());
    }
    let groups = getgrouplist(&CString::new(name)?, user.gid)?;
    setgid(user.gid)?;
    setgroups(&groups)?;
    setuid(user.uid)?;
    Ok(())
}

/// The file that is written, and how it is rotated.
struct Log {
    path: PathBuf,
    configuration: PathBuf,
    state: PathBuf,
    logrotate: String,
    max_size: u64,
    open: Option<File>,
    written: u64,
}

impl Log {
    /// Writes all that comes, in pieces of at most `piece` bytes.
    fn take(&mut self, mut input: impl Read, piece: u64) -> Result<(), ProgramError> {
        let mut buffer = vec![0; usize::try_from(piece).unwrap_or(4096)];
        loop {
            let read = match input.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(ProgramError::Read(error)),
            };
            self.write(buffer.get(..read).unwrap_or_default())?;
        }
    }

    #[expect(
        clippy::print_stderr,
        reason = "what is lost is told where the agent's log is"
    )]
    fn write(&mut self, piece: &[u8]) -> Result<(), ProgramError> {
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if self.written.saturating_add(length) > self.max_size {
            self.rotate();
        }
        let mut file = match self.open.take() {
            Some(file) => file,
            None => self.open()?,
        };
        // A full disk must not end this program: the container would lose its output for good.
        if let Err(error) = file.write_all(piece) {
            eprintln!("Failed to write: {error}");
        }
        self.open = Some(file);
        self.written += length;
        Ok(())
    }

    fn open(&self) -> Result<File, ProgramError> {
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o644)
            .open(&self.path)
            .map_err(|source| ProgramError::Open {
                path: self.path.display().to_string(),
                source,
            })
    }

    #[expect(
        clippy::print_stderr,
        reason = "a file that grows is told where the agent's log is"
    )]
    fn rotate(&mut self) {
        self.open = None;
        let rotated = Command::new("sh")
            .arg("-c")
            .arg(format!("{} --state \"$0\" \"$1\"", self.logrotate))
            .arg(&self.state)
            .arg(&self.configuration)
            .stdin(std::process::Stdio::null())
            .status();
        match rotated {
            Ok(status) if status.success() => {}
            Ok(status) => eprintln!("{} failed: {status}", self.logrotate),
            Err(error) => eprintln!("Failed to run {}: {error}", self.logrotate),
        }
        self.written = 0;
    }
}
