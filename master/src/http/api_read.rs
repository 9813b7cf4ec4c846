//! The operator calls that only read.

use std::sync::Arc;

use libprocess::http::Response;
use libprocess::{Context, Future, Promise};
use mesos_common::authorization::Approvers;
use mesos_proto::v1;
use mesos_proto::v1::master::call::Type;
use mesos_proto::v1::master::response::{self, Type as ResponseType};
use mesos_proto::v1::master::{Response as Answer, event};
use mesos_proto_codec::json::JsonWriter;
use mesos_proto_codec::{Dialect, Json, to_json};
use prost::Message as _;

use super::agents;
use super::api::Asked;
use super::authorize::{may_see_role, seen_quota, seen_schedule, seen_status, seen_weights};
use super::frameworks::{InverseOffersOf, OffersOf, framework_model};
use super::negotiation::ContentType;
use super::shared::Snapshot;
use crate::master::{MasterProcess, RolesView};
use crate::state::agents::AgentsView;
use crate::state::framework::Framework;
use crate::state::frameworks::FrameworksView;
use crate::state::task::Task;

/// A snapshot of agents and frameworks.
#[derive(Debug)]
pub(crate) struct OperatorState {
    pub(crate) agents: AgentsView,
    pub(crate) frameworks: FrameworksView,
    pub(crate) offers: OffersOf,
    pub(crate) inverse_offers: InverseOffersOf,
}

/// Lists that the JSON form writes even when they are empty.
struct Lists<'a>(&'a mut JsonWriter);

impl Lists<'_> {
    fn list<M: Json>(&mut self, name: &str, messages: &[M]) {
        self.0.field_with(name, |w| {
            w.array(|w| messages.iter().for_each(|one| w.message(one)));
        });
    }
}

impl OperatorState {
    fn get_tasks(&self) -> response::GetTasks {
        let mut tasks = response::GetTasks::default();
        let view = &self.frameworks;
        for framework in &view.registered {
            let seen = framework.tasks().values();
            let seen = seen.filter(|task| view.may_see_task(task, framework));
            tasks.tasks.extend(seen.map(|task| task.info().clone()));
        }
        for framework in self
            .frameworks
            .registered
            .iter()
            .chain(&self.frameworks.completed)
        {
            let may_see = |task: &&Arc<Task>| view.may_see_task(task, framework);
            let unreachable = framework.unreachable_tasks().values().filter(may_see);
            tasks
                .unreachable_tasks
                .extend(unreachable.map(|task| task.info().clone()));
            let completed = framework.completed_tasks().iter().filter(may_see);
            tasks
                .completed_tasks
                .extend(completed.map(|task| task.info().clone()));
        }
        tasks
    }

    fn get_executors(&self) -> response::GetExecutors {
        let mut executors = response::GetExecutors::default();
        for framework in self
            .frameworks
            .registered
            .iter()
            .chain(&self.frameworks.completed)
        {
            for (agent_id, of_agent) in framework.executors() {
                let seen = of_agent.values();
                for info in seen.filter(|info| self.frameworks.may_see_executor(info, framework)) {
                    executors.executors.push(response::get_executors::Executor {
                        executor_info: Some(v1::ExecutorInfo::clone(info).into()),
                        agent_id: Some(agent_id.to_proto()),
                        ..Default::default()
                    });
                }
            }
        }
        executors
    }

    fn framework(&self, framework: &Framework) -> response::get_frameworks::Framework {
        let mut model = framework_model(framework);
        let offers = self.offers.get(framework.id()).into_iter().flatten();
        model.offers = offers.map(|offer| v1::Offer::clone(offer)).collect();
        let inverse = self.inverse_offers.get(framework.id());
        let inverse = inverse.into_iter().flatten();
        model.inverse_offers = inverse
            .map(|offer| v1::InverseOffer::clone(offer))
            .collect();
        model
    }

    fn get_frameworks(&self) -> response::GetFrameworks {
        let models = |list: &[Arc<Framework>]| {
            list.iter()
                .map(|framework| self.framework(framework))
                .collect()
        };
        response::GetFrameworks {
            frameworks: models(&self.frameworks.registered),
            completed_frameworks: models(&self.frameworks.completed),
            ..Default::default()
        }
    }

    fn get_agents(&self) -> response::GetAgents {
        let view = &self.agents;
        response::GetAgents {
            agents: view
                .registered
                .iter()
                .map(|agent| {
                    let deactivated = view.deactivated.contains(agent.id());
                    let drain_info = view.draining.get(agent.id());
                    agents::model(agent, drain_info, deactivated, &view.approvers)
                })
                .collect(),
            recovered_agents: view
                .recovered
                .iter()
                .map(|info| agents::seen_info(info, &view.approvers))
                .collect(),
            ..Default::default()
        }
    }

