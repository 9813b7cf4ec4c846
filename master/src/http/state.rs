//! `/state` and `/state-summary`.

use std::collections::{BTreeSet, HashMap};

use libprocess::http::{Request, Response};
use mesos_common::authorization::Action;
use mesos_common::ids::{AgentId, FrameworkId};
use mesos_common::wire;
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto_codec::Dialect;
use mesos_proto_codec::json::JsonWriter;

use super::frameworks::OffersOf;
use super::shared::Render;
use super::{agents, frameworks, model};
use crate::master::MasterProcess;
use crate::state::agents::AgentsView;
use crate::state::frameworks::FrameworksView;

/// Names of a master's capabilities, by number; the third has no name in the v1 API.
const CAPABILITY_NAMES: [&str; 4] = ["UNKNOWN", "AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2"];

/// What a state without agents usually has room in, and each agent in addition; a document that
/// grows into more is copied.
const ROOM: usize = 64 * 1024;
const ROOM_PER_AGENT: usize = 1_024;

/// Everything that `/state` shows.
#[derive(Debug)]
struct StateView {
    info: v1::MasterInfo,
    leader: Option<v1::MasterInfo>,
    start_time: f64,
    elected_time: Option<f64>,
    cluster: Option<String>,
    /// None when the reader may not see them.
    flags: Option<Vec<(String, String)>>,
    agents: AgentsView,
    frameworks: FrameworksView,
    offers: OffersOf,
}

impl MasterProcess {
    fn state_view(&self, request: &Request) -> StateView {
        let approvers = self.approvers(request.principal.as_ref());
        let shows_flags = approvers.approve_any(Action::ViewFlags);
        StateView {
            info: self.info().clone(),
            leader: self.leader().cloned(),
            start_time: self.start_time().as_secs_f64(),
            elected_time: self.elected_time().map(|time| time.as_secs_f64()),
            cluster: self.cluster().map(str::to_owned),
            flags: shows_flags.then(|| self.flag_texts()),
            agents: self.agents_view(&approvers),
            frameworks: self.frameworks_view(&approvers),
            offers: self.offers_view(),
        }
    }

    /// Answers `/state`.
    pub(crate) fn state(&self, request: &Request) -> Render {
        let view = self.state_view(request);
        let jsonp = super::jsonp(request);
        Box::new(move || {
            let room = ROOM + view.agents.registered.len() * ROOM_PER_AGENT;
            let mut w = JsonWriter::continuing(Vec::with_capacity(room), Dialect::V0);
            write_state(&mut w, &view);
            Response::ok_json(w.into_vec(), jsonp.as_deref())
        })
    }

    /// Answers `/state-summary`.
    pub(crate) fn state_summary(&self, request: &Request) -> Render {
        let view = self.state_view(request);
        let jsonp = super::jsonp(request);
        Box::new(move || {
            let mut w = JsonWriter::new(Dialect::V0);
            write_summary(&mut w, &view);
            Response::ok_json(w.into_vec(), jsonp.as_deref())
        })
    }
}

fn write_state(w: &mut JsonWriter, view: &StateView) {
    w.object(|w| {
        write_master(w, view);
        if let Some(flags) = &view.flags {
            w.field_with("flags", |w| {
                w.object(|w| flags.iter().for_each(|(name, value)| w.field(name, value)));
            });
        }
        w.field_with(wire::AGENTS, |w| {
            w.array(|w| {
                for agent in &view.agents.registered {
                    w.object(|w| agents::members(w, agent, &view.agents));
                }
            });
        });
        w.field_with(wire::RECOVERED_AGENTS, |w| {
            agents::recovered(w, &view.agents, None);
        });
        frameworks::lists(w, &view.frameworks, &view.offers, None);
        w.field_with("orphan_tasks", |w| w.array(|_| {}));
        w.field_with("unregistered_frameworks", |w| w.array(|_| {}));
    });
}

