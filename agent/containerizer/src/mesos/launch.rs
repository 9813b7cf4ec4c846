//! Takes a launch through its pipeline: sandbox, prepare, fork, isolate, fetch, run.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::{fs::DirBuilderExt, process::ExitStatusExt},
    path::Path,
};

use libprocess::{Context, Future, Promise};
use mesos_proto::v1;
use prost::Message;

use super::{
    MesosContainerizerProcess,
    container::{Container, Exit, Launch, Phase, Step},
};
use crate::{
    ContainerId,
    containerizer::{Answer, ContainerizerError, LaunchRequest, LaunchResult},
    fetcher::FetchError,
    io_switchboard::ContainerIo,
    launch_info::{ContainerClass, ContainerConfig, ContainerLaunchInfo},
    launcher::ForkRequest,
    paths, programs, state_file,
};

impl MesosContainerizerProcess {
    /// Begins a launch.
    pub(super) fn launch(
        &mut self,
        mut request: LaunchRequest,
        ctx: &mut Context<Self>,
    ) -> Answer<LaunchResult> {
        let id = request.id.clone();
        if self.containers.contains_key(&id) {
            return Future::ready(Ok(LaunchResult::AlreadyLaunched));
        }
        if let Some(info) = &request.config.container_info
            && info.r#type() != v1::container_info::Type::Mesos
        {
            return Future::ready(Ok(LaunchResult::NotSupported));
        }
        let runtime = paths::runtime_path(&self.options.runtime_dir, &id);
        let prepared = self
            .complete_config(&mut request)
            .and_then(|()| self.create_files(&request, &runtime));
        if let Err(error) = prepared {
            return Future::ready(Err(error));
        }
        let (promise, future) = Promise::new();
        let mut container = Container::new(Phase::Preparing, runtime, Some(request.config.clone()));
        container.launch = Some(Box::new(Launch {
            promise,
            request,
            info: ContainerLaunchInfo::default(),
        }));
        self.containers.insert(id.clone(), container);
        self.prepare_from(&id, 0, ctx);
        future
    }

    /// Fills in what a nested container takes from its parent and its root.
    fn complete_config(&self, request: &mut LaunchRequest) -> Result<(), ContainerizerError> {
        let config = &mut request.config;
        if config
            .container_info
            .as_ref()
            .is_some_and(|info| info.mesos().image.is_some())
        {
            return Err(ContainerizerError::NoProvisioner);
        }
        let Some(parent_id) = request.id.parent() else {
            return Ok(());
        };
        if config.task_info.is_some() || config.executor_info.is_some() {
            return Err(ContainerizerError::NestedMayNot(
                "supply a TaskInfo/ExecutorInfo",
            ));
        }
        if request.pid_path.is_some() {
            return Err(ContainerizerError::NestedMayNot("be checkpointed"));
        }
        let parent = self
            .containers
            .get(parent_id)
            .ok_or_else(|| ContainerizerError::NoParent(parent_id.clone()))?;
        if parent.is_destroying() {
            return Err(ContainerizerError::ParentDestroying(parent_id.clone()));
        }
        let root = self
            .containers
            .get(request.id.root())
            .and_then(|root| root.config.as_ref())
            .ok_or(ContainerizerError::UnknownRoot)?;
        if config.user.is_none() {
            config.user = parent
                .config
                .as_ref()
                .and_then(|config| config.user.clone());
        }
        config.executor_info = root.executor_info.clone();
        let sandbox = paths::nested_sandbox_path(Path::new(root.directory()), &request.id);
        config.directory = Some(sandbox.display().to_string());
        Ok(())
    }

    /// Makes the runtime directory, and the sandbox of a nested container.
    fn create_files(
        &self,
        request: &LaunchRequest,
        runtime: &Path,
    ) -> Result<(), ContainerizerError> {
        let config = &request.config;
        if request.id.is_nested() {
            let sandbox = Path::new(config.directory());
            self.keep_nested_sandbox(sandbox);
            create_sandbox(sandbox, config.user.as_deref())?;
        }
        fs::create_dir_all(runtime).map_err(ContainerizerError::system(format!(
            "make the runtime directory '{}'",
            runtime.display()
        )))?;
        forget_former(runtime)?;
        if config.container_class() == ContainerClass::Debug {
            touch(&paths::force_destroy_file(runtime))?;
        }
        if is_standalone(&request.id, config) {
            touch(&paths::standalone_marker(runtime))?;
        }
        state_file::write_message(&paths::config_file(runtime), config)?;
        Ok(())
    }

