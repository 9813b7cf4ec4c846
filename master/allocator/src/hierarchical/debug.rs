//! The page `/allocator/offer_constraints_debug`.
//!
//! # Wire
//! `{"frameworks": {"<id>": {"suppressed_roles": [...],
//! "excluded_by_attribute_constraints": {"<role>": ["<agent id>", ...]}}}}`.

use libprocess::http::{Help, Needed, Request, Response};
use libprocess::{Context, Future};
use mesos_proto_codec::Dialect;
use mesos_proto_codec::json::JsonWriter;

use super::HierarchicalAllocatorProcess;
use super::frameworks::Framework;
use super::state::State;
use crate::allocator::{FrameworkFilter, FrameworkViewer};

impl HierarchicalAllocatorProcess {
    /// Serves the page to principals of a realm.
    pub(crate) fn serve_debug(
        &mut self,
        realm: Option<&str>,
        viewer: FrameworkViewer,
        ctx: &mut Context<Self>,
    ) {
        let handler = move |_: &mut Self, request: Request, ctx: &mut Context<Self>| {
            let pid = ctx.pid();
            viewer(request.principal).then(move |filter| match filter {
                Ok(filter) => pid.call(move |process, _| process.constraints_page(&filter)),
                Err(error) => Future::ready(Response::internal_server_error(format!(
                    "Failed to authorize VIEW_FRAMEWORK: {error}"
                ))),
            })
        };
        let help = Help::new(
            "Shows which agents the frameworks' offer constraints exclude.",
            &[
                "For every role of every framework that the caller may see, this lists the agents",
                "that the framework's offer constraints exclude, and the roles that it suppressed.",
            ],
        )
        .authentication(Needed::Yes);
        match realm {
            Some(realm) => ctx.route_in_realm("/offer_constraints_debug", realm, help, handler),
            None => ctx.route("/offer_constraints_debug", help, handler),
        }
    }

    fn constraints_page(&self, filter: &FrameworkFilter) -> Response {
        let json = self.state().map_or_else(
            || "{\"frameworks\":{}}".into(),
            |state| constraints_json(state, filter),
        );
        Response::ok_json(json, None)
    }
}

fn constraints_json(state: &State, filter: &FrameworkFilter) -> Vec<u8> {
    let mut writer = JsonWriter::new(Dialect::V0);
    writer.object(|page| {
        page.field_with("frameworks", |frameworks| {
            frameworks.object(|frameworks| {
                let visible = state.frameworks.iter().filter(|(_, one)| filter(&one.info));
                for (_, framework) in visible {
                    frameworks.key(framework.id.as_str());
                    write_framework(frameworks, state, framework);
                }
            });
        });
    });
    writer.into_vec()
}

fn write_framework(writer: &mut JsonWriter, state: &State, framework: &Framework) {
    writer.begin_object();
    writer.key("suppressed_roles");
    writer.array(|roles| {
        for role in &framework.suppressed {
            roles.value(role.as_ref());
        }
    });
    writer.key("excluded_by_attribute_constraints");
    writer.begin_object();
    for role in &framework.roles {
        writer.key(role);
        writer.array(|agents| {
            for (_, agent) in state.agents.iter() {
                if framework.constraints.excludes(role, &agent.info) {
                    agents.value(agent.id.as_str());
                }
            }
        });
    }
    writer.end_object();
    writer.end_object();
}
