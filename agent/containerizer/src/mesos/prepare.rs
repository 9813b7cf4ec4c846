//! Asks the isolators, one after another, what a container has to be launched with.

use libprocess::Context;
use mesos_proto::v1::{self, environment::variable::Type as VariableType};

use super::{
    MesosContainerizerProcess,
    container::{Launch, Step},
    launch::{is_standalone, merge_launch_info},
};
use crate::{
    ContainerId,
    containerizer::ContainerizerError,
    isolator::{Isolator, IsolatorError},
    isolators::posix::settle,
    launch_info::{ContainerClass, ContainerConfig, ContainerLaunchInfo},
};

impl MesosContainerizerProcess {
    /// Asks the isolator at `index`, or goes on when there is none.
    pub(super) fn prepare_from(&mut self, id: &ContainerId, index: usize, ctx: &mut Context<Self>) {
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        let Some(config) = container.config.clone() else {
            return;
        };
        let Some(isolator) = self.parts.isolators.get(index).cloned() else {
            return self.finish_prepare(id, ctx);
        };
        let root = self.root_kind(id, &config);
        if !is_supported(isolator.as_ref(), id, root) {
            return self.prepare_from(id, index + 1, ctx);
        }
        if let Some(container) = self.containers.get_mut(id) {
            container.step = Step::Busy;
        }
        let prepared = isolator.prepare(id, &config);
        let id = id.clone();
        ctx.on_any(prepared, move |process, outcome, ctx| {
            process.on_prepared(&id, index, settle(outcome), ctx);
        });
    }

    fn on_prepared(
        &mut self,
        id: &ContainerId,
        index: usize,
        result: Result<Option<ContainerLaunchInfo>, IsolatorError>,
        ctx: &mut Context<Self>,
    ) {
        if !self.resume_launch(id, "preparing", ctx) {
            return;
        }
        let Some(launch) = self
            .containers
            .get_mut(id)
            .and_then(|container| container.launch.as_mut())
        else {
            return;
        };
        let merged = match result {
            Ok(None) => Ok(()),
            Ok(Some(info)) => merge_launch_info(&mut launch.info, &info),
            Err(error) => Err(error.into()),
        };
        match merged {
            Ok(()) => self.prepare_from(id, index + 1, ctx),
            Err(error) => self.fail_launch(id, error),
        }
    }

    fn finish_prepare(&mut self, id: &ContainerId, ctx: &mut Context<Self>) {
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        let Some(launch) = container.launch.as_mut() else {
            return;
        };
        complete(launch);
        let refused = switchboard_needed(&launch.request.config, &launch.info);
        match refused {
            Some(error) => self.fail_launch(id, error),
            None => self.fork(id, ctx),
        }
    }

    /// Says whose container the root of a container is.
    pub(super) fn root_kind(&self, id: &ContainerId, config: &ContainerConfig) -> RootKind {
        let standalone = if id.is_nested() {
            self.containers
                .get(id.root())
                .and_then(|root| root.config.as_ref())
                .is_some_and(|root| is_standalone(id.root(), root))
        } else {
            is_standalone(id, config)
        };
        if standalone {
            RootKind::Standalone
        } else {
            RootKind::Executor
        }
    }
}

/// Says whether a container is handed to an isolator.
pub(super) fn is_supported(isolator: &dyn Isolator, id: &ContainerId, root: RootKind) -> bool {
    (!id.is_nested() || isolator.supports_nesting())
        && (root == RootKind::Executor || isolator.supports_standalone())
}

/// Whose container the outermost one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RootKind {
    /// An executor runs in it.
    Executor,
    /// An operator launched it.
    Standalone,
}

fn switchboard_needed(
    config: &ContainerConfig,
    info: &ContainerLaunchInfo,
) -> Option<ContainerizerError> {
    let tty = config
        .container_info
        .as_ref()
        .is_some_and(|info| info.tty_info.is_some());
    (tty && info.tty_agent_path.is_none()).then_some(ContainerizerError::Conflict(
        "Containers with a terminal need the I/O switchboard, which is not available",
    ))
}

/// Adds command, environment, directory and user to what the isolators said.
fn complete(launch: &mut Launch) {
    let config = &launch.request.config;
    let mut command = launch.info.command.take().map(|command| *command);
    let own = command.get_or_insert_with(|| config.command_info().clone());
    own.uris.clear();
    own.user = None;
    own.environment = None;

    let mut variables: Vec<v1::environment::Variable> = launch
        .request
        .environment
        .iter()
        .map(|(name, value)| variable(name, value))
        .collect();
    if config.container_class() == ContainerClass::Default {
        variables.push(variable("MESOS_SANDBOX", config.directory()));
    }
    if let Some(environment) = launch.info.environment.take() {
        variables.extend(environment.variables.iter().cloned());
    }
    variables.extend(
        config
            .command_info()
            .environment()
            .variables
            .iter()
            .filter(|variable| variable.r#type() != VariableType::Secret)
            .cloned(),
    );
    let directory = config.directory().to_owned();
    if launch.info.working_directory.is_some() {
        tracing::warn!(id = %launch.request.id, "working directory without root file system is ignored");
    }
    launch.info.working_directory = Some(directory);
    launch.info.user.clone_from(&config.user);
    launch.info.command = command.map(Into::into);
    launch.info.environment = Some(v1::Environment {
        variables,
        ..Default::default()
    });
}

fn variable(name: &str, value: &str) -> v1::environment::Variable {
    v1::environment::Variable {
        name: Some(name.to_owned()),
        value: Some(value.to_owned()),
        ..Default::default()
    }
}
