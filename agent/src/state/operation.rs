//! Operations that are not finished or whose end is not acknowledged.

use std::collections::BTreeMap;

use mesos_common::ids::FrameworkId;
use mesos_proto::v1;
use uuid::Uuid;

/// The operations of the agent, by UUID and by the ids that frameworks gave them.
#[derive(Debug, Default)]
pub struct Operations {
    by_uuid: BTreeMap<Uuid, v1::Operation>,
    by_id: BTreeMap<(FrameworkId, String), Uuid>,
}

impl Operations {
    /// Adds or replaces an operation.
    pub fn insert(&mut self, uuid: Uuid, operation: v1::Operation) {
        if let Some(key) = key(&operation) {
            self.by_id.insert(key, uuid);
        }
        self.by_uuid.insert(uuid, operation);
    }

    /// Removes an operation.
    pub fn remove(&mut self, uuid: &Uuid) -> Option<v1::Operation> {
        let operation = self.by_uuid.remove(uuid)?;
        if let Some(key) = key(&operation) {
            self.by_id.remove(&key);
        }
        Some(operation)
    }

    /// One operation.
    pub fn get(&self, uuid: &Uuid) -> Option<&v1::Operation> {
        self.by_uuid.get(uuid)
    }

    /// One operation, to be changed.
    pub fn get_mut(&mut self, uuid: &Uuid) -> Option<&mut v1::Operation> {
        self.by_uuid.get_mut(uuid)
    }

    /// Finds an operation by the id that its framework gave it.
    pub fn find(&self, framework: &FrameworkId, id: &str) -> Option<&v1::Operation> {
        let uuid = self.by_id.get(&(framework.clone(), id.to_owned()))?;
        self.by_uuid.get(uuid)
    }

    /// All operations.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Uuid, &v1::Operation)> {
        self.by_uuid.iter()
    }

    /// Says whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_uuid.is_empty()
    }
}

fn key(operation: &v1::Operation) -> Option<(FrameworkId, String)> {
    let framework = operation.framework_id.as_ref()?;
    let id = operation.info().id.as_ref()?;
    Some((FrameworkId::from(framework), id.value().to_owned()))
}

/// Says whether an operation in this state has ended.
pub fn is_terminal(state: v1::OperationState) -> bool {
    match state {
        v1::OperationState::OperationFinished
        | v1::OperationState::OperationFailed
        | v1::OperationState::OperationError
        | v1::OperationState::OperationDropped
        | v1::OperationState::OperationGoneByOperator => true,
        v1::OperationState::OperationUnsupported
        | v1::OperationState::OperationPending
        | v1::OperationState::OperationUnreachable
        | v1::OperationState::OperationRecovering
        | v1::OperationState::OperationUnknown => false,
    }
}
