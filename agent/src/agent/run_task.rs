//! Takes tasks from the master up to the point where an executor can have them.
//!
//! The guards and their order are those of `Slave::run`, `_run` and `__run`.

use libprocess::{Context, Upid, await_all};
use mesos_common::ids::{AgentId, ExecutorId, FrameworkId};
use mesos_containerizer::state_file::WriteError;
use mesos_proto::{
    internal::{ExitedExecutorMessage, RunTaskMessage},
    v1::{self, TaskState, task_status::Reason},
};

use super::{AgentProcess, AgentState, checkpoint::explain, launch_checks::prepare_resources};
use crate::{
    checkpoint::write,
    paths::{self, ExecutorPlace},
    state::{
        executor::{Durability, ExecutorState},
        framework::{Framework, FrameworkState, LaunchTicket, LaunchVerdict, TaskLaunch},
        task::{AgentUpdate, gate},
    },
};

/// Why a launch is given up.
pub(super) struct Drop {
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Drop {
    /// What the launch needs on the disk is not taken there.
    fn unwritten(error: &WriteError) -> Self {
        Self {
            reason: Reason::ReasonExecutorTerminated,
            message: explain(error),
        }
    }
}

impl AgentProcess {
    /// The master wants one task to run.
    pub(super) fn run_task(
        &mut self,
        from: &Upid,
        message: RunTaskMessage,
        ctx: &mut Context<Self>,
    ) {
        if !self.master.is(from) {
            tracing::warn!(%from, "ignoring run task message: it is not from the expected master");
            return;
        }
        let framework = message.framework().clone();
        if framework.id.is_none() {
            tracing::error!("ignoring run task message: the framework has no id");
            return;
        }
        let task = message.task().clone();
        if task.executor.is_some() == task.command.is_some() {
            tracing::error!(
                task = task.task_id().value(),
                "ignoring task: it needs either a command or an executor"
            );
            return;
        }
        let pid = message
            .pid
            .as_deref()
            .and_then(|text| text.parse::<Upid>().ok())
            // A framework on HTTP has the empty address.
            .filter(|pid| !pid.is_empty());
        let executor = self.executor_info(&framework, &task);
        let launch = TaskLaunch {
            executor,
            tasks: vec![task],
            group: None,
            versions: message.resource_version_uuids,
            launch_executor: message.launch_executor,
        };
        self.run(framework, pid, launch, ctx);
    }

    /// Accepts a launch, and frees its directories from removal.
    pub(super) fn run(
        &mut self,
        info: v1::FrameworkInfo,
        pid: Option<Upid>,
        mut launch: TaskLaunch,
        ctx: &mut Context<Self>,
    ) {
        let Some(agent) = self.id.clone() else { return };
        prepare_resources(&info, &mut launch);
        if launch
            .tasks
            .iter()
            .any(|task| AgentId::from(task.agent_id()) != agent)
        {
            tracing::warn!("ignoring tasks that were meant for another agent");
            return;
        }
        if self.state.refuses_work() {
            tracing::warn!(state = ?self.state, "ignoring tasks in this state");
            return;
        }
        let id = FrameworkId::from(info.id());
        let executor_id = launch.executor_id();
        let mut directories = Vec::new();
        if self.frameworks.get(&id).is_none() {
            directories.push(paths::framework_dir(&self.work_dir, &agent, &id));
            directories.push(paths::framework_dir(&self.meta, &agent, &id));
            let max = self.flags.max_completed_executors_per_framework;
            let framework = Framework::new(info, pid, max);
            let written = self.checkpoint_framework(&agent, &framework);
            self.frameworks.add(framework);
            if let Err(error) = written {
                return self.refuse_first(&id, &launch, &error, ctx);
            }
        }
        if let Some(violation) = self.limit_violation(&launch) {
            self.drop_tasks(&id, &launch, None, violation, ctx);
            self.remove_framework_if_idle(&id, ctx);
            return;
        }
        let number = self.next_ticket;
        self.next_ticket += 1;
        let Some(framework) = self.frameworks.get_mut(&id) else {
            return;
        };
        for task in &launch.tasks {
            framework.add_pending(&executor_id, task.clone());
        }
        if let Some(group) = &launch.group {
            framework.add_pending_group(group.clone());
        }
        if framework.executor(&executor_id).is_none() {
            for root in [&self.work_dir, &self.meta] {
                let place = ExecutorPlace {
                    root,
                    agent: &agent,
                    framework: &id,
                    executor: &executor_id,
                };
                directories.push(place.dir());
            }
        }
        let ticket = LaunchTicket {
            number,
            launch,
            verdict: None,
        };
        framework
            .launches
            .entry(executor_id.clone())
            .or_default()
            .push_back(ticket);
        let Some(parts) = &self.parts else { return };
        let kept = directories
            .into_iter()
            .map(|path| parts.gc.unschedule(path))
            .collect();
        ctx.on_any(await_all(kept), move |agent, outcome, ctx| {
            let freed = outcome
                .ready()
                .is_some_and(|all| all.into_iter().all(|one| one.ready().is_some()));
            agent.on_directories_freed(&id, &executor_id, number, freed.then_some(()), ctx);
        });
    }

