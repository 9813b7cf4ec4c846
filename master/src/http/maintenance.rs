//! `/maintenance/*` and `/machine/*`.

use libprocess::http::{Request, Response};
use libprocess::{Context, Future, Promise};
use mesos_common::authorization::Action;
use mesos_proto::v1;
use mesos_proto::v1::maintenance::Schedule;
use mesos_proto_codec::{Dialect, Json, from_json_list, to_json};

use super::authorize::{forbidden, may_maintain, may_schedule, seen_schedule, seen_status};
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
        let approvers = self.approvers(request.principal.as_ref());
        if !is_post(request) {
            let schedule = seen_schedule(&approvers, self.schedule());
            let schedule = super::sorted_keys(to_json(&schedule, Dialect::V0));
            return Response::ok_json(schedule, request.query.get("jsonp")).into();
        }
        match Schedule::read_json(Dialect::V0, &request.body) {
            Ok(schedule) if !may_schedule(&approvers, &schedule) => forbidden().into(),
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
        let approvers = self.approvers(request.principal.as_ref());
        let (promise, answer) = Promise::new();
        self.maintenance_status(ctx).on_any(move |outcome| {
            let status = seen_status(&approvers, outcome.ready().unwrap_or_default());
            let status = to_json(&status, Dialect::V0);
            let status = super::sorted_keys(status);
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
        let approvers = self.approvers(request.principal.as_ref());
        match machines(request) {
            Ok(machines) if !may_maintain(&approvers, Action::StartMaintenance, &machines) => {
                forbidden().into()
            }
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
        let approvers = self.approvers(request.principal.as_ref());
        match machines(request) {
            Ok(machines) if !may_maintain(&approvers, Action::StopMaintenance, &machines) => {
                forbidden().into()
            }
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
