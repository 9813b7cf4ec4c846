//! What executors use.

use libprocess::{
    Context, Future,
    http::{Request, Response},
};
use mesos_proto_codec::{Dialect, json::JsonWriter};

use super::{
    answers::write_sorted,
    containers::{Observed, observe, of_executors},
};
use crate::agent::AgentProcess;

/// Answers `/monitor/statistics`.
pub(crate) fn handle(
    agent: &mut AgentProcess,
    request: Request,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    if let Some(refusal) = agent.refuse_get(&request, "/monitor/statistics") {
        return refusal.into();
    }
    let jsonp = request.query.get("jsonp").map(str::to_owned);
    let containers = of_executors(agent);
    observe(agent, containers, ctx).map(move |observed| {
        let mut json = JsonWriter::new(Dialect::V0);
        json.array(|json| observed.iter().for_each(|container| write(json, container)));
        Response::ok_json(json.into_vec(), jsonp.as_deref())
    })
}

/// Executors that could not be measured are left out.
fn write(json: &mut JsonWriter, container: &Observed) {
    let (Some(owner), Some(statistics)) = (&container.owner, &container.statistics) else {
        return;
    };
    json.object(|json| {
        json.field("executor_id", owner.executor.as_str());
        json.field("executor_name", owner.name.as_str());
        json.field("framework_id", owner.framework.as_str());
        json.field("source", owner.source.as_str());
        json.field_with("statistics", |json| write_sorted(json, statistics));
    });
}