    fn get_state(&self) -> response::GetState {
        response::GetState {
            get_tasks: Some(self.get_tasks().into()),
            get_executors: Some(self.get_executors()),
            get_frameworks: Some(self.get_frameworks().into()),
            get_agents: Some(self.get_agents()),
            ..Default::default()
        }
    }

    /// The answer to one of the calls that show agents, frameworks and what they run.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the caller sends only these kinds"
    )]
    fn write(&self, kind: Type, accept: ContentType) -> Response {
        if accept == ContentType::Json {
            return match kind {
                Type::GetTasks => by_hand("GET_TASKS", "get_tasks", |w| {
                    write_tasks(w, &self.get_tasks());
                }),
                Type::GetExecutors => by_hand("GET_EXECUTORS", "get_executors", |w| {
                    write_executors(w, &self.get_executors());
                }),
                Type::GetFrameworks => by_hand("GET_FRAMEWORKS", "get_frameworks", |w| {
                    write_frameworks(w, &self.get_frameworks());
                }),
                Type::GetAgents => by_hand("GET_AGENTS", "get_agents", |w| {
                    write_agents(w, &self.get_agents());
                }),
                _ => by_hand("GET_STATE", "get_state", |w| {
                    write_state(w, &self.get_state());
                }),
            };
        }
        let mut answer = Answer::default();
        let kind = match kind {
            Type::GetTasks => {
                answer.get_tasks = Some(self.get_tasks().into());
                ResponseType::GetTasks
            }
            Type::GetExecutors => {
                answer.get_executors = Some(self.get_executors());
                ResponseType::GetExecutors
            }
            Type::GetFrameworks => {
                answer.get_frameworks = Some(self.get_frameworks().into());
                ResponseType::GetFrameworks
            }
            Type::GetAgents => {
                answer.get_agents = Some(self.get_agents());
                ResponseType::GetAgents
            }
            _ => {
                answer.get_state = Some(self.get_state().into());
                ResponseType::GetState
            }
        };
        answer.r#type = Some(kind.into());
        respond(&answer, accept)
    }
}

/// The answer to `GET_ROLES`.
fn write_roles(view: &RolesView, approvers: &Approvers, accept: ContentType) -> Response {
    let roles = view
        .known()
        .iter()
        .filter(|name| may_see_role(approvers, name))
        .map(|name| {
            let role = view.view(name);
            let mut amounts = role.allocated.clone();
            amounts += &role.offered;
            let mut resources = super::quota::resources_of(&amounts);
            // Of ranges there is no amount here.
            resources.retain(|resource| resource.name() != "ports");
            v1::Role {
                name: Some(name.clone()),
                weight: Some(role.weight),
                frameworks: role.frameworks.iter().map(|id| id.to_proto()).collect(),
                resources,
                ..Default::default()
            }
        })
        .collect();
    let roles = response::GetRoles {
        roles,
        ..Default::default()
    };
    respond(
        &Answer {
            r#type: Some(ResponseType::GetRoles.into()),
            get_roles: Some(roles),
            ..Default::default()
        },
        accept,
    )
}

fn write_tasks(w: &mut JsonWriter, tasks: &response::GetTasks) {
    w.object(|w| {
        let mut lists = Lists(w);
        lists.list("tasks", &tasks.tasks);
        lists.list("unreachable_tasks", &tasks.unreachable_tasks);
        lists.list("completed_tasks", &tasks.completed_tasks);
    });
}

fn write_executors(w: &mut JsonWriter, executors: &response::GetExecutors) {
    w.object(|w| Lists(w).list("executors", &executors.executors));
}

fn write_frameworks(w: &mut JsonWriter, frameworks: &response::GetFrameworks) {
    w.object(|w| {
        let mut lists = Lists(w);
        lists.list("frameworks", &frameworks.frameworks);
        lists.list("completed_frameworks", &frameworks.completed_frameworks);
    });
}

fn write_agents(w: &mut JsonWriter, agents: &response::GetAgents) {
    w.object(|w| {
        w.field_with("agents", |w| {
            w.array(|w| {
                for agent in &agents.agents {
                    let mut rest = agent.clone();
                    rest.agent_info = None;
                    let rest = to_json(&rest, Dialect::V1);
                    let info = agent_info_json(agent.agent_info());
                    let rest = rest.strip_prefix('{').unwrap_or("}");
                    w.raw(format!("{{\"agent_info\":{info},{rest}").as_bytes());
                }
            });
        });
        w.field_with("recovered_agents", |w| {
            w.array(|w| {
                for info in &agents.recovered_agents {
                    w.raw(agent_info_json(info).as_bytes());
                }
            });
        });
    });
}

