//! `/__processes__`: every actor with what is in its queue.

use crate::context::Context;
use crate::future::Future;
use crate::http::{Help, Response};
use crate::id::ProcessId;
use crate::process::Process;
use crate::promise::Promise;
use crate::runtime::Runtime;
use crate::{Outcome, collect};

/// Asks every actor to describe its queue.
pub(super) struct ProcessesProcess;

impl Process for ProcessesProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("__processes__")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.route("/", Help::none(), |_, _, ctx| describe_all(ctx.runtime()));
    }
}

/// Actors that end meanwhile are left out.
fn describe_all(runtime: &Runtime) -> Future<Response> {
    let asked = runtime
        .inner()
        .processes
        .all()
        .into_iter()
        .map(|queue| {
            let (promise, described) = Promise::new();
            queue.describe(Box::new(move |value| promise.set(Some(value))));
            described.recover(|_: Outcome<Option<serde_json::Value>>| Future::ready(None))
        })
        .collect();
    collect(asked).map(|described| {
        let all: Vec<serde_json::Value> = described.into_iter().flatten().collect();
        Response::ok_json(serde_json::Value::Array(all).to_string(), None)
    })
}
