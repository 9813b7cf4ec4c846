//! Which calls of the v1 API a principal may make.
//!
//! Mirrors the checks in `src/slave/http.cpp`; what is shown is filtered where it is written.

use libprocess::http::Response;
use mesos_common::authorization::{Action, Approvers, Object};
use mesos_containerizer::ContainerId;
use mesos_proto::v1::{
    self,
    agent::{Call, call},
};

use crate::{agent::AgentProcess, state::executor::Executor};

/// What a call does to a container.
struct Deed<'a> {
    /// The action when the container has a parent or belongs to an executor.
    action: Action,
    container: &'a v1::ContainerId,
    command: Option<&'a v1::CommandInfo>,
}

/// Refuses a call that its sender may not make.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what the other calls show is filtered"
)]
pub(super) fn refuse(agent: &AgentProcess, call: &Call, approvers: &Approvers) -> Option<Response> {
    if let Some(deed) = deed(call) {
        let refusal = agent.refuse_deed(&deed, approvers);
        // Whoever launches a session sees its output.
        let is_session = deed.action == Action::LaunchNestedContainerSession;
        let attach = Deed {
            action: Action::AttachContainerOutput,
            command: None,
            ..deed
        };
        return refusal.or_else(|| {
            is_session
                .then(|| agent.refuse_deed(&attach, approvers))
                .flatten()
        });
    }
    let action = match call.r#type() {
        call::Type::GetFlags => Action::ViewFlags,
        call::Type::SetLoggingLevel => Action::SetLogLevel,
        call::Type::PruneImages => Action::PruneImages,
        call::Type::AddResourceProviderConfig
        | call::Type::UpdateResourceProviderConfig
        | call::Type::RemoveResourceProviderConfig => Action::ModifyResourceProviderConfig,
        call::Type::MarkResourceProviderGone => Action::MarkResourceProviderGone,
        _ => return None,
    };
    (!approvers.approve_any(action)).then(|| Response::default_text(403))
}

/// What a call does to which container, if it does.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other calls are not about one container"
)]
fn deed<'a>(call: &'a Call) -> Option<Deed<'a>> {
    let plain = |action, container| {
        Some(Deed {
            action,
            container,
            command: None,
        })
    };
    let by_parent = |nested, standalone, container: &'a v1::ContainerId| {
        let is_nested = container.parent.is_some();
        plain(if is_nested { nested } else { standalone }, container)
    };
    match call.r#type() {
        call::Type::LaunchNestedContainer => {
            let launch = call.launch_nested_container();
            Some(Deed {
                action: Action::LaunchNestedContainer,
                container: launch.container_id(),
                command: Some(launch.command()),
            })
        }
        call::Type::LaunchNestedContainerSession => {
            let launch = call.launch_nested_container_session();
            Some(Deed {
                action: Action::LaunchNestedContainerSession,
                container: launch.container_id(),
                command: Some(launch.command()),
            })
        }
        call::Type::LaunchContainer => {
            let launch = call.launch_container();
            let deed = by_parent(
                Action::LaunchNestedContainer,
                Action::LaunchStandaloneContainer,
                launch.container_id(),
            );
            let command = Some(launch.command());
            deed.map(|deed| Deed { command, ..deed })
        }
        call::Type::WaitNestedContainer => plain(
            Action::WaitNestedContainer,
            call.wait_nested_container().container_id(),
        ),
        call::Type::KillNestedContainer => plain(
            Action::KillNestedContainer,
            call.kill_nested_container().container_id(),
        ),
        call::Type::RemoveNestedContainer => plain(
            Action::RemoveNestedContainer,
            call.remove_nested_container().container_id(),
        ),
        call::Type::WaitContainer => by_parent(
            Action::WaitNestedContainer,
            Action::WaitStandaloneContainer,
            call.wait_container().container_id(),
        ),
        call::Type::KillContainer => by_parent(
            Action::KillNestedContainer,
            Action::KillStandaloneContainer,
            call.kill_container().container_id(),
        ),
        call::Type::RemoveContainer => by_parent(
            Action::RemoveNestedContainer,
            Action::RemoveStandaloneContainer,
            call.remove_container().container_id(),
        ),
        call::Type::AttachContainerInput => plain(
            Action::AttachContainerInput,
            call.attach_container_input().container_id(),
        ),
        call::Type::AttachContainerOutput => plain(
            Action::AttachContainerOutput,
            call.attach_container_output().container_id(),
        ),
        _ => None,
    }
}

impl AgentProcess {
    /// Refuses what may not be done to a container; one of an executor is judged by that executor.
    fn refuse_deed(&self, deed: &Deed<'_>, approvers: &Approvers) -> Option<Response> {
        let attaches = [Action::AttachContainerInput, Action::AttachContainerOutput];
        let owner = self.owner_of(deed.container);
        if owner.is_none() && attaches.contains(&deed.action) {
            // Nobody may attach to it: the answer is that it cannot be found.
            return None;
        }
        let object = match owner {
            Some((executor, framework)) => Object {
                executor_info: Some(executor.info()),
                framework_info: Some(framework),
                command_info: deed.command,
                container_id: Some(deed.container),
                ..Object::default()
            },
            None => Object {
                container_id: Some(deed.container),
                ..Object::default()
            },
        };
        (!approvers.approve(deed.action, &object)).then(|| Response::default_text(403))
    }

    /// The executor in whose container another one lies.
    fn owner_of(&self, container: &v1::ContainerId) -> Option<(&Executor, &v1::FrameworkInfo)> {
        let id = ContainerId::from_proto(container).ok()?;
        self.frameworks.iter().find_map(|framework| {
            let mut executors = framework.executors();
            let executor = executors.find(|executor| executor.container() == id.root())?;
            Some((executor, &framework.info))
        })
    }
}
