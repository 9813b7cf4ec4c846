//! All frameworks: registered and completed ones.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use libprocess::Upid;
use mesos_common::authorization::{Action, Approvers, Object};
use mesos_common::ids::FrameworkId;
use mesos_proto::v1;

use super::bounded::BoundedMap;
use super::framework::Framework;
use super::task::Task;

/// All that the master knows of frameworks.
#[derive(Debug)]
pub struct Frameworks {
    registered: BTreeMap<FrameworkId, Arc<Framework>>,
    by_pid: HashMap<Upid, FrameworkId>,
    completed: BoundedMap<FrameworkId, Arc<Framework>>,
    principals: HashMap<Upid, Option<String>>,
}

impl Frameworks {
    /// No framework; remembers at most `max_completed` completed ones.
    #[must_use]
    pub fn new(max_completed: usize) -> Self {
        Self {
            registered: BTreeMap::new(),
            by_pid: HashMap::new(),
            completed: BoundedMap::new(max_completed),
            principals: HashMap::new(),
        }
    }

    /// A registered framework.
    #[must_use]
    pub fn get(&self, id: &FrameworkId) -> Option<&Arc<Framework>> {
        self.registered.get(id)
    }

    /// A registered framework, for writing; a snapshot that is still read keeps the old value.
    pub fn get_mut(&mut self, id: &FrameworkId) -> Option<&mut Framework> {
        self.registered.get_mut(id).map(Arc::make_mut)
    }

    /// The registered framework whose driver is at an address.
    #[must_use]
    pub fn by_pid(&self, pid: &Upid) -> Option<&Arc<Framework>> {
        self.by_pid.get(pid).and_then(|id| self.registered.get(id))
    }

    /// All registered frameworks.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Framework>> {
        self.registered.values()
    }

    /// The ids of all registered frameworks.
    #[must_use]
    pub fn ids(&self) -> Vec<FrameworkId> {
        self.registered.keys().cloned().collect()
    }

    /// Registers a framework.
    pub fn add(&mut self, framework: Framework) {
        if let Some(pid) = framework.pid() {
            self.by_pid.insert(pid.clone(), framework.id().clone());
        }
        self.registered
            .insert(framework.id().clone(), Arc::new(framework));
    }

    /// Notes that a framework's driver is at an address now.
    pub fn attach_pid(&mut self, id: &FrameworkId, pid: &Upid) {
        self.by_pid.insert(pid.clone(), id.clone());
    }

    /// Forgets an address.
    pub fn detach_pid(&mut self, pid: &Upid) {
        self.by_pid.remove(pid);
        self.principals.remove(pid);
    }

    /// Moves a framework to the completed ones.
    pub fn complete(&mut self, id: &FrameworkId) -> Option<Arc<Framework>> {
        let framework = self.registered.remove(id)?;
        self.by_pid.retain(|_, owner| owner != id);
        self.completed.insert(id.clone(), Arc::clone(&framework));
        Some(framework)
    }

    /// Whether the framework was removed, as far as this master remembers.
    #[must_use]
    pub fn is_completed(&self, id: &FrameworkId) -> bool {
        self.completed.contains(id)
    }

    /// Completed frameworks, oldest first.
    pub fn completed(&self) -> impl Iterator<Item = &Arc<Framework>> {
        self.completed.values()
    }

    /// A completed framework, for writing.
    pub fn completed_mut(&mut self, id: &FrameworkId) -> Option<&mut Framework> {
        self.completed.get_mut(id).map(Arc::make_mut)
    }

    /// Remembers whom a driver's address belongs to.
    pub fn set_principal(&mut self, pid: Upid, principal: Option<String>) {
        self.principals.insert(pid, principal);
    }

    /// Whom a driver's address belongs to; the outer option tells whether it is known.
    #[must_use]
    pub fn principal(&self, pid: &Upid) -> Option<Option<&str>> {
        self.principals.get(pid).map(Option::as_deref)
    }

    /// Whether a registered framework other than `leaving` belongs to a principal.
    #[must_use]
    pub fn has_principal(&self, principal: &str, leaving: &FrameworkId) -> bool {
        self.registered.values().any(|framework| {
            framework.id() != leaving && framework.info().principal.as_deref() == Some(principal)
        })
    }
}

/// What a reader outside the actor needs of frameworks.
#[derive(Clone, Debug)]
pub struct FrameworksView {
    /// What the reader may see of them.
    pub approvers: Approvers,
    /// Registered frameworks.
    pub registered: Vec<Arc<Framework>>,
    /// Completed frameworks, oldest first.
    pub completed: Vec<Arc<Framework>>,
}

impl FrameworksView {
    /// Whether the reader may see a task of a framework.
    #[must_use]
    pub fn may_see_task(&self, task: &Task, framework: &Framework) -> bool {
        let object = Object::task(task.info(), framework.info());
        self.approvers.approve(Action::ViewTask, &object)
    }

    /// Whether the reader may see an executor of a framework.
    #[must_use]
    pub fn may_see_executor(&self, executor: &v1::ExecutorInfo, framework: &Framework) -> bool {
        let object = Object::executor(executor, framework.info());
        self.approvers.approve(Action::ViewExecutor, &object)
    }
}

impl Frameworks {
    /// A snapshot for readers.
    #[must_use]
    pub fn view(&self, approvers: Approvers) -> FrameworksView {
        let may_see = |framework: &&Arc<Framework>| {
            let object = Object::framework(framework.info());
            approvers.approve(Action::ViewFramework, &object)
        };
        FrameworksView {
            registered: self.registered.values().filter(may_see).cloned().collect(),
            completed: self.completed.values().filter(may_see).cloned().collect(),
            approvers,
        }
    }
}
