//! Answers questions about containers, and sends them signals.

use libprocess::{Context, Future, Promise, http::client::Connection};
use mesos_proto::v1;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{MesosContainerizerProcess, container::Exit};
use crate::{
    ContainerId,
    containerizer::{Answer, ContainerizerError},
    launch_info::ContainerTermination,
    paths, state_file,
};

impl MesosContainerizerProcess {
    /// Waits for the end of a container; what ended long ago is answered from its termination file.
    pub(super) fn wait(&mut self, id: &ContainerId) -> Answer<Option<ContainerTermination>> {
        if let Some(container) = self.containers.get_mut(id) {
            if let Some(error) = container.failure() {
                return Future::ready(Err(error));
            }
            let (promise, future) = Promise::new();
            container.waiters.push(promise);
            return future;
        }
        if !id.is_nested() {
            return Future::ready(Ok(None));
        }
        let runtime = paths::runtime_path(&self.options.runtime_dir, id);
        let kept = state_file::read_message(&paths::termination_file(&runtime));
        Future::ready(kept.map_err(Into::into))
    }

    /// Signals the first process of a container, which forwards to the command.
    pub(super) fn kill(
        &mut self,
        id: &ContainerId,
        signal: i32,
        ctx: &mut Context<Self>,
    ) -> Result<bool, ContainerizerError> {
        let Some(container) = self.containers.get(id) else {
            return Ok(false);
        };
        let Some(pid) = container.pid else {
            drop(self.destroy(id, &ContainerTermination::default(), ctx));
            return Ok(true);
        };
        let failed = |errno: nix::errno::Errno| {
            ContainerizerError::system(format!("send signal {signal} to container {id}"))(
                errno.into(),
            )
        };
        let signal = Signal::try_from(signal).map_err(failed)?;
        if matches!(container.exit, Exit::Ended(_)) {
            // Its number may be another's by now.
            return Err(failed(nix::errno::Errno::ESRCH));
        }
        kill(Pid::from_raw(pid), signal)
            .map(|()| true)
            .map_err(failed)
    }

    /// Connects to the streams of a container.
    pub(super) fn attach(&self, id: &ContainerId) -> Answer<Connection> {
        if self.containers.contains_key(id) {
            self.parts.switchboard.connect(id)
        } else {
            Future::ready(Err(ContainerizerError::Unknown(id.clone())))
        }
    }

    /// Tells the first process of a container.
    pub(super) fn status(
        &self,
        id: &ContainerId,
    ) -> Result<v1::ContainerStatus, ContainerizerError> {
        let container = self
            .containers
            .get(id)
            .ok_or(ContainerizerError::NotFound)?;
        Ok(v1::ContainerStatus {
            container_id: Some(id.to_proto()),
            executor_pid: container.pid.and_then(|pid| u32::try_from(pid).ok()),
            ..Default::default()
        })
    }
}
