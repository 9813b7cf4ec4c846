//! `CREATE_DISK` and `DESTROY_DISK`.

use mesos_proto::v1::offer::operation::{CreateDisk, DestroyDisk};

use super::*;
use crate::validation::operation::{create_disk, destroy_disk};

fn disk(source: &Value) -> v1::Resource {
    let mut disk = resource("disk:10");
    let info = json!({"source": source});
    disk.disk = Some(from::<v1::resource::DiskInfo>(&info).into());
    disk
}

fn create(source: &v1::Resource, target: &str, profile: Option<&str>) -> Check {
    let mut operation: CreateDisk = from(&json!({
        "source": {"name": "disk", "type": "SCALAR", "scalar": {"value": 1}},
        "target_type": target,
    }));
    operation.source = Some(source.clone().into());
    operation.target_profile = profile.map(str::to_owned);
    create_disk(&operation)
}

fn destroy(source: v1::Resource) -> Check {
    destroy_disk(&DestroyDisk {
        source: Some(source.into()),
        ..Default::default()
    })
}

/// Mirrors: OperationValidationTest.CreateDisk
#[test]
fn disk_is_created_from_a_raw_one_of_a_provider() {
    let profiled = disk(&json!({"type": "RAW", "profile": "profile"}));
    let unmanaged = profiled.clone();
    let profiled = provided(profiled, "provider1");
    let plain = provided(disk(&json!({"type": "RAW"})), "provider2");
    let mount = provided(disk(&json!({"type": "MOUNT"})), "provider3");

    assert_eq!(create(&profiled, "MOUNT", None), Ok(()));
    assert_eq!(create(&profiled, "BLOCK", None), Ok(()));
    assert_eq!(create(&plain, "MOUNT", Some("profile")), Ok(()));
    refused(
        create(&profiled, "PATH", None),
        "'target_type' is neither MOUNT or BLOCK",
    );
    refused(
        create(&profiled, "MOUNT", Some("profile")),
        "'target_profile' must not be set when 'source' has a profile",
    );
    refused(
        create(&plain, "MOUNT", None),
        "'target_profile' must be set when 'source' has no profile",
    );
    refused(
        create(&mount, "MOUNT", None),
        "'source' is not a RAW disk resource",
    );
    refused(
        create(&unmanaged, "MOUNT", None),
        "'source' is not managed by a resource provider",
    );
}

/// Mirrors: OperationValidationTest.DestroyDisk
#[test]
fn disk_is_destroyed_when_its_provider_made_it() {
    let mount = disk(&json!({"type": "MOUNT", "id": "volume1"}));
    let block = disk(&json!({"type": "BLOCK", "id": "volume2"}));
    let raw = disk(&json!({"type": "RAW", "id": "volume3"}));
    let path = disk(&json!({"type": "PATH", "id": "volume4"}));
    let unbacked = disk(&json!({"type": "RAW", "profile": "profile"}));
    let mut persistent = volume("disk(role):70", "id", "path");
    persistent.disk.get_or_insert_default().source =
        mount.disk.clone().and_then(|disk| disk.source);

    for good in [mount.clone(), block, raw] {
        assert_eq!(destroy(provided(good, "provider")), Ok(()));
    }
    refused(
        destroy(provided(path, "provider")),
        "'source' is neither a MOUNT, BLOCK or RAW disk resource",
    );
    refused(
        destroy(mount),
        "'source' is not managed by a resource provider",
    );
    refused(
        destroy(provided(unbacked, "provider")),
        "'source' is not backed by a CSI volume",
    );
    refused_with(
        destroy(provided(persistent, "provider")),
        "Please destroy the persistent volume first",
    );
}

#[test]
fn form_of_a_raw_disk_is_checked_like_any_other() {
    let empty = provided(resource("disk:10"), "provider");
    let mut hollow = empty.clone();
    hollow.disk = Some(v1::resource::DiskInfo::default().into());

    refused(
        create(&hollow, "MOUNT", None),
        "Invalid resource: Invalid DiskInfo: DiskInfo is set but empty",
    );
    refused(
        destroy(empty),
        "'source' is neither a MOUNT, BLOCK or RAW disk resource",
    );
}
