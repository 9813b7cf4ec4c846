//! `/logging/toggle`: more log lines for a while.
//!
//! Mirrors `3rdparty/libprocess/src/logging.cpp`.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::context::Context;
use crate::duration_text;
use crate::future::Future;
use crate::http::{Help, Needed, Request, Response};
use crate::id::ProcessId;
use crate::pid::Pid;
use crate::process::Process;
use crate::time::Time;

type Hook = Arc<dyn Fn(u32) + Send + Sync>;

/// How talkative the log is: 0 is normal, 3 is everything.
#[derive(Default)]
pub(crate) struct Verbosity {
    level: AtomicU32,
    hook: Mutex<Option<Hook>>,
    /// The actor that lowers the level again.
    process: Mutex<Option<Pid<LoggingProcess>>>,
}

impl Verbosity {
    pub(crate) fn level(&self) -> u32 {
        self.level.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, level: u32) {
        self.level.store(level, Ordering::SeqCst);
        let hook = self
            .hook
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(hook) = hook {
            hook(level);
        }
    }

    pub(crate) fn set_process(&self, process: Pid<LoggingProcess>) {
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
    }

    /// Has the actor set the level for a while; ready once it is set.
    pub(crate) fn raise(&self, level: u32, duration: Duration) -> Future<()> {
        let process = self.process.lock();
        let process = process.unwrap_or_else(PoisonError::into_inner).clone();
        process.map_or_else(
            || Future::ready(()),
            |process| process.call(move |logging, ctx| logging.raise(level, duration, ctx)),
        )
    }

    pub(crate) fn set_hook(&self, hook: Hook) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(hook);
    }
}

impl fmt::Debug for Verbosity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Verbosity").field(&self.level()).finish()
    }
}

/// Raises the level and lowers it again.
pub(crate) struct LoggingProcess {
    realm: Option<String>,
    original: u32,
    revert_at: Time,
}

impl LoggingProcess {
    pub(super) const fn new(realm: Option<String>) -> Self {
        Self {
            realm,
            original: 0,
            revert_at: Time::EPOCH,
        }
    }

    fn toggle(&mut self, request: &Request, ctx: &Context<Self>) -> Response {
        let level = request.query.get("level");
        let duration = request.query.get("duration");
        let (level, duration) = match (level, duration) {
            (None, None) => {
                return Response::ok_text(format!("{}\n", ctx.runtime().log_level()));
            }
            (Some(_), None) => {
                return Response::bad_request("Expecting 'duration=value' in query.\n");
            }
            (None, Some(_)) => return Response::bad_request("Expecting 'level=value' in query.\n"),
            (Some(level), Some(duration)) => (level, duration),
        };
        let level = match level.parse::<i64>().map(u32::try_from) {
            Ok(Ok(level)) => level,
            Ok(Err(_)) => return Response::bad_request(format!("Invalid level '{level}'.\n")),
            Err(_) => {
                return Response::bad_request(format!("Failed to convert '{level}' to number.\n"));
            }
        };
        if level < self.original {
            return Response::bad_request(format!("'{level}' < original level.\n"));
        }
        match duration_text::parse(duration) {
            Ok(duration) => self.raise(level, duration, ctx),
            Err(why) => return Response::bad_request(format!("{why}.\n")),
        }
        Response::ok()
    }

    fn raise(&mut self, level: u32, duration: Duration, ctx: &Context<Self>) {
        ctx.runtime().set_log_level(level);
        if level != self.original {
            self.revert_at = ctx.now() + duration;
            ctx.delay(duration, Self::on_time_over);
        }
    }

    fn on_time_over(&mut self, ctx: &mut Context<Self>) {
        // A later toggle may have moved the time.
        if ctx.now() >= self.revert_at {
            ctx.runtime().set_log_level(self.original);
        }
    }
}

impl Process for LoggingProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("logging")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.original = ctx.runtime().log_level();
        let help = Help::new(
            "Sets the logging verbosity level for a specified duration.",
            &[
                "The level is a non-negative number, the duration a text such as '10secs'.",
                "The level returns to the original one when the duration is over.",
                "",
                "Required query parameters:",
                "",
                ">        level=VALUE          The verbosity level.",
                ">        duration=VALUE       How long it is kept.",
            ],
        )
        .authentication(Needed::Yes);
        let realm = self.realm.clone().unwrap_or_default();
        ctx.route_in_realm("/toggle", &realm, help, |logging, request, ctx| {
            logging.toggle(&request, ctx).into()
        });
    }
}