/// An agent's description, with the member that only older masters named: whether it checkpoints.
fn agent_info_json(info: &v1::AgentInfo) -> String {
    let text = to_json(info, Dialect::V1);
    let open = text.strip_suffix('}').unwrap_or("{");
    format!("{open},\"checkpoint\":{}}}", info.checkpoint())
}

fn write_state(w: &mut JsonWriter, state: &response::GetState) {
    w.object(|w| {
        w.field_with("get_tasks", |w| write_tasks(w, state.get_tasks()));
        w.field_with("get_executors", |w| {
            write_executors(w, state.get_executors());
        });
        w.field_with("get_frameworks", |w| {
            write_frameworks(w, state.get_frameworks());
        });
        w.field_with("get_agents", |w| write_agents(w, state.get_agents()));
    });
}

/// The first event of an operator's stream.
pub(super) fn subscribed(state: &OperatorState, accept: ContentType) -> Vec<u8> {
    let interval = crate::constants::HEARTBEAT_INTERVAL.as_secs_f64();
    let state = state.get_state();
    match accept {
        ContentType::Json => {
            let mut w = JsonWriter::new(Dialect::V1);
            w.object(|w| {
                w.field("type", "SUBSCRIBED");
                w.field_with("subscribed", |w| {
                    w.object(|w| {
                        w.field_with("get_state", |w| write_state(w, &state));
                        w.field("heartbeat_interval_seconds", &interval);
                    });
                });
            });
            w.into_vec()
        }
        ContentType::Protobuf => v1::master::Event {
            r#type: Some(event::Type::Subscribed.into()),
            subscribed: Some(event::Subscribed {
                get_state: Some(state.into()),
                heartbeat_interval_seconds: Some(interval),
                ..Default::default()
            }),
            ..Default::default()
        }
        .encode_to_vec(),
    }
}

pub(super) fn respond(answer: &Answer, accept: ContentType) -> Response {
    let body = super::stream::encode(answer, accept);
    typed(body, accept)
}

fn typed(body: Vec<u8>, accept: ContentType) -> Response {
    Response::ok_text(body).with_header("Content-Type", accept.as_str())
}

/// A JSON answer whose payload is written by hand.
fn by_hand(kind: &str, field: &str, write: impl FnOnce(&mut JsonWriter)) -> Response {
    let mut w = JsonWriter::new(Dialect::V1);
    w.object(|w| {
        w.field("type", kind);
        w.field_with(field, write);
    });
    typed(w.into_vec(), ContentType::Json)
}

impl MasterProcess {
    /// A snapshot for operators.
    pub(crate) fn operator_state(&self, approvers: &Approvers) -> OperatorState {
        OperatorState {
            agents: self.agents_view(approvers),
            frameworks: self.frameworks_view(approvers),
            offers: self.offers_view(),
            inverse_offers: self.inverse_offers_view(),
        }
    }