    /// Continues `Slave::_run`: the directories are free, and the launch is checked against its framework.
    fn on_directories_freed(
        &mut self,
        id: &FrameworkId,
        executor: &ExecutorId,
        number: u64,
        freed: Option<()>,
        ctx: &mut Context<Self>,
    ) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        let launch = framework
            .launches
            .get(executor)
            .and_then(|tickets| tickets.iter().find(|ticket| ticket.number == number))
            .map(|ticket| ticket.launch.clone());
        let Some(launch) = launch else { return };
        let mut verdict = LaunchVerdict::Proceed;
        if framework.state == FrameworkState::Terminating {
            for task in launch.task_ids() {
                framework.remove_pending(&task);
            }
            verdict = LaunchVerdict::GivenUp;
        } else if freed.is_none() {
            let text = "Could not launch the task because we failed to unschedule directories scheduled for gc";
            let drop = Drop {
                reason: Reason::ReasonGcError,
                message: text.to_owned(),
            };
            self.drop_tasks(id, &launch, None, drop, ctx);
            verdict = LaunchVerdict::GivenUp;
        } else if launch
            .task_ids()
            .iter()
            .all(|task| framework.pending_executor_of(task).is_none())
        {
            // All were killed meanwhile.
            verdict = LaunchVerdict::GivenUp;
        }
        match verdict {
            LaunchVerdict::Proceed => self.authorize_launch(id, number, launch, ctx),
            LaunchVerdict::GivenUp => self.decide(id, executor, number, verdict, ctx),
        }
    }

    /// Notes a verdict and performs every launch of the executor whose turn has come.
    pub(super) fn decide(
        &mut self,
        id: &FrameworkId,
        executor: &ExecutorId,
        number: u64,
        verdict: LaunchVerdict,
        ctx: &mut Context<Self>,
    ) {
        if let Some(framework) = self.frameworks.get_mut(id)
            && let Some(tickets) = framework.launches.get_mut(executor)
            && let Some(ticket) = tickets.iter_mut().find(|ticket| ticket.number == number)
        {
            ticket.verdict = Some(verdict);
        }
        while let Some(ticket) = self.next_decided(id, executor) {
            match ticket.verdict {
                Some(LaunchVerdict::Proceed) => self.launch(id, ticket.launch, ctx),
                Some(LaunchVerdict::GivenUp) | None => {
                    self.report_missing_executor(id, &ticket.launch, ctx);
                }
            }
        }
        self.remove_framework_if_idle(id, ctx);
    }

    fn next_decided(&mut self, id: &FrameworkId, executor: &ExecutorId) -> Option<LaunchTicket> {
        let framework = self.frameworks.get_mut(id)?;
        let tickets = framework.launches.get_mut(executor)?;
        tickets.front()?.verdict?;
        let ticket = tickets.pop_front();
        if tickets.is_empty() {
            framework.launches.remove(executor);
        }
        ticket
    }

    /// Continues `Slave::__run`: the launch goes to its executor, which is started when it is missing.
    fn launch(&mut self, id: &FrameworkId, launch: TaskLaunch, ctx: &mut Context<Self>) {
        let executor_id = launch.executor_id();
        let draining = self.draining.is_some();
        let Some(framework) = self.frameworks.get_mut(id) else {
            return self.report_missing_executor(id, &launch, ctx);
        };
        let mut removed = false;
        for task in launch.task_ids() {
            removed |= framework.remove_pending(&task);
        }
        if framework.state == FrameworkState::Terminating || !removed {
            return self.report_missing_executor(id, &launch, ctx);
        }
        let refusal = if draining {
            Some(Drop {
                reason: Reason::ReasonAgentDraining,
                message: "Task was received while agent was already draining".to_owned(),
            })
        } else {
            self.stale_resources(&launch)
        };
        if let Some(drop) = refusal {
            self.drop_tasks(id, &launch, Some(&executor_id), drop, ctx);
            return self.report_missing_executor(id, &launch, ctx);
        }
        if self.state == AgentState::Terminating {
            return;
        }
        if self.contradicts_expectation(id, &launch, ctx) {
            return;
        }
        let fresh = self.frameworks.executor(id, &executor_id).is_none();
        if fresh && let Err(message) = self.add_executor(id, &launch, ctx) {
            let drop = Drop {
                reason: Reason::ReasonExecutorTerminated,
                message,
            };
            self.drop_tasks(id, &launch, Some(&executor_id), drop, ctx);
            return self.report_missing_executor(id, &launch, ctx);
        }
        if fresh {
            self.launch_executor(id, &launch, ctx);
        }
        self.hand_over(id, &executor_id, launch, ctx);
    }

