//! Starts the process of a task.
//!
//! A plain command is executed directly, in a session of its own. A command that needs another
//! user, capabilities, mounts or a root filesystem goes through `mesos-containerizer launch`, as
//! in Mesos.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use mesos_proto::agent::ContainerLaunchInfo;
use mesos_proto::v1::{CapabilityInfo, CommandInfo, Environment};
use mesos_proto::{Dialect, to_json};
use tokio::process::{Child, Command};

/// First argument by which the executor's own program becomes the leader of a new session and then
/// the task.
pub const SESSION_ARGUMENT: &str = "--in-new-session";

/// As [`SESSION_ARGUMENT`], for an executor that did without huge pages: the task gets them back.
pub const RESTORING_SESSION_ARGUMENT: &str = "--in-new-session-with-huge-pages";

/// Whether the executor has turned huge pages off for itself, which its children would inherit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HugePages {
    /// As the system has it.
    #[default]
    Untouched,
    /// Off for the executor, to be restored for the task.
    Off,
}

/// Turns transparent huge pages off for this program, unless they are off already.
///
/// An executor needs a megabyte or two, and there are many of them; with huge pages its memory is a
/// multiple of that.
#[must_use]
pub fn without_huge_pages() -> HugePages {
    use nix::sys::prctl::{get_thp_disable, set_thp_disable};
    match get_thp_disable() {
        Ok(false) if set_thp_disable(true).is_ok() => HugePages::Off,
        Ok(_) | Err(_) => HugePages::Untouched,
    }
}

/// How the task is kept apart from its executor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Session {
    /// Through this program, which must hand its arguments to [`exec_in_new_session`] when the
    /// first one is [`SESSION_ARGUMENT`].
    Helper(PathBuf),
    /// A process group of its own, in the executor's session.
    #[default]
    ProcessGroup,
    /// Nothing: the task has a terminal, whose session it must share.
    Terminal,
}

/// What the agent told the executor about its task, mostly by flags.
#[derive(Clone, Debug, Default)]
pub struct LaunchSettings {
    /// Where `mesos-containerizer` lies.
    pub launcher_dir: PathBuf,
    /// How the task is kept apart.
    pub session: Session,
    /// What the executor did with huge pages; only a task of [`Session::Helper`] gets them back.
    pub huge_pages: HugePages,
    /// The root filesystem of the task.
    pub rootfs: Option<String>,
    /// Where the sandbox is mounted in the root filesystem.
    pub sandbox_directory: Option<String>,
    /// Where the task starts in the root filesystem.
    pub working_directory: Option<String>,
    /// The user that the task runs as.
    pub user: Option<String>,
    /// Replaces the command of the task.
    pub task_command: Option<CommandInfo>,
    /// What isolators added to the environment.
    pub task_environment: Option<Environment>,
    /// Capabilities that the task starts with.
    pub effective_capabilities: Option<CapabilityInfo>,
    /// Capabilities that the task can ever have.
    pub bounding_capabilities: Option<CapabilityInfo>,
    /// Mounts, file operations, commands and namespaces that isolators asked for.
    pub task_launch_info: Option<Box<ContainerLaunchInfo>>,
    /// Further groups of the task's user.
    pub supplementary_groups: Vec<u32>,
    /// The environment of the executor itself.
    pub environment: BTreeMap<String, String>,
}

/// Why a task cannot be started at all.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Neither the task nor the flags have a command.
    #[error("task has no command")]
    NoCommand,
    /// The command has no value.
    #[error("command of the task is not specified")]
    NoValue,
    /// A root filesystem needs the right to change into it.
    #[error("the command executor requires root with rootfs")]
    NotRoot,
    /// The sandbox could not be given to the task's user.
    #[error("chown sandbox to user {user}")]
    Chown {
        /// The user.
        user: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// A program with its arguments (the first is its own name) and its whole environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: BTreeMap<String, String>,
}

impl LaunchSettings {
    fn needs_containerizer(&self) -> bool {
        self.rootfs.is_some()
            || self.user.is_some()
            || self.effective_capabilities.is_some()
            || self.bounding_capabilities.is_some()
            || self.task_launch_info.is_some()
            || !self.supplementary_groups.is_empty()
    }

