//! `CREATE_DISK` and `DESTROY_DISK`: a resource provider performs them, and nobody counts on it.

use libprocess::Context;
use mesos_proto::v1;
use mesos_proto::v1::agent_info::capability::Type as Capability;
use mesos_proto::v1::offer::operation::Type;

use super::reserve::describe;
use super::{Acceptance, MasterProcess};
use crate::master::operation::consumed_by;
use crate::validation;

impl MasterProcess {
    pub(super) fn perform_disk(
        &mut self,
        acceptance: &mut Acceptance,
        operation: &v1::offer::Operation,
        ctx: &Context<Self>,
    ) {
        let framework_id = acceptance.framework_id.clone();
        let Some(agent) = self.agents.get(&acceptance.agent_id) else {
            return;
        };
        if !agent.has(Capability::ResourceProvider) {
            let text = format!(
                "Not supported on agent {} because it does not have RESOURCE_PROVIDER capability",
                describe(agent)
            );
            self.drop_operation(&framework_id, operation, &text, ctx);
            return;
        }
        let checked = if operation.r#type() == Type::CreateDisk {
            validation::operation::create_disk(operation.create_disk())
        } else {
            validation::operation::destroy_disk(operation.destroy_disk())
        };
        let checked = checked
            .map_err(|error| format!("{error}; on agent {}", describe(agent)))
            .and_then(|()| self.authorize_operation(&framework_id, operation));
        if let Err(text) = checked {
            self.drop_operation(&framework_id, operation, &text, ctx);
            return;
        }
        let source = consumed_by(operation);
        if !acceptance.remaining.contains(&source) {
            let text = format!(
                "Invalid {} Operation: {} does not contain {source}",
                operation.r#type().as_str_name(),
                acceptance.remaining
            );
            self.drop_operation(&framework_id, operation, &text, ctx);
            return;
        }
        acceptance.remaining -= &source;
        self.apply_operation(&acceptance.agent_id, Some(&framework_id), operation, ctx);
    }
}
