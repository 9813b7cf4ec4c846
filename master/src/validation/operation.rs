//! Operations on resources, by frameworks and by operators.

mod resize;

use mesos_common::resource::{ReservationKind, Resource};
use mesos_common::resources::{Resources, validate_resource, validate_resources};
use mesos_proto::v1;
use mesos_proto::v1::agent_info::capability::Type as AgentCapability;
use mesos_proto::v1::framework_info::capability::Type as FrameworkCapability;
use mesos_proto::v1::offer::operation::{
    Create, CreateDisk, Destroy, DestroyDisk, Reserve, Type, Unreserve,
};
use mesos_proto::v1::resource::disk_info::source::Type as SourceType;
use mesos_proto::v1::resource::reservation_info;

use super::framework::set;
use super::resource::{
    check_list, check_one_allocation_role, check_one_provider, check_persistent_volumes,
    check_unique_persistence, show,
};
use super::{Check, Invalid, ensure, prefixed};
use crate::resource_format::is_refined;
use crate::state::agent::Agent;
use crate::state::framework::Framework;

pub use resize::{grow_volume, shrink_volume};

/// Who asks for an operation.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// A framework, in an `ACCEPT`.
    Framework(&'a Framework),
    /// An operator, perhaps with a principal.
    Operator(Option<&'a str>),
}

impl Asker<'_> {
    fn principal(&self) -> Option<&str> {
        match self {
            Self::Framework(framework) => framework.principal(),
            Self::Operator(principal) => *principal,
        }
    }
}

/// The form of an operation: its message is there, and all its resources are valid.
///
/// # Errors
/// The first broken rule.
pub fn pre_check(operation: &v1::offer::Operation) -> Check {
    let missing = |text: &'static str| Err(Invalid::from(text));
    match operation.r#type() {
        Type::Reserve if operation.reserve.is_none() => {
            missing("A RESERVE offer operation must have the Offer.Operation.reserve field set.")
        }
        Type::Unreserve if operation.unreserve.is_none() => missing(
            "An UNRESERVE offer operation must have the Offer.Operation.unreserve field set.",
        ),
        Type::Create if operation.create.is_none() => {
            missing("A CREATE offer operation must have the Offer.Operation.create field set.")
        }
        Type::Destroy if operation.destroy.is_none() => {
            missing("A DESTROY offer operation must have the Offer.Operation.destroy field set.")
        }
        Type::Launch if operation.launch.is_none() => {
            missing("A LAUNCH offer operation must have the Offer.Operation.launch field set.")
        }
        Type::LaunchGroup if operation.launch_group.is_none() => missing(
            "A LAUNCH_GROUP offer operation must have the Offer.Operation.launch_group field set.",
        ),
        Type::CreateDisk if operation.create_disk.is_none() => missing(
            "A CREATE_DISK offer operation must have the Offer.Operation.create_disk field set.",
        ),
        Type::DestroyDisk if operation.destroy_disk.is_none() => missing(
            "A DESTROY_DISK offer operation must have the Offer.Operation.destroy_disk field set.",
        ),
        Type::GrowVolume if operation.grow_volume.is_none() => {
            missing("A GROW_VOLUME operation must have the Offer.Operation.grow_volume field set")
        }
        Type::ShrinkVolume if operation.shrink_volume.is_none() => missing(
            "A SHRINK_VOLUME operation must have the Offer.Operation.shrink_volume field set",
        ),
        Type::Unknown => missing("Unknown offer operation"),
        Type::Reserve
        | Type::Unreserve
        | Type::Create
        | Type::Destroy
        | Type::Launch
        | Type::LaunchGroup
        | Type::CreateDisk
        | Type::DestroyDisk
        | Type::GrowVolume
        | Type::ShrinkVolume => check_resources(operation),
    }
}