    /// Decides what is executed for `command`.
    pub(crate) fn program(
        &self,
        command: &CommandInfo,
        environment: BTreeMap<String, String>,
    ) -> Result<Program, LaunchError> {
        if command.value.is_none() {
            return Err(LaunchError::NoValue);
        }
        if self.needs_containerizer() {
            return Ok(self.containerizer_launch(command, &environment));
        }
        let (path, arguments) = if command.shell() {
            let arguments = ["sh", "-c", command.value()];
            ("/bin/sh", arguments.map(OsString::from).to_vec())
        } else if command.arguments.is_empty() {
            (command.value(), vec![OsString::from(command.value())])
        } else {
            (
                command.value(),
                command.arguments.iter().map(OsString::from).collect(),
            )
        };
        Ok(Program {
            path: PathBuf::from(path),
            arguments,
            environment,
        })
    }

    fn containerizer_launch(
        &self,
        command: &CommandInfo,
        environment: &BTreeMap<String, String>,
    ) -> Program {
        let info = self.launch_info(command, environment);
        let mut arguments = vec![
            OsString::from("mesos-containerizer"),
            OsString::from("launch"),
            OsString::from(format!("--launch_info={}", to_json(&info, Dialect::V0))),
        ];
        if self.rootfs.is_some() {
            // The task changes its root, which the executor must not notice.
            arguments.push(OsString::from("--unshare_namespace_mnt=true"));
        }
        let path = self.launcher_dir.join("mesos-containerizer");
        Program {
            path,
            arguments,
            environment: self.environment.clone(),
        }
    }

    fn launch_info(
        &self,
        command: &CommandInfo,
        environment: &BTreeMap<String, String>,
    ) -> ContainerLaunchInfo {
        use mesos_proto::v1::environment::Variable;
        let variables = environment.iter().map(|(name, value)| Variable {
            name: Some(name.clone()),
            value: Some(value.clone()),
            ..Default::default()
        });
        let environment = Environment {
            variables: variables.collect(),
            ..Default::default()
        };
        let given = self.task_launch_info.as_deref();
        ContainerLaunchInfo {
            command: Some(command.clone().into()),
            environment: Some(environment),
            user: self.user.clone(),
            effective_capabilities: self.effective_capabilities.clone(),
            bounding_capabilities: self.bounding_capabilities.clone(),
            rootfs: self.rootfs.clone(),
            working_directory: self.rootfs.as_ref().and_then(|_| {
                self.working_directory
                    .clone()
                    .or_else(|| self.sandbox_directory.clone())
            }),
            mounts: given.map(|info| info.mounts.clone()).unwrap_or_default(),
            file_operations: given
                .map(|info| info.file_operations.clone())
                .unwrap_or_default(),
            pre_exec_commands: given
                .map(|info| info.pre_exec_commands.clone())
                .unwrap_or_default(),
            clone_namespaces: given
                .map(|info| info.clone_namespaces.clone())
                .unwrap_or_default(),
            supplementary_groups: self.supplementary_groups.clone(),
            ..Default::default()
        }
    }

    /// Wraps `program` so that it runs in the session that [`LaunchSettings::session`] names.
    fn command(&self, program: &Program) -> std::process::Command {
        let mut command = match &self.session {
            Session::Helper(helper) => {
                let mut command = std::process::Command::new(helper);
                command.arg0("mesos-executor");
                let argument = match self.huge_pages {
                    HugePages::Untouched => SESSION_ARGUMENT,
                    HugePages::Off => RESTORING_SESSION_ARGUMENT,
                };
                command
                    .arg(argument)
                    .arg(&program.path)
                    .args(&program.arguments);
                command
            }
            Session::ProcessGroup | Session::Terminal => {
                let mut command = std::process::Command::new(&program.path);
                let mut arguments = program.arguments.iter();
                if let Some(name) = arguments.next() {
                    command.arg0(name);
                }
                command.args(arguments);
                command
            }
        };
        if self.session == Session::ProcessGroup {
            command.process_group(0);
        }
        command.env_clear().envs(&program.environment);
        command
    }

