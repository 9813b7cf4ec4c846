//! `/weights`.

use libprocess::http::{Request, Response};
use libprocess::{Context, Future};
use mesos_proto::v1::WeightInfo;
use mesos_proto_codec::json::JsonWriter;
use mesos_proto_codec::{Dialect, from_json_list};

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
        if request.method.as_str() == "GET" {
            let mut w = JsonWriter::new(Dialect::V0);
            w.array(|w| self.weights().iter().for_each(|weight| w.message(weight)));
            return Response::ok_json(w.into_vec(), request.query.get("jsonp")).into();
        }
        match from_json_list::<WeightInfo>(&request.body, Dialect::V0) {
            Ok(weights) => self.update_weights(weights, ctx),
            Err(error) => {
                let body = String::from_utf8_lossy(&request.body);
                let text = if is_syntax(&error) {
                    format!("Failed to parse update weights request JSON '{body}': {error}")
                } else {
                    format!("Failed to convert weights JSON array to protobuf '{body}': {error}")
                };
                Response::bad_request(text).into()
            }
        }
    }
}
