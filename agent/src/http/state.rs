//! The agent's state as operators see it.

use std::collections::BTreeMap;

use libprocess::{
    Context, Future,
    http::{Request, Response},
};
use mesos_common::{
    authorization::{Action, Approvers, Object},
    flags::{FlagSet, HasLogging},
    resources::Resources,
    version, wire,
};
use mesos_proto::v1::{self, TaskState, framework_info::capability::Type as Capability};
use mesos_proto_codec::{Dialect, json::JsonWriter};

use super::{
    resource_format::{
        write_attributes, write_full, write_reserved, write_reserved_full, write_summary,
    },
    views::{may_see, may_see_executor, may_see_task, may_see_task_info},
};
use crate::{
    agent::{AgentProcess, register::capabilities},
    state::{
        executor::Executor,
        framework::Framework,
        task::{create, has_capability},
    },
};

/// Answers `/state`.
pub(crate) fn handle(
    agent: &mut AgentProcess,
    request: Request,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    if agent.state.is_recovering() {
        return Response::service_unavailable("Agent has not finished recovery").into();
    }
    let approvers = agent.approvers(request.principal.as_ref());
    let view = View {
        agent,
        approvers: &approvers,
    };
    let mut json = JsonWriter::new(Dialect::V0);
    json.object(|json| write_state(json, &view, &ctx.upid().to_string()));
    Response::ok_json(json.into_vec(), request.query.get("jsonp")).into()
}

/// The agent as somebody may see it.
struct View<'a> {
    agent: &'a AgentProcess,
    approvers: &'a Approvers,
}

