//! `mesos-executor`: runs one command task beside the agent.
//!
//! Mirrors `main` of `src/launcher/executor.cpp`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use libprocess::Runtime;
use mesos_common::flags::{
    Access, FlagValue, JsonMessage, Preset, Row, Source, is_boolean, load, logging_rows,
    type_name_of, usage,
};
use mesos_common::wire::variable;
use mesos_common::{flag, flag_struct};
use mesos_executor::command_executor::{
    CommandExecutorProcess, Ending, HugePages, LaunchSettings, RESTORING_SESSION_ARGUMENT,
    SESSION_ARGUMENT, Session, Settings, exec_in_new_session, exec_in_new_session_with_huge_pages,
    without_huge_pages,
};
use mesos_executor::{ExecutorEnvironment, NAMESPACES_ARGUMENT, exec_in_namespaces, required};
use mesos_proto::agent::ContainerLaunchInfo;
use mesos_proto::v1::{CapabilityInfo, CommandInfo, Environment, ExecutorId, FrameworkId};

/// The program itself, for helpers that become something else.
const SELF: &str = "/proc/self/exe";

flag_struct! {
    /// Flags of the command executor. They come from the agent, on the command line only.
    pub struct Flags {
        rootfs: Option<String>,
        sandbox_directory: Option<String>,
        working_directory: Option<String>,
        user: Option<String>,
        task_command: Option<JsonMessage<CommandInfo>>,
        task_environment: Option<JsonMessage<Environment>>,
        effective_capabilities: Option<JsonMessage<CapabilityInfo>>,
        bounding_capabilities: Option<JsonMessage<CapabilityInfo>>,
        tty_path: Option<String>,
        task_launch_info: Option<JsonMessage<ContainerLaunchInfo>>,
        task_supplementary_groups: Vec<u32>,
        launcher_dir: String,
    }
    groups: [ROWS, &logging_rows::<Flags>()]
}

const ROWS: &[Row<Flags>] = &[
    flag!(Flags.rootfs, "Root filesystem of the task."),
    flag!(
        Flags.sandbox_directory,
        "Directory inside the root filesystem where the sandbox is mounted."
    ),
    flag!(
        Flags.working_directory,
        "Directory inside the root filesystem where the task starts."
    ),
    flag!(Flags.user, "User that the task runs as."),
    flag!(
        Flags.task_command,
        "JSON `CommandInfo` that replaces the command of the task."
    ),
    flag!(
        Flags.task_environment,
        "JSON `Environment` that is added to the environment of the executor for the task."
    ),
    flag!(
        Flags.effective_capabilities,
        "JSON `CapabilityInfo`: capabilities of the task."
    ),
    flag!(
        Flags.bounding_capabilities,
        "JSON `CapabilityInfo`: capabilities that the task can ever have."
    ),
    Row::new(
        variable::TTY_PATH_FLAG,
        Preset::Unset,
        "Terminal of the task; the task then stays in its session.",
        Access {
            load: |flags, text, context| flags.tty_path.load(text, context),
            print: |flags| flags.tty_path.print(),
            type_name: type_name_of(|flags: &Flags| &flags.tty_path),
            boolean: is_boolean(|flags: &Flags| &flags.tty_path),
        },
    ),
    flag!(
        Flags.task_launch_info,
        "JSON `ContainerLaunchInfo` with mounts, file operations, commands and namespaces."
    ),
    flag!(
        Flags.task_supplementary_groups,
        "Further group ids of the task's user, joined by commas."
    ),
    flag!(
        Flags.launcher_dir = "/usr/local/libexec/mesos",
        "Directory of the helper programs of Mesos."
    ),
];

