//! Operations that outlive their framework, and frameworks that get theirs back.
//!
//! Mirrors `Master::removeFramework` and `Slave::markOperationAsOrphan` of `src/master/master.cpp`.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesos_common::ids::{AgentId, FrameworkId};
use uuid::Uuid;

use super::MasterProcess;
use crate::state::operations::{Operation, is_speculative};

impl MasterProcess {
    /// Cuts the operations of a removed framework loose; returns the agents whose total changed.
    pub(super) fn orphan_operations(&mut self, framework_id: &FrameworkId) -> Vec<AgentId> {
        let Some(framework) = self.frameworks.get(framework_id).map(Arc::clone) else {
            return Vec::new();
        };
        let mut changed = Vec::new();
        for (uuid, agent_id) in framework.operations() {
            if let Some(framework) = self.frameworks.get_mut(framework_id) {
                framework.remove_operation(uuid);
            }
            let Some(agent) = self.agents.get_mut(agent_id) else {
                continue;
            };
            let Some(operation) = agent.operation_mut(uuid) else {
                continue;
            };
            operation.orphan();
            let holds = !is_speculative(operation.kind()) && !operation.is_terminal();
            let consumed = operation.consumed().clone();
            if holds {
                agent.release_resources(framework_id, &consumed);
                if let Some(framework) = self.frameworks.get_mut(framework_id) {
                    framework.release_resources(agent_id, &consumed);
                }
                let mut unallocated = consumed;
                unallocated.unallocate();
                let total = agent.total() - &unallocated;
                agent.set_total(total);
                changed.push(agent_id.clone());
            }
        }
        changed
    }

    /// Gives orphaned operations back to their framework, which is known again.
    pub(super) fn adopt_orphans(&mut self, framework_id: &FrameworkId) {
        for agent_id in self.agents.ids() {
            let Some(agent) = self.agents.get(&agent_id) else {
                continue;
            };
            let orphans: Vec<Uuid> = agent
                .all_operations()
                .filter(|one| one.is_orphan() && one.framework_id() == Some(framework_id))
                .map(Operation::uuid)
                .collect();
            for uuid in orphans {
                self.adopt(framework_id, &agent_id, &uuid);
            }
        }
    }

    fn adopt(&mut self, framework_id: &FrameworkId, agent_id: &AgentId, uuid: &Uuid) {
        let Some(agent) = self.agents.get_mut(agent_id) else {
            return;
        };
        let Some(operation) = agent.operation_mut(uuid) else {
            return;
        };
        operation.adopt();
        let operation = operation.clone();
        let holds = !is_speculative(operation.kind()) && !operation.is_terminal();
        if holds {
            let mut unallocated = operation.consumed().clone();
            unallocated.unallocate();
            let total = agent.total() + &unallocated;
            agent.set_total(total);
            agent.use_resources(framework_id, operation.consumed());
            let used = BTreeMap::from([(framework_id.clone(), operation.consumed().clone())]);
            self.allocator
                .add_resource_provider(agent_id.clone(), unallocated, used);
        }
        if let Some(framework) = self.frameworks.get_mut(framework_id) {
            framework.add_operation(*uuid, agent_id, operation.feedback_id());
            if holds {
                framework.use_resources(agent_id, operation.consumed());
                self.track_used_roles(framework_id, operation.consumed());
            }
        }
    }
}
