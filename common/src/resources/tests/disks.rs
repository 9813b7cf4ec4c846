//! Disks of all sources, and persistent volumes.

use super::*;

fn all(resources: &[&Resource]) -> Resources {
    resources
        .iter()
        .map(|resource| (*resource).clone())
        .collect()
}

/// Mirrors: DiskResourcesTest.Validation
#[test]
fn only_disks_have_disk_details() {
    let mut cpus = one("cpus:2").to_proto();
    cpus.disk = disk("1", "role", "1", "path").to_proto().disk;

    let error = validate_resource(&cpus).expect_err("cpus are no disk");

    assert_eq!(
        error.to_string(),
        "DiskInfo should not be set for cpus resource"
    );
    for valid in [
        disk("10", "role", "1", "path"),
        disk("10", "*", "", "path"),
        disk_from(
            Some(source(DiskSourceKind::Path, "mnt")),
            "10",
            "role",
            "1",
            "path",
        ),
        disk_from(
            Some(source(DiskSourceKind::Mount, "mnt")),
            "10",
            "role",
            "1",
            "path",
        ),
    ] {
        assert_eq!(validate_resource(&valid.to_proto()), Ok(()));
    }
}

/// Mirrors: DiskResourcesTest.Equals
#[test]
fn volumes_are_told_apart_by_id_and_not_by_path() {
    assert_ne!(disk("10", "*", "", ""), disk("10", "*", "", "path1"));
    assert_eq!(disk("10", "*", "", "path1"), disk("10", "*", "", "path2"));
    assert_eq!(
        disk("10", "role", "1", "path1"),
        disk("10", "role", "1", "path2")
    );
    assert_ne!(
        disk("10", "role", "1", "path2"),
        disk("10", "role", "2", "path2")
    );
    assert_ne!(
        disk("10", "role", "", "path2"),
        disk("10", "role", "2", "path2")
    );
}

/// Mirrors: DiskResourcesTest.DiskSourceEquals
#[test]
fn disks_are_told_apart_by_their_source() {
    let path = |root| Some(source(DiskSourceKind::Path, root));
    let mount = |root| Some(source(DiskSourceKind::Mount, root));
    let plain = |source| disk_from(source, "10", "*", "", "");
    assert_eq!(
        plain(path("mnt")),
        disk_from(path("mnt"), "10", "*", "", "path1")
    );
    assert_ne!(plain(path("mnt")), plain(path("mnt2")));
    assert_ne!(plain(path("mnt")), plain(mount("mnt")));
    assert_ne!(plain(mount("mnt")), plain(mount("mnt2")));
    assert_ne!(
        disk_from(path("mnt"), "10", "role", "1", "p"),
        disk_from(path("mnt"), "10", "role", "2", "p")
    );
}

/// Mirrors: DiskResourcesSourceTest.SourceIdentity
#[test]
fn exclusive_disks_are_neither_merged_nor_cut() {
    for kind in [
        DiskSourceKind::Raw,
        DiskSourceKind::Path,
        DiskSourceKind::Block,
        DiskSourceKind::Mount,
    ] {
        for fields in 0..8u8 {
            let text = |bit: u8| (fields & bit != 0).then(|| "x".to_owned());
            let source = DiskSource {
                kind,
                path: None,
                mount: None,
                vendor: text(1),
                id: text(2),
                metadata: None,
                profile: text(4),
            };
            let has_id = source.id.is_some();
            let of = |size| disk_from(Some(source.clone()), size, "*", "", "");
            let (r1, r2) = (Resources::from(of("1")), Resources::from(of("2")));
            let twice = all(&[&of("1"), &of("1")]);
            let divisible = match kind {
                DiskSourceKind::Raw => !has_id,
                DiskSourceKind::Path => true,
                DiskSourceKind::Block | DiskSourceKind::Mount => false,
            };

            assert!(r1.contains(&r1.clone()));
            assert_eq!(r2.contains(&r1), divisible);
            assert_eq!(r2 == twice, divisible);
            assert_eq!(twice.len(), if divisible { 1 } else { 2 });
        }
    }
}

