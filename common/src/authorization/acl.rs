//! Rules: who, and on what.

use mesos_proto::acls::AcLs;
use mesos_proto::acls::acl;
use mesos_proto::acls::acl::entity::Type;
use mesos_proto::authorization::Action;

/// One rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) subjects: acl::Entity,
    pub(super) objects: acl::Entity,
}

/// Whether a rule is about a name; no name stands for anybody.
fn matches(name: Option<&str>, entity: &acl::Entity) -> bool {
    match entity.r#type() {
        Type::Any | Type::None => true,
        Type::Some => name.is_some_and(|name| contains(entity, name)),
    }
}

/// Whether a rule that is about a name lets it pass.
fn allows(name: Option<&str>, entity: &acl::Entity) -> bool {
    match entity.r#type() {
        Type::Any => true,
        Type::None => false,
        Type::Some => name.is_some_and(|name| contains(entity, name)),
    }
}

fn contains(entity: &acl::Entity, name: &str) -> bool {
    entity.values.iter().any(|value| value == name)
}

impl Rule {
    fn new(subjects: &acl::Entity, objects: &acl::Entity) -> Self {
        Self {
            subjects: subjects.clone(),
            objects: objects.clone(),
        }
    }

    /// What this rule says on a subject and an object; nothing when it is not about them.
    pub(super) fn verdict(&self, subject: Option<&str>, object: Option<&str>) -> Option<bool> {
        if let (Some(prefix), Some(role)) = (self.recursive(), object) {
            let is_below = role.starts_with(prefix);
            return (is_below && matches(subject, &self.subjects))
                .then(|| allows(subject, &self.subjects));
        }
        if self.recursive().is_some() {
            return None;
        }
        (matches(subject, &self.subjects) && matches(object, &self.objects))
            .then(|| allows(subject, &self.subjects) && allows(object, &self.objects))
    }

    /// The beginning of the roles below `a/%`, which is `a/`.
    fn recursive(&self) -> Option<&str> {
        match self.objects.values.as_slice() {
            [value] if value.ends_with("/%") => value.strip_suffix('%'),
            _ => None,
        }
    }
}

/// Parts a rule on roles in one for the plain roles and one for each pattern.
fn by_role(subjects: &acl::Entity, roles: &acl::Entity) -> Vec<Rule> {
    if roles.r#type() != Type::Some {
        return vec![Rule::new(subjects, roles)];
    }
    let (patterns, plain): (Vec<&String>, Vec<&String>) =
        roles.values.iter().partition(|value| value.ends_with("/%"));
    let rule = |values: Vec<String>| {
        let objects = acl::Entity {
            values,
            ..Default::default()
        };
        Rule::new(subjects, &objects)
    };
    let mut rules: Vec<Rule> = patterns
        .into_iter()
        .map(|pattern| rule(vec![pattern.clone()]))
        .collect();
    if !plain.is_empty() {
        rules.push(rule(plain.into_iter().cloned().collect()));
    }
    rules
}

/// The rules of one list.
macro_rules! rules {
    ($acls:ident . $list:ident, $objects:ident) => {
        $acls
            .$list
            .iter()
            .map(|acl| Rule::new(acl.principals(), acl.$objects()))
            .collect()
    };
}

/// The rules of one list on roles.
macro_rules! role_rules {
    ($acls:ident . $list:ident) => {
        $acls
            .$list
            .iter()
            .flat_map(|acl| by_role(acl.principals(), acl.roles()))
            .collect()
    };
}