    /// Asks for the streams of a prepared container.
    pub(super) fn fork(&mut self, id: &ContainerId, ctx: &mut Context<Self>) {
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        container.step = Step::Busy;
        let extracted = self.parts.switchboard.extract(id);
        let id = id.clone();
        ctx.on_any(extracted, move |process, outcome, ctx| {
            let io = outcome.ready().flatten().unwrap_or_default();
            process.on_extracted(&id, io, ctx);
        });
    }

    /// Starts the helper. Continues `_launch` of the C++ class.
    fn on_extracted(&mut self, id: &ContainerId, io: ContainerIo, ctx: &mut Context<Self>) {
        if !self.resume_launch(id, "preparing", ctx) {
            return;
        }
        match self.try_fork(id, io) {
            Ok(pid) => {
                self.reap(id, pid, ctx);
                self.isolate(id, pid, ctx);
            }
            Err(error) => {
                // There may be a process nevertheless, whose end a destroy waits for.
                if let Some(pid) = self.containers.get(id).and_then(|container| container.pid) {
                    self.reap(id, pid, ctx);
                }
                self.fail_launch(id, error);
            }
        }
    }

    /// Waits for the end of a container's first process.
    pub(super) fn reap(&self, id: &ContainerId, pid: i32, ctx: &mut Context<Self>) {
        let ended = ctx.runtime().reap(pid);
        let id = id.clone();
        ctx.on_any(ended, move |process, outcome, ctx| {
            let status = outcome.ready().flatten();
            process.on_reaped(&id, status.map(ExitStatusExt::into_raw), ctx);
        });
    }

    fn try_fork(&mut self, id: &ContainerId, io: ContainerIo) -> Result<i32, ContainerizerError> {
        let container = self
            .containers
            .get_mut(id)
            .ok_or(ContainerizerError::NotFound)?;
        let launch = container
            .launch
            .as_ref()
            .ok_or(ContainerizerError::NotFound)?;
        state_file::write_message(&paths::launch_info_file(&container.runtime), &launch.info)?;
        let request = ForkRequest {
            program: programs::resolve(&self.options.launcher_dir, "mesos-containerizer")?,
            arguments: vec!["launch".to_owned()],
            environment: BTreeMap::from([(
                "MESOS_CONTAINERIZER_RUNTIME_DIRECTORY".to_owned(),
                container.runtime.display().to_string(),
            )]),
            directory: None,
            input: io.input,
            output: io.output,
        };
        let pid_path = launch.request.pid_path.clone();
        let forked = self.parts.launcher.fork(id, request)?;
        container.pid = Some(forked.pid);
        container.exit = Exit::Running;
        container.release = Some(forked.release);
        let text = forked.pid.to_string();
        // A failure from here on closes the pipe, and the helper ends by itself.
        let written = pid_path
            .map_or(Ok(()), |path| state_file::write_text(&path, &text))
            .and_then(|()| state_file::write_text(&paths::pid_file(&container.runtime), &text));
        if let Err(error) = written {
            container.release = None;
            return Err(error.into());
        }
        Ok(forked.pid)
    }

    /// Brings the artifacts of an isolated container into its sandbox.
    pub(super) fn fetch(&mut self, id: &ContainerId, ctx: &mut Context<Self>) {
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        container.phase = Phase::Fetching;
        let Some(config) = container.config.clone() else {
            return;
        };
        container.step = Step::Busy;
        let fetched = self.parts.fetcher.fetch(id, &config);
        let id = id.clone();
        ctx.on_any(fetched, move |process, outcome, ctx| {
            let result = match outcome {
                libprocess::Outcome::Ready(result) => result,
                libprocess::Outcome::Failed(_)
                | libprocess::Outcome::Discarded
                | libprocess::Outcome::Abandoned => Err(FetchError::Ended),
            };
            process.on_fetched(&id, result, ctx);
        });
    }

    fn on_fetched(
        &mut self,
        id: &ContainerId,
        result: Result<(), FetchError>,
        ctx: &mut Context<Self>,
    ) {
        if !self.resume_launch(id, "fetching", ctx) {
            return;
        }
        match result {
            Ok(()) => self.run(id),
            Err(error) => self.fail_launch(id, error.into()),
        }
    }

    /// Lets the container's command run.
    fn run(&mut self, id: &ContainerId) {
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        container.phase = Phase::Running;
        let released = match container.release.take() {
            Some(mut pipe) => pipe.write_all(b"\0"),
            None => Err(std::io::Error::other("the pipe to the container is closed")),
        };
        container.answer_launch(
            released
                .map(|()| LaunchResult::Success)
                .map_err(ContainerizerError::system("synchronize with the container")),
        );
    }