/// Mirrors: DiskResourcesTest.Addition
/// Mirrors: DiskResourcesTest.DiskSourceAddition
#[test]
fn disks_of_one_source_add_up_and_volumes_do_not() {
    let plain = |size| Resources::from(disk(size, "role", "", "path"));
    assert_eq!(plain("10") + plain("10"), plain("20"));
    assert_ne!(
        plain("10") + Resources::from(disk("10", "role", "", "")),
        plain("20")
    );

    let total = all(&[
        &disk("10", "role", "1", "path"),
        &disk("10", "role", "2", "path"),
    ]);
    assert_eq!(total.len(), 2);
    assert!(total.contains_resource(&disk("10", "role", "1", "path")));
    assert!(!total.contains_resource(&disk("20", "role", "1", "path")));

    let path = |size, root| {
        disk_from(
            Some(source(DiskSourceKind::Path, root)),
            size,
            "role",
            "",
            "",
        )
    };
    assert_eq!(
        all(&[&path("10", "a"), &path("10", "a")]),
        all(&[&path("20", "a")])
    );
    assert_ne!(
        all(&[&path("10", "a"), &path("10", "b")]),
        all(&[&path("20", "b")])
    );
    let mount = |size, root| {
        disk_from(
            Some(source(DiskSourceKind::Mount, root)),
            size,
            "role",
            "",
            "",
        )
    };
    assert_ne!(
        all(&[&mount("10", "a"), &mount("10", "a")]),
        all(&[&mount("20", "a")])
    );
}

/// Mirrors: DiskResourcesTest.Subtraction
/// Mirrors: DiskResourcesTest.DiskSourceSubtraction
#[test]
fn volumes_and_mounts_are_subtracted_as_wholes() {
    let volume = |id| Resources::from(disk("10", "role", id, "path"));
    assert_eq!(volume("1") - &volume("2"), volume("1"));
    assert!((volume("1") - &volume("1")).is_empty());
    assert!((volume("2") - &Resources::from(disk("10", "role", "2", "path2"))).is_empty());

    let path = |size| {
        disk_from(
            Some(source(DiskSourceKind::Path, "mnt")),
            size,
            "role",
            "",
            "",
        )
    };
    assert_eq!(
        all(&[&path("20")]) - &all(&[&path("10")]),
        all(&[&path("10")])
    );
    let mount = |size, root| {
        all(&[&disk_from(
            Some(source(DiskSourceKind::Mount, root)),
            size,
            "role",
            "",
            "",
        )])
    };
    assert!((mount("10", "a") - &mount("10", "a")).is_empty());
    assert_eq!(mount("20", "a") - &mount("10", "a"), mount("20", "a"));
    assert_eq!(mount("10", "b") - &mount("10", "a"), mount("10", "b"));
}

/// Mirrors: DiskResourcesTest.Contains
/// Mirrors: DiskResourcesTest.SourceContains
#[test]
fn a_volume_is_contained_once() {
    let volume = disk("10", "role", "1", "path");
    let once = all(&[&volume]);
    let twice = all(&[&volume, &volume]);
    assert!(!once.contains(&twice) && twice.contains(&twice.clone()));
    assert!(all(&[&volume, &disk("20", "role", "2", "path")]).contains(&once));

    for kind in [DiskSourceKind::Path, DiskSourceKind::Mount] {
        let of = |size, id| all(&[&disk_from(Some(source(kind, "mnt")), size, "role", id, "")]);
        assert!(of("10", "1").contains(&of("10", "1")));
        assert!(!of("20", "1").contains(&of("10", "1")));
        let divisible = kind == DiskSourceKind::Path;
        assert_eq!(of("20", "").contains(&of("10", "")), divisible);
        assert_eq!(
            of("20", "").contains(&(of("10", "") + of("10", ""))),
            divisible
        );
    }
}

/// Mirrors: DiskResourcesTest.FilterPersistentVolumes
#[test]
fn persistent_volumes_are_found() {
    let mut resources = parse("cpus:1;mem:512;disk:1000");
    let volume = disk("10", "role1", "1", "path");
    resources.add(volume.clone());
    resources.add(disk("20", "role2", "", ""));

    assert_eq!(resources.persistent_volumes(), all(&[&volume]));
}
