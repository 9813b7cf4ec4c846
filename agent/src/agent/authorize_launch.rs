//! Asks whether a framework may run its tasks on this agent.
//!
//! Continues `Slave::_run`.

use libprocess::{Context, Future, Outcome, collect};
use mesos_common::ids::{FrameworkId, TaskId};
use mesos_proto::v1::{TaskState, task_status::Reason};
use mesos_proto_codec::{Dialect, to_json};

use super::{AgentProcess, status_update::Reporter};
use crate::state::{
    framework::{LaunchVerdict, TaskLaunch},
    task::AgentUpdate,
};

impl AgentProcess {
    /// Asks for every task of a launch; without rules nobody is asked.
    pub(super) fn authorize_launch(
        &mut self,
        id: &FrameworkId,
        number: u64,
        launch: TaskLaunch,
        ctx: &mut Context<Self>,
    ) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let tasks = launch.tasks.iter();
        let questions: Option<Vec<Future<bool>>> = tasks
            .map(|task| self.may_run(task, &framework.info))
            .collect();
        let Some(questions) = questions else {
            let executor = launch.executor_id();
            return self.decide(id, &executor, number, LaunchVerdict::Proceed, ctx);
        };
        let id = id.clone();
        ctx.on_any(collect(questions), move |agent, outcome, ctx| {
            agent.on_launch_authorized(&id, number, &launch, outcome, ctx);
        });
    }

    /// The answers have come: one no refuses all tasks of the launch.
    fn on_launch_authorized(
        &mut self,
        id: &FrameworkId,
        number: u64,
        launch: &TaskLaunch,
        outcome: Outcome<Vec<bool>>,
        ctx: &mut Context<Self>,
    ) {
        let problem = match outcome {
            Outcome::Ready(answers) => {
                let refused = answers.iter().position(|may| !may);
                let refused = refused.and_then(|at| launch.tasks.get(at));
                refused.map(|task| {
                    let task = to_json(task, Dialect::V0);
                    format!("Framework {id} is not authorized to launch task {task}")
                })
            }
            Outcome::Failed(text) => Some(format!("Failed to authorize {}: {text}", name(launch))),
            Outcome::Discarded | Outcome::Abandoned => {
                Some(format!("Failed to authorize {}: discarded", name(launch)))
            }
        };
        let verdict = match problem {
            None => LaunchVerdict::Proceed,
            Some(problem) => {
                self.refuse_tasks(id, launch, &problem, ctx);
                LaunchVerdict::GivenUp
            }
        };
        self.decide(id, &launch.executor_id(), number, verdict, ctx);
    }

    fn refuse_tasks(
        &mut self,
        id: &FrameworkId,
        launch: &TaskLaunch,
        problem: &str,
        ctx: &mut Context<Self>,
    ) {
        let Some(agent) = self.id.clone() else { return };
        tracing::error!(framework = %id, problem, "launch is not authorized");
        let reason = match launch.group {
            Some(_) => Reason::ReasonTaskGroupUnauthorized,
            None => Reason::ReasonTaskUnauthorized,
        };
        for task in launch.task_ids() {
            let framework = self.frameworks.get(id);
            if framework.is_none_or(|framework| framework.pending_executor_of(&task).is_none()) {
                // It was killed meanwhile, and that was reported.
                continue;
            }
            let update = AgentUpdate {
                framework: id,
                task: &task,
                executor: None,
                state: TaskState::TaskError,
                reason: Some(reason),
                message: problem,
            }
            .build(&agent, ctx.now().as_secs_f64());
            self.status_update(update, Reporter::Agent, ctx);
        }
    }
}

/// What a launch is called in texts.
fn name(launch: &TaskLaunch) -> String {
    let tasks = launch.task_ids();
    let names: Vec<String> = tasks.iter().map(TaskId::to_string).collect();
    match launch.group {
        Some(_) => format!("task group containing tasks [ {} ]", names.join(", ")),
        None => format!("task '{}'", names.join(", ")),
    }
}
