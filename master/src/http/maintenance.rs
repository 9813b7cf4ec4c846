//! `/maintenance/*` and `/machine/*`.

use libprocess::http::{Request, Response};
use libprocess::{Context, Future, Promise};
use mesos_proto::v1;
use mesos_proto::v1::maintenance::Schedule;
use mesos_proto_codec::{Dialect, Json, from_json_list, to_json};

use super::redirect::{check_method, is_post};
use crate::master::MasterProcess;

impl MasterProcess {
    /// Answers `/maintenance/schedule`.
    pub(crate) fn maintenance_schedule(
        &mut self,
        request: &Request,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        if let Some(response) = check_method(request, &["GET", "POST"]) {
            return response.into();
        }
        if !is_post(request) {
            let schedule = to_json(&self.schedule(), Dialect::V0);
            return Response::ok_json(schedule, request.query.get("jsonp")).into();
        }
        match Schedule::read_json(Dialect::V0, &request.body) {
            Ok(schedule) => self.update_schedule(schedule, ctx),
            Err(error) => Response::bad_request(error.to_string()).into(),
        }
    }

    /// Answers `/maintenance/status`.
    pub(crate) fn maintenance_status_route(
        &self,
        request: &Request,
        ctx: &Context<Self>,
    ) -> Future<Response> {
        if let Some(response) = check_method(request, &["GET"]) {
            return response.into();
        }
        let jsonp = super::jsonp(request);
        let (promise, answer) = Promise::new();
        self.maintenance_status(ctx).on_any(move |outcome| {
            let status = to_json(&outcome.ready().unwrap_or_default(), Dialect::V0);
            promise.set(Response::ok_json(status, jsonp.as_deref()));
        });
        answer
    }

    /// Answers `/machine/down`.
    pub(crate) fn machine_down(
        &mut self,
        request: &Request,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        match machines(request) {
            Ok(machines) => self.start_maintenance(machines, ctx),
            Err(refusal) => (*refusal).into(),
        }
    }

    /// Answers `/machine/up`.
    pub(crate) fn machine_up(
        &mut self,
        request: &Request,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        match machines(request) {
            Ok(machines) => self.stop_maintenance(machines, ctx),
            Err(refusal) => (*refusal).into(),
        }
    }
}

fn machines(request: &Request) -> Result<Vec<v1::MachineId>, Box<Response>> {
    if let Some(response) = check_method(request, &["POST"]) {
        return Err(Box::new(response));
    }
    from_json_list(&request.body, Dialect::V0)
        .map_err(|error| Box::new(Response::bad_request(error.to_string())))
}