/// The rules on an action; those on nested containers are the rules on the command's user.
pub(super) fn of_action(acls: &AcLs, action: Action) -> Vec<Rule> {
    match action {
        Action::Unknown => Vec::new(),
        Action::RegisterFramework => role_rules!(acls.register_frameworks),
        Action::ReserveResources => role_rules!(acls.reserve_resources),
        Action::CreateVolume => role_rules!(acls.create_volumes),
        Action::ResizeVolume => role_rules!(acls.resize_volumes),
        Action::UpdateWeight => role_rules!(acls.update_weights),
        Action::ViewRole => role_rules!(acls.view_roles),
        Action::GetQuota => role_rules!(acls.get_quotas),
        Action::UpdateQuota | Action::UpdateQuotaWithConfig => role_rules!(acls.update_quotas),
        Action::CreateBlockDisk => role_rules!(acls.create_block_disks),
        Action::DestroyBlockDisk => role_rules!(acls.destroy_block_disks),
        Action::CreateMountDisk => role_rules!(acls.create_mount_disks),
        Action::DestroyMountDisk => role_rules!(acls.destroy_mount_disks),
        Action::DestroyRawDisk => role_rules!(acls.destroy_raw_disks),
        Action::RunTask => rules!(acls.run_tasks, users),
        Action::TeardownFramework => rules!(acls.teardown_frameworks, framework_principals),
        Action::UnreserveResources => rules!(acls.unreserve_resources, reserver_principals),
        Action::DestroyVolume => rules!(acls.destroy_volumes, creator_principals),
        Action::GetEndpointWithPath => rules!(acls.get_endpoints, paths),
        Action::AccessMesosLog => rules!(acls.access_mesos_logs, logs),
        Action::ViewFlags => rules!(acls.view_flags, flags),
        Action::AccessSandbox => rules!(acls.access_sandboxes, users),
        Action::AttachContainerInput => rules!(acls.attach_containers_input, users),
        Action::AttachContainerOutput => rules!(acls.attach_containers_output, users),
        Action::KillNestedContainer => rules!(acls.kill_nested_containers, users),
        Action::WaitNestedContainer => rules!(acls.wait_nested_containers, users),
        Action::RemoveNestedContainer => rules!(acls.remove_nested_containers, users),
        Action::LaunchNestedContainer => rules!(acls.launch_nested_containers_as_user, users),
        Action::LaunchNestedContainerSession => {
            rules!(acls.launch_nested_container_sessions_as_user, users)
        }
        Action::ViewFramework => rules!(acls.view_frameworks, users),
        Action::ViewTask => rules!(acls.view_tasks, users),
        Action::ViewExecutor => rules!(acls.view_executors, users),
        Action::ViewContainer => rules!(acls.view_containers, users),
        Action::SetLogLevel => rules!(acls.set_log_level, level),
        Action::RegisterAgent => rules!(acls.register_agents, agents),
        Action::UpdateMaintenanceSchedule => rules!(acls.update_maintenance_schedules, machines),
        Action::GetMaintenanceSchedule => rules!(acls.get_maintenance_schedules, machines),
        Action::StartMaintenance => rules!(acls.start_maintenances, machines),
        Action::StopMaintenance => rules!(acls.stop_maintenances, machines),
        Action::GetMaintenanceStatus => rules!(acls.get_maintenance_statuses, machines),
        Action::DrainAgent => rules!(acls.drain_agents, agents),
        Action::DeactivateAgent => rules!(acls.deactivate_agents, agents),
        Action::ReactivateAgent => rules!(acls.reactivate_agents, agents),
        Action::MarkAgentGone => rules!(acls.mark_agents_gone, agents),
        Action::LaunchStandaloneContainer => rules!(acls.launch_standalone_containers, users),
        Action::KillStandaloneContainer => rules!(acls.kill_standalone_containers, users),
        Action::WaitStandaloneContainer => rules!(acls.wait_standalone_containers, users),
        Action::RemoveStandaloneContainer => rules!(acls.remove_standalone_containers, users),
        Action::ViewStandaloneContainer => rules!(acls.view_standalone_containers, users),
        Action::ModifyResourceProviderConfig => {
            rules!(acls.modify_resource_provider_configs, resource_providers)
        }
        Action::MarkResourceProviderGone => {
            rules!(acls.mark_resource_providers_gone, resource_providers)
        }
        Action::ViewResourceProvider => rules!(acls.view_resource_providers, resource_providers),
        Action::PruneImages => rules!(acls.prune_images, images),
    }
}

