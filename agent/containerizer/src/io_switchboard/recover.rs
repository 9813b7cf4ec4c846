//! Takes up the servers that a former agent started.

use libprocess::Context;

use super::{IoSwitchboardProcess, ServerState};
use crate::{ContainerId, containerizer::ContainerizerError, paths, state_file};

impl IoSwitchboardProcess {
    /// A container that runs must have a server when it has a directory for one; an orphan need not.
    pub(super) fn recover(
        &mut self,
        containers: &[ContainerId],
        orphans: &[ContainerId],
        ctx: &mut Context<Self>,
    ) -> Result<(), ContainerizerError> {
        for id in containers {
            match self.pid_of(id) {
                Found::NoServer => {}
                Found::Server(pid) => self.take_up(id, pid, ctx),
                Found::Unknown(why) => {
                    return Err(ContainerizerError::SwitchboardPid {
                        id: id.clone(),
                        why,
                    });
                }
            }
        }
        for id in orphans {
            match self.pid_of(id) {
                Found::NoServer => {}
                Found::Server(pid) => self.take_up(id, pid, ctx),
                Found::Unknown(why) => {
                    tracing::warn!(%id, why, "I/O switchboard server of an orphan is unknown");
                    self.servers.insert(id.clone(), ServerState::Ended(None));
                }
            }
        }
        Ok(())
    }

    fn take_up(&mut self, id: &ContainerId, pid: i32, ctx: &mut Context<Self>) {
        self.servers.insert(id.clone(), Self::watched(id, pid, ctx));
    }

    fn pid_of(&self, id: &ContainerId) -> Found {
        let runtime = paths::runtime_path(&self.options.runtime_dir, id);
        if !paths::io_switchboard_dir(&runtime).is_dir() {
            return Found::NoServer;
        }
        match state_file::read_text(&paths::io_switchboard_pid_file(&runtime)) {
            Ok(None) => Found::Unknown("pid file does not exist".to_owned()),
            Ok(Some(text)) => text.parse().map_or_else(
                |error| Found::Unknown(format!("Failed to numify pid '{text}': {error}")),
                Found::Server,
            ),
            Err(error) => Found::Unknown(error.to_string()),
        }
    }
}

/// What is on disk of a container's server.
enum Found {
    NoServer,
    Server(i32),
    Unknown(String),
}
