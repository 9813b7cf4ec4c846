//! Turns the launch information into the command to run.

use std::{
    collections::BTreeMap,
    ffi::{CString, OsString},
    os::unix::{ffi::OsStringExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use mesos_proto::v1;

use super::{HelperError, command_of, environment};
use crate::launch_info::ContainerLaunchInfo;

/// A program with what it is started with.
#[derive(Debug)]
pub(super) struct Execution {
    /// A path, or a name that is looked up.
    pub(super) program: PathBuf,
    /// The name it is told comes first.
    arguments: Vec<OsString>,
    /// Exactly its variables; those of the helper when nothing is said.
    environment: Option<BTreeMap<String, String>>,
}

impl Execution {
    /// The program as the standard library starts it.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        let mut arguments = self.arguments.iter();
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        command.args(arguments);
        if let Some(environment) = &self.environment {
            command.env_clear().envs(environment);
        }
        command
    }

    /// Its arguments as the system takes them.
    pub(super) fn raw_arguments(&self) -> Result<Vec<CString>, HelperError> {
        self.arguments.iter().cloned().map(raw).collect()
    }

    /// Its variables as the system takes them.
    pub(super) fn raw_environment(&self) -> Result<Vec<CString>, HelperError> {
        let join = |mut name: OsString, value: OsString| {
            name.push("=");
            name.push(value);
            raw(name)
        };
        match &self.environment {
            Some(given) => given
                .iter()
                .map(|(name, value)| join(name.into(), value.into()))
                .collect(),
            None => std::env::vars_os()
                .map(|(name, value)| join(name, value))
                .collect(),
        }
    }
}

/// A text as the system takes it.
pub(super) fn raw(text: OsString) -> Result<CString, HelperError> {
    CString::new(text.into_vec())
        .map_err(|error| HelperError::system("use a text that holds a zero byte")(error.into()))
}

/// Runs the commands that isolators want to have run before the container's own.
pub(super) fn run_pre_exec(info: &ContainerLaunchInfo) -> Result<(), HelperError> {
    for command in &info.pre_exec_commands {
        let mut prepared = compose(command, None)?.command();
        let outcome = prepared.status().map_err(HelperError::system(format!(
            "execute pre-exec command '{}'",
            command.value()
        )))?;
        if !outcome.success() {
            return Err(HelperError::PreExec(command.value().to_owned()));
        }
    }
    Ok(())
}

/// Builds the container's command with exactly the environment it was given.
pub(super) fn build(info: &ContainerLaunchInfo) -> Result<Execution, HelperError> {
    let mut execution = compose(command_of(info)?, info.working_directory.as_deref())?;
    execution.environment = info.environment.as_ref().map(environment::variables);
    if let Some(found) = search(&execution) {
        execution.program = found;
    }
    Ok(execution)
}

fn compose(command: &v1::CommandInfo, directory: Option<&str>) -> Result<Execution, HelperError> {
    let value = command.value.as_deref().ok_or(HelperError::MissingValue)?;
    let (program, arguments): (PathBuf, Vec<OsString>) = if command.shell() {
        ("sh".into(), vec!["sh".into(), "-c".into(), value.into()])
    } else if command.arguments.is_empty() {
        (locate(value, directory), vec![value.into()])
    } else {
        let arguments = command.arguments.iter().map(Into::into);
        (locate(value, directory), arguments.collect())
    };
    Ok(Execution {
        program,
        arguments,
        environment: None,
    })
}

/// A relative path with a separator is meant relative to the working directory.
fn locate(value: &str, directory: Option<&str>) -> PathBuf {
    match directory {
        Some(directory) if value.contains('/') => Path::new(directory).join(value),
        _ => PathBuf::from(value),
    }
}

/// Looks a bare name up in the container's own `PATH`, not in that of the helper.
fn search(execution: &Execution) -> Option<PathBuf> {
    let program = &execution.program;
    if program.components().count() != 1 || program.is_absolute() {
        return None;
    }
    let path = execution.environment.as_ref()?.get("PATH")?;
    path.split(':')
        .map(|directory| Path::new(directory).join(program))
        .find(|file| {
            nix::unistd::access(file, nix::unistd::AccessFlags::X_OK).is_ok() && file.is_file()
        })
}
