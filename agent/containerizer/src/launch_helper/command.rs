//! Turns the launch information into the command to run.

use std::{
    collections::BTreeMap,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use mesos_proto::v1;

use super::{HelperError, command_of, environment};
use crate::launch_info::ContainerLaunchInfo;

/// Runs the commands that isolators want to have run before the container's own.
pub(super) fn run_pre_exec(info: &ContainerLaunchInfo) -> Result<(), HelperError> {
    for command in &info.pre_exec_commands {
        let mut prepared = compose(command, None)?;
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
pub(super) fn build(info: &ContainerLaunchInfo) -> Result<Command, HelperError> {
    let variables = info.environment.as_ref().map(environment::variables);
    let mut command = compose(command_of(info)?, info.working_directory.as_deref())?;
    if let Some(variables) = variables {
        search(&mut command, &variables);
        command.env_clear().envs(variables);
    }
    Ok(command)
}

fn compose(command: &v1::CommandInfo, directory: Option<&str>) -> Result<Command, HelperError> {
    if command.shell() {
        let value = command.value.as_deref().ok_or(HelperError::MissingValue)?;
        let mut shell = Command::new("sh");
        shell.arg0("sh").arg("-c").arg(value);
        return Ok(shell);
    }
    let value = command.value.as_deref().ok_or(HelperError::MissingValue)?;
    let mut composed = Command::new(locate(value, directory));
    let mut arguments = command.arguments.iter();
    if let Some(name) = arguments.next() {
        composed.arg0(name);
    }
    composed.args(arguments);
    Ok(composed)
}

/// A relative path with a separator is meant relative to the working directory.
fn locate(value: &str, directory: Option<&str>) -> PathBuf {
    match directory {
        Some(directory) if value.contains('/') => Path::new(directory).join(value),
        _ => PathBuf::from(value),
    }
}

/// Looks a bare name up in the container's own `PATH`, not in that of the helper.
fn search(command: &mut Command, variables: &BTreeMap<String, String>) {
    let program = PathBuf::from(command.get_program());
    if program.components().count() != 1 || program.is_absolute() {
        return;
    }
    let Some(path) = variables.get("PATH") else {
        return;
    };
    let found = path
        .split(':')
        .map(|directory| Path::new(directory).join(&program))
        .find(|file| {
            nix::unistd::access(file, nix::unistd::AccessFlags::X_OK).is_ok() && file.is_file()
        });
    if let Some(found) = found {
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let mut located = Command::new(found);
        located.arg0(&program).args(arguments);
        *command = located;
    }
}