fn write_master(w: &mut JsonWriter, view: &StateView) {
    mesos_common::version::write_fields(w);
    w.field("start_time", &view.start_time);
    if let Some(time) = &view.elected_time {
        w.field("elected_time", time);
    }
    w.field("id", view.info.id());
    w.field("pid", view.info.pid());
    w.field("hostname", view.info.hostname());
    w.field_with("capabilities", |w| {
        w.array(|w| {
            for capability in &view.info.capabilities {
                let number = usize::try_from(capability.r#type.unwrap_or(0)).unwrap_or(0);
                w.value(CAPABILITY_NAMES.get(number).copied().unwrap_or("UNKNOWN"));
            }
        });
    });
    let active = view
        .agents
        .registered
        .iter()
        .filter(|agent| agent.is_active())
        .count();
    let inactive = view.agents.registered.len() - active;
    w.field(wire::ACTIVATED_AGENTS, &number(active));
    w.field(wire::DEACTIVATED_AGENTS, &number(inactive));
    w.field(wire::UNREACHABLE_AGENTS, &number(view.agents.unreachable));
    if view.info.domain.is_some() {
        w.field_with("domain", |w| model::domain(w, view.info.domain()));
    }
    if let Some(leader) = &view.leader {
        w.field("leader", leader.pid());
        w.field_with("leader_info", |w| {
            w.object(|w| {
                w.field("id", leader.id());
                w.field("pid", leader.pid());
                w.field("port", &leader.port());
                w.field("hostname", leader.hostname());
                if leader.domain.is_some() {
                    w.field_with("domain", |w| model::domain(w, leader.domain()));
                }
            });
        });
    }
    if let (Some(cluster), Some(_)) = (&view.cluster, &view.flags) {
        w.field("cluster", cluster);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}

/// How many tasks are in each state, in the order of the document.
#[derive(Clone, Copy, Debug, Default)]
struct TaskCounts([u64; 10]);

const COUNTED: [TaskState; 10] = [
    TaskState::TaskStaging,
    TaskState::TaskStarting,
    TaskState::TaskRunning,
    TaskState::TaskKilling,
    TaskState::TaskFinished,
    TaskState::TaskKilled,
    TaskState::TaskFailed,
    TaskState::TaskLost,
    TaskState::TaskError,
    TaskState::TaskUnreachable,
];

impl TaskCounts {
    fn count(&mut self, state: TaskState) {
        let position = COUNTED.iter().position(|counted| *counted == state);
        if let Some(count) = position.and_then(|position| self.0.get_mut(position)) {
            *count += 1;
        }
    }

    fn write(self, w: &mut JsonWriter) {
        for (state, count) in COUNTED.iter().zip(self.0) {
            w.field(state.as_str_name(), &count);
        }
    }
}

/// Who runs what where.
#[derive(Debug, Default)]
struct Summary {
    of_framework: HashMap<FrameworkId, (TaskCounts, BTreeSet<AgentId>)>,
    of_agent: HashMap<AgentId, (TaskCounts, BTreeSet<FrameworkId>)>,
}

impl Summary {
    fn of(view: &FrameworksView) -> Self {
        let mut summary = Self::default();
        for framework in &view.registered {
            let tasks = framework
                .tasks()
                .values()
                .chain(framework.unreachable_tasks().values())
                .chain(framework.completed_tasks().iter());
            for task in tasks {
                let entry = summary
                    .of_framework
                    .entry(framework.id().clone())
                    .or_default();
                entry.0.count(task.state());
                entry.1.insert(task.agent_id().clone());
                let entry = summary.of_agent.entry(task.agent_id().clone()).or_default();
                entry.0.count(task.state());
                entry.1.insert(framework.id().clone());
            }
        }
        summary
    }
}

#[expect(clippy::excessive_nesting, reason = "the nesting is the document's")]
fn write_summary(w: &mut JsonWriter, view: &StateView) {
    let summary = Summary::of(&view.frameworks);
    w.object(|w| {
        w.field("hostname", view.info.hostname());
        if let Some(cluster) = &view.cluster {
            w.field("cluster", cluster);
        }
        w.field_with(wire::AGENTS, |w| {
            w.array(|w| {
                for agent in &view.agents.registered {
                    let entry = summary.of_agent.get(agent.id());
                    w.object(|w| {
                        agents::members(w, agent, &view.agents);
                        entry.map(|entry| entry.0).unwrap_or_default().write(w);
                        w.field_with("framework_ids", |w| {
                            w.array(|w| {
                                let ids = entry.map(|entry| &entry.1).into_iter().flatten();
                                ids.for_each(|id| w.value(id.as_str()));
                            });
                        });
                    });
                }
            });
        });
        w.field_with("frameworks", |w| {
            w.array(|w| {
                for framework in &view.frameworks.registered {
                    let entry = summary.of_framework.get(framework.id());
                    w.object(|w| {
                        frameworks::summary(w, framework);
                        entry.map(|entry| entry.0).unwrap_or_default().write(w);
                        w.field_with(wire::AGENT_IDS, |w| {
                            w.array(|w| {
                                let ids = entry.map(|entry| &entry.1).into_iter().flatten();
                                ids.for_each(|id| w.value(id.as_str()));
                            });
                        });
                    });
                }
            });
        });
    });
}