fn check_resources(operation: &v1::offer::Operation) -> Check {
    let lists: Vec<&[v1::Resource]> = match operation.r#type() {
        Type::Reserve => vec![&operation.reserve().resources, &operation.reserve().source],
        Type::Unreserve => vec![&operation.unreserve().resources],
        Type::Create => vec![&operation.create().volumes],
        Type::Destroy => vec![&operation.destroy().volumes],
        Type::Launch => operation
            .launch()
            .task_infos
            .iter()
            .flat_map(|task| {
                [
                    task.resources.as_slice(),
                    task.executor().resources.as_slice(),
                ]
            })
            .collect(),
        Type::LaunchGroup => {
            let group = operation.launch_group();
            let tasks = &group.task_group().tasks;
            std::iter::once(group.executor().resources.as_slice())
                .chain(tasks.iter().flat_map(|task| {
                    [
                        task.resources.as_slice(),
                        task.executor().resources.as_slice(),
                    ]
                }))
                .collect()
        }
        Type::GrowVolume => {
            let grow = operation.grow_volume();
            prefixed(validate_resource(grow.volume()), "")?;
            return prefixed(validate_resource(grow.addition()), "");
        }
        Type::ShrinkVolume => {
            return prefixed(validate_resource(operation.shrink_volume().volume()), "");
        }
        Type::CreateDisk => {
            return prefixed(validate_resource(operation.create_disk().source()), "");
        }
        Type::DestroyDisk => {
            return prefixed(validate_resource(operation.destroy_disk().source()), "");
        }
        Type::Unknown => Vec::new(),
    };
    for list in lists {
        prefixed(validate_resources(list), "")?;
    }
    Ok(())
}

