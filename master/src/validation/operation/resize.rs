//! Operations that change the size of a volume.

use mesos_common::resource::Resource;
use mesos_common::resources::{Resources, validate_resource};
use mesos_common::scalar::Scalar;
use mesos_proto::v1;
use mesos_proto::v1::agent_info::capability::Type as AgentCapability;
use mesos_proto::v1::offer::operation::{GrowVolume, ShrinkVolume};
use mesos_proto::v1::resource::disk_info::source::Type as SourceType;

use super::{Check, check_persistent_volumes, ensure, prefixed, show, source_type};
use crate::state::agent::Agent;

/// A `GROW_VOLUME`.
///
/// # Errors
/// The first broken rule.
pub fn grow_volume(operation: &GrowVolume, agent: &Agent) -> Check {
    let (volume, addition) = (operation.volume(), operation.addition());
    prefixed(
        validate_resource(volume),
        "Invalid resource in the 'GrowVolume.volume' field: ",
    )?;
    prefixed(
        validate_resource(addition),
        "Invalid resource in the 'GrowVolume.addition' field: ",
    )?;
    ensure(amount(addition.scalar()) > Scalar::ZERO, || {
        "The size of 'GrowVolume.addition' field must be greater than zero".into()
    })?;
    ensure(volume.provider_id.is_none(), || {
        "Growing a volume from a resource provider is not supported".into()
    })?;
    prefixed(
        check_persistent_volumes(std::slice::from_ref(volume)),
        "Invalid persistent volume in the 'GrowVolume.volume' field: ",
    )?;
    ensure(volume.shared.is_none(), || {
        "Growing a shared persistent volume is not supported".into()
    })?;
    ensure(merges(volume, addition), || {
        "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields".into()
    })?;
    ensure(agent.has(AgentCapability::ResizeVolume), || {
        format!(
            "Volume {} cannot be grown on an agent without RESIZE_VOLUME capability",
            show(volume)
        )
        .into()
    })
}

/// An amount in thousandths, as resources are compared.
fn amount(scalar: &v1::value::Scalar) -> Scalar {
    Scalar::from_f64(scalar.value())
}

/// Whether a volume without its persistence and some disk are one resource together.
fn merges(volume: &v1::Resource, addition: &v1::Resource) -> bool {
    let (Ok(volume), Ok(addition)) = (Resource::from_proto(volume), Resource::from_proto(addition))
    else {
        return false;
    };
    let mut both = Resources::new();
    both.add(volume.without_persistence());
    both.add(addition);
    both.len() == 1
}

/// A `SHRINK_VOLUME`.
///
/// # Errors
/// The first broken rule.
pub fn shrink_volume(operation: &ShrinkVolume, agent: &Agent) -> Check {
    let volume = operation.volume();
    prefixed(
        validate_resource(volume),
        "Invalid resource in the 'ShrinkVolume.volume' field: ",
    )?;
    let subtract = amount(operation.subtract());
    ensure(subtract > Scalar::ZERO, || {
        "Value of 'ShrinkVolume.subtract' must be greater than zero".into()
    })?;
    ensure(subtract < amount(volume.scalar()), || {
        "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'"
            .into()
    })?;
    ensure(volume.provider_id.is_none(), || {
        "Shrinking a volume from a resource provider is not supported".into()
    })?;
    ensure(
        volume.disk().source.is_none() || source_type(volume) != SourceType::Mount,
        || "Shrinking a volume on a MOUNT disk is not supported".into(),
    )?;
    prefixed(
        check_persistent_volumes(std::slice::from_ref(volume)),
        "Invalid persistent volume in the 'ShrinkVolume.volume' field: ",
    )?;
    ensure(volume.shared.is_none(), || {
        "Shrinking a shared persistent volume is not supported".into()
    })?;
    ensure(agent.has(AgentCapability::ResizeVolume), || {
        format!(
            "Volume {} cannot be shrunk on an agent without RESIZE_VOLUME capability",
            show(volume)
        )
        .into()
    })
}