    /// Ends a step of a launch; false when the container is being destroyed or gone, which then goes on.
    pub(super) fn resume_launch(
        &mut self,
        id: &ContainerId,
        stage: &'static str,
        ctx: &mut Context<Self>,
    ) -> bool {
        let Some(container) = self.containers.get_mut(id) else {
            return false;
        };
        container.step = Step::Idle;
        if !container.is_destroying() {
            return true;
        }
        container.answer_launch(Err(ContainerizerError::Destroyed { stage }));
        self.destroy_processes(id, ctx);
        false
    }

    /// Answers the launch with an error; the one who launched destroys the container.
    pub(super) fn fail_launch(&mut self, id: &ContainerId, error: ContainerizerError) {
        if let Some(container) = self.containers.get_mut(id) {
            container.release = None;
            container.answer_launch(Err(error));
        }
    }
}

/// Says whether a root container belongs to an operator, not to an executor.
pub(super) fn is_standalone(id: &ContainerId, config: &ContainerConfig) -> bool {
    !id.is_nested() && config.task_info.is_none() && config.executor_info.is_none()
}

/// Adds what an isolator wants, as protobuf merges messages: lists grow, messages merge, later scalars win.
pub(super) fn merge_launch_info(
    merged: &mut ContainerLaunchInfo,
    more: &ContainerLaunchInfo,
) -> Result<(), ContainerizerError> {
    let conflicts = [
        (more.rootfs.is_some(), "Isolator should not specify rootfs"),
        (more.user.is_some(), "Isolator should not specify user"),
        (
            merged.working_directory.is_some() && more.working_directory.is_some(),
            "Multiple isolators specify working directory",
        ),
        (
            merged.effective_capabilities.is_some() && more.effective_capabilities.is_some(),
            "Multiple isolators specify effective capabilities",
        ),
        (
            merged.rlimits.is_some() && more.rlimits.is_some(),
            "Multiple isolators specify rlimits",
        ),
        (
            merged.tty_agent_path.is_some() && more.tty_agent_path.is_some(),
            "Multiple isolators specify tty",
        ),
    ];
    if let Some((_, text)) = conflicts.into_iter().find(|(conflict, _)| *conflict) {
        return Err(ContainerizerError::Conflict(text));
    }
    merged
        .merge(more.encode_to_vec().as_slice())
        .map_err(|error| ContainerizerError::system("merge launch information")(error.into()))
}

/// Removes what tells of a former container of the same id: a recovery would believe it.
fn forget_former(runtime: &Path) -> Result<(), ContainerizerError> {
    for told in [
        paths::termination_file(runtime),
        paths::status_file(runtime),
        paths::pid_file(runtime),
        paths::force_destroy_file(runtime),
    ] {
        match fs::remove_file(&told) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let what = format!("remove '{}'", told.display());
                return Err(ContainerizerError::system(what)(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn touch(path: &Path) -> Result<(), ContainerizerError> {
    fs::File::create(path)
        .map(drop)
        .map_err(ContainerizerError::system(format!(
            "create marker '{}'",
            path.display()
        )))
}

/// Makes a sandbox that only its owner and the owner's group can enter.
///
/// # Errors
/// [`ContainerizerError::System`] when it cannot be made or given to its owner; nothing is left behind then.
pub fn create_sandbox(path: &Path, user: Option<&str>) -> Result<(), ContainerizerError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(ContainerizerError::system(format!(
            "create directory '{}'",
            parent.display()
        )))?;
    }
    match fs::DirBuilder::new().mode(0o750).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(ContainerizerError::system(format!(
                "create nested sandbox '{}'",
                path.display()
            ))(error));
        }
        Ok(()) | Err(_) => {}
    }
    let Some(user) = user else { return Ok(()) };
    chown(path, user).inspect_err(|_| {
        if let Err(error) = fs::remove_dir(path) {
            tracing::warn!(%error, path = %path.display(), "sandbox stays behind");
        }
    })
}

fn chown(path: &Path, name: &str) -> Result<(), ContainerizerError> {
    let failed =
        |source| ContainerizerError::system(format!("chown directory to '{name}'"))(source);
    let user = nix::unistd::User::from_name(name)
        .map_err(|errno| failed(errno.into()))?
        .ok_or_else(|| failed(std::io::Error::other(format!("No such user '{name}'"))))?;
    nix::unistd::chown(path, Some(user.uid), Some(user.gid)).map_err(|errno| failed(errno.into()))
}
