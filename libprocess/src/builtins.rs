//! The actors that every runtime has.

mod help;
mod logging;
mod memory_profiler;
mod metrics;
mod processes;
mod profiler;
mod system;

use std::sync::mpsc;

use crate::metrics::RateLimit;
use crate::runtime::{Arbiter, Runtime};

pub(crate) use logging::Verbosity;

/// What the built-in actors need to know.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) readonly_realm: Option<String>,
    pub(crate) readwrite_realm: Option<String>,
    pub(crate) metrics_rate_limit: Option<RateLimit>,
    pub(crate) memory_profiler: MemoryProfiler,
}

/// Whether `/memory-profiler` is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MemoryProfiler {
    #[default]
    Absent,
    Present,
}

/// Starts them, all on one thread because none has much to do, and waits until they have their routes.
pub(crate) fn spawn(runtime: &Runtime, settings: Settings) {
    let Settings {
        readonly_realm,
        readwrite_realm,
        metrics_rate_limit,
        memory_profiler,
    } = settings;
    let here = Arbiter::Main(0);
    runtime.spawn_on(here.clone(), help::HelpProcess);
    let limiter = metrics_rate_limit;
    runtime.spawn_on(
        here.clone(),
        metrics::MetricsProcess::new(readonly_realm, limiter),
    );
    let logging = runtime.spawn_on(
        here.clone(),
        logging::LoggingProcess::new(readwrite_realm.clone()),
    );
    if memory_profiler == MemoryProfiler::Present {
        runtime.spawn_on(
            here.clone(),
            memory_profiler::MemoryProfilerProcess::new(readwrite_realm.clone()),
        );
    }
    runtime.verbosity().set_process(logging);
    runtime.spawn_on(
        here.clone(),
        profiler::ProfilerProcess::new(readwrite_realm),
    );
    runtime.spawn_on(here.clone(), system::SystemProcess);
    let last = runtime.spawn_on(here, processes::ProcessesProcess);
    let (tell, told) = mpsc::channel();
    // The thread starts them in order, so when the last has started all have.
    last.call(|_, _| ()).on_any(move |_outcome| {
        // The receiver waits below.
        let _ = tell.send(());
    });
    let _ = told.recv();
}
