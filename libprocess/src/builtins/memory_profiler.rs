//! `/memory-profiler`: says that the allocator keeps no profile.
//!
//! Mirrors `3rdparty/libprocess/src/memory_profiler.cpp` as it answers in a program without jemalloc.

use crate::context::Context;
use crate::http::{Help, Needed, Response};
use crate::id::ProcessId;
use crate::process::Process;

const NOT_DETECTED: &str = "
The current binary doesn't seem to be linked against jemalloc,
or the currently used jemalloc library was compiled without
support for statistics collection.

If the current binary was not compiled against jemalloc,
consider adding the path to libjemalloc to the LD_PRELOAD
environment variable, for example LD_PRELOAD=/usr/lib/libjemalloc.so

If you're running a mesos binary and want to have it linked
against jemalloc by default, consider using the
--enable-jemalloc-allocator configuration option.
";

const NOT_GENERATED: &str = "Not yet generated";

/// Answers that no heap profile can be made.
pub(super) struct MemoryProfilerProcess {
    realm: Option<String>,
}

impl MemoryProfilerProcess {
    pub(super) const fn new(realm: Option<String>) -> Self {
        Self { realm }
    }
}

impl Process for MemoryProfilerProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("memory-profiler")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let realm = self.realm.clone().unwrap_or_default();
        let help =
            |what| Help::new(what, &["No jemalloc is built in."]).authentication(Needed::Yes);
        for (path, what) in [
            ("/start", "Starts memory profiling."),
            ("/stop", "Stops memory profiling and dumps collected data."),
            ("/statistics", "Shows memory allocation statistics."),
        ] {
            ctx.route_in_realm(path, &realm, help(what), |_, _, _| {
                Response::bad_request(NOT_DETECTED).into()
            });
        }
        for (path, what, refusal) in [
            (
                "/download/raw",
                "Returns a raw memory profile.",
                "Cannot access raw profile",
            ),
            (
                "/download/text",
                "Returns a symbolized memory profile.",
                "No source profile exists",
            ),
            (
                "/download/graph",
                "Returns a graph visualization.",
                "No source profile exists",
            ),
        ] {
            ctx.route_in_realm(path, &realm, help(what), move |_, _, _| {
                Response::bad_request(format!("{refusal}: {NOT_GENERATED}.\n")).into()
            });
        }
        let what = "Shows the configuration of the memory profiler process.";
        ctx.route_in_realm("/state", &realm, help(what), |_, _, _| {
            let state = serde_json::json!({ "memory_profiler": {
                "current_run": { "id": null },
                "jemalloc_detected": false,
                "tmp_dir": NOT_GENERATED,
            }});
            Response::ok_json(state.to_string(), None).into()
        });
    }
}
