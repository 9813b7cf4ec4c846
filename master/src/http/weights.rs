//! `/weights`.

use libprocess::http::{Request, Response};
use libprocess::{Context, Future};
use mesos_proto::v1::WeightInfo;
use mesos_proto_codec::json::JsonWriter;
use mesos_proto_codec::{Dialect, JsonError, from_json_list};

use super::authorize::{forbidden, may_update_weights, seen_weights};
use super::negotiation::is_syntax;
use super::redirect::check_method;
use crate::master::MasterProcess;

impl MasterProcess {
    /// Answers `/weights`.
    pub(crate) fn weights_route(
        &mut self,
        request: &Request,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        if let Some(response) = check_method(request, &["GET", "PUT"]) {
            return response.into();
        }
        let approvers = self.approvers(request.principal.as_ref());
        if request.method.as_str() == "GET" {
            let weights = seen_weights(&approvers, self.weights());
            let mut w = JsonWriter::new(Dialect::V0);
            w.array(|w| weights.iter().for_each(|weight| w.message(weight)));
            let json = String::from_utf8_lossy(&w.into_vec()).into_owned();
            return Response::ok_json(super::sorted_keys(json), request.query.get("jsonp")).into();
        }
        match from_json_list::<WeightInfo>(&request.body, Dialect::V0) {
            Ok(weights) if !may_update_weights(&approvers, &weights) => forbidden().into(),
            Ok(weights) => self.update_weights(weights, ctx),
            Err(error) => {
                let body = String::from_utf8_lossy(&request.body);
                let text = if error == JsonError::NotAnArray {
                    format!(
                        "Failed to parse update weights request JSON '{body}': Unexpected JSON \
                         type parsed"
                    )
                } else if is_syntax(&error) {
                    format!("Failed to parse update weights request JSON '{body}': {error}")
                } else {
                    format!("Failed to convert weights JSON array to protobuf '{body}': {error}")
                };
                Response::bad_request(text).into()
            }
        }
    }
}
