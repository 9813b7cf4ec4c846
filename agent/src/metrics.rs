//! The agent's figures for operators.
//!
//! Mirrors `src/slave/metrics.cpp`.
//!
//! # Wire
//! The keys are promises; their prefix is the old word.

use std::{sync::Mutex, time::Duration};

use libprocess::{
    Future, Pid, Runtime,
    metrics::{Counter, PushGauge},
};
use mesos_common::{resources::Resources, wire::agent_metric};
use mesos_proto::v1::TaskState;

use crate::{
    agent::{AgentProcess, AgentState},
    state::executor::ExecutorState,
};

/// Counters and gauges of the agent.
#[derive(Debug)]
pub struct AgentMetrics {
    pub(crate) recovery_errors: Counter,
    tasks_finished: Counter,
    tasks_failed: Counter,
    tasks_killed: Counter,
    tasks_lost: Counter,
    tasks_gone: Counter,
    pub(crate) executors_terminated: Counter,
    pub(crate) executors_preempted: Counter,
    pub(crate) valid_status_updates: Counter,
    pub(crate) invalid_status_updates: Counter,
    pub(crate) valid_framework_messages: Counter,
    pub(crate) invalid_framework_messages: Counter,
    pub(crate) container_launch_errors: Counter,
    max_age: PushGauge,
    recovery_time: Mutex<Option<PushGauge>>,
}

impl AgentMetrics {
    /// Enters the counters.
    pub fn new(runtime: &Runtime) -> Self {
        let metrics = runtime.metrics();
        let counter = |name: &str| metrics.counter(&agent_metric(name));
        Self {
            recovery_errors: counter("recovery_errors"),
            tasks_finished: counter("tasks_finished"),
            tasks_failed: counter("tasks_failed"),
            tasks_killed: counter("tasks_killed"),
            tasks_lost: counter("tasks_lost"),
            tasks_gone: counter("tasks_gone"),
            executors_terminated: counter("executors_terminated"),
            executors_preempted: counter("executors_preempted"),
            valid_status_updates: counter("valid_status_updates"),
            invalid_status_updates: counter("invalid_status_updates"),
            valid_framework_messages: counter("valid_framework_messages"),
            invalid_framework_messages: counter("invalid_framework_messages"),
            container_launch_errors: counter("container_launch_errors"),
            max_age: metrics.push_gauge(&agent_metric("executor_directory_max_allowed_age_secs")),
            recovery_time: Mutex::new(None),
        }
    }

    /// Enters the gauges that ask the agent.
    pub fn ask(runtime: &Runtime, agent: &Pid<AgentProcess>) {
        let gauge = |name: &str, read: fn(&AgentProcess, f64) -> f64| {
            let asked = agent.clone();
            runtime
                .metrics()
                .pull_gauge(&agent_metric(name), move || -> Future<f64> {
                    asked.call(move |agent, ctx| read(agent, ctx.now().as_secs_f64()))
                });
        };
        gauge("uptime_secs", |agent, now| {
            now - agent.started.as_secs_f64()
        });
        gauge("registered", |agent, _| {
            f64::from(agent.state == AgentState::Running)
        });
        gauge("frameworks_active", |agent, _| {
            count(agent.frameworks.iter().len())
        });
        gauge("tasks_staging", |agent, _| {
            let waiting: usize = agent
                .frameworks
                .iter()
                .map(|framework| {
                    framework.pending().count()
                        + framework
                            .executors()
                            .map(|e| e.queued().len())
                            .sum::<usize>()
                })
                .sum();
            count(waiting) + tasks_in(agent, TaskState::TaskStaging)
        });
        gauge("tasks_starting", |agent, _| {
            tasks_in(agent, TaskState::TaskStarting)
        });
        gauge("tasks_running", |agent, _| {
            tasks_in(agent, TaskState::TaskRunning)
        });
        gauge("tasks_killing", |agent, _| {
            tasks_in(agent, TaskState::TaskKilling)
        });
        gauge("executors_registering", |agent, _| {
            executors_in(agent, ExecutorState::Registering)
        });
        gauge("executors_running", |agent, _| {
            executors_in(agent, ExecutorState::Running)
        });
        gauge("executors_terminating", |agent, _| {
            executors_in(agent, ExecutorState::Terminating)
        });
        for name in ["cpus", "gpus", "mem", "disk"] {
            Self::ask_resource(runtime, agent, name, "", |agent| Share {
                total: agent.resources.total.clone(),
                used: agent.frameworks.allocated().non_revocable(),
            });
            Self::ask_resource(runtime, agent, name, "_revocable", |agent| Share {
                total: agent.resources.oversubscribed.clone().unwrap_or_default(),
                used: agent.frameworks.allocated().revocable(),
            });
        }
    }