fn is_dynamic(resource: &v1::Resource) -> bool {
    resource
        .reservations
        .last()
        .is_some_and(|last| last.r#type() == reservation_info::Type::Dynamic)
}

/// A `RESERVE`.
///
/// # Errors
/// The first broken rule.
pub fn reserve(operation: &Reserve, asker: Asker<'_>, agent: &Agent) -> Check {
    prefixed(check_list(&operation.resources), "Invalid resources: ")?;
    prefixed(check_list(&operation.source), "Invalid source: ")?;
    if !operation.source.is_empty() {
        check_source(operation)?;
    }
    prefixed(
        check_one_provider(&operation.resources),
        "Invalid resources: ",
    )?;
    for resource in &operation.resources {
        check_reserved(resource, asker, agent)?;
    }
    match asker {
        Asker::Framework(_) => prefixed(
            check_one_allocation_role(&operation.resources),
            "Invalid reservation resources: ",
        ),
        Asker::Operator(_) => Ok(()),
    }
}

fn check_source(operation: &Reserve) -> Check {
    let source = Resources::from_proto(&operation.source);
    let target = Resources::from_proto(&operation.resources);
    ensure(!source.is_empty(), || {
        "Invalid source: Resource cannot be empty".into()
    })?;
    ensure(!target.is_empty(), || {
        "Invalid resources: Resource cannot be empty".into()
    })?;
    for (side, name) in [(&source, "source"), (&target, "resources")] {
        let mut stacks = side.iter().map(|resource| resource.reservations());
        let first = stacks.next();
        ensure(stacks.all(|stack| Some(stack) == first), || {
            format!("Invalid {name}: Mixed reservations are not supported{side}").into()
        })?;
    }
    let (from, to) = (source.to_unreserved(), target.to_unreserved());
    ensure(from == to, || {
        format!(
            "Source and target resources should refer to identical resource quantities: {from} \
             vs. {to}"
        )
        .into()
    })
}

fn check_reserved(resource: &v1::Resource, asker: Asker<'_>, agent: &Agent) -> Check {
    let shown = || show(resource);
    // Mesos dies of a framework that reserves nothing.
    let empty = Resource::from_proto(resource).is_ok_and(|resource| resource.is_empty());
    ensure(!empty, || {
        format!("Resource {} is empty and cannot be reserved", shown()).into()
    })?;
    ensure(is_dynamic(resource), || {
        format!("Resource {} is not dynamically reserved", shown()).into()
    })?;
    let Some(reservation) = resource.reservations.last() else {
        return Ok(());
    };
    let role = reservation.role();
    ensure(
        !role.contains('/') || agent.has(AgentCapability::HierarchicalRole),
        || {
            format!(
                "Resource {} with reservation for hierarchical role '{role}' cannot be reserved on \
             an agent without HIERARCHICAL_ROLE capability",
                shown()
            )
            .into()
        },
    )?;
    ensure(
        !is_refined(resource) || agent.has(AgentCapability::ReservationRefinement),
        || {
            format!(
                "Resource {} with reservation refinement cannot be reserved on an agent without \
             RESERVATION_REFINEMENT capability",
                shown()
            )
            .into()
        },
    )?;
    if let Some(principal) = asker.principal() {
        let Some(named) = reservation.principal.as_deref() else {
            return Err(format!(
                "A reserve operation was attempted by principal '{principal}', but there is a \
                 reserved resource in the request with no principal set"
            )
            .into());
        };
        ensure(named == principal, || {
            format!(
                "A reserve operation was attempted by authenticated principal '{principal}', \
                 which does not match a reserved resource in the request with principal '{named}'"
            )
            .into()
        })?;
    }
    check_reserved_allocation(resource, role, asker)
}

fn check_reserved_allocation(resource: &v1::Resource, role: &str, asker: Asker<'_>) -> Check {
    let Asker::Framework(framework) = asker else {
        return ensure(resource.allocation_info.is_none(), || {
            "A reserve operation was attempted with an allocated resource, but the operator API \
             only allows reservations to be made to unallocated resources"
                .into()
        });
    };
    ensure(resource.allocation_info.is_some(), || {
        format!(
            "A reserve operation was attempted on unallocated resource {}, but frameworks can \
             only perform reservations on allocated resources",
            show(resource)
        )
        .into()
    })?;
    let allocated = resource.allocation_info().role();
    ensure(role == allocated, || {
        format!(
            "A reserve operation was attempted for a resource with role '{role}', but the \
             resource was allocated to role '{allocated}'"
        )
        .into()
    })?;
    let roles: Vec<&str> = framework.roles().iter().map(String::as_str).collect();
    ensure(framework.roles().contains(allocated), || {
        format!(
            "A reserve operation was attempted for a resource allocated to role '{allocated}', \
             but the framework only has roles '{}'",
            set(&roles)
        )
        .into()
    })
}

/// An `UNRESERVE`.
///
/// # Errors
/// The first broken rule.
pub fn unreserve(operation: &Unreserve) -> Check {
    prefixed(check_list(&operation.resources), "Invalid resources: ")?;
    prefixed(
        check_one_provider(&operation.resources),
        "Invalid resources: ",
    )?;
    for resource in &operation.resources {
        ensure(is_dynamic(resource), || {
            format!("Resource {} is not dynamically reserved", show(resource)).into()
        })?;
        ensure(resource.disk().persistence.is_none(), || {
            format!(
                "A dynamically reserved persistent volume {} cannot be unreserved directly. \
                 Please destroy the persistent volume first then unreserve the resource",
                show(resource)
            )
            .into()
        })?;
    }
    Ok(())
}

/// A `CREATE`.
///
/// # Errors
/// The first broken rule.
pub fn create(operation: &Create, asker: Asker<'_>, agent: &Agent) -> Check {
    prefixed(check_list(&operation.volumes), "Invalid resources: ")?;
    prefixed(
        check_one_provider(&operation.volumes),
        "Invalid resources: ",
    )?;
    prefixed(
        check_persistent_volumes(&operation.volumes),
        "Not a persistent volume: ",
    )?;
    let mut all = agent.checkpointed().to_proto();
    all.extend(operation.volumes.iter().cloned());
    check_unique_persistence(&all)?;
    for volume in &operation.volumes {
        check_created(volume, asker, agent)?;
    }
    match asker {
        Asker::Framework(_) => prefixed(
            check_one_allocation_role(&operation.volumes),
            "Invalid volume resources: ",
        ),
        Asker::Operator(_) => Ok(()),
    }
}

fn check_created(volume: &v1::Resource, asker: Asker<'_>, agent: &Agent) -> Check {
    if let Asker::Framework(framework) = asker {
        let allowed =
            volume.shared.is_none() || framework.has(FrameworkCapability::SharedResources);
        ensure(allowed, || {
            format!(
                "Create volume operation for '{}' has been attempted by framework '{}' with no \
                 SHARED_RESOURCES capability",
                show(volume),
                framework.id()
            )
            .into()
        })?;
    }
    let role = volume
        .reservations
        .last()
        .map(|last| last.role())
        .unwrap_or_default();
    ensure(
        !role.contains('/') || agent.has(AgentCapability::HierarchicalRole),
        || {
            format!(
                "Volume {} with reservation for hierarchical role '{role}' cannot be created on an \
             agent without HIERARCHICAL_ROLE capability",
                show(volume)
            )
            .into()
        },
    )?;
    ensure(
        !is_refined(volume) || agent.has(AgentCapability::ReservationRefinement),
        || {
            format!(
                "Volume {} with reservation refinement cannot be created on an agent without \
             RESERVATION_REFINEMENT capability",
                show(volume)
            )
            .into()
        },
    )?;
    let Some(principal) = asker.principal() else {
        return Ok(());
    };
    let Some(named) = volume.disk().persistence().principal.as_deref() else {
        return Err(format!(
            "Create volume operation attempted by principal '{principal}', but there is a volume \
             in the operation with no principal set in 'disk.persistence'"
        )
        .into());
    };
    ensure(named == principal, || {
        format!(
            "Create volume operation attempted by authenticated principal '{principal}', which \
             does not match a volume in the operation with principal '{named}' set in \
             'disk.persistence'"
        )
        .into()
    })
}

/// A `DESTROY`.
///
/// # Errors
/// The first broken rule.
pub fn destroy(operation: &Destroy, agent: &Agent) -> Check {
    let mut volumes = operation.volumes.clone();
    for volume in &mut volumes {
        volume.allocation_info = None;
    }
    prefixed(check_list(&volumes), "Invalid resources: ")?;
    prefixed(check_one_provider(&volumes), "Invalid resources: ")?;
    prefixed(
        check_persistent_volumes(&volumes),
        "Not a persistent volume: ",
    )?;
    let wanted = Resources::from_proto(&volumes);
    let own = wanted.filter(|volume| volume.provider_id().is_none());
    ensure(agent.checkpointed().contains(&own), || {
        "Persistent volumes not found".into()
    })?;
    let used = agent.used_unallocated();
    ensure(
        !wanted.iter().any(|volume| used.contains_resource(volume)),
        || "Persistent volumes in use".into(),
    )
}

fn source_type(resource: &v1::Resource) -> SourceType {
    resource.disk().source().r#type()
}

/// A `CREATE_DISK`.
///
/// # Errors
/// The first broken rule.
pub fn create_disk(operation: &CreateDisk) -> Check {
    let source = operation.source();
    prefixed(
        check_list(std::slice::from_ref(source)),
        "Invalid resource: ",
    )?;
    ensure(source.provider_id.is_some(), || {
        "'source' is not managed by a resource provider".into()
    })?;
    ensure(source_type(source) == SourceType::Raw, || {
        "'source' is not a RAW disk resource".into()
    })?;
    let target = operation.target_type();
    ensure(
        matches!(target, SourceType::Mount | SourceType::Block),
        || "'target_type' is neither MOUNT or BLOCK".into(),
    )?;
    let has_profile = source.disk().source().profile.is_some();
    ensure(!(has_profile && operation.target_profile.is_some()), || {
        "'target_profile' must not be set when 'source' has a profile".into()
    })?;
    ensure(has_profile || operation.target_profile.is_some(), || {
        "'target_profile' must be set when 'source' has no profile".into()
    })
}

/// A `DESTROY_DISK`.
///
/// # Errors
/// The first broken rule.
pub fn destroy_disk(operation: &DestroyDisk) -> Check {
    let source = operation.source();
    prefixed(
        check_list(std::slice::from_ref(source)),
        "Invalid resource: ",
    )?;
    ensure(source.provider_id.is_some(), || {
        "'source' is not managed by a resource provider".into()
    })?;
    let kind = source_type(source);
    ensure(
        matches!(
            kind,
            SourceType::Mount | SourceType::Block | SourceType::Raw
        ),
        || "'source' is neither a MOUNT, BLOCK or RAW disk resource".into(),
    )?;
    ensure(source.disk().source().id.is_some(), || {
        "'source' is not backed by a CSI volume".into()
    })?;
    ensure(source.disk().persistence.is_none(), || {
        format!(
            "A disk resource containing a persistent volume {} cannot be destroyed directly. \
             Please destroy the persistent volume first then destroy the disk resource",
            show(source)
        )
        .into()
    })
}

/// Whether a reservation was made while the agent ran.
#[must_use]
pub fn is_dynamically_reserved(resource: &Resource) -> bool {
    resource
        .reservations()
        .last()
        .is_some_and(|last| last.kind == ReservationKind::Dynamic)
}
