//! Rules on roles.

#![expect(
    clippy::too_many_lines,
    reason = "one table of questions for each action"
)]

use super::Rules;
use crate::authorization::Action;

/// Mirrors: AuthorizationTest.AnyPrincipalOfferedRole
#[test]
fn rules_decide_any_principal_offered_role() {
    let rules = Rules::of("register_frameworks principals=ANY roles=*");

    rules.allow(Action::RegisterFramework, Some("foo"), &[("value", "*")]);
    rules.allow(
        Action::RegisterFramework,
        Some("foo"),
        &[("framework role", "*")],
    );
    rules.allow(Action::RegisterFramework, Some("bar"), &[("value", "*")]);
    rules.allow(
        Action::RegisterFramework,
        Some("bar"),
        &[("framework role", "*")],
    );
}

/// Mirrors: AuthorizationTest.SomePrincipalsOfferedRole
#[test]
fn rules_decide_some_principals_offered_role() {
    let rules = Rules::of("register_frameworks principals=foo,bar roles=ads");

    rules.allow(Action::RegisterFramework, Some("foo"), &[("value", "ads")]);
    rules.allow(
        Action::RegisterFramework,
        Some("foo"),
        &[("framework role", "ads")],
    );
    rules.allow(Action::RegisterFramework, Some("bar"), &[("value", "ads")]);
    rules.allow(
        Action::RegisterFramework,
        Some("bar"),
        &[("framework role", "ads")],
    );
    rules.allow(Action::RegisterFramework, Some("baz"), &[("value", "ads")]);
    rules.allow(
        Action::RegisterFramework,
        Some("baz"),
        &[("framework role", "ads")],
    );
}

/// Mirrors: AuthorizationTest.PrincipalOfferedRole
#[test]
fn rules_decide_principal_offered_role() {
    let rules = Rules::of(
        "register_frameworks principals=foo roles=analytics \n\
         register_frameworks principals=NONE roles=analytics",
    );

    rules.allow(
        Action::RegisterFramework,
        Some("foo"),
        &[("value", "analytics")],
    );
    rules.allow(
        Action::RegisterFramework,
        Some("foo"),
        &[("framework role", "analytics")],
    );
    rules.refuse(
        Action::RegisterFramework,
        Some("bar"),
        &[("value", "analytics")],
    );
    rules.refuse(
        Action::RegisterFramework,
        Some("bar"),
        &[("framework role", "analytics")],
    );
}

/// Mirrors: AuthorizationTest.PrincipalNotOfferedAnyRoleRestrictive
#[test]
fn rules_decide_principal_not_offered_any_role_restrictive() {
    let rules = Rules::of(
        "restrictive \n\
         register_frameworks principals=foo roles=analytics",
    );

    rules.allow(
        Action::RegisterFramework,
        Some("foo"),
        &[("value", "analytics")],
    );
    rules.allow(
        Action::RegisterFramework,
        Some("foo"),
        &[("framework role", "analytics")],
    );
    rules.refuse(
        Action::RegisterFramework,
        Some("bar"),
        &[("value", "analytics")],
    );
    rules.refuse(
        Action::RegisterFramework,
        Some("bar"),
        &[("framework role", "analytics")],
    );
    rules.refuse(Action::RegisterFramework, Some("bar"), &[("value", "ads")]);
    rules.refuse(
        Action::RegisterFramework,
        Some("bar"),
        &[("framework role", "ads")],
    );
}

/// Mirrors: AuthorizationTest.RegisterFrameworkHierarchical
#[test]
fn rules_decide_register_framework_hierarchical() {
    let rules = Rules::of(
        "register_frameworks principals=elizabeth-ii roles=king/%,king \n\
         register_frameworks principals=charles roles=king/% \n\
         register_frameworks principals=j-welby roles=king \n\
         register_frameworks principals=ANY roles=NONE",
    );

    rules.allow(
        Action::RegisterFramework,
        Some("elizabeth-ii"),
        &[("framework role", "king")],
    );
    rules.allow(
        Action::RegisterFramework,
        Some("elizabeth-ii"),
        &[("framework role", "king/prince")],
    );
    rules.allow(
        Action::RegisterFramework,
        Some("elizabeth-ii"),
        &[("framework role", "king/prince/duke")],
    );
    rules.refuse(
        Action::RegisterFramework,
        Some("charles"),
        &[("framework role", "king")],
    );
    rules.allow(
        Action::RegisterFramework,
        Some("charles"),
        &[("framework role", "king/prince")],
    );
    rules.allow(
        Action::RegisterFramework,
        Some("charles"),
        &[("framework role", "king/prince/duke")],
    );
    rules.allow(
        Action::RegisterFramework,
        Some("j-welby"),
        &[("framework role", "king")],
    );
    rules.refuse(
        Action::RegisterFramework,
        Some("j-welby"),
        &[("framework role", "king/prince")],
    );
    rules.refuse(
        Action::RegisterFramework,
        Some("j-welby"),
        &[("framework role", "king/prince/duke")],
    );
}