    fn ask_resource(
        runtime: &Runtime,
        agent: &Pid<AgentProcess>,
        name: &'static str,
        suffix: &str,
        share: fn(&AgentProcess) -> Share,
    ) {
        type Read = fn(f64, f64) -> f64;
        let readings: [(&str, Read); 3] = [
            ("total", |total, _| total),
            ("used", |_, used| used),
            (
                "percent",
                |total, used| if total > 0.0 { used / total } else { 0.0 },
            ),
        ];
        for (reading, read) in readings {
            let asked = agent.clone();
            let key = agent_metric(&format!("{name}{suffix}_{reading}"));
            runtime.metrics().pull_gauge(&key, move || -> Future<f64> {
                asked.call(move |agent, _| {
                    let Share { total, used } = share(agent);
                    read(amount(&total, name), amount(&used, name))
                })
            });
        }
    }

    /// Counts the end of a task.
    pub(crate) fn count_task_end(&self, state: TaskState) {
        match state {
            TaskState::TaskFinished => self.tasks_finished.increment(),
            TaskState::TaskFailed => self.tasks_failed.increment(),
            TaskState::TaskKilled => self.tasks_killed.increment(),
            TaskState::TaskLost => self.tasks_lost.increment(),
            TaskState::TaskGone => self.tasks_gone.increment(),
            TaskState::TaskStaging
            | TaskState::TaskStarting
            | TaskState::TaskRunning
            | TaskState::TaskKilling
            | TaskState::TaskError
            | TaskState::TaskDropped
            | TaskState::TaskUnreachable
            | TaskState::TaskGoneByOperator
            | TaskState::TaskUnknown => {}
        }
    }

    /// Shows how long sandboxes may stay.
    pub(crate) fn set_max_age(&self, age: Duration) {
        self.max_age.set(age.as_secs_f64());
    }

    /// Shows how long recovery took; the key appears now.
    pub(crate) fn set_recovery_time(&self, runtime: &Runtime, time: Duration) {
        let gauge = runtime
            .metrics()
            .push_gauge(&agent_metric("recovery_time_secs"));
        gauge.set(time.as_secs_f64());
        if let Ok(mut kept) = self.recovery_time.lock() {
            *kept = Some(gauge);
        }
    }
}

/// What there is of resources, and what of them is used.
struct Share {
    total: Resources,
    used: Resources,
}

fn amount(resources: &Resources, name: &str) -> f64 {
    resources
        .scalar(name)
        .map_or(0.0, mesos_common::scalar::Scalar::to_f64)
}

fn tasks_in(agent: &AgentProcess, state: TaskState) -> f64 {
    let tasks = agent
        .frameworks
        .executors()
        .flat_map(|executor| executor.launched());
    count(tasks.filter(|task| task.state() == state).count())
}

fn executors_in(agent: &AgentProcess, state: ExecutorState) -> f64 {
    count(
        agent
            .frameworks
            .executors()
            .filter(|executor| executor.state() == state)
            .count(),
    )
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or_else(|_more| f64::from(u32::MAX), f64::from)
}