/// The rules on the user of the container under which an action launches.
pub(super) fn of_parent(acls: &AcLs, action: Action) -> Vec<Rule> {
    if action == Action::LaunchNestedContainer {
        rules!(acls.launch_nested_containers_under_parent_with_user, users)
    } else {
        rules!(
            acls.launch_nested_container_sessions_under_parent_with_user,
            users
        )
    }
}

/// A rule on something that is given implicitly, but names objects.
fn naming(acls: &AcLs) -> Option<&'static str> {
    let names = |entity: &acl::Entity| entity.r#type() == Type::Some;
    macro_rules! any_names {
        ($list:ident, $objects:ident) => {
            acls.$list.iter().any(|acl| names(acl.$objects()))
        };
    }
    let found = [
        (any_names!(access_mesos_logs, logs), "AccessMesosLog"),
        (any_names!(view_flags, flags), "ViewFlags"),
        (any_names!(set_log_level, level), "SetLogLevel"),
        (any_names!(register_agents, agents), "RegisterAgent"),
        (
            any_names!(update_maintenance_schedules, machines),
            "UpdateMaintenanceSchedule",
        ),
        (
            any_names!(get_maintenance_schedules, machines),
            "GetMaintenanceSchedule",
        ),
        (any_names!(start_maintenances, machines), "StartMaintenance"),
        (any_names!(stop_maintenances, machines), "StopMaintenance"),
        (
            any_names!(get_maintenance_statuses, machines),
            "GetMaintenanceStatus",
        ),
        (any_names!(drain_agents, agents), "DrainAgent"),
        (any_names!(deactivate_agents, agents), "DeactivateAgent"),
        (any_names!(reactivate_agents, agents), "ReactivateAgent"),
        (
            any_names!(launch_standalone_containers, users),
            "LaunchStandaloneContainer",
        ),
        (
            any_names!(kill_standalone_containers, users),
            "KillStandaloneContainer",
        ),
        (
            any_names!(wait_standalone_containers, users),
            "WaitStandaloneContainer",
        ),
        (
            any_names!(remove_standalone_containers, users),
            "RemoveStandaloneContainer",
        ),
        (
            any_names!(view_standalone_containers, users),
            "ViewStandaloneContainer",
        ),
        (
            any_names!(mark_resource_providers_gone, resource_providers),
            "MarkResourceProvidersGone",
        ),
        (
            any_names!(view_resource_providers, resource_providers),
            "ViewResourceProvider",
        ),
        (
            any_names!(modify_resource_provider_configs, resource_providers),
            "ModifyResourceProviderConfig",
        ),
        (any_names!(prune_images, images), "PruneImages"),
    ];
    found
        .into_iter()
        .find_map(|(is_so, name)| is_so.then_some(name))
}

/// The paths that `get_endpoints` may name.
const ENDPOINTS: [&str; 6] = [
    "/containers",
    "/containerizer/debug",
    "/files/debug",
    "/logging/toggle",
    "/metrics/snapshot",
    "/monitor/statistics",
];

/// What is wrong with the rules.
pub(super) enum Fault {
    /// Rules of that kind must not name objects.
    NamesObjects(&'static str),
    /// A path that nobody asks about.
    Path(String),
}

pub(super) fn find_fault(acls: &AcLs) -> Option<Fault> {
    if let Some(name) = naming(acls) {
        return Some(Fault::NamesObjects(name));
    }
    let named = acls.get_endpoints.iter().map(acl::GetEndpoint::paths);
    named
        .filter(|paths| paths.r#type() == Type::Some)
        .flat_map(|paths| &paths.values)
        .find(|path| !ENDPOINTS.contains(&path.as_str()))
        .map(|path| Fault::Path(path.clone()))
}
