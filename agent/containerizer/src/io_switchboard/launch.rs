//! Prepares the streams of a container, with a server when one is needed.

use std::{ffi::OsString, fs, io, path::Path};

use libprocess::{
    Context,
    subprocess::{Io, SubprocessBuilder},
};
use mesos_common::flags::FlagValue;
use mesos_proto::v1;
use uuid::Uuid;

use super::{
    ContainerIo, IoSwitchboardProcess, PROGRAM, has_terminal, requires_server,
    streams::{self, ServerEnds, Streams},
};
use crate::{
    ContainerId,
    isolator::IsolatorError,
    launch_info::{ContainerClass, ContainerConfig, ContainerLaunchInfo},
    launcher::{ContainerOutput, Sink},
    paths, programs, state_file,
};

impl IoSwitchboardProcess {
    /// Asks the logger for the outputs, and puts a server in between when clients may attach.
    pub(super) fn prepare(
        &mut self,
        id: &ContainerId,
        config: &ContainerConfig,
        ctx: &mut Context<Self>,
    ) -> Result<Option<ContainerLaunchInfo>, IsolatorError> {
        let output = self
            .logger
            .prepare(id, config)
            .map_err(IsolatorError::system("prepare the container logger"))?;
        if !requires_server(config) {
            let io = ContainerIo {
                input: None,
                output,
            };
            self.streams.insert(id.clone(), io);
            return Ok(None);
        }
        if self.servers.contains_key(id) {
            return Err(IsolatorError::Refused(format!(
                "Already prepared io switchboard server for container '{id}'"
            )));
        }
        let Streams { container, server } = make_streams(config).map_err(IsolatorError::system(
            "make the streams of a container with an I/O switchboard server",
        ))?;
        let info = launch_info(config, &server);
        let socket = format!("/tmp/{PROGRAM}-{}", Uuid::new_v4());
        let runtime = paths::runtime_path(&self.options.runtime_dir, id);
        // Its existence tells a later agent that there was to be a server.
        let directory = paths::io_switchboard_dir(&runtime);
        fs::create_dir_all(&directory).map_err(IsolatorError::system(format!(
            "create the I/O switchboard's directory '{}'",
            directory.display()
        )))?;
        let pid = self.start_server(config, server, output, &socket, ctx)?;
        tracing::info!(%id, pid, socket, "started an I/O switchboard server");
        self.servers.insert(id.clone(), Self::watched(id, pid, ctx));
        self.streams.insert(id.clone(), container);
        write_down(&runtime, pid, &socket).map_err(|error| {
            IsolatorError::system("checkpoint the I/O switchboard server")(io::Error::other(error))
        })?;
        Ok(Some(info))
    }

    fn start_server(
        &self,
        config: &ContainerConfig,
        ends: ServerEnds,
        output: ContainerOutput,
        socket: &str,
        ctx: &mut Context<Self>,
    ) -> Result<i32, IsolatorError> {
        let program = programs::resolve(&self.options.launcher_dir, PROGRAM)
            .map_err(|error| IsolatorError::Refused(error.to_string()))?;
        let [input, out, err] = ends.numbers().map(|number| number.to_string());
        let flags = [
            ("tty", matches!(ends, ServerEnds::Terminal { .. }).print()),
            ("stdin_to_fd", Some(input)),
            ("stdout_from_fd", Some(out)),
            ("stdout_to_fd", Some("1".to_owned())),
            ("stderr_from_fd", Some(err)),
            ("stderr_to_fd", Some("2".to_owned())),
            (
                "wait_for_connection",
                (config.container_class() == ContainerClass::Debug).print(),
            ),
            ("socket_address", Some(socket.to_owned())),
            (
                "heartbeat_interval",
                self.options.heartbeat_interval.print(),
            ),
        ];
        let given = flags
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let server = SubprocessBuilder::exec(program.path, [program.name])
            .flags(given)
            .environment(environment(std::env::vars_os()))
            .own_session()
            .keep(ends.into_descriptors())
            .stdin(Io::Null)
            .stdout(output.out.into())
            .stderr(output.err.into())
            .spawn(ctx.runtime())
            .map_err(|error| {
                IsolatorError::system("create the io switchboard server process")(io::Error::other(
                    error,
                ))
            })?;
        Ok(server.pid)
    }
}

fn write_down(runtime: &Path, pid: i32, socket: &str) -> Result<(), state_file::WriteError> {
    state_file::write_text(&paths::io_switchboard_socket_file(runtime), socket)?;
    state_file::write_text(&paths::io_switchboard_pid_file(runtime), &pid.to_string())
}

fn make_streams(config: &ContainerConfig) -> io::Result<Streams> {
    if has_terminal(config) {
        let info = config.container_info();
        streams::terminal(info.tty_info(), config.user.as_deref())
    } else {
        streams::pipes()
    }
}

/// Tells the launch helper, and a command executor, of the terminal.
fn launch_info(config: &ContainerConfig, ends: &ServerEnds) -> ContainerLaunchInfo {
    let mut info = ContainerLaunchInfo::default();
    if let ServerEnds::Terminal { path, .. } = ends {
        let path = path.display().to_string();
        if config.task_info.is_some() {
            let command = v1::CommandInfo {
                arguments: vec![format!(
                    "--{}={path}",
                    mesos_common::wire::variable::TTY_PATH_FLAG
                )],
                ..Default::default()
            };
            info.command = Some(command.into());
        }
        info.tty_agent_path = Some(path);
    }
    info
}

/// The agent's own variables without those that are for the agent.
fn environment(
    own: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    let for_agent = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("LIBPROCESS_") || name.starts_with("MESOS_")
    };
    own.filter(move |(name, _)| !for_agent(name)).chain([
        ("LIBPROCESS_IP".into(), "127.0.0.1".into()),
        ("LIBPROCESS_NUM_WORKER_THREADS".into(), "8".into()),
    ])
}

impl From<Sink> for Io {
    fn from(sink: Sink) -> Self {
        match sink {
            Sink::Inherit => Self::Inherit,
            Sink::Null => Self::Null,
            Sink::File(file) => Self::Descriptor(file.into()),
        }
    }
}
