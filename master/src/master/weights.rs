//! Changing the weights of roles.
//!
//! Mirrors `src/master/weights_handler.cpp`.

use libprocess::http::Response;
use libprocess::{Context, Future, Promise};
use mesos_proto::v1::WeightInfo;

use super::MasterProcess;
use crate::registry::weights::UpdateWeights;

impl MasterProcess {
    /// The weights of all roles that have one.
    pub(crate) fn weights(&self) -> Vec<WeightInfo> {
        self.roles
            .weights()
            .iter()
            .map(|(role, weight)| WeightInfo {
                role: Some(role.clone()),
                weight: Some(*weight),
                ..Default::default()
            })
            .collect()
    }

    /// Handles `UPDATE_WEIGHTS` and `PUT /weights`.
    pub(crate) fn update_weights(
        &mut self,
        mut weights: Vec<WeightInfo>,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        if let Err(error) =
            crate::weights::validate(&weights, |role| self.roles.is_whitelisted(role))
        {
            return Response::bad_request(error.to_string()).into();
        }
        for weight in &mut weights {
            weight.role = Some(weight.role().trim().to_owned());
        }
        let applied = self.registrar.apply(UpdateWeights {
            weights: weights.clone(),
        });
        let (promise, answer) = Promise::new();
        ctx.on_any(applied, move |master, outcome, ctx| {
            let stored = master.durable(outcome, "update the weights", ctx);
            promise.set(match stored {
                Ok(_) => master.on_weights_stored(&weights, ctx),
                Err(broken) => broken.into(),
            });
        });
        answer
    }

    // Continues `update_weights`: the registry has them.
    fn on_weights_stored(&mut self, weights: &[WeightInfo], ctx: &Context<Self>) -> Response {
        let mut in_use = false;
        for weight in weights {
            self.roles.set_weight(weight.role(), weight.weight());
            in_use |= self.roles.frameworks(weight.role()).is_some();
        }
        let pairs = weights
            .iter()
            .map(|weight| (weight.role().to_owned(), weight.weight()))
            .collect();
        self.allocator.update_weights(pairs);
        if in_use {
            for offer_id in self.offers.ids() {
                self.rescind(&offer_id, None, ctx);
            }
        }
        Response::ok()
    }
}
