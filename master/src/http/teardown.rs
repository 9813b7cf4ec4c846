//! `/teardown`.

use libprocess::http::{Query, Request, Response};
use libprocess::{Context, Future};
use mesos_common::ids::FrameworkId;

use super::authorize::forbidden;
use super::redirect::check_method;
use crate::master::MasterProcess;

/// The values of a URL-encoded body.
///
/// # Errors
/// The response to give when the body is not one.
pub(crate) fn form(request: &Request) -> Result<Query, Box<Response>> {
    let body = String::from_utf8_lossy(&request.body);
    Query::parse(&body).map_err(|error| {
        Box::new(Response::bad_request(format!(
            "Unable to decode query string: {error}"
        )))
    })
}

/// A value of a URL-encoded body.
///
/// # Errors
/// The response to give when it is not there.
pub(crate) fn value<'a>(form: &'a Query, key: &str) -> Result<&'a str, Box<Response>> {
    form.get(key).ok_or_else(|| {
        let text = format!("Missing '{key}' query parameter in the request body");
        Box::new(Response::bad_request(text))
    })
}

impl MasterProcess {
    /// Answers `/teardown`.
    pub(crate) fn teardown(
        &mut self,
        request: &Request,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        if let Some(response) = check_method(request, &["POST"]) {
            return response.into();
        }
        let id = match form(request)
            .and_then(|form| value(&form, "frameworkId").map(FrameworkId::from))
        {
            Ok(id) => id,
            Err(refusal) => return (*refusal).into(),
        };
        if !self.may_tear_down(&self.approvers(request.principal.as_ref()), &id) {
            return forbidden().into();
        }
        self.teardown_by_operator(&id, ctx).into()
    }

    /// Removes a framework because an operator says so.
    pub(crate) fn teardown_by_operator(
        &mut self,
        id: &FrameworkId,
        ctx: &mut Context<Self>,
    ) -> Response {
        if self.framework(id).is_none() {
            return Response::bad_request("No framework found with specified ID");
        }
        self.remove_framework(id, ctx);
        Response::ok()
    }
}
