//! `/quota`, which is deprecated.

use libprocess::http::{Request, Response};
use libprocess::{Context, Future};
use mesos_common::resource_quantities::ResourceQuantities;
use mesos_proto::v1;
use mesos_proto::v1::quota::{QuotaInfo, QuotaRequest};
use mesos_proto_codec::{Dialect, Json, to_json};

use super::authorize::{forbidden, may_remove_quota, may_set_quota, seen_quota};
use super::negotiation::is_syntax;
use super::redirect::check_method;
use crate::master::{Force, MasterProcess};

/// Amounts as unreserved resources.
pub(crate) fn resources_of(amounts: &ResourceQuantities) -> Vec<v1::Resource> {
    amounts
        .iter()
        .map(|(name, amount)| v1::Resource {
            name: Some(name.to_string()),
            r#type: Some(v1::value::Type::Scalar.into()),
            scalar: Some(v1::value::Scalar {
                value: Some(amount.to_f64()),
                ..Default::default()
            }),
            ..Default::default()
        })
        .collect()
}

/// The quota that a request asks for.
pub(crate) fn info_of_request(request: &QuotaRequest) -> QuotaInfo {
    QuotaInfo {
        role: Some(request.role().to_owned()),
        guarantee: request.guarantee.clone(),
        ..Default::default()
    }
}

impl MasterProcess {
    /// Answers `/quota`.
    pub(crate) fn quota(&mut self, request: &Request, ctx: &mut Context<Self>) -> Future<Response> {
        if let Some(response) = check_method(request, &["GET", "POST", "DELETE"]) {
            return response.into();
        }
        match request.method.as_str() {
            "POST" => self.post_quota(request, ctx),
            "DELETE" => self.delete_quota(request, ctx),
            _ => {
                let approvers = self.approvers(request.principal.as_ref());
                let status = seen_quota(&approvers, self.quota_status());
                let status = to_json(&status, Dialect::V0);
                Response::ok_json(status, request.query.get("jsonp")).into()
            }
        }
    }

    fn post_quota(&mut self, request: &Request, ctx: &mut Context<Self>) -> Future<Response> {
        let body = String::from_utf8_lossy(&request.body);
        let quota = match QuotaRequest::read_json(Dialect::V0, &request.body) {
            Ok(quota) => quota,
            Err(error) => {
                let what = if is_syntax(&error) {
                    "parse"
                } else {
                    "validate"
                };
                let text = format!("Failed to {what} set quota request JSON '{body}': {error}");
                return Response::bad_request(text).into();
            }
        };
        let force = if quota.force() { Force::Yes } else { Force::No };
        let info = info_of_request(&quota);
        if !may_set_quota(&self.approvers(request.principal.as_ref()), &info) {
            return forbidden().into();
        }
        self.set_quota(&info, force, ctx)
    }

    fn delete_quota(&mut self, request: &Request, ctx: &mut Context<Self>) -> Future<Response> {
        let path = &request.path;
        let tokens: Vec<&str> = path.split('/').filter(|token| !token.is_empty()).collect();
        let role = tokens
            .iter()
            .skip_while(|token| **token != "quota")
            .skip(1)
            .copied();
        let role = role.collect::<Vec<_>>().join("/");
        if role.is_empty() {
            let found = tokens.len();
            return Response::bad_request(format!(
                "Failed to parse remove quota request for path '{path}': expected 3 tokens, found \
                 {found} tokens"
            ))
            .into();
        }
        if !self.is_known_role(&role) {
            return Response::bad_request(format!(
                "Failed to validate remove quota request for path '{path}': Unknown role '{role}'"
            ))
            .into();
        }
        if !self.has_quota(&role) {
            return Response::bad_request(format!(
                "Failed to remove quota for path '{path}': Role '{role}' has no quota set"
            ))
            .into();
        }
        if let Err(error) = self.check_removal(&role) {
            let text = format!("Failed to remove quota for path '{path}': {error}");
            return Response::bad_request(text).into();
        }
        if !may_remove_quota(&self.approvers(request.principal.as_ref()), &role) {
            return forbidden().into();
        }
        self.remove_quota(&role, ctx)
    }
}