fn write_state(json: &mut JsonWriter, view: &View<'_>, pid: &str) {
    let agent = view.agent;
    version::write_fields(json);
    json.field("start_time", &agent.started.as_secs_f64());
    json.field("id", agent.info.id().value());
    json.field("pid", pid);
    json.field("hostname", agent.info.hostname());
    json.field_with("capabilities", |json| {
        json.array(|json| {
            for capability in capabilities(&agent.flags) {
                json.value(capability.r#type().as_str_name());
            }
        });
    });
    if let Some(domain) = &agent.info.domain {
        json.field_with("domain", |json| json.message(domain));
    }
    if let Some(draining) = &agent.draining {
        json.field_with("drain_config", |json| json.message(&draining.config));
        json.field(
            "estimated_drain_start_time_seconds",
            &draining.started.as_secs_f64(),
        );
    }
    write_resources(json, view);
    json.field_with("attributes", |json| {
        write_attributes(json, &agent.info.attributes);
    });
    if let Some(master) = &agent.master.info {
        let looked_up = agent.master.hostname.as_deref();
        json.field(
            "master_hostname",
            looked_up.unwrap_or_else(|| master.hostname()),
        );
    }
    if view.approvers.approve_any(Action::ViewFlags) {
        write_flags(json, agent);
    }
    json.field_with("frameworks", |json| {
        json.array(|json| {
            let seen = agent
                .frameworks
                .iter()
                .filter(|f| may_see(view.approvers, f));
            seen.for_each(|f| write_framework(json, f, view.approvers));
        });
    });
    json.field_with("completed_frameworks", |json| {
        json.array(|json| {
            let completed = agent.frameworks.completed();
            let seen = completed.filter(|f| may_see(view.approvers, f));
            seen.for_each(|f| write_framework(json, f, view.approvers));
        });
    });
}

fn write_flags(json: &mut JsonWriter, agent: &AgentProcess) {
    if let Some(directory) = &agent.flags.logging().log_dir {
        json.field("log_dir", directory.as_str());
    }
    if let Some(file) = &agent.flags.logging().external_log_file {
        json.field("external_log_file", file.as_str());
    }
    json.field_with("flags", |json| {
        json.object(|json| {
            for (name, value) in agent.flags.stringified() {
                json.field(name, value.as_str());
            }
        });
    });
}

fn write_resources(json: &mut JsonWriter, view: &View<'_>) {
    let agent = view.agent;
    let may_see = |role: &str| {
        let role = Object::value(role);
        view.approvers.approve(Action::ViewRole, &role)
    };
    let total = &agent.resources.total;
    let allocated = agent.frameworks.allocated();
    json.field_with("resources", |json| write_summary(json, total));
    json.field_with("reserved_resources", |json| {
        write_reserved(json, total, &may_see);
    });
    json.field_with("unreserved_resources", |json| {
        write_summary(json, &total.unreserved());
    });
    json.field_with("reserved_resources_full", |json| {
        write_reserved_full(json, total, &may_see);
    });
    json.field_with("unreserved_resources_full", |json| {
        write_full(json, &total.unreserved());
    });
    json.field_with("reserved_resources_allocated", |json| {
        write_reserved(json, &allocated, &may_see);
    });
    json.field_with("unreserved_resources_allocated", |json| {
        write_summary(json, &allocated.unreserved());
    });
    json.field_with("resource_providers", |json| json.array(|_| {}));
}

fn write_framework(json: &mut JsonWriter, framework: &Framework, approvers: &Approvers) {
    let may = |executor: &&Executor| may_see_executor(approvers, executor, framework);
    json.object(|json| {
        let info = &framework.info;
        json.field("id", framework.id().as_str());
        json.field("name", info.name());
        json.field("user", info.user());
        json.field("failover_timeout", &info.failover_timeout());
        json.field("checkpoint", &info.checkpoint());
        json.field("hostname", info.hostname());
        if let Some(principal) = &info.principal {
            json.field("principal", principal.as_str());
        }
        if has_capability(info, Capability::MultiRole) {
            json.field_with("roles", |json| {
                json.array(|json| info.roles.iter().for_each(|role| json.value(role.as_str())));
            });
        } else {
            json.field("role", info.role());
        }
        json.field_with("executors", |json| {
            json.array(|json| {
                let seen = framework.executors().filter(may);
                seen.for_each(|e| write_executor(json, e, framework, approvers));
            });
        });
        json.field_with("completed_executors", |json| {
            json.array(|json| {
                let seen = framework.completed_executors().filter(may);
                seen.for_each(|e| write_executor(json, e, framework, approvers));
            });
        });
    });
}

fn write_executor(
    json: &mut JsonWriter,
    executor: &Executor,
    framework: &Framework,
    approvers: &Approvers,
) {
    json.object(|json| {
        let info = executor.info();
        let resources = executor.allocated();
        json.field("id", executor.id().as_str());
        json.field("name", info.name());
        json.field("source", info.source());
        json.field("container", executor.container().to_string().as_str());
        json.field(
            "directory",
            executor.directory().display().to_string().as_str(),
        );
        json.field_with("resources", |json| write_summary(json, &resources));
        // Resources of an executor are allocated to a single role.
        if let Some(role) = resources.allocations().keys().next() {
            json.field("role", role.as_ref());
        }
        if let Some(labels) = &info.labels {
            json.field_with("labels", |json| write_labels(json, labels));
        }
        if info.r#type.is_some() {
            json.field("type", info.r#type().as_str_name());
        }
        write_tasks(json, executor, framework, approvers);
    });
}

/// Writes the tasks of an executor; those whose end is not acknowledged count as completed.
fn write_tasks(
    json: &mut JsonWriter,
    executor: &Executor,
    framework: &Framework,
    approvers: &Approvers,
) {
    let may = |task: &&v1::Task| may_see_task(approvers, task, framework);
    json.field_with("tasks", |json| {
        json.array(|json| {
            let launched = executor.launched().filter(may);
            launched.for_each(|task| write_task(json, task));
        });
    });
    json.field_with("queued_tasks", |json| {
        json.array(|json| {
            let may = |task: &&v1::TaskInfo| may_see_task_info(approvers, task, framework);
            for task in executor.queued().filter(may) {
                let task = create(task, TaskState::TaskStaging, executor.framework());
                write_task(json, &task);
            }
        });
    });
    json.field_with("completed_tasks", |json| {
        json.array(|json| {
            let ended = executor.completed().chain(executor.terminated());
            ended.filter(may).for_each(|task| write_task(json, task));
        });
    });
}

/// Writes a task.
pub(crate) fn write_task(json: &mut JsonWriter, task: &v1::Task) {
    json.object(|json| {
        let resources = Resources::from_proto(&task.resources);
        json.field("id", task.task_id().value());
        json.field("name", task.name());
        json.field("framework_id", task.framework_id().value());
        json.field("executor_id", task.executor_id().value());
        json.field(wire::AGENT_ID, task.agent_id().value());
        json.field("state", task.state().as_str_name());
        json.field_with("resources", |json| write_summary(json, &resources));
        if !task.limits.is_empty() {
            json.field_with("limits", |json| write_limits(json, &task.limits));
        }
        if let Some(role) = resources.allocations().keys().next() {
            json.field("role", role.as_ref());
        }
        json.field_with("statuses", |json| {
            json.array(|json| {
                task.statuses
                    .iter()
                    .for_each(|status| write_status(json, status));
            });
        });
        if let Some(user) = &task.user {
            json.field("user", user.as_str());
        }
        if let Some(labels) = &task.labels {
            json.field_with("labels", |json| write_labels(json, labels));
        }
        if let Some(discovery) = &task.discovery {
            json.field_with("discovery", |json| json.message(&**discovery));
        }
        if let Some(container) = &task.container {
            json.field_with("container", |json| json.message(&**container));
        }
        if let Some(check) = &task.health_check {
            json.field_with("health_check", |json| json.message(&**check));
        }
    });
}

fn write_limits(json: &mut JsonWriter, limits: &BTreeMap<String, v1::value::Scalar>) {
    json.object(|json| {
        for (name, limit) in limits {
            json.field(name, &limit.value());
        }
    });
}

fn write_status(json: &mut JsonWriter, status: &v1::TaskStatus) {
    json.object(|json| {
        json.field("state", status.state().as_str_name());
        json.field("timestamp", &status.timestamp());
        if let Some(labels) = &status.labels {
            json.field_with("labels", |json| write_labels(json, labels));
        }
        if let Some(container) = &status.container_status {
            // The process id is shown by `/containers` only.
            let mut shown = (**container).clone();
            shown.executor_pid = None;
            json.field_with("container_status", |json| json.message(&shown));
        }
        if let Some(healthy) = &status.healthy {
            json.field("healthy", healthy);
        }
    });
}

fn write_labels(json: &mut JsonWriter, labels: &v1::Labels) {
    json.array(|json| labels.labels.iter().for_each(|label| json.message(label)));
}
