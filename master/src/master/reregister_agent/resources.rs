//! What an agent of an earlier release reports of resources, brought to the form that the master keeps.

use mesos_proto::internal::ReregisterAgentMessage as ReregisterAgent;

use crate::resource_format::{inject_allocation_role, upgrade};
use crate::state::framework::roles_of;

/// Rewrites all resources of a message in the new spelling.
pub(super) fn upgrade_message(message: &mut ReregisterAgent) {
    if let Some(info) = message.agent.as_mut() {
        upgrade(&mut info.resources);
    }
    upgrade(&mut message.checkpointed_resources);
    for task in &mut message.tasks {
        upgrade(&mut task.resources);
    }
    for executor in &mut message.executor_infos {
        upgrade(&mut executor.resources);
    }
}

/// Stamps the single role of each framework on what an old agent reports.
///
/// False when a framework has not exactly one role.
pub(super) fn inject_roles(message: &mut ReregisterAgent) -> bool {
    for info in &message.frameworks {
        let id = info.id().value();
        let roles = roles_of(info);
        let (Some(role), 1) = (roles.first(), roles.len()) else {
            let has_load = message
                .tasks
                .iter()
                .any(|task| task.framework_id().value() == id)
                || message
                    .executor_infos
                    .iter()
                    .any(|one| one.framework_id().value() == id);
            if has_load {
                return false;
            }
            continue;
        };
        for task in message
            .tasks
            .iter_mut()
            .filter(|task| task.framework_id().value() == id)
        {
            task.resources
                .iter_mut()
                .for_each(|one| inject_allocation_role(one, role));
        }
        for executor in message
            .executor_infos
            .iter_mut()
            .filter(|one| one.framework_id().value() == id)
        {
            executor
                .resources
                .iter_mut()
                .for_each(|one| inject_allocation_role(one, role));
        }
    }
    true
}
