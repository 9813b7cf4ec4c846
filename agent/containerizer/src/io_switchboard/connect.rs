//! Connects to the server of a container.

use std::{path::PathBuf, time::Duration};

use libprocess::{Context, Future, Promise, http::client::Connection};

use super::IoSwitchboardProcess;
use crate::{
    ContainerId,
    containerizer::{Answer, ContainerizerError},
};

/// How often it is looked whether a server listens.
const INTERVAL: Duration = Duration::from_millis(10);

type Connected = Promise<Result<Connection, ContainerizerError>>;

impl IoSwitchboardProcess {
    /// Waits for the socket of a container's server and connects to it.
    pub(super) fn connect(
        &mut self,
        id: &ContainerId,
        ctx: &mut Context<Self>,
    ) -> Answer<Connection> {
        if !self.servers.contains_key(id) {
            return Future::ready(Err(ContainerizerError::SwitchboardDisabled));
        }
        let Some(socket) = self.socket_of(id) else {
            return Future::ready(Err(ContainerizerError::SwitchboardAddress));
        };
        let (promise, future) = Promise::new();
        self.connect_when_ready(id.clone(), socket, promise, ctx);
        future
    }

    fn connect_when_ready(
        &mut self,
        id: ContainerId,
        socket: PathBuf,
        promise: Connected,
        ctx: &mut Context<Self>,
    ) {
        if !self.servers.contains_key(&id) {
            promise.set(Err(ContainerizerError::SwitchboardGone));
            return;
        }
        if !matches!(socket.try_exists(), Ok(true)) {
            ctx.delay(INTERVAL, move |process, ctx| {
                process.connect_when_ready(id, socket, promise, ctx);
            });
            return;
        }
        let connecting = async move { Connection::connect_unix(&socket).await };
        ctx.perform(connecting, move |_, connected, _| {
            promise.set(connected.map_err(ContainerizerError::Switchboard));
        });
    }
}
