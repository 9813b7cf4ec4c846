//! `/frameworks`, and frameworks as the APIs show them.

use std::collections::HashMap;
use std::sync::Arc;

use libprocess::Time;
use libprocess::http::{Request, Response};
use mesos_common::ids::FrameworkId;
use mesos_common::wire;
use mesos_proto::v1;
use mesos_proto::v1::framework_info::capability::Type as Capability;
use mesos_proto::v1::master::response::get_frameworks;
use mesos_proto_codec::Dialect;
use mesos_proto_codec::json::JsonWriter;

use super::model;
use super::shared::Render;
use crate::master::{MasterProcess, time_info};
use crate::state::framework::Framework;
use crate::state::frameworks::FrameworksView;
use crate::state::task::Task;

/// The offers of each framework.
pub(crate) type OffersOf = HashMap<FrameworkId, Vec<Arc<v1::Offer>>>;

/// The inverse offers of each framework.
pub(crate) type InverseOffersOf = HashMap<FrameworkId, Vec<Arc<v1::InverseOffer>>>;

/// A framework as the operator API shows it.
#[must_use]
pub(crate) fn framework_model(framework: &Framework) -> get_frameworks::Framework {
    get_frameworks::Framework {
        framework_info: Some(v1::FrameworkInfo::clone(framework.info()).into()),
        active: Some(framework.is_active()),
        connected: Some(framework.is_connected()),
        recovered: Some(framework.is_recovered()),
        registered_time: Some(time_info(framework.registered_time())),
        reregistered_time: Some(time_info(framework.reregistered_time())),
        unregistered_time: framework.unregistered_time().map(time_info),
        allocated_resources: super::agents::endpoint(&framework.used_sum()),
        offered_resources: super::agents::endpoint(&framework.offered_sum()),
        offer_constraints: Some(v1::scheduler::OfferConstraints::clone(
            framework.offer_constraints(),
        )),
        ..Default::default()
    }
}

/// A framework as events show it: a running one has the epoch as its end, and no constraints.
#[must_use]
pub(crate) fn event_model(framework: &Framework) -> get_frameworks::Framework {
    let mut model = framework_model(framework);
    model.unregistered_time = Some(time_info(
        framework.unregistered_time().unwrap_or(Time::EPOCH),
    ));
    model.allocated_resources.clear();
    model.offered_resources.clear();
    model.offer_constraints = None;
    model
}

/// The members that every document has.
pub(crate) fn summary(w: &mut JsonWriter, framework: &Framework) {
    let info = framework.info();
    w.field("id", framework.id().as_str());
    w.field("name", info.name());
    if let Some(pid) = framework.pid() {
        w.field("pid", &pid.to_string());
    }
    w.field_with("used_resources", |w| {
        model::resources(w, &framework.used_sum());
    });
    w.field_with("offered_resources", |w| {
        model::resources(w, &framework.offered_sum());
    });
    w.field_with("capabilities", |w| {
        w.array(|w| {
            for capability in &info.capabilities {
                w.value(capability.r#type().as_str_name());
            }
        });
    });
    w.field("hostname", info.hostname());
    w.field("webui_url", info.webui_url());
    w.field("active", &framework.is_active());
    w.field("connected", &framework.is_connected());
    w.field("recovered", &framework.is_recovered());
}

/// A whole framework.
pub(crate) fn full(
    w: &mut JsonWriter,
    framework: &Framework,
    view: &FrameworksView,
    offers: &OffersOf,
) {
    let info = framework.info();
    w.object(|w| {
        summary(w, framework);
        w.field("user", info.user());
        w.field("failover_timeout", &info.failover_timeout());
        w.field("checkpoint", &info.checkpoint());
        w.field(
            "registered_time",
            &framework.registered_time().as_secs_f64(),
        );
        let end = framework.unregistered_time().unwrap_or(Time::EPOCH);
        w.field("unregistered_time", &end.as_secs_f64());
        if let Some(principal) = &info.principal {
            w.field("principal", principal);
        }
        let all = &framework.used_sum() + &framework.offered_sum();
        w.field_with("resources", |w| model::resources(w, &all));
        if framework.reregistered_time() != framework.registered_time() {
            w.field(
                "reregistered_time",
                &framework.reregistered_time().as_secs_f64(),
            );
        }
        if framework.has(Capability::MultiRole) {
            w.field_with("roles", |w| {
                w.array(|w| info.roles.iter().for_each(|role| w.value(role)));
            });
        } else {
            w.field("role", info.role());
        }
        contents(w, framework, view, offers);
        if info.labels.is_some() {
            w.field_with("labels", |w| model::labels(w, info.labels()));
        }
        w.field("offer_constraints", framework.offer_constraints().as_ref());
    });
}

#[expect(clippy::excessive_nesting, reason = "the nesting is the document's")]
fn contents(w: &mut JsonWriter, framework: &Framework, view: &FrameworksView, offers: &OffersOf) {
    let may_see = |task: &&Arc<Task>| view.may_see_task(task, framework);
    w.field_with("tasks", |w| {
        w.array(|w| {
            framework
                .tasks()
                .values()
                .filter(may_see)
                .for_each(|task| model::task(w, task));
        });
    });
    w.field_with("unreachable_tasks", |w| {
        w.array(|w| {
            framework
                .unreachable_tasks()
                .values()
                .filter(may_see)
                .for_each(|task| model::task(w, task));
        });
    });
    w.field_with("completed_tasks", |w| {
        w.array(|w| {
            framework
                .completed_tasks()
                .iter()
                .filter(may_see)
                .for_each(|task| model::task(w, task));
        });
    });
    w.field_with("offers", |w| {
        let mine = offers
            .get(framework.id())
            .map(Vec::as_slice)
            .unwrap_or_default();
        w.array(|w| mine.iter().for_each(|offer| model::offer(w, offer)));
    });
    w.field_with("executors", |w| {
        w.array(|w| {
            for (agent_id, executors) in framework.executors() {
                let executors = executors.values();
                for executor in executors.filter(|one| view.may_see_executor(one, framework)) {
                    w.object(|w| {
                        model::executor(w, executor);
                        w.field(wire::AGENT_ID, agent_id.as_str());
                    });
                }
            }
        });
    });
}

/// The three lists of frameworks.
#[expect(clippy::excessive_nesting, reason = "the nesting is the document's")]
pub(crate) fn lists(
    w: &mut JsonWriter,
    view: &FrameworksView,
    offers: &OffersOf,
    wanted: Option<&str>,
) {
    let parts = [
        ("frameworks", &view.registered),
        ("completed_frameworks", &view.completed),
    ];
    for (name, frameworks) in parts {
        w.field_with(name, |w| {
            w.array(|w| {
                for framework in frameworks {
                    if wanted.is_none_or(|id| framework.id().as_str() == id) {
                        full(w, framework, view, offers);
                    }
                }
            });
        });
    }
}

impl MasterProcess {
    /// Answers `/frameworks`.
    pub(crate) fn frameworks(&self, request: &Request) -> Render {
        let view = self.frameworks_view(&self.approvers(request.principal.as_ref()));
        let offers = self.offers_view();
        let wanted = request.query.get("framework_id").map(str::to_owned);
        let jsonp = super::jsonp(request);
        Box::new(move || {
            let mut w = JsonWriter::new(Dialect::V0);
            w.object(|w| {
                lists(w, &view, &offers, wanted.as_deref());
                w.field_with("unregistered_frameworks", |w| w.array(|_| {}));
            });
            Response::ok_json(w.into_vec(), jsonp.as_deref())
        })
    }
}
