//! One framework: its executors, and tasks that no executor has yet.
//!
//! Mirrors `Framework` of `src/slave/slave.hpp`.
//!
//! # Invariants
//! - A group that is pending has at least one member that is pending.
//! - An executor is under its own id.

use std::collections::{BTreeMap, VecDeque};

use indexmap::IndexMap;
use libprocess::Upid;
use mesos_common::{
    ids::{ExecutorId, FrameworkId, TaskId},
    resources::Resources,
};
use mesos_proto::{internal, v1};

use super::{
    executor::{Durability, Executor},
    ring::Ring,
};
use crate::constants::MAX_COMPLETED_FRAMEWORKS;

/// How far a framework has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameworkState {
    /// It runs.
    Running,
    /// Its executors are being shut down.
    Terminating,
}

/// What a master asked to launch: a task, or the tasks of a group.
#[derive(Debug, Clone)]
pub struct TaskLaunch {
    /// The executor they are for.
    pub executor: v1::ExecutorInfo,
    /// The tasks.
    pub tasks: Vec<v1::TaskInfo>,
    /// Set when the tasks are a group.
    pub group: Option<v1::TaskGroupInfo>,
    /// What the master knew of the resources.
    pub versions: Vec<internal::ResourceVersionUuid>,
    /// Whether the master expects a new executor; old masters do not say.
    pub launch_executor: Option<bool>,
}

impl TaskLaunch {
    /// The id of the executor.
    pub fn executor_id(&self) -> ExecutorId {
        ExecutorId::from(self.executor.executor_id())
    }

    /// The ids of the tasks.
    pub fn task_ids(&self) -> Vec<TaskId> {
        self.tasks
            .iter()
            .map(|task| TaskId::from(task.task_id()))
            .collect()
    }

    /// Says whether the agent makes up the executor.
    pub fn is_command_task(&self) -> bool {
        self.group.is_none() && self.tasks.iter().any(|task| task.command.is_some())
    }
}

/// A launch that waits for its turn: launches for one executor keep the order of arrival.
#[derive(Debug)]
pub struct LaunchTicket {
    /// Tells tickets of one executor apart.
    pub number: u64,
    /// What is to be launched.
    pub launch: TaskLaunch,
    /// What the checks said; none while they are made.
    pub verdict: Option<LaunchVerdict>,
}

/// What the checks of a launch said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaunchVerdict {
    /// It may be launched.
    Proceed,
    /// It was given up.
    GivenUp,
}

/// One framework.
#[derive(Debug)]
pub struct Framework {
    id: FrameworkId,
    /// Its description.
    pub info: v1::FrameworkInfo,
    /// Its address; none when it speaks HTTP.
    pub pid: Option<Upid>,
    /// How far it has come.
    pub state: FrameworkState,
    pending: BTreeMap<ExecutorId, IndexMap<TaskId, v1::TaskInfo>>,
    pending_groups: Vec<v1::TaskGroupInfo>,
    executors: BTreeMap<ExecutorId, Executor>,
    completed_executors: Ring<Executor>,
    /// The launches of each executor, in order of arrival.
    pub launches: BTreeMap<ExecutorId, VecDeque<LaunchTicket>>,
}

impl Framework {
    /// A framework that the agent has not seen before.
    pub fn new(info: v1::FrameworkInfo, pid: Option<Upid>, max_completed_executors: usize) -> Self {
        Self {
            id: FrameworkId::from(info.id()),
            info,
            pid,
            state: FrameworkState::Running,
            pending: BTreeMap::new(),
            pending_groups: Vec::new(),
            executors: BTreeMap::new(),
            completed_executors: Ring::new(max_completed_executors),
            launches: BTreeMap::new(),
        }
    }

    /// Its id.
    pub fn id(&self) -> &FrameworkId {
        &self.id
    }

    /// Whether it is written down.
    pub fn durability(&self) -> Durability {
        if self.info.checkpoint() {
            Durability::Checkpointed
        } else {
            Durability::Volatile
        }
    }

    /// Says whether nothing of it is left on this agent.
    pub fn is_idle(&self) -> bool {
        self.executors.is_empty() && self.pending.is_empty()
    }

