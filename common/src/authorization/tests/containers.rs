//! Rules on containers.

#![expect(
    clippy::too_many_lines,
    reason = "one table of questions for each action"
)]

use super::Rules;
use crate::authorization::Action;

/// Mirrors: AuthorizationTest.LaunchNestedContainerSessions
#[test]
fn rules_decide_launch_nested_container_sessions() {
    let rules = Rules::of(
        "launch_nested_container_sessions_under_parent_with_user principals=ops users=ANY \n\
         launch_nested_container_sessions_under_parent_with_user principals=foo users=NONE \n\
         launch_nested_container_sessions_under_parent_with_user principals=bar users=bar \n\
         launch_nested_container_sessions_under_parent_with_user principals=ANY users=NONE \n\
         launch_nested_container_sessions_as_user principals=foo users=NONE \n\
         launch_nested_container_sessions_as_user principals=bar users=bar \n\
         launch_nested_container_sessions_as_user principals=ops users=ANY \n\
         launch_nested_container_sessions_as_user principals=ANY users=NONE",
    );

    rules.refuse(
        Action::LaunchNestedContainerSession,
        Some("foo"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.refuse(
        Action::LaunchNestedContainerSession,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::LaunchNestedContainerSession,
        Some("ops"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::LaunchNestedContainerSession,
        Some("ops"),
        &[("framework user", "user"), ("executor", "")],
    );
    rules.allow(
        Action::LaunchNestedContainerSession,
        Some("ops"),
        &[("framework user", "user"), ("executor", "")],
    );
    rules.allow(
        Action::LaunchNestedContainerSession,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "bar")],
    );
    rules.refuse(
        Action::LaunchNestedContainerSession,
        Some("foo"),
        &[
            ("framework user", "user"),
            ("executor user", "user"),
            ("command user", "user"),
        ],
    );
    rules.refuse(
        Action::LaunchNestedContainerSession,
        Some("bar"),
        &[
            ("framework user", "user"),
            ("executor user", "bar"),
            ("command user", "user"),
        ],
    );
    rules.allow(
        Action::LaunchNestedContainerSession,
        Some("bar"),
        &[
            ("framework user", "user"),
            ("executor user", "bar"),
            ("command user", "bar"),
        ],
    );
    rules.allow(
        Action::LaunchNestedContainerSession,
        Some("ops"),
        &[
            ("framework user", "user"),
            ("executor user", "bar"),
            ("command user", "bar"),
        ],
    );
    rules.allow(
        Action::LaunchNestedContainerSession,
        Some("ops"),
        &[
            ("framework user", "user"),
            ("executor user", "user"),
            ("command user", "bar"),
        ],
    );
    rules.allow(
        Action::LaunchNestedContainerSession,
        Some("ops"),
        &[
            ("framework user", "user"),
            ("executor user", "user"),
            ("command user", "bar"),
        ],
    );
    rules.allow(
        Action::LaunchNestedContainerSession,
        Some("ops"),
        &[
            ("framework user", "user"),
            ("executor", ""),
            ("command user", "bar"),
        ],
    );
    rules.allow(
        Action::LaunchNestedContainerSession,
        Some("ops"),
        &[
            ("framework user", "user"),
            ("executor", ""),
            ("command user", "bar"),
        ],
    );
}

/// Mirrors: AuthorizationTest.AttachContainerInput
#[test]
fn rules_decide_attach_container_input() {
    let rules = Rules::of(
        "attach_containers_input principals=foo users=NONE \n\
         attach_containers_input principals=bar users=bar \n\
         attach_containers_input principals=ops users=ANY \n\
         attach_containers_input principals=ANY users=NONE",
    );

    rules.refuse(
        Action::AttachContainerInput,
        Some("foo"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.refuse(
        Action::AttachContainerInput,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::AttachContainerInput,
        Some("ops"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::AttachContainerInput,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "bar")],
    );
    rules.allow(
        Action::AttachContainerInput,
        Some("ops"),
        &[("framework user", "user"), ("executor", "")],
    );
}

/// Mirrors: AuthorizationTest.AttachContainerOutput
#[test]
fn rules_decide_attach_container_output() {
    let rules = Rules::of(
        "attach_containers_output principals=foo users=NONE \n\
         attach_containers_output principals=bar users=bar \n\
         attach_containers_output principals=ops users=ANY \n\
         attach_containers_output principals=ANY users=NONE",
    );

    rules.refuse(
        Action::AttachContainerOutput,
        Some("foo"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.refuse(
        Action::AttachContainerOutput,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::AttachContainerOutput,
        Some("ops"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::AttachContainerOutput,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "bar")],
    );
    rules.allow(
        Action::AttachContainerOutput,
        Some("ops"),
        &[("framework user", "user"), ("executor", "")],
    );
}

/// Mirrors: AuthorizationTest.LaunchNestedContainers
#[test]
fn rules_decide_launch_nested_containers() {
    let rules = Rules::of(
        "launch_nested_containers_under_parent_with_user principals=ops users=ANY \n\
         launch_nested_containers_under_parent_with_user principals=foo users=NONE \n\
         launch_nested_containers_under_parent_with_user principals=bar users=bar \n\
         launch_nested_containers_under_parent_with_user principals=ANY users=NONE \n\
         launch_nested_containers_as_user principals=foo users=NONE \n\
         launch_nested_containers_as_user principals=bar users=bar \n\
         launch_nested_containers_as_user principals=ops users=ANY \n\
         launch_nested_containers_as_user principals=ANY users=NONE",
    );

    rules.refuse(
        Action::LaunchNestedContainer,
        Some("foo"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.refuse(
        Action::LaunchNestedContainer,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::LaunchNestedContainer,
        Some("ops"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::LaunchNestedContainer,
        Some("ops"),
        &[("framework user", "user"), ("executor", "")],
    );
    rules.allow(
        Action::LaunchNestedContainer,
        Some("ops"),
        &[("framework user", "user"), ("executor", "")],
    );
    rules.allow(
        Action::LaunchNestedContainer,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "bar")],
    );
    rules.refuse(
        Action::LaunchNestedContainer,
        Some("foo"),
        &[
            ("framework user", "user"),
            ("executor user", "user"),
            ("command user", "user"),
        ],
    );
    rules.refuse(
        Action::LaunchNestedContainer,
        Some("bar"),
        &[
            ("framework user", "user"),
            ("executor user", "bar"),
            ("command user", "user"),
        ],
    );
    rules.allow(
        Action::LaunchNestedContainer,
        Some("bar"),
        &[
            ("framework user", "user"),
            ("executor user", "bar"),
            ("command user", "bar"),
        ],
    );
    rules.allow(
        Action::LaunchNestedContainer,
        Some("ops"),
        &[
            ("framework user", "user"),
            ("executor user", "bar"),
            ("command user", "bar"),
        ],
    );
    rules.allow(
        Action::LaunchNestedContainer,
        Some("ops"),
        &[
            ("framework user", "user"),
            ("executor user", "user"),
            ("command user", "bar"),
        ],
    );
    rules.allow(
        Action::LaunchNestedContainer,
        Some("ops"),
        &[
            ("framework user", "user"),
            ("executor user", "user"),
            ("command user", "bar"),
        ],
    );
    rules.allow(
        Action::LaunchNestedContainer,
        Some("ops"),
        &[
            ("framework user", "user"),
            ("executor", ""),
            ("command user", "bar"),
        ],
    );
    rules.allow(
        Action::LaunchNestedContainer,
        Some("ops"),
        &[
            ("framework user", "user"),
            ("executor", ""),
            ("command user", "bar"),
        ],
    );
}

/// Mirrors: AuthorizationTest.WaitNestedContainer
#[test]
fn rules_decide_wait_nested_container() {
    let rules = Rules::of(
        "wait_nested_containers principals=foo users=NONE \n\
         wait_nested_containers principals=bar users=bar \n\
         wait_nested_containers principals=ops users=ANY \n\
         wait_nested_containers principals=ANY users=NONE",
    );

    rules.refuse(
        Action::WaitNestedContainer,
        Some("foo"),
        &[("executor user", "user")],
    );
    rules.refuse(
        Action::WaitNestedContainer,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::WaitNestedContainer,
        Some("ops"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::WaitNestedContainer,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "bar")],
    );
    rules.allow(
        Action::WaitNestedContainer,
        Some("ops"),
        &[("framework user", "user"), ("executor", "")],
    );
}

/// Mirrors: AuthorizationTest.KillNestedContainer
#[test]
fn rules_decide_kill_nested_container() {
    let rules = Rules::of(
        "kill_nested_containers principals=foo users=NONE \n\
         kill_nested_containers principals=bar users=bar \n\
         kill_nested_containers principals=ops users=ANY \n\
         kill_nested_containers principals=ANY users=NONE",
    );

    rules.refuse(
        Action::KillNestedContainer,
        Some("foo"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.refuse(
        Action::KillNestedContainer,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::KillNestedContainer,
        Some("ops"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::KillNestedContainer,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "bar")],
    );
    rules.allow(
        Action::KillNestedContainer,
        Some("ops"),
        &[("framework user", "user"), ("executor", "")],
    );
}

/// Mirrors: AuthorizationTest.RemoveNestedContainer
#[test]
fn rules_decide_remove_nested_container() {
    let rules = Rules::of(
        "remove_nested_containers principals=foo users=NONE \n\
         remove_nested_containers principals=bar users=bar \n\
         remove_nested_containers principals=ops users=ANY \n\
         remove_nested_containers principals=ANY users=NONE",
    );

    rules.refuse(
        Action::RemoveNestedContainer,
        Some("foo"),
        &[("executor user", "user")],
    );
    rules.refuse(
        Action::RemoveNestedContainer,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::RemoveNestedContainer,
        Some("ops"),
        &[("framework user", "user"), ("executor user", "user")],
    );
    rules.allow(
        Action::RemoveNestedContainer,
        Some("bar"),
        &[("framework user", "user"), ("executor user", "bar")],
    );
    rules.allow(
        Action::RemoveNestedContainer,
        Some("ops"),
        &[("framework user", "user"), ("executor", "")],
    );
}