/// Runs the command executor, or becomes one of its helpers.
pub fn run(arguments: &[OsString]) -> ExitCode {
    let mut rest = arguments.iter().cloned();
    let first = rest.next();
    if first.as_deref() == Some(SESSION_ARGUMENT.as_ref()) {
        return helper_failed(&exec_in_new_session(rest));
    }
    if first.as_deref() == Some(RESTORING_SESSION_ARGUMENT.as_ref()) {
        return helper_failed(&exec_in_new_session_with_huge_pages(rest));
    }
    if first.as_deref() == Some(NAMESPACES_ARGUMENT.as_ref()) {
        return helper_failed(&exec_in_namespaces(rest));
    }
    // Before anything else is allocated.
    let huge_pages = huge_pages(arguments);
    let arguments = arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned());
    let loading = load::<Flags>(&Source::arguments(arguments));
    let flags = match loading.into_result() {
        Ok(flags) if flags.help => {
            println!("{}", usage::<Flags>("mesos-executor", None, None));
            return ExitCode::SUCCESS;
        }
        Ok(flags) => flags,
        Err(error) => {
            let message = error.to_string();
            eprintln!("{}", usage::<Flags>("mesos-executor", None, Some(&message)));
            return ExitCode::FAILURE;
        }
    };
    match execute(&flags, huge_pages, std::env::vars().collect()) {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(ending @ (Ending::NoAcknowledgement | Ending::Failed(_))) => {
            eprintln!("{ending}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does without huge pages, unless the task has a terminal: such a task is a direct child, which would have to do
/// without them, too.
fn huge_pages(arguments: &[OsString]) -> HugePages {
    let flag = format!("--{}", variable::TTY_PATH_FLAG);
    let has_terminal = arguments
        .iter()
        .any(|argument| argument.to_string_lossy().starts_with(&flag));
    if has_terminal {
        HugePages::Untouched
    } else {
        without_huge_pages()
    }
}

/// What the helper was asked to execute is not there: as the launcher of Mesos says it.
fn helper_failed(error: &std::io::Error) -> ExitCode {
    eprintln!("Failed to execute command: {error}");
    ExitCode::FAILURE
}

fn execute(
    flags: &Flags,
    huge_pages: HugePages,
    variables: BTreeMap<String, String>,
) -> Result<Ending> {
    let framework = required(&variables, "MESOS_FRAMEWORK_ID")?.to_owned();
    let executor = required(&variables, "MESOS_EXECUTOR_ID")?.to_owned();
    let settings = Settings {
        framework_id: FrameworkId {
            value: Some(framework),
            ..Default::default()
        },
        executor_id: ExecutorId {
            value: Some(executor),
            ..Default::default()
        },
        environment: ExecutorEnvironment::from_variables(&variables)?,
        launch: LaunchSettings {
            huge_pages,
            ..launch_settings(flags, variables)
        },
    };
    let runtime = crate::runtime::for_executor()?;
    let (process, ending) = CommandExecutorProcess::new(settings);
    runtime.spawn(process);
    let ending = wait(&runtime, ending);
    runtime.shutdown();
    ending
}

fn wait(runtime: &Runtime, ending: libprocess::Future<Ending>) -> Result<Ending> {
    runtime
        .block_on(ending)
        .ready()
        .context("the executor ended without a reason")
}

fn launch_settings(flags: &Flags, environment: BTreeMap<String, String>) -> LaunchSettings {
    let session = match &flags.tty_path {
        Some(_) => Session::Terminal,
        None => Session::Helper(PathBuf::from(SELF)),
    };
    LaunchSettings {
        launcher_dir: PathBuf::from(&flags.launcher_dir),
        session,
        rootfs: flags.rootfs.clone(),
        sandbox_directory: flags.sandbox_directory.clone(),
        working_directory: flags.working_directory.clone(),
        user: flags.user.clone(),
        task_command: given(flags.task_command.as_ref()),
        task_environment: given(flags.task_environment.as_ref()),
        effective_capabilities: given(flags.effective_capabilities.as_ref()),
        bounding_capabilities: given(flags.bounding_capabilities.as_ref()),
        task_launch_info: given(flags.task_launch_info.as_ref()).map(Box::new),
        supplementary_groups: flags.task_supplementary_groups.clone(),
        environment,
        ..LaunchSettings::default()
    }
}

fn given<M: Clone>(value: Option<&JsonMessage<M>>) -> Option<M> {
    value.map(|value| value.message().clone())
}