    /// Compares what the master expects of the executor with what is there.
    fn contradicts_expectation(
        &mut self,
        id: &FrameworkId,
        launch: &TaskLaunch,
        ctx: &mut Context<Self>,
    ) -> bool {
        let Some(expects_new) = launch.launch_executor else {
            return false;
        };
        if launch.is_command_task() {
            return false;
        }
        let executor_id = launch.executor_id();
        let found = self
            .frameworks
            .executor(id, &executor_id)
            .map(|executor| executor.state());
        let message = match (expects_new, found) {
            (true, Some(_)) => "Master wants to launch executor, but one already exists",
            (false, None) => "No executor is expected to launch and there is none running",
            (true, None) | (false, Some(_)) => return false,
        };
        let drop = Drop {
            reason: Reason::ReasonExecutorTerminated,
            message: message.to_owned(),
        };
        self.drop_tasks(id, launch, Some(&executor_id), drop, ctx);
        match found {
            // The master missed the end of the executor.
            Some(ExecutorState::Terminated) => self.send_exited_executor(id, &executor_id, -1, ctx),
            Some(_) => self.shut_down_executor(id, &executor_id, ctx),
            None => {}
        }
        true
    }

    fn checkpoint_framework(
        &self,
        agent: &AgentId,
        framework: &Framework,
    ) -> Result<(), WriteError> {
        match framework.durability() {
            Durability::Volatile => Ok(()),
            Durability::Checkpointed => {
                write::framework(&self.meta, agent, &framework.info, framework.pid.as_ref())
            }
        }
    }

    /// A framework's first launch cannot be written down: when it is the disk that takes nothing for now, the tasks
    /// are dropped and the framework is forgotten again.
    fn refuse_first(
        &mut self,
        id: &FrameworkId,
        launch: &TaskLaunch,
        error: &WriteError,
        ctx: &mut Context<Self>,
    ) {
        if !error.is_passing() {
            return self.fail_checkpoint(error, ctx);
        }
        let drop = Drop::unwritten(error);
        self.drop_tasks(id, launch, None, drop, ctx);
        self.report_missing_executor(id, launch, ctx);
        self.remove_framework_if_idle(id, ctx);
    }

    /// Queues tasks at their executor and, when it runs, brings its container up to date first.
    fn hand_over(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        launch: TaskLaunch,
        ctx: &mut Context<Self>,
    ) {
        let Some(state) = self
            .frameworks
            .executor(id, executor_id)
            .map(|executor| executor.state())
        else {
            return;
        };
        if let ending @ ("terminating" | "terminated") = match state {
            ExecutorState::Terminating => "terminating",
            ExecutorState::Terminated => "terminated",
            ExecutorState::Registering | ExecutorState::Running => "",
        } {
            let drop = Drop {
                reason: Reason::ReasonExecutorTerminated,
                message: format!("Executor {ending}"),
            };
            return self.drop_tasks(id, &launch, None, drop, ctx);
        }
        match self.checkpoint_tasks(id, executor_id, &launch.tasks) {
            Ok(()) => {}
            Err(error) if error.is_passing() => {
                self.drop_tasks(id, &launch, None, Drop::unwritten(&error), ctx);
                self.shut_down_if_never_used(id, executor_id, ctx);
                return;
            }
            Err(error) => return self.fail_checkpoint(&error, ctx),
        }
        let Some(executor) = self.frameworks.executor_mut(id, executor_id) else {
            return;
        };
        match launch.group {
            Some(group) => executor.enqueue_group(group),
            None => launch
                .tasks
                .into_iter()
                .for_each(|task| executor.enqueue(task)),
        }
        if state == ExecutorState::Running {
            self.update_container_and_deliver(id, executor_id, ctx);
        }
    }

    /// Makes updates for tasks that cannot be launched.
    pub(super) fn drop_tasks(
        &mut self,
        id: &FrameworkId,
        launch: &TaskLaunch,
        executor: Option<&ExecutorId>,
        drop: Drop,
        ctx: &mut Context<Self>,
    ) {
        let (Some(agent), Some(framework)) = (self.id.clone(), self.frameworks.get(id)) else {
            return;
        };
        let state = gate(&framework.info, TaskState::TaskDropped);
        for task in launch.task_ids() {
            let update = AgentUpdate {
                framework: id,
                task: &task,
                executor,
                state,
                reason: Some(drop.reason),
                message: &drop.message,
            }
            .build(&agent, ctx.now().as_secs_f64());
            self.status_update(update, super::status_update::Reporter::Agent, ctx);
        }
    }

    /// Tells a master that expects a new executor that there is none, and drops the launches behind this one.
    pub(super) fn report_missing_executor(
        &mut self,
        id: &FrameworkId,
        launch: &TaskLaunch,
        ctx: &mut Context<Self>,
    ) {
        if launch.launch_executor == Some(true) {
            self.send_exited_executor(id, &launch.executor_id(), -1, ctx);
        }
    }

    /// Tells the master that an executor has ended.
    pub(super) fn send_exited_executor(
        &self,
        id: &FrameworkId,
        executor: &ExecutorId,
        status: i32,
        ctx: &mut Context<Self>,
    ) {
        let (Some(master), Some(agent)) = (&self.master.pid, &self.id) else {
            return;
        };
        ctx.send_protobuf(
            master,
            &ExitedExecutorMessage {
                agent_id: Some(agent.to_proto()),
                framework_id: Some(id.to_proto()),
                executor_id: Some(executor.to_proto()),
                status: Some(status),
                ..Default::default()
            },
        );
    }
}
