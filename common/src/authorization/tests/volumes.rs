//! Rules on roles and principals of resources.

use super::Rules;
use crate::authorization::Action;

/// Mirrors: AuthorizationTest.CreateBlockDisk
#[test]
fn rules_decide_create_block_disk() {
    let rules = Rules::of(
        "create_block_disks principals=foo roles=ANY \n\
         create_block_disks principals=bar roles=panda \n\
         create_block_disks principals=baz roles=NONE \n\
         create_block_disks principals=elizabeth-ii roles=king/%,king \n\
         create_block_disks principals=charles roles=king/% \n\
         create_block_disks principals=j-welby roles=king \n\
         create_block_disks principals=ANY roles=NONE",
    );

    rules.allow(
        Action::CreateBlockDisk,
        Some("foo"),
        &[("reservation role", "awesome_role")],
    );
    rules.allow(
        Action::CreateBlockDisk,
        Some("bar"),
        &[("reservation role", "panda")],
    );
    rules.refuse(
        Action::CreateBlockDisk,
        Some("bar"),
        &[("reservation role", "giraffe")],
    );
    rules.refuse(
        Action::CreateBlockDisk,
        Some("baz"),
        &[("reservation role", "panda")],
    );
    rules.refuse(
        Action::CreateBlockDisk,
        Some("zelda"),
        &[("reservation role", "panda")],
    );
    rules.allow(
        Action::CreateBlockDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::CreateBlockDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::CreateBlockDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.refuse(
        Action::CreateBlockDisk,
        Some("charles"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::CreateBlockDisk,
        Some("charles"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::CreateBlockDisk,
        Some("charles"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.allow(
        Action::CreateBlockDisk,
        Some("j-welby"),
        &[("reservation role", "king")],
    );
    rules.refuse(
        Action::CreateBlockDisk,
        Some("j-welby"),
        &[("reservation role", "king/prince")],
    );
    rules.refuse(
        Action::CreateBlockDisk,
        Some("j-welby"),
        &[("reservation role", "king/prince/duke")],
    );
}

/// Mirrors: AuthorizationTest.DestroyBlockDisk
#[test]
fn rules_decide_destroy_block_disk() {
    let rules = Rules::of(
        "destroy_block_disks principals=foo roles=ANY \n\
         destroy_block_disks principals=bar roles=panda \n\
         destroy_block_disks principals=baz roles=NONE \n\
         destroy_block_disks principals=elizabeth-ii roles=king/%,king \n\
         destroy_block_disks principals=charles roles=king/% \n\
         destroy_block_disks principals=j-welby roles=king \n\
         destroy_block_disks principals=ANY roles=NONE",
    );

    rules.allow(
        Action::DestroyBlockDisk,
        Some("foo"),
        &[("reservation role", "awesome_role")],
    );
    rules.allow(
        Action::DestroyBlockDisk,
        Some("bar"),
        &[("reservation role", "panda")],
    );
    rules.refuse(
        Action::DestroyBlockDisk,
        Some("bar"),
        &[("reservation role", "giraffe")],
    );
    rules.refuse(
        Action::DestroyBlockDisk,
        Some("baz"),
        &[("reservation role", "panda")],
    );
    rules.refuse(
        Action::DestroyBlockDisk,
        Some("zelda"),
        &[("reservation role", "panda")],
    );
    rules.allow(
        Action::DestroyBlockDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::DestroyBlockDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::DestroyBlockDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.refuse(
        Action::DestroyBlockDisk,
        Some("charles"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::DestroyBlockDisk,
        Some("charles"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::DestroyBlockDisk,
        Some("charles"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.allow(
        Action::DestroyBlockDisk,
        Some("j-welby"),
        &[("reservation role", "king")],
    );
    rules.refuse(
        Action::DestroyBlockDisk,
        Some("j-welby"),
        &[("reservation role", "king/prince")],
    );
    rules.refuse(
        Action::DestroyBlockDisk,
        Some("j-welby"),
        &[("reservation role", "king/prince/duke")],
    );
}

/// Mirrors: AuthorizationTest.CreateMountDisk
#[test]
fn rules_decide_create_mount_disk() {
    let rules = Rules::of(
        "create_mount_disks principals=foo roles=ANY \n\
         create_mount_disks principals=bar roles=panda \n\
         create_mount_disks principals=baz roles=NONE \n\
         create_mount_disks principals=elizabeth-ii roles=king/%,king \n\
         create_mount_disks principals=charles roles=king/% \n\
         create_mount_disks principals=j-welby roles=king \n\
         create_mount_disks principals=ANY roles=NONE",
    );

    rules.allow(
        Action::CreateMountDisk,
        Some("foo"),
        &[("reservation role", "awesome_role")],
    );
    rules.allow(
        Action::CreateMountDisk,
        Some("bar"),
        &[("reservation role", "panda")],
    );
    rules.refuse(
        Action::CreateMountDisk,
        Some("bar"),
        &[("reservation role", "giraffe")],
    );
    rules.refuse(
        Action::CreateMountDisk,
        Some("baz"),
        &[("reservation role", "panda")],
    );
    rules.refuse(
        Action::CreateMountDisk,
        Some("zelda"),
        &[("reservation role", "panda")],
    );
    rules.allow(
        Action::CreateMountDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::CreateMountDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::CreateMountDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.refuse(
        Action::CreateMountDisk,
        Some("charles"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::CreateMountDisk,
        Some("charles"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::CreateMountDisk,
        Some("charles"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.allow(
        Action::CreateMountDisk,
        Some("j-welby"),
        &[("reservation role", "king")],
    );
    rules.refuse(
        Action::CreateMountDisk,
        Some("j-welby"),
        &[("reservation role", "king/prince")],
    );
    rules.refuse(
        Action::CreateMountDisk,
        Some("j-welby"),
        &[("reservation role", "king/prince/duke")],
    );
}

/// Mirrors: AuthorizationTest.DestroyMountDisk
#[test]
fn rules_decide_destroy_mount_disk() {
    let rules = Rules::of(
        "destroy_mount_disks principals=foo roles=ANY \n\
         destroy_mount_disks principals=bar roles=panda \n\
         destroy_mount_disks principals=baz roles=NONE \n\
         destroy_mount_disks principals=elizabeth-ii roles=king/%,king \n\
         destroy_mount_disks principals=charles roles=king/% \n\
         destroy_mount_disks principals=j-welby roles=king \n\
         destroy_mount_disks principals=ANY roles=NONE",
    );

    rules.allow(
        Action::DestroyMountDisk,
        Some("foo"),
        &[("reservation role", "awesome_role")],
    );
    rules.allow(
        Action::DestroyMountDisk,
        Some("bar"),
        &[("reservation role", "panda")],
    );
    rules.refuse(
        Action::DestroyMountDisk,
        Some("bar"),
        &[("reservation role", "giraffe")],
    );
    rules.refuse(
        Action::DestroyMountDisk,
        Some("baz"),
        &[("reservation role", "panda")],
    );
    rules.refuse(
        Action::DestroyMountDisk,
        Some("zelda"),
        &[("reservation role", "panda")],
    );
    rules.allow(
        Action::DestroyMountDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::DestroyMountDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::DestroyMountDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.refuse(
        Action::DestroyMountDisk,
        Some("charles"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::DestroyMountDisk,
        Some("charles"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::DestroyMountDisk,
        Some("charles"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.allow(
        Action::DestroyMountDisk,
        Some("j-welby"),
        &[("reservation role", "king")],
    );
    rules.refuse(
        Action::DestroyMountDisk,
        Some("j-welby"),
        &[("reservation role", "king/prince")],
    );
    rules.refuse(
        Action::DestroyMountDisk,
        Some("j-welby"),
        &[("reservation role", "king/prince/duke")],
    );
}

/// Mirrors: AuthorizationTest.DestroyRawDisk
#[test]
fn rules_decide_destroy_raw_disk() {
    let rules = Rules::of(
        "destroy_raw_disks principals=foo roles=ANY \n\
         destroy_raw_disks principals=bar roles=panda \n\
         destroy_raw_disks principals=baz roles=NONE \n\
         destroy_raw_disks principals=elizabeth-ii roles=king/%,king \n\
         destroy_raw_disks principals=charles roles=king/% \n\
         destroy_raw_disks principals=j-welby roles=king \n\
         destroy_raw_disks principals=ANY roles=NONE",
    );

    rules.allow(
        Action::DestroyRawDisk,
        Some("foo"),
        &[("reservation role", "awesome_role")],
    );
    rules.allow(
        Action::DestroyRawDisk,
        Some("bar"),
        &[("reservation role", "panda")],
    );
    rules.refuse(
        Action::DestroyRawDisk,
        Some("bar"),
        &[("reservation role", "giraffe")],
    );
    rules.refuse(
        Action::DestroyRawDisk,
        Some("baz"),
        &[("reservation role", "panda")],
    );
    rules.refuse(
        Action::DestroyRawDisk,
        Some("zelda"),
        &[("reservation role", "panda")],
    );
    rules.allow(
        Action::DestroyRawDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::DestroyRawDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::DestroyRawDisk,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.refuse(
        Action::DestroyRawDisk,
        Some("charles"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::DestroyRawDisk,
        Some("charles"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::DestroyRawDisk,
        Some("charles"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.allow(
        Action::DestroyRawDisk,
        Some("j-welby"),
        &[("reservation role", "king")],
    );
    rules.refuse(
        Action::DestroyRawDisk,
        Some("j-welby"),
        &[("reservation role", "king/prince")],
    );
    rules.refuse(
        Action::DestroyRawDisk,
        Some("j-welby"),
        &[("reservation role", "king/prince/duke")],
    );
}
