//! The v1 executor library: a connection to the agent that survives the agent's restarts.
//!
//! Mirrors `src/executor/executor.cpp`.
//!
//! # Examples
//! ```no_run
//! use libprocess::Runtime;
//! use mesos_executor::{ContentType, Delivery, ExecutorEnvironment, Mesos};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = Runtime::builder().start()?;
//! let environment = ExecutorEnvironment::from_variables(&std::env::vars().collect())?;
//! let (mesos, mut events) = Mesos::events(&runtime, environment, ContentType::Protobuf);
//! runtime.block_on(async {
//!     while let Some(delivery) = events.next().await {
//!         match delivery {
//!             Delivery::Connected => { /* mesos.send(subscribe) */ }
//!             Delivery::Disconnected => {}
//!             Delivery::Event(event) => println!("{:?}", event.r#type()),
//!         }
//!     }
//! });
//! # drop(mesos);
//! # Ok(())
//! # }
//! ```

mod callbacks;
mod environment;
mod process;
mod shutdown;
mod validation;

use std::fmt;

use libprocess::{Pid, Runtime};
use mesos_proto::v1::executor::{Call, Event};
use tokio::sync::mpsc;

pub use callbacks::Callbacks;
pub use environment::{
    AgentEndpoint, EnvironmentError, ExecutorEnvironment, ForcedEnd, Recovery, required,
};
pub use mesos_api_client::ContentType;
pub use validation::CallError;

use callbacks::CallbackProcess;
use process::MesosProcess;
pub(crate) use shutdown::ShutdownProcess;

/// What the library tells an executor.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// Both connections to the agent stand: it is time to send SUBSCRIBE.
    Connected,
    /// The agent is gone. When the framework checkpoints the library tries to find it again,
    /// otherwise a SHUTDOWN event follows.
    Disconnected,
    /// Something from the agent, or an ERROR or SHUTDOWN event of the library itself.
    Event(Box<Event>),
}

/// Sends calls to the agent and delivers its events. The connection ends when this is dropped.
pub struct Mesos {
    pid: Pid<MesosProcess>,
}

impl fmt::Debug for Mesos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mesos").field(self.pid.upid()).finish()
    }
}

impl Mesos {
    /// Connects to the agent. `deliver` is called by the library's actor, one delivery after the
    /// other; it must not block.
    pub fn start(
        runtime: &Runtime,
        environment: ExecutorEnvironment,
        content_type: ContentType,
        deliver: impl FnMut(Delivery) + Send + 'static,
    ) -> Self {
        let process = MesosProcess::new(environment, content_type, Box::new(deliver));
        Self {
            pid: runtime.spawn(process),
        }
    }

    /// Connects to the agent and returns the deliveries as an asynchronous stream.
    #[must_use]
    pub fn events(
        runtime: &Runtime,
        environment: ExecutorEnvironment,
        content_type: ContentType,
    ) -> (Self, Events) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let deliver = move |delivery| {
            // Nobody listens any more: the executor is about to drop the library, too.
            let _ = sender.send(delivery);
        };
        (
            Self::start(runtime, environment, content_type, deliver),
            Events(receiver),
        )
    }

    /// Connects to the agent and tells `callbacks`, which run in an actor of their own and may
    /// take their time.
    ///
    /// # Panics
    /// A callback that panics ends the program: release builds abort.
    pub fn with_callbacks(
        runtime: &Runtime,
        environment: ExecutorEnvironment,
        content_type: ContentType,
        callbacks: impl Callbacks,
    ) -> Self {
        let pid = runtime.spawn(CallbackProcess::new(callbacks));
        Self::start(runtime, environment, content_type, move |delivery| {
            pid.dispatch(move |process, _| process.deliver(delivery));
        })
    }

    /// Sends a call. SUBSCRIBE is sent only while connected and not subscribed, everything else
    /// only while subscribed; a call that is not valid, or comes at another time, is dropped.
    pub fn send(&self, call: Call) {
        self.pid
            .dispatch(move |process, ctx| process.send(&call, ctx));
    }
}

impl Drop for Mesos {
    fn drop(&mut self) {
        self.pid.terminate();
    }
}

/// Deliveries in the order in which they happened.
#[derive(Debug)]
pub struct Events(mpsc::UnboundedReceiver<Delivery>);

impl Events {
    /// The next delivery; none when the library has ended.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.0.recv().await
    }
}