    /// Answers a call that only reads.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the caller sends only these kinds"
    )]
    pub(super) fn read_call(&self, asked: &Asked, ctx: &Context<Self>) -> Future<Response> {
        let accept = asked.accept;
        match asked.call.r#type() {
            Type::GetMetrics => Self::read_metrics(asked, ctx),
            Type::GetMaintenanceStatus => self.read_maintenance_status(asked, ctx),
            Type::ListFiles => self.list_files(asked),
            Type::ReadFile => self.read_file(asked),
            _ => respond(&self.small_answer(asked, ctx), accept).into(),
        }
    }

    /// Answers a call that others ask at the same time.
    pub(super) fn share_call(&mut self, asked: Asked, ctx: &Context<Self>) -> Future<Response> {
        let (kind, accept) = (asked.call.r#type(), asked.accept);
        let approvers = asked.approvers;
        let snapshot: Snapshot = if kind == Type::GetRoles {
            Box::new(move |master| {
                let view = master.roles_view();
                Box::new(move || write_roles(&view, &approvers, accept))
            })
        } else {
            Box::new(move |master| {
                let state = master.operator_state(&approvers);
                Box::new(move || state.write(kind, accept))
            })
        };
        self.share(asked.question, snapshot, ctx)
    }

    fn read_metrics(asked: &Asked, ctx: &Context<Self>) -> Future<Response> {
        let accept = asked.accept;
        let timeout = asked.call.get_metrics().timeout.as_ref().map(|_| {
            let nanoseconds = asked.call.get_metrics().timeout().nanoseconds();
            std::time::Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0))
        });
        let (promise, answer) = Promise::new();
        ctx.runtime()
            .metrics()
            .snapshot(timeout)
            .on_any(move |outcome| {
                let metrics = outcome
                    .ready()
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(name, value)| v1::Metric {
                        name: Some(name),
                        value: Some(value),
                        ..Default::default()
                    })
                    .collect();
                let metrics = response::GetMetrics {
                    metrics,
                    ..Default::default()
                };
                promise.set(respond(
                    &Answer {
                        r#type: Some(ResponseType::GetMetrics.into()),
                        get_metrics: Some(metrics),
                        ..Default::default()
                    },
                    accept,
                ));
            });
        answer
    }

    fn read_maintenance_status(&self, asked: &Asked, ctx: &Context<Self>) -> Future<Response> {
        let (accept, approvers) = (asked.accept, asked.approvers.clone());
        let (promise, answer) = Promise::new();
        self.maintenance_status(ctx).on_any(move |outcome| {
            let status = seen_status(&approvers, outcome.ready().unwrap_or_default());
            let status = response::GetMaintenanceStatus {
                status: Some(status),
                ..Default::default()
            };
            promise.set(respond(
                &Answer {
                    r#type: Some(ResponseType::GetMaintenanceStatus.into()),
                    get_maintenance_status: Some(status.into()),
                    ..Default::default()
                },
                accept,
            ));
        });
        answer
    }

    /// Answers that are small enough to be made in the actor.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the caller sends only these kinds"
    )]
    #[expect(clippy::too_many_lines, reason = "one arm a kind, each a few lines")]
    fn small_answer(&self, asked: &Asked, ctx: &Context<Self>) -> Answer {
        let approvers = &asked.approvers;
        let mut answer = Answer::default();
        let kind = match asked.call.r#type() {
            Type::GetHealth => {
                let health = response::GetHealth {
                    healthy: Some(true),
                    ..Default::default()
                };
                answer.get_health = Some(health);
                ResponseType::GetHealth
            }
            Type::GetFlags => {
                let flags = self
                    .flag_texts()
                    .into_iter()
                    .map(|(name, value)| v1::Flag {
                        name: Some(name),
                        value: Some(value),
                        ..Default::default()
                    })
                    .collect();
                answer.get_flags = Some(response::GetFlags {
                    flags,
                    ..Default::default()
                });
                ResponseType::GetFlags
            }
            Type::GetVersion => {
                let version = response::GetVersion {
                    version_info: Some(mesos_common::version::version_info().into()),
                    ..Default::default()
                };
                answer.get_version = Some(version);
                ResponseType::GetVersion
            }
            Type::GetLoggingLevel => {
                let level = response::GetLoggingLevel {
                    level: Some(ctx.runtime().log_level()),
                    ..Default::default()
                };
                answer.get_logging_level = Some(level);
                ResponseType::GetLoggingLevel
            }
            Type::GetOperations => {
                let operations = self.all_operations(approvers);
                answer.get_operations = Some(response::GetOperations {
                    operations,
                    ..Default::default()
                });
                ResponseType::GetOperations
            }
            Type::GetWeights => {
                let weights = response::GetWeights {
                    weight_infos: seen_weights(approvers, self.weights()),
                    ..Default::default()
                };
                let is_set = !weights.weight_infos.is_empty();
                answer.get_weights = is_set.then_some(weights);
                ResponseType::GetWeights
            }
            Type::GetMaster => {
                let master = response::GetMaster {
                    master_info: Some(self.info().clone().into()),
                    start_time: Some(self.start_time().as_secs_f64()),
                    elected_time: self.elected_time().map(|time| time.as_secs_f64()),
                    ..Default::default()
                };
                answer.get_master = Some(master);
                ResponseType::GetMaster
            }
            Type::GetMaintenanceSchedule => {
                let schedule = response::GetMaintenanceSchedule {
                    schedule: Some(seen_schedule(approvers, self.schedule())),
                    ..Default::default()
                };
                answer.get_maintenance_schedule = Some(schedule);
                ResponseType::GetMaintenanceSchedule
            }
            Type::GetQuota => {
                let quota = response::GetQuota {
                    status: Some(seen_quota(approvers, self.quota_status())),
                    ..Default::default()
                };
                answer.get_quota = Some(quota.into());
                ResponseType::GetQuota
            }
            _ => ResponseType::Unknown,
        };
        answer.r#type = Some(kind.into());
        answer
    }
}