    /// Adds a task that no executor has yet.
    pub fn add_pending(&mut self, executor: &ExecutorId, task: v1::TaskInfo) {
        self.pending
            .entry(executor.clone())
            .or_default()
            .insert(TaskId::from(task.task_id()), task);
    }

    /// Remembers that pending tasks belong together.
    pub fn add_pending_group(&mut self, group: v1::TaskGroupInfo) {
        self.pending_groups.push(group);
    }

    /// Removes a pending task; false when it is not pending.
    pub fn remove_pending(&mut self, task: &TaskId) -> bool {
        let mut removed = false;
        self.pending.retain(|_, tasks| {
            removed |= tasks.shift_remove(task).is_some();
            !tasks.is_empty()
        });
        let pending = &self.pending;
        self.pending_groups.retain(|group| {
            group.tasks.iter().any(|member| {
                let id = TaskId::from(member.task_id());
                pending.values().any(|tasks| tasks.contains_key(&id))
            })
        });
        removed
    }

    /// The executor for which a task is pending.
    pub fn pending_executor_of(&self, task: &TaskId) -> Option<&ExecutorId> {
        self.pending
            .iter()
            .find(|(_, tasks)| tasks.contains_key(task))
            .map(|(id, _)| id)
    }

    /// The group of a pending task.
    pub fn pending_group_of(&self, task: &TaskId) -> Option<&v1::TaskGroupInfo> {
        self.pending_groups.iter().find(|group| {
            group
                .tasks
                .iter()
                .any(|member| TaskId::from(member.task_id()) == *task)
        })
    }

    /// Says whether tasks are pending for an executor.
    pub fn has_pending_for(&self, executor: &ExecutorId) -> bool {
        self.pending.contains_key(executor)
    }

    /// The tasks that no executor has yet, by executor.
    pub fn pending(&self) -> impl Iterator<Item = (&ExecutorId, &v1::TaskInfo)> {
        self.pending
            .iter()
            .flat_map(|(executor, tasks)| tasks.values().map(move |task| (executor, task)))
    }

    /// Its executors.
    pub fn executors(&self) -> impl ExactSizeIterator<Item = &Executor> {
        self.executors.values()
    }

    /// The executors that are only remembered.
    pub fn completed_executors(&self) -> impl Iterator<Item = &Executor> {
        self.completed_executors.iter()
    }

    /// One executor.
    pub fn executor(&self, id: &ExecutorId) -> Option<&Executor> {
        self.executors.get(id)
    }

    /// One executor, to be changed.
    pub fn executor_mut(&mut self, id: &ExecutorId) -> Option<&mut Executor> {
        self.executors.get_mut(id)
    }

    /// The executor that has a task, in any stage but completed.
    pub fn executor_of(&self, task: &TaskId) -> Option<&Executor> {
        self.executors
            .values()
            .find(|executor| executor.has_task(task))
    }

    /// Adds an executor.
    pub fn add_executor(&mut self, executor: Executor) {
        self.executors.insert(executor.id().clone(), executor);
    }

    /// Moves an executor to the remembered ones; returns the one that is forgotten for it.
    pub fn complete_executor(&mut self, id: &ExecutorId) -> Option<Executor> {
        let executor = self.executors.remove(id)?;
        self.completed_executors.push(executor)
    }

    /// Takes the remembered executors of a former life of this framework.
    pub fn adopt_completed(&mut self, former: &mut Self) {
        for executor in former.completed_executors.extract(|_| true) {
            self.completed_executors.push(executor);
        }
    }

    /// Says whether a task is pending or with an executor.
    pub fn has_task(&self, task: &TaskId) -> bool {
        self.pending_executor_of(task).is_some() || self.executor_of(task).is_some()
    }

    /// What its executors and tasks may use.
    pub fn allocated(&self) -> Resources {
        let mut allocated = Resources::new();
        for executor in self.executors.values() {
            allocated += &executor.allocated();
        }
        for (_, task) in self.pending() {
            allocated += &Resources::from_proto(&task.resources);
        }
        allocated
    }
}

/// The frameworks of the agent, those that run and the last few that ended.
#[derive(Debug)]
pub struct Frameworks {
    active: BTreeMap<FrameworkId, Framework>,
    completed: Ring<Framework>,
}

