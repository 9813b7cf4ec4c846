//! Storing the weights of roles.
//!
//! Mirrors `UpdateWeights` of `src/master/weights.cpp`.

use mesos_proto::internal::registry::Weight;
use mesos_proto::v1::WeightInfo;

use super::book::RegistryBook;
use super::operation::Mutation;

/// Replaces the weights of the named roles.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateWeights {
    /// One entry a role.
    pub weights: Vec<WeightInfo>,
}

impl UpdateWeights {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Mutation {
        let registry = &mut book.rest;
        let mut mutation = Mutation::Unchanged;
        for weight in &self.weights {
            let stored = registry
                .weights
                .iter_mut()
                .find(|stored| stored.info().role() == weight.role());
            match stored {
                Some(stored) if stored.info().weight().total_cmp(&weight.weight()).is_eq() => {
                    continue;
                }
                Some(stored) => stored.info = Some(weight.clone()),
                None => registry.weights.push(Weight {
                    info: Some(weight.clone()),
                    ..Default::default()
                }),
            }
            mutation = Mutation::Changed;
        }
        mutation
    }
}
