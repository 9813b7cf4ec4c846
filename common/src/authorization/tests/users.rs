//! Rules on users.

use super::Rules;
use crate::authorization::Action;

/// Mirrors: AuthorizationTest.AnyPrincipalRunAsUser
#[test]
fn rules_decide_any_principal_run_as_user() {
    let rules = Rules::of("run_tasks principals=ANY users=guest");

    rules.allow(Action::RunTask, Some("foo"), &[("task user", "guest")]);
    rules.allow(Action::RunTask, Some("foo"), &[("framework user", "guest")]);
    rules.allow(
        Action::RunTask,
        Some("foo"),
        &[("task executor user", "guest")],
    );
    rules.allow(Action::RunTask, Some("foo"), &[("task user", "root")]);
    rules.allow(Action::RunTask, Some("foo"), &[("framework user", "root")]);
    rules.allow(
        Action::RunTask,
        Some("foo"),
        &[("task executor user", "root")],
    );
}

/// Mirrors: AuthorizationTest.NoPrincipalRunAsUser
#[test]
fn rules_decide_no_principal_run_as_user() {
    let rules = Rules::of("run_tasks principals=NONE users=root");

    rules.refuse(Action::RunTask, Some("foo"), &[("task user", "root")]);
    rules.refuse(Action::RunTask, Some("foo"), &[("framework user", "root")]);
    rules.refuse(
        Action::RunTask,
        Some("foo"),
        &[("task executor user", "root")],
    );
}

/// Mirrors: AuthorizationTest.PrincipalRunAsAnyUser
#[test]
fn rules_decide_principal_run_as_any_user() {
    let rules = Rules::of(
        "restrictive \n\
         run_tasks principals=foo users=ANY",
    );

    rules.allow(Action::RunTask, Some("foo"), &[("framework user", "user1")]);
    rules.allow(Action::RunTask, Some("foo"), &[("framework user", "user2")]);
}

/// Mirrors: AuthorizationTest.AnyPrincipalRunAsAnyUser
#[test]
fn rules_decide_any_principal_run_as_any_user() {
    let rules = Rules::of(
        "restrictive \n\
         run_tasks principals=ANY users=ANY",
    );

    rules.allow(Action::RunTask, Some("foo"), &[("framework user", "user1")]);
    rules.allow(Action::RunTask, Some("foo"), &[("framework user", "user2")]);
    rules.allow(Action::RunTask, Some("bar"), &[("framework user", "user1")]);
    rules.allow(Action::RunTask, Some("bar"), &[("framework user", "user2")]);
}

/// Mirrors: AuthorizationTest.OnlySomePrincipalsRunAsSomeUsers
#[test]
fn rules_decide_only_some_principals_run_as_some_users() {
    let rules = Rules::of(
        "run_tasks principals=foo,bar users=user1,user2 \n\
         run_tasks principals=NONE users=user1,user2",
    );

    rules.allow(Action::RunTask, Some("foo"), &[("framework user", "user1")]);
    rules.allow(Action::RunTask, Some("foo"), &[("framework user", "user2")]);
    rules.allow(Action::RunTask, Some("bar"), &[("framework user", "user1")]);
    rules.allow(Action::RunTask, Some("bar"), &[("framework user", "user2")]);
    rules.refuse(Action::RunTask, Some("baz"), &[("framework user", "user1")]);
    rules.refuse(Action::RunTask, Some("baz"), &[("framework user", "user2")]);
}

/// Mirrors: AuthorizationTest.SomePrincipalOnlySomeUser
#[test]
fn rules_decide_some_principal_only_some_user() {
    let rules = Rules::of(
        "run_tasks principals=foo users=user1 \n\
         run_tasks principals=foo users=NONE",
    );

    rules.allow(Action::RunTask, Some("foo"), &[("framework user", "user1")]);
    rules.refuse(Action::RunTask, Some("foo"), &[("framework user", "user2")]);
    rules.allow(Action::RunTask, Some("bar"), &[("framework user", "user1")]);
    rules.allow(Action::RunTask, Some("bar"), &[("framework user", "user2")]);
}

/// Mirrors: AuthorizationTest.PrincipalRunAsSomeUserRestrictive
#[test]
fn rules_decide_principal_run_as_some_user_restrictive() {
    let rules = Rules::of(
        "restrictive \n\
         run_tasks principals=foo users=user1",
    );

    rules.allow(Action::RunTask, Some("foo"), &[("framework user", "user1")]);
    rules.refuse(Action::RunTask, Some("foo"), &[("task user", "user2")]);
    rules.refuse(Action::RunTask, Some("foo"), &[("framework user", "user2")]);
    rules.refuse(
        Action::RunTask,
        Some("foo"),
        &[("task executor user", "user2")],
    );
    rules.refuse(Action::RunTask, Some("bar"), &[("task user", "user2")]);
    rules.refuse(Action::RunTask, Some("bar"), &[("framework user", "user2")]);
    rules.refuse(
        Action::RunTask,
        Some("bar"),
        &[("task executor user", "user2")],
    );
}

