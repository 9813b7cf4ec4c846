//! The actors that every runtime has.

mod help;
mod logging;
mod metrics;
mod processes;
mod profiler;
mod system;

use crate::metrics::RateLimit;
use crate::runtime::{Arbiter, Runtime};

pub(crate) use logging::Verbosity;

/// What the built-in actors need to know.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) readonly_realm: Option<String>,
    pub(crate) readwrite_realm: Option<String>,
    pub(crate) metrics_rate_limit: Option<RateLimit>,
}

/// Starts them, all on one thread: none has much to do.
pub(crate) fn spawn(runtime: &Runtime, settings: Settings) {
    let Settings {
        readonly_realm,
        readwrite_realm,
        metrics_rate_limit,
    } = settings;
    let here = Arbiter::Main(0);
    runtime.spawn_on(here.clone(), help::HelpProcess);
    let limiter = metrics_rate_limit;
    runtime.spawn_on(
        here.clone(),
        metrics::MetricsProcess::new(readonly_realm, limiter),
    );
    runtime.spawn_on(
        here.clone(),
        logging::LoggingProcess::new(readwrite_realm.clone()),
    );
    runtime.spawn_on(
        here.clone(),
        profiler::ProfilerProcess::new(readwrite_realm),
    );
    runtime.spawn_on(here.clone(), system::SystemProcess);
    runtime.spawn_on(here, processes::ProcessesProcess);
}
