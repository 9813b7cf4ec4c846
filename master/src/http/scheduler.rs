//! `/api/v1/scheduler`: the API of frameworks.
//!
//! Mirrors `Master::Http::scheduler` of `src/master/http.cpp`.

use libprocess::http::{Request, Response, pipe};
use libprocess::{Context, Future};
use mesos_common::ids::FrameworkId;
use mesos_proto::v1::scheduler::{Call, call};

use super::Guard;
use super::negotiation::{accept, content_type, read_call};
use super::redirect::check_method;
use super::stream::EventStream;
use crate::master::{MasterProcess, Origin, UpdateFrameworkError, subscription_of};
use crate::validation;

/// The header that ties a call to a subscription.
const STREAM_ID: &str = "Mesos-Stream-Id";

type Refusal = Box<Response>;

impl MasterProcess {
    /// Answers a call of a framework.
    pub(crate) fn scheduler(
        &mut self,
        request: &Request,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        match self.take_call(request, ctx) {
            Ok(response) => response.into(),
            Err(refusal) => (*refusal).into(),
        }
    }

    fn take_call(
        &mut self,
        request: &Request,
        ctx: &mut Context<Self>,
    ) -> Result<Response, Refusal> {
        if let Some(response) = self.guard(request, Guard::Recovered) {
            return Err(Box::new(response));
        }
        if let Some(response) = check_method(request, &["POST"]) {
            return Err(Box::new(response));
        }
        let content = content_type(request)?;
        let mut call: Call = read_call(request, content)?;
        let principal = super::principal(request);
        if let Some(info) = call
            .update_framework
            .as_mut()
            .and_then(|it| it.framework_info.as_mut())
        {
            info.principal = info.principal.take().or_else(|| principal.clone());
        }
        if let Err(error) = validation::call::validate_scheduler(&call, principal.as_deref()) {
            self.count_invalid(call.r#type());
            let text = format!("Failed to validate scheduler::Call: {error}");
            return Err(Box::new(Response::bad_request(text)));
        }
        if call.r#type() == call::Type::Subscribe {
            return self.open_subscription(request, call, ctx);
        }
        if call.r#type() == call::Type::ReconcileOperations {
            accept(request)?;
        }
        let framework_id = self.check_caller(request, &call, principal.as_deref())?;
        match call.r#type() {
            call::Type::UpdateFramework => {
                match self.update_framework_call(&framework_id, &call, ctx) {
                    Ok(()) => Ok(Response::ok()),
                    Err(UpdateFrameworkError::Forbidden(text)) => Ok(Response::forbidden(text)),
                    Err(error) => Ok(Response::bad_request(error.to_string())),
                }
            }
            call::Type::Unknown => Ok(Response::not_implemented("")),
            call::Type::Subscribe
            | call::Type::Teardown
            | call::Type::Accept
            | call::Type::Decline
            | call::Type::AcceptInverseOffers
            | call::Type::DeclineInverseOffers
            | call::Type::Revive
            | call::Type::Kill
            | call::Type::Shutdown
            | call::Type::Acknowledge
            | call::Type::AcknowledgeOperationStatus
            | call::Type::Reconcile
            | call::Type::ReconcileOperations
            | call::Type::Message
            | call::Type::Request
            | call::Type::Suppress => {
                self.handle_call(&framework_id, call, ctx);
                Ok(Response::accepted())
            }
        }
    }

    /// Opens a stream of events and subscribes its reader.
    fn open_subscription(
        &mut self,
        request: &Request,
        mut call: Call,
        ctx: &mut Context<Self>,
    ) -> Result<Response, Refusal> {
        let accepted = accept(request)?;
        if request.headers.contains_key(STREAM_ID) {
            let text = "Subscribe calls should not include the 'Mesos-Stream-Id' header";
            return Err(Box::new(Response::bad_request(text)));
        }
        let (writer, reader) = pipe::pipe();
        let stream = EventStream::new(accepted, writer, self.unread_streams());
        let response =
            Response::streaming(reader, accepted.as_str()).with_header(STREAM_ID, stream.id());
        let subscribe = call.subscribe.get_or_insert_default();
        let info = subscribe.framework_info.get_or_insert_default();
        if info.principal.is_none() {
            info.principal = super::principal(request);
        }
        let subscription = subscription_of(call.subscribe());
        self.subscribe(subscription, Origin::Http(stream), ctx);
        Ok(response)
    }

    /// Checks that a call comes from the framework's present connection.
    fn check_caller(
        &self,
        request: &Request,
        call: &Call,
        principal: Option<&str>,
    ) -> Result<FrameworkId, Refusal> {
        let bad = |text: String| Err(Box::new(Response::bad_request(text)));
        let id = FrameworkId::from(call.framework_id());
        let Some(framework) = self.framework(&id) else {
            return bad("Framework cannot be found".to_owned());
        };
        framework.metrics().call(call.r#type());
        if let Some(principal) = principal {
            let named = framework.principal().unwrap_or_default();
            if named != principal {
                return bad(format!(
                    "Authenticated principal '{principal}' does not match principal '{named}' set \
                     in `FrameworkInfo`"
                ));
            }
        }
        if !framework.is_connected() {
            return Err(Box::new(Response::forbidden("Framework is not subscribed")));
        }
        let Some(stream) = framework.stream() else {
            return Err(Box::new(Response::forbidden(
                "Framework is not connected via HTTP",
            )));
        };
        let Some(named) = request.header(STREAM_ID) else {
            return bad(format!(
                "All non-subscribe calls should include the '{STREAM_ID}' header"
            ));
        };
        if named != stream.id() {
            return bad(format!(
                "The stream ID '{named}' included in this request didn't match the stream ID \
                 currently associated with framework ID {id}"
            ));
        }
        Ok(id)
    }
}
