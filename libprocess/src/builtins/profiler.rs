//! `/profiler`: says that there is none.
//!
//! Mirrors `3rdparty/libprocess/src/profiler.cpp` as it is built by default, without perftools.

use crate::context::Context;
use crate::http::{Help, Needed, Response};
use crate::id::ProcessId;
use crate::process::Process;

const DISABLED: &str =
    "Perftools is disabled. To enable perftools, configure libprocess with --enable-perftools.\n";

/// Answers that profiling is not built in.
pub(super) struct ProfilerProcess {
    realm: Option<String>,
}

impl ProfilerProcess {
    pub(super) const fn new(realm: Option<String>) -> Self {
        Self { realm }
    }
}

impl Process for ProfilerProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("profiler")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let realm = self.realm.clone().unwrap_or_default();
        for (path, what) in [
            ("/start", "Starts profiling."),
            ("/stop", "Stops profiling."),
        ] {
            let help = Help::new(what, &["Profiling is not built in."]).authentication(Needed::Yes);
            ctx.route_in_realm(path, &realm, help, |_, _, _| {
                Response::bad_request(DISABLED).into()
            });
        }
    }
}
