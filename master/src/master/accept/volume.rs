//! `GROW_VOLUME` and `SHRINK_VOLUME`: later operations of the same `ACCEPT` may not use the result.

use libprocess::Context;
use mesos_common::resources::{Resources, resource_conversions};
use mesos_proto::v1;
use mesos_proto::v1::offer::operation::Type;

use super::reserve::describe;
use super::{Acceptance, MasterProcess};
use crate::master::operation::consumed_by;
use crate::validation;

impl MasterProcess {
    pub(super) fn perform_resize(
        &mut self,
        acceptance: &mut Acceptance,
        operation: &v1::offer::Operation,
        ctx: &Context<Self>,
    ) {
        let framework_id = acceptance.framework_id.clone();
        let Some(agent) = self.agents.get(&acceptance.agent_id) else {
            return;
        };
        let checked = if operation.r#type() == Type::GrowVolume {
            validation::operation::grow_volume(operation.grow_volume(), agent)
        } else {
            validation::operation::shrink_volume(operation.shrink_volume(), agent)
        };
        let checked = checked
            .map_err(|error| format!("{error}; on agent {}", describe(agent)))
            .and_then(|()| self.authorize_operation(&framework_id, operation));
        if let Err(text) = checked {
            self.drop_operation(&framework_id, operation, &text, ctx);
            return;
        }
        let conversions = match resource_conversions(operation) {
            Ok(conversions) => conversions,
            Err(error) => {
                self.drop_operation(&framework_id, operation, &error.to_string(), ctx);
                return;
            }
        };
        let consumed = consumed_by(operation);
        if !acceptance.remaining.contains(&consumed) {
            let text = format!(
                "Invalid {} operation: {} does not contain {consumed}",
                operation.r#type().as_str_name(),
                acceptance.remaining
            );
            self.drop_operation(&framework_id, operation, &text, ctx);
            return;
        }
        let mut converted = Resources::new();
        for conversion in &conversions {
            converted += &conversion.converted;
        }
        acceptance.remaining -= &consumed;
        acceptance.resized += &converted;
        self.apply_operation(&acceptance.agent_id, Some(&framework_id), operation, ctx);
        acceptance.conversions.extend(conversions);
    }
}
