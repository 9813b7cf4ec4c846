//! Asks the isolators, one after another, what a container has to be launched with.

use libprocess::Context;
use mesos_proto::v1::{self, environment::variable::Type as VariableType};
use mesos_proto_codec::{Dialect, to_json};

use super::{
    MesosContainerizerProcess,
    container::{Launch, Step},
    launch::{is_standalone, merge_launch_info},
};
use crate::{
    ContainerId,
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
        let parent = id.parent().map(|parent| self.parent(parent));
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        let Some(launch) = container.launch.as_mut() else {
            return;
        };
        complete(launch, parent.unwrap_or_default());
        container.info = Some(Box::new(launch.info.clone()));
        self.fork(id, ctx);
    }

    /// What a container for debugging takes from the container that it looks into.
    fn parent(&self, id: &ContainerId) -> Parent {
        let info = self
            .containers
            .get(id)
            .and_then(|parent| parent.info.as_deref());
        let Some(info) = info else {
            return Parent::default();
        };
        Parent {
            variables: info.environment().variables.clone(),
            working_directory: info.working_directory.clone(),
        }
    }

    /// Says whose container the root of a known container is.
    pub(super) fn root_kind_of(&self, id: &ContainerId) -> RootKind {
        let container = self.containers.get(id);
        let config = container.and_then(|container| container.config.as_ref());
        config.map_or(RootKind::Executor, |config| self.root_kind(id, config))
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

/// What a container for debugging takes from its parent; nothing when that is unknown.
#[derive(Default)]
struct Parent {
    variables: Vec<v1::environment::Variable>,
    working_directory: Option<String>,
}

/// Adds command, environment, directory and user to what the isolators said.
fn complete(launch: &mut Launch, parent: Parent) {
    launch.info.command = Some(command(launch).into());
    let config = &launch.request.config;
    let is_debug = config.container_class() == ContainerClass::Debug;

    let mut variables = if is_debug {
        parent.variables
    } else {
        Vec::new()
    };
    let given = launch.request.environment.iter();
    variables.extend(given.map(|(name, value)| variable(name, value)));
    if !is_debug {
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
    if launch.info.working_directory.is_some() {
        tracing::warn!(id = %launch.request.id, "working directory without root file system is ignored");
    }
    launch.info.working_directory = if is_debug {
        parent.working_directory
    } else {
        config.directory.clone()
    };
    launch.info.user.clone_from(&config.user);
    launch.info.environment = Some(v1::Environment {
        variables,
        ..Default::default()
    });
}

/// The container's command; isolators may only add arguments to a command executor.
fn command(launch: &mut Launch) -> v1::CommandInfo {
    let config = &launch.request.config;
    let own = config.command_info().clone();
    let mut command = match launch.info.command.take().map(|command| *command) {
        None => own,
        Some(more) if config.task_info.is_some() => v1::CommandInfo {
            arguments: [own.arguments.clone(), more.arguments].concat(),
            ..own
        },
        Some(other) => other,
    };
    command.uris.clear();
    command.user = None;
    command.environment = None;
    // A command executor hands these on to its task.
    if config.task_info.is_some()
        && let Some(environment) = &launch.info.task_environment
    {
        let json = to_json(environment, Dialect::V0);
        command.arguments.push(format!("--task_environment={json}"));
    }
    command
}

fn variable(name: &str, value: &str) -> v1::environment::Variable {
    v1::environment::Variable {
        name: Some(name.to_owned()),
        value: Some(value.to_owned()),
        ..Default::default()
    }
}