impl Default for Frameworks {
    fn default() -> Self {
        Self {
            active: BTreeMap::new(),
            completed: Ring::new(MAX_COMPLETED_FRAMEWORKS),
        }
    }
}

impl Frameworks {
    /// One framework.
    pub fn get(&self, id: &FrameworkId) -> Option<&Framework> {
        self.active.get(id)
    }

    /// One framework, to be changed.
    pub fn get_mut(&mut self, id: &FrameworkId) -> Option<&mut Framework> {
        self.active.get_mut(id)
    }

    /// One executor.
    pub fn executor(&self, framework: &FrameworkId, executor: &ExecutorId) -> Option<&Executor> {
        self.get(framework)?.executor(executor)
    }

    /// One executor, to be changed.
    pub fn executor_mut(
        &mut self,
        framework: &FrameworkId,
        executor: &ExecutorId,
    ) -> Option<&mut Executor> {
        self.get_mut(framework)?.executor_mut(executor)
    }

    /// The frameworks that run.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Framework> {
        self.active.values()
    }

    /// The frameworks that ended.
    pub fn completed(&self) -> impl Iterator<Item = &Framework> {
        self.completed.iter()
    }

    /// All executors of all frameworks that run.
    pub fn executors(&self) -> impl Iterator<Item = &Executor> {
        self.active.values().flat_map(Framework::executors)
    }

    /// Says whether no framework runs.
    pub fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    /// Adds a framework; one that ended before gets its remembered executors back.
    pub fn add(&mut self, mut framework: Framework) {
        let id = framework.id().clone();
        for mut former in self.completed.extract(|former| *former.id() == id) {
            framework.adopt_completed(&mut former);
        }
        self.active.insert(id, framework);
    }

    /// Moves a framework to the remembered ones; returns the one that is forgotten for it.
    pub fn complete(&mut self, id: &FrameworkId) -> Option<Framework> {
        let framework = self.active.remove(id)?;
        self.completed.push(framework)
    }

    /// What all frameworks may use.
    pub fn allocated(&self) -> Resources {
        let mut allocated = Resources::new();
        for framework in self.active.values() {
            allocated += &framework.allocated();
        }
        allocated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str) -> v1::TaskInfo {
        v1::TaskInfo {
            task_id: Some(TaskId::from(id).to_proto()),
            ..Default::default()
        }
    }

    fn framework(id: &str) -> Framework {
        let info = v1::FrameworkInfo {
            id: Some(FrameworkId::from(id).to_proto()),
            ..Default::default()
        };
        Framework::new(info, None, 2)
    }

    #[test]
    fn framework_with_a_pending_task_is_not_idle() {
        let mut framework = framework("f");
        framework.add_pending(&ExecutorId::from("e"), task("t"));

        assert!(!framework.is_idle());
        assert!(framework.remove_pending(&TaskId::from("t")));
        assert!(framework.is_idle());
        assert!(!framework.remove_pending(&TaskId::from("t")));
    }

    #[test]
    fn pending_group_is_known_by_each_member() {
        let mut framework = framework("f");
        let executor = ExecutorId::from("e");
        for id in ["a", "b"] {
            framework.add_pending(&executor, task(id));
        }
        framework.add_pending_group(v1::TaskGroupInfo {
            tasks: vec![task("a"), task("b")],
            ..Default::default()
        });

        assert_eq!(
            framework
                .pending_group_of(&TaskId::from("b"))
                .map(|group| group.tasks.len()),
            Some(2)
        );
        framework.remove_pending(&TaskId::from("a"));
        framework.remove_pending(&TaskId::from("b"));

        assert!(framework.pending_group_of(&TaskId::from("b")).is_none());
    }

    #[test]
    fn framework_that_comes_back_is_no_longer_completed() {
        let mut frameworks = Frameworks::default();
        frameworks.add(framework("f"));
        frameworks.complete(&FrameworkId::from("f"));
        assert_eq!(frameworks.completed().count(), 1);

        frameworks.add(framework("f"));

        assert_eq!(frameworks.completed().count(), 0);
        assert_eq!(frameworks.iter().len(), 1);
    }
}
