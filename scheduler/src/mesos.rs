//! The v1 scheduler library: a connection to the leading master, whoever that is.
//!
//! Mirrors `src/scheduler/scheduler.cpp`.
//!
//! # Examples
//! ```no_run
//! use libprocess::Runtime;
//! use mesos_proto::v1::FrameworkInfo;
//! use mesos_proto::v1::scheduler::event;
//! use mesos_scheduler::{Delivery, Mesos, Options, Subscribe};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = Runtime::builder().start()?;
//! let framework = FrameworkInfo {
//!     user: Some("root".into()),
//!     name: Some("hello".into()),
//!     ..Default::default()
//! };
//! let options = Options {
//!     subscribe: Subscribe::Automatic(Box::new(framework)),
//!     ..Options::new("127.0.0.1:5050".parse()?)
//! };
//! let (mesos, mut events) = Mesos::events(&runtime, options);
//! runtime.block_on(async {
//!     while let Some(delivery) = events.next().await {
//!         let Delivery::Event(event) = delivery else { continue };
//!         if event.r#type() == event::Type::Subscribed {
//!             println!("subscribed as {}", event.subscribed().framework_id().value());
//!             break;
//!         }
//!     }
//! });
//! # drop(mesos);
//! # Ok(())
//! # }
//! ```

mod callbacks;
mod master_url;
mod process;
mod redirect;
mod validation;

use std::fmt;
use std::time::Duration;

use libprocess::{Future, Pid, Runtime};
use mesos_proto::v1::FrameworkInfo;
use mesos_proto::v1::scheduler::{Call, Event};
use tokio::sync::mpsc;

pub use callbacks::Callbacks;
pub use master_url::{MasterUrl, MasterUrlError};
pub use mesos_api_client::ContentType;
pub use process::{ApiResult, CallError};
pub use validation::InvalidCall;

use callbacks::CallbackProcess;
use process::MesosProcess;

/// What the library tells a scheduler.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// Both connections to the master stand: it is time to send SUBSCRIBE, unless the library does
    /// it ([`Subscribe::Automatic`]).
    Connected,
    /// The master is gone. The library looks for the leading master again.
    Disconnected,
    /// Something from the master, or an ERROR event of the library itself.
    Event(Box<Event>),
}

/// Who sends SUBSCRIBE.
#[derive(Clone, Debug, PartialEq)]
pub enum Subscribe {
    /// The scheduler, whenever it is told that it is connected.
    Manual,
    /// The library: at once, and again each second until the master has answered. The id that the
    /// master gives is kept, so that a later connection belongs to the same framework.
    Automatic(Box<FrameworkInfo>),
}

/// Who the scheduler is, for masters that ask.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The name.
    pub principal: String,
    /// The password.
    pub secret: String,
}

/// Secrets stay out of logs.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

/// How to find and speak to the master.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the master is.
    pub master: MasterUrl,
    /// Form of calls and events.
    pub content_type: ContentType,
    /// Sent with each call, when the master asks for it.
    pub credential: Option<Credential>,
    /// Who sends SUBSCRIBE.
    pub subscribe: Subscribe,
    /// Longest pause before an attempt to connect again; the pause is random, so that the schedulers
    /// of a master that fails over do not all come at once. The first attempt is made at once.
    pub connection_delay_max: Duration,
    /// How many heartbeats of the master may be missing until it counts as gone.
    pub missed_heartbeats_max: u32,
}

impl Options {
    /// Protobuf to this master, without credential, SUBSCRIBE sent by the scheduler.
    #[must_use]
    pub fn new(master: MasterUrl) -> Self {
        Self {
            master,
            content_type: ContentType::Protobuf,
            credential: None,
            subscribe: Subscribe::Manual,
            connection_delay_max: Duration::from_millis(500),
            missed_heartbeats_max: 5,
        }
    }
}

/// Sends calls to the leading master and delivers its events. The connection ends when this is
/// dropped; the framework itself is not torn down.
pub struct Mesos {
    pid: Pid<MesosProcess>,
}

impl fmt::Debug for Mesos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mesos").field(self.pid.upid()).finish()
    }
}

impl Mesos {
    /// Looks for the master and connects to it. `deliver` is called by the library's actor, one
    /// delivery after the other; it must not block.
    pub fn start(
        runtime: &Runtime,
        options: Options,
        deliver: impl FnMut(Delivery) + Send + 'static,
    ) -> Self {
        Self {
            pid: runtime.spawn(MesosProcess::new(options, Box::new(deliver))),
        }
    }

    /// Connects and returns the deliveries as an asynchronous stream.
    #[must_use]
    pub fn events(runtime: &Runtime, options: Options) -> (Self, Events) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let deliver = move |delivery| {
            // Nobody listens any more: the scheduler is about to drop the library, too.
            let _ = sender.send(delivery);
        };
        (Self::start(runtime, options, deliver), Events(receiver))
    }

    /// Connects and tells `callbacks`, which run in an actor of their own and may take their time.
    ///
    /// # Panics
    /// A callback that panics ends the program: release builds abort.
    pub fn with_callbacks(runtime: &Runtime, options: Options, callbacks: impl Callbacks) -> Self {
        let pid = runtime.spawn(CallbackProcess::new(callbacks));
        Self::start(runtime, options, move |delivery| {
            pid.dispatch(move |process, _| process.deliver(delivery));
        })
    }

    /// Sends a call. SUBSCRIBE is sent only while connected and not subscribed, everything else
    /// only while subscribed; a call that is not valid, or comes at another time, is dropped.
    pub fn send(&self, call: Call) {
        self.pid
            .dispatch(move |process, ctx| process.send(&call, ctx));
    }

    /// Sends a call other than SUBSCRIBE and returns the master's answer to it.
    pub fn call(&self, call: Call) -> Future<Result<ApiResult, CallError>> {
        self.pid
            .call_future(move |process, ctx| process.call(&call, ctx))
    }

    /// Drops the connection and looks for the leading master again.
    pub fn reconnect(&self) {
        self.pid.dispatch(|process, ctx| process.reconnect(ctx));
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