/// Mirrors: AuthorizationTest.SandBoxAccess
#[test]
fn rules_decide_sand_box_access() {
    let rules = Rules::of(
        "access_sandboxes principals=foo users=NONE \n\
         access_sandboxes principals=bar users=bar \n\
         access_sandboxes principals=ops users=ANY \n\
         access_sandboxes principals=ANY users=NONE",
    );

    rules.refuse(
        Action::AccessSandbox,
        Some("foo"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.refuse(
        Action::AccessSandbox,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::AccessSandbox,
        Some("ops"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::AccessSandbox,
        Some("bar"),
        &[("framework user", "bar"), ("executor user", "bar")],
    );
    rules.allow(
        Action::AccessSandbox,
        Some("bar"),
        &[("framework user", "bar"), ("executor", "")],
    );
}

/// Mirrors: AuthorizationTest.OptionalObject
#[test]
fn rules_decide_optional_object() {
    let rules = Rules::of(
        "teardown_frameworks principals=foo framework_principals=ANY \n\
         teardown_frameworks principals=ANY framework_principals=NONE",
    );

    rules.allow(Action::TeardownFramework, Some("foo"), &[]);
    rules.refuse(Action::TeardownFramework, Some("bar"), &[]);
}

/// Mirrors: AuthorizationTest.ViewFramework
#[test]
fn rules_decide_view_framework() {
    let rules = Rules::of(
        "view_frameworks principals=foo users=NONE \n\
         view_frameworks principals=bar users=bar \n\
         view_frameworks principals=ops users=ANY \n\
         view_frameworks principals=ANY users=NONE",
    );

    rules.refuse(
        Action::ViewFramework,
        Some("foo"),
        &[("framework user", "user")],
    );
    rules.refuse(
        Action::ViewFramework,
        Some("bar"),
        &[("framework user", "user")],
    );
    rules.allow(
        Action::ViewFramework,
        Some("ops"),
        &[("framework user", "user")],
    );
    rules.allow(
        Action::ViewFramework,
        Some("bar"),
        &[("framework user", "bar")],
    );
}

/// Mirrors: AuthorizationTest.ViewContainer
#[test]
fn rules_decide_view_container() {
    let rules = Rules::of(
        "view_containers principals=foo users=NONE \n\
         view_containers principals=bar users=bar \n\
         view_containers principals=ops users=ANY \n\
         view_containers principals=ANY users=NONE",
    );

    rules.refuse(
        Action::ViewContainer,
        Some("foo"),
        &[("framework user", "user")],
    );
    rules.refuse(
        Action::ViewContainer,
        Some("bar"),
        &[("framework user", "user")],
    );
    rules.allow(
        Action::ViewContainer,
        Some("ops"),
        &[("framework user", "user")],
    );
    rules.allow(
        Action::ViewContainer,
        Some("bar"),
        &[("framework user", "bar")],
    );
}

/// Mirrors: AuthorizationTest.ViewTask
#[test]
fn rules_decide_view_task() {
    let rules = Rules::of(
        "view_tasks principals=foo users=NONE \n\
         view_tasks principals=bar users=bar \n\
         view_tasks principals=ops users=ANY \n\
         view_tasks principals=ANY users=NONE",
    );

    rules.refuse(
        Action::ViewTask,
        Some("foo"),
        &[("framework user", "user"), ("task user", "user")],
    );
    rules.refuse(
        Action::ViewTask,
        Some("bar"),
        &[("framework user", "user"), ("task user", "user")],
    );
    rules.allow(
        Action::ViewTask,
        Some("ops"),
        &[("framework user", "user"), ("task user", "user")],
    );
    rules.allow(
        Action::ViewTask,
        Some("bar"),
        &[("framework user", "bar"), ("task user", "bar")],
    );
    rules.allow(
        Action::ViewTask,
        Some("bar"),
        &[("framework user", "bar"), ("task", "")],
    );
    rules.refuse(
        Action::ViewTask,
        Some("bar"),
        &[("framework user", "bar"), ("task executor user", "user")],
    );
    rules.allow(
        Action::ViewTask,
        Some("bar"),
        &[("framework user", "bar"), ("task executor user", "bar")],
    );
    rules.refuse(
        Action::ViewTask,
        Some("foo"),
        &[("framework user", "user"), ("running task user", "user")],
    );
    rules.refuse(
        Action::ViewTask,
        Some("bar"),
        &[("framework user", "user"), ("running task user", "user")],
    );
    rules.allow(
        Action::ViewTask,
        Some("ops"),
        &[("framework user", "user"), ("running task user", "user")],
    );
    rules.allow(
        Action::ViewTask,
        Some("bar"),
        &[("framework user", "bar"), ("running task user", "bar")],
    );
}

/// Mirrors: AuthorizationTest.ViewExecutor
#[test]
fn rules_decide_view_executor() {
    let rules = Rules::of(
        "view_executors principals=foo users=NONE \n\
         view_executors principals=bar users=bar \n\
         view_executors principals=ops users=ANY \n\
         view_executors principals=ANY users=NONE",
    );

    rules.refuse(
        Action::ViewExecutor,
        Some("foo"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.refuse(
        Action::ViewExecutor,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::ViewExecutor,
        Some("ops"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::ViewExecutor,
        Some("bar"),
        &[("framework user", "bar"), ("executor user", "bar")],
    );
    rules.allow(
        Action::ViewExecutor,
        Some("bar"),
        &[("framework user", "bar"), ("executor", "")],
    );
}
