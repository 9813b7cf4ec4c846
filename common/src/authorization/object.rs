//! What a question of authorization is about.

use mesos_proto::authorization::{self as message, Action};
use mesos_proto::v1;

/// The object of an action, borrowed; what does not matter for the action is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Object<'a> {
    /// A name: a role, a path, a principal.
    pub value: Option<&'a str>,
    /// The framework concerned.
    pub framework_info: Option<&'a v1::FrameworkInfo>,
    /// The task, as it runs.
    pub task: Option<&'a v1::Task>,
    /// The task, as it is to be launched.
    pub task_info: Option<&'a v1::TaskInfo>,
    /// The executor concerned.
    pub executor_info: Option<&'a v1::ExecutorInfo>,
    /// A quota that is asked for the old way.
    pub quota_info: Option<&'a v1::quota::QuotaInfo>,
    /// A weight.
    pub weight_info: Option<&'a v1::WeightInfo>,
    /// A resource.
    pub resource: Option<&'a v1::Resource>,
    /// A command to run.
    pub command_info: Option<&'a v1::CommandInfo>,
    /// A container.
    pub container_id: Option<&'a v1::ContainerId>,
}

impl<'a> From<&'a message::Object> for Object<'a> {
    fn from(object: &'a message::Object) -> Self {
        Self {
            value: object.value.as_deref(),
            framework_info: object.framework_info.as_deref(),
            task: object.task.as_deref(),
            task_info: object.task_info.as_deref(),
            executor_info: object.executor_info.as_deref(),
            quota_info: object.quota_info.as_deref(),
            weight_info: object.weight_info.as_ref(),
            resource: object.resource.as_deref(),
            command_info: object.command_info.as_deref(),
            container_id: object.container_id.as_ref(),
        }
    }
}

impl<'a> Object<'a> {
    /// An object that is a name.
    #[must_use]
    pub fn value(value: &'a str) -> Self {
        Self {
            value: Some(value),
            ..Self::default()
        }
    }

    /// An object that is a framework.
    #[must_use]
    pub fn framework(info: &'a v1::FrameworkInfo) -> Self {
        Self {
            framework_info: Some(info),
            ..Self::default()
        }
    }

    /// An object that is a task of a framework.
    #[must_use]
    pub fn task(task: &'a v1::Task, framework: &'a v1::FrameworkInfo) -> Self {
        Self {
            task: Some(task),
            framework_info: Some(framework),
            ..Self::default()
        }
    }

    /// An object that is a task to be launched by a framework.
    #[must_use]
    pub fn task_info(task: &'a v1::TaskInfo, framework: &'a v1::FrameworkInfo) -> Self {
        Self {
            task_info: Some(task),
            framework_info: Some(framework),
            ..Self::default()
        }
    }

    /// An object that is an executor of a framework.
    #[must_use]
    pub fn executor(executor: &'a v1::ExecutorInfo, framework: &'a v1::FrameworkInfo) -> Self {
        Self {
            executor_info: Some(executor),
            framework_info: Some(framework),
            ..Self::default()
        }
    }

    /// An object that is a resource.
    #[must_use]
    pub fn resource(resource: &'a v1::Resource) -> Self {
        Self {
            resource: Some(resource),
            ..Self::default()
        }
    }