    /// Starts `program` with the executor's own standard streams.
    ///
    /// Must be called inside a tokio runtime, which reaps the child.
    ///
    /// The inner error says that the program could not be executed.
    pub(crate) fn spawn(&self, program: &Program) -> Result<io::Result<Child>, LaunchError> {
        self.give_sandbox_away()?;
        Ok(Command::from(self.command(program)).spawn())
    }

    fn give_sandbox_away(&self) -> Result<(), LaunchError> {
        if self.rootfs.is_none() {
            return Ok(());
        }
        if !nix::unistd::geteuid().is_root() {
            return Err(LaunchError::NotRoot);
        }
        let Some(user) = &self.user else {
            return Ok(());
        };
        let failed = |source| LaunchError::Chown {
            user: user.clone(),
            source,
        };
        let known = nix::unistd::User::from_name(user).map_err(|errno| failed(errno.into()))?;
        let known = known.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        nix::unistd::chown(".", Some(known.uid), Some(known.gid))
            .map_err(|errno| failed(errno.into()))
    }
}

/// As [`exec_in_new_session`], with huge pages as the system has them.
#[must_use]
pub fn exec_in_new_session_with_huge_pages(arguments: impl Iterator<Item = OsString>) -> io::Error {
    // Where it cannot be undone it was not done either.
    let _ = nix::sys::prctl::set_thp_disable(false);
    exec_in_new_session(arguments)
}

/// Makes this process the leader of a new session and replaces it by the program that `arguments`
/// name: its path, its name for itself, and its arguments.
///
/// Returns only when that fails.
#[must_use]
pub fn exec_in_new_session(mut arguments: impl Iterator<Item = OsString>) -> io::Error {
    let Some(path) = arguments.next() else {
        return io::Error::new(io::ErrorKind::InvalidInput, "no program to execute");
    };
    if let Err(errno) = nix::unistd::setsid() {
        return errno.into();
    }
    let mut command = std::process::Command::new(path);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments).exec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(text: &str) -> CommandInfo {
        CommandInfo {
            value: Some(text.into()),
            ..Default::default()
        }
    }

    #[test]
    fn shell_command_runs_by_sh() {
        let program = LaunchSettings::default().program(&shell("exit 3"), BTreeMap::new());

        let program = program.unwrap();
        assert_eq!(program.path, PathBuf::from("/bin/sh"));
        assert_eq!(program.arguments, ["sh", "-c", "exit 3"]);
    }

    #[test]
    fn executable_gets_its_arguments_with_its_own_name_first() {
        let command = CommandInfo {
            shell: Some(false),
            arguments: vec!["false".into(), "-x".into()],
            ..shell("/bin/false")
        };

        let program = LaunchSettings::default()
            .program(&command, BTreeMap::new())
            .unwrap();

        assert_eq!(program.path, PathBuf::from("/bin/false"));
        assert_eq!(program.arguments, ["false", "-x"]);
    }

    #[test]
    fn command_without_value_is_an_error() {
        let program = LaunchSettings::default().program(&CommandInfo::default(), BTreeMap::new());

        assert!(matches!(program, Err(LaunchError::NoValue)));
    }

    #[test]
    fn another_user_goes_through_the_containerizer() {
        let settings = LaunchSettings {
            launcher_dir: "/usr/libexec/mesos".into(),
            user: Some("nobody".into()),
            ..Default::default()
        };

        let program = settings.program(&shell("id"), BTreeMap::new()).unwrap();

        assert_eq!(
            program.path,
            PathBuf::from("/usr/libexec/mesos/mesos-containerizer")
        );
        assert_eq!(program.arguments[..2], ["mesos-containerizer", "launch"]);
        let info = program.arguments[2].to_str().unwrap();
        assert!(info.contains(r#""user":"nobody""#), "{info}");
        assert!(info.contains(r#""value":"id""#), "{info}");
    }

    #[test]
    fn session_helper_is_asked_to_lead_a_new_session() {
        let settings = LaunchSettings {
            session: Session::Helper("/proc/self/exe".into()),
            ..Default::default()
        };
        let program = settings.program(&shell("true"), BTreeMap::new()).unwrap();

        let command = settings.command(&program);

        let arguments: Vec<_> = command.get_args().collect();
        assert_eq!(arguments, [SESSION_ARGUMENT, "/bin/sh", "sh", "-c", "true"]);
    }
}
