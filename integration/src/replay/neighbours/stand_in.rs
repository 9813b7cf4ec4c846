//! Programs that an agent starts as executors, and that only wait until they are told to exit.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use thiserror::Error;

use crate::eventually::{NeverHappened, eventually};

/// Names under which agents look for executors, and the recorded one of a framework.
const PROGRAMS: [&str; 4] = [
    "mesos-executor",
    "mesos-default-executor",
    "mesos-docker-executor",
    "test-executor",
];

/// Why an executor could not be stood in for.
#[derive(Debug, Error)]
pub enum StandInError {
    /// The agent did not start it, or a task does not run.
    #[error(transparent)]
    Never(#[from] NeverHappened),
    /// What it wrote cannot be read.
    #[error("read what {executor} wrote")]
    Unreadable {
        /// Its id.
        executor: String,
    },
}

/// A folder to be the agent's `--launcher_dir`.
#[derive(Debug)]
pub struct StandIns {
    folder: PathBuf,
}

impl StandIns {
    /// Writes the programs into a folder.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn install(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let script = format!(
            "#!/bin/sh\n\
             name={}/\"$MESOS_FRAMEWORK_ID.$MESOS_EXECUTOR_ID\"\n\
             trap 'exit 0' TERM\n\
             echo $$ > \"$name.new\"\n\
             mv \"$name.new\" \"$name\"\n\
             while :; do sleep 1000 & wait $!; done\n",
            folder.display()
        );
        for name in PROGRAMS {
            let path = folder.join(name);
            fs::write(&path, &script)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { folder })
    }

    /// Where the programs are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Waits until the agent has started an executor.
    ///
    /// # Errors
    /// [`StandInError::Never`] when it does not.
    pub fn wait_for(&self, framework: &str, executor: &str) -> Result<(), StandInError> {
        let path = self.folder.join(format!("{framework}.{executor}"));
        let what = format!("the start of {executor}");
        Ok(eventually(&what, || path.is_file().then_some(()))?)
    }

    /// Has an executor exit with status 0; one that has exited stays so.
    ///
    /// # Errors
    /// [`StandInError::Unreadable`] when it never started.
    pub fn end(&self, framework: &str, executor: &str) -> Result<(), StandInError> {
        let path = self.folder.join(format!("{framework}.{executor}"));
        let pid = fs::read_to_string(path).ok();
        let pid = pid.and_then(|text| Pid::from_raw(text.trim().parse().ok()?));
        let pid = pid.ok_or_else(|| StandInError::Unreadable {
            executor: executor.to_owned(),
        })?;
        let _gone = kill_process(pid, Signal::TERM);
        Ok(())
    }

    /// Waits until the command of a container sleeps, and so has set its traps.
    ///
    /// # Errors
    /// [`StandInError::Never`] when it does not.
    pub fn wait_for_sleep(&self, container: &str) -> Result<(), StandInError> {
        let what = format!("the sleep in {container}");
        Ok(eventually(&what, || sleeps_in(container).then_some(()))?)
    }
}

fn sleeps_in(container: &str) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut paths = processes.map(|process| process.path());
    paths.any(|process| {
        let folder = fs::read_link(process.join("cwd")).unwrap_or_default();
        let is_inside = folder
            .components()
            .any(|part| part.as_os_str() == container);
        let command = fs::read(process.join("cmdline")).unwrap_or_default();
        is_inside && command.starts_with(b"sleep\0")
    })
}