    /// The names under which the rules of an action know this object.
    ///
    /// An empty list stands for any object.
    pub(super) fn names(&self, action: Action) -> Names<'a> {
        match action {
            Action::RegisterFramework => self.roles(),
            Action::TeardownFramework => one(self
                .framework_info
                .map(v1::FrameworkInfo::principal)
                .or(self.value)),
            Action::DestroyVolume => one(self.resource.map(creator).or(self.value)),
            Action::UnreserveResources => one(self.resource.map(reserver).or(self.value)),
            Action::ReserveResources
            | Action::CreateVolume
            | Action::ResizeVolume
            | Action::CreateBlockDisk
            | Action::DestroyBlockDisk
            | Action::CreateMountDisk
            | Action::DestroyMountDisk
            | Action::DestroyRawDisk => one(self.resource.map(reserved_role).or(self.value)),
            Action::UpdateWeight => one(self.weight_info.map(v1::WeightInfo::role).or(self.value)),
            Action::UpdateQuota => one(self.quota_info.map(v1::quota::QuotaInfo::role)),
            Action::GetEndpointWithPath
            | Action::ViewRole
            | Action::GetQuota
            | Action::UpdateQuotaWithConfig => one(self.value),
            Action::RunTask => one(self.task_user().or_else(|| self.framework_user())),
            Action::ViewTask => {
                let running = self.task.and_then(|task| task.user.as_deref());
                one(running
                    .or_else(|| self.task_user())
                    .or_else(|| self.framework_user()))
            }
            Action::ViewFramework => one(self.framework_user()),
            Action::ViewExecutor | Action::AccessSandbox | Action::ViewContainer => {
                one(self.executor_user().or_else(|| self.framework_user()))
            }
            Action::AttachContainerInput
            | Action::AttachContainerOutput
            | Action::RemoveNestedContainer
            | Action::KillNestedContainer
            | Action::WaitNestedContainer => {
                let container = self.container_id.map(v1::ContainerId::value);
                let user = self.executor_user().or_else(|| self.set_framework_user());
                one(user.or(container))
            }
            Action::LaunchNestedContainer | Action::LaunchNestedContainerSession => {
                one(self.nested_user())
            }
            Action::Unknown
            | Action::AccessMesosLog
            | Action::ViewFlags
            | Action::SetLogLevel
            | Action::RegisterAgent
            | Action::UpdateMaintenanceSchedule
            | Action::GetMaintenanceSchedule
            | Action::StartMaintenance
            | Action::StopMaintenance
            | Action::GetMaintenanceStatus
            | Action::DrainAgent
            | Action::DeactivateAgent
            | Action::ReactivateAgent
            | Action::MarkAgentGone
            | Action::LaunchStandaloneContainer
            | Action::KillStandaloneContainer
            | Action::WaitStandaloneContainer
            | Action::RemoveStandaloneContainer
            | Action::ViewStandaloneContainer
            | Action::ModifyResourceProviderConfig
            | Action::MarkResourceProviderGone
            | Action::ViewResourceProvider
            | Action::PruneImages => Names::Any,
        }
    }

    /// The user of a command, or of the executor or framework when there is no command.
    fn nested_user(&self) -> Option<&'a str> {
        match self.command_info {
            Some(command) => command.user.as_deref(),
            None => self.executor_user().or_else(|| self.set_framework_user()),
        }
    }

    fn roles(&self) -> Names<'a> {
        match self.framework_info {
            Some(info) => Names::Each(roles_of(info)),
            None => one(self.value),
        }
    }

    fn task_user(&self) -> Option<&'a str> {
        let task = self.task_info?;
        let of_command = task
            .command
            .as_ref()
            .and_then(|_| task.command().user.as_deref());
        of_command.or_else(|| {
            task.executor.as_ref()?;
            task.executor().command().user.as_deref()
        })
    }

    fn executor_user(&self) -> Option<&'a str> {
        self.executor_info?.command().user.as_deref()
    }

    fn framework_user(&self) -> Option<&'a str> {
        self.framework_info.map(v1::FrameworkInfo::user)
    }

    fn set_framework_user(&self) -> Option<&'a str> {
        self.framework_info?.user.as_deref()
    }
}

/// The names of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Names<'a> {
    /// The object is not told: any.
    Any,
    /// One.
    One(&'a str),
    /// Several, each of which must be allowed.
    Each(Vec<&'a str>),
}

fn one(name: Option<&str>) -> Names<'_> {
    name.map_or(Names::Any, Names::One)
}

/// The roles of a framework: of several, or the one of the old field.
fn roles_of(info: &v1::FrameworkInfo) -> Vec<&str> {
    let several = v1::framework_info::capability::Type::MultiRole;
    if info
        .capabilities
        .iter()
        .any(|known| known.r#type() == several)
    {
        info.roles.iter().map(String::as_str).collect()
    } else {
        vec![info.role()]
    }
}

/// The principal that created a volume.
fn creator(volume: &v1::Resource) -> &str {
    volume.disk().persistence().principal()
}

/// The principal of the innermost reservation.
fn reserver(resource: &v1::Resource) -> &str {
    match resource.reservations.last() {
        Some(reservation) => reservation.principal(),
        None => resource.reservation().principal(),
    }
}

/// The role of the innermost reservation.
fn reserved_role(resource: &v1::Resource) -> &str {
    match resource.reservations.last() {
        Some(reservation) => reservation.role(),
        None => resource.role(),
    }
}