/// Mirrors: AuthorizationTest.Reserve
#[test]
fn rules_decide_reserve() {
    let rules = Rules::of(
        "reserve_resources principals=foo,bar roles=ANY \n\
         reserve_resources principals=baz roles=ads \n\
         reserve_resources principals=elizabeth-ii roles=king/%,king \n\
         reserve_resources principals=charles roles=king/% \n\
         reserve_resources principals=j-welby roles=king \n\
         reserve_resources principals=ANY roles=NONE",
    );

    rules.allow(Action::ReserveResources, Some("foo"), &[("value", "bar")]);
    rules.allow(
        Action::ReserveResources,
        Some("foo"),
        &[("reservation role", "bar")],
    );
    rules.allow(
        Action::ReserveResources,
        Some("foo"),
        &[("value", "awesome_role")],
    );
    rules.allow(
        Action::ReserveResources,
        Some("foo"),
        &[("reservation role", "awesome_role")],
    );
    rules.allow(
        Action::ReserveResources,
        Some("bar"),
        &[("value", "awesome_role")],
    );
    rules.allow(
        Action::ReserveResources,
        Some("bar"),
        &[("reservation role", "awesome_role")],
    );
    rules.allow(Action::ReserveResources, Some("baz"), &[("value", "ads")]);
    rules.allow(
        Action::ReserveResources,
        Some("baz"),
        &[("reservation role", "ads")],
    );
    rules.refuse(
        Action::ReserveResources,
        Some("baz"),
        &[("value", "awesome_role")],
    );
    rules.refuse(
        Action::ReserveResources,
        Some("baz"),
        &[("reservation role", "awesome_role")],
    );
    rules.refuse(Action::ReserveResources, Some("baz"), &[]);
    rules.refuse(Action::ReserveResources, Some("baz"), &[]);
    rules.refuse(Action::ReserveResources, Some("zelda"), &[("value", "ads")]);
    rules.refuse(
        Action::ReserveResources,
        Some("zelda"),
        &[("reservation role", "ads")],
    );
    rules.allow(
        Action::ReserveResources,
        Some("elizabeth-ii"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::ReserveResources,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::ReserveResources,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.refuse(
        Action::ReserveResources,
        Some("charles"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::ReserveResources,
        Some("charles"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::ReserveResources,
        Some("charles"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.allow(
        Action::ReserveResources,
        Some("j-welby"),
        &[("reservation role", "king")],
    );
    rules.refuse(
        Action::ReserveResources,
        Some("j-welby"),
        &[("reservation role", "king/prince")],
    );
    rules.refuse(
        Action::ReserveResources,
        Some("j-welby"),
        &[("reservation role", "king/prince/duke")],
    );
}

/// Mirrors: AuthorizationTest.CreateVolume
#[test]
fn rules_decide_create_volume() {
    let rules = Rules::of(
        "create_volumes principals=foo roles=ANY \n\
         create_volumes principals=bar roles=panda \n\
         create_volumes principals=baz roles=NONE \n\
         create_volumes principals=elizabeth-ii roles=king/%,king \n\
         create_volumes principals=charles roles=king/% \n\
         create_volumes principals=j-welby roles=king \n\
         create_volumes principals=ANY roles=NONE \n\
         create_volumes principals=ANY roles=NONE",
    );

    rules.allow(
        Action::CreateVolume,
        Some("foo"),
        &[("value", "awesome_role")],
    );
    rules.allow(
        Action::CreateVolume,
        Some("foo"),
        &[("reservation role", "awesome_role")],
    );
    rules.allow(Action::CreateVolume, Some("bar"), &[("value", "panda")]);
    rules.allow(
        Action::CreateVolume,
        Some("bar"),
        &[("reservation role", "panda")],
    );
    rules.refuse(Action::CreateVolume, Some("bar"), &[("value", "giraffe")]);
    rules.refuse(
        Action::CreateVolume,
        Some("bar"),
        &[("reservation role", "giraffe")],
    );
    rules.refuse(Action::CreateVolume, Some("baz"), &[("value", "panda")]);
    rules.refuse(
        Action::CreateVolume,
        Some("baz"),
        &[("reservation role", "panda")],
    );
    rules.refuse(Action::CreateVolume, Some("zelda"), &[("value", "panda")]);
    rules.refuse(
        Action::CreateVolume,
        Some("zelda"),
        &[("reservation role", "panda")],
    );
    rules.allow(
        Action::CreateVolume,
        Some("elizabeth-ii"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::CreateVolume,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::CreateVolume,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.refuse(
        Action::CreateVolume,
        Some("charles"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::CreateVolume,
        Some("charles"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::CreateVolume,
        Some("charles"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.allow(
        Action::CreateVolume,
        Some("j-welby"),
        &[("reservation role", "king")],
    );
    rules.refuse(
        Action::CreateVolume,
        Some("j-welby"),
        &[("reservation role", "king/prince")],
    );
    rules.refuse(
        Action::CreateVolume,
        Some("j-welby"),
        &[("reservation role", "king/prince/duke")],
    );
}

/// Mirrors: AuthorizationTest.DestroyVolume
#[test]
fn rules_decide_destroy_volume() {
    let rules = Rules::of(
        "destroy_volumes principals=foo creator_principals=foo \n\
         destroy_volumes principals=bar creator_principals=NONE \n\
         destroy_volumes principals=ops creator_principals=ANY \n\
         destroy_volumes principals=ANY creator_principals=NONE",
    );

    rules.allow(Action::DestroyVolume, Some("foo"), &[("value", "foo")]);
    rules.allow(
        Action::DestroyVolume,
        Some("foo"),
        &[("volume principal", "foo")],
    );
    rules.refuse(Action::DestroyVolume, Some("bar"), &[("value", "foo")]);
    rules.refuse(
        Action::DestroyVolume,
        Some("bar"),
        &[("volume principal", "foo")],
    );
    rules.refuse(Action::DestroyVolume, Some("bar"), &[("value", "bar")]);
    rules.refuse(
        Action::DestroyVolume,
        Some("bar"),
        &[("volume principal", "bar")],
    );
    rules.allow(Action::DestroyVolume, Some("ops"), &[("value", "foo")]);
    rules.allow(
        Action::DestroyVolume,
        Some("ops"),
        &[("volume principal", "foo")],
    );
    rules.allow(Action::DestroyVolume, Some("ops"), &[("value", "ops")]);
    rules.allow(
        Action::DestroyVolume,
        Some("ops"),
        &[("volume principal", "ops")],
    );
    rules.allow(Action::DestroyVolume, Some("ops"), &[("value", "bar")]);
    rules.allow(
        Action::DestroyVolume,
        Some("ops"),
        &[("volume principal", "bar")],
    );
    rules.refuse(Action::DestroyVolume, Some("zelda"), &[("value", "foo")]);
    rules.refuse(
        Action::DestroyVolume,
        Some("zelda"),
        &[("volume principal", "foo")],
    );
}

/// Mirrors: AuthorizationTest.ResizeVolume
#[test]
fn rules_decide_resize_volume() {
    let rules = Rules::of(
        "resize_volumes principals=foo roles=ANY \n\
         resize_volumes principals=bar roles=panda \n\
         resize_volumes principals=baz roles=NONE \n\
         resize_volumes principals=elizabeth-ii roles=king/%,king \n\
         resize_volumes principals=charles roles=king/% \n\
         resize_volumes principals=j-welby roles=king \n\
         resize_volumes principals=ANY roles=NONE \n\
         resize_volumes principals=ANY roles=NONE",
    );

    rules.allow(
        Action::ResizeVolume,
        Some("foo"),
        &[("value", "awesome_role")],
    );
    rules.allow(
        Action::ResizeVolume,
        Some("foo"),
        &[("reservation role", "awesome_role")],
    );
    rules.allow(Action::ResizeVolume, Some("bar"), &[("value", "panda")]);
    rules.allow(
        Action::ResizeVolume,
        Some("bar"),
        &[("reservation role", "panda")],
    );
    rules.refuse(Action::ResizeVolume, Some("bar"), &[("value", "giraffe")]);
    rules.refuse(
        Action::ResizeVolume,
        Some("bar"),
        &[("reservation role", "giraffe")],
    );
    rules.refuse(Action::ResizeVolume, Some("baz"), &[("value", "panda")]);
    rules.refuse(
        Action::ResizeVolume,
        Some("baz"),
        &[("reservation role", "panda")],
    );
    rules.refuse(Action::ResizeVolume, Some("zelda"), &[("value", "panda")]);
    rules.refuse(
        Action::ResizeVolume,
        Some("zelda"),
        &[("reservation role", "panda")],
    );
    rules.allow(
        Action::ResizeVolume,
        Some("elizabeth-ii"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::ResizeVolume,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::ResizeVolume,
        Some("elizabeth-ii"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.refuse(
        Action::ResizeVolume,
        Some("charles"),
        &[("reservation role", "king")],
    );
    rules.allow(
        Action::ResizeVolume,
        Some("charles"),
        &[("reservation role", "king/prince")],
    );
    rules.allow(
        Action::ResizeVolume,
        Some("charles"),
        &[("reservation role", "king/prince/duke")],
    );
    rules.allow(
        Action::ResizeVolume,
        Some("j-welby"),
        &[("reservation role", "king")],
    );
    rules.refuse(
        Action::ResizeVolume,
        Some("j-welby"),
        &[("reservation role", "king/prince")],
    );
    rules.refuse(
        Action::ResizeVolume,
        Some("j-welby"),
        &[("reservation role", "king/prince/duke")],
    );
}
