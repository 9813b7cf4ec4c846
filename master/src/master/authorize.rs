//! Asking the authorizer on behalf of frameworks, agents and operators.

use libprocess::Upid;
use libprocess::http::Principal;
use mesos_common::authorization::Approvers;
use mesos_common::ids::FrameworkId;
use mesos_proto::v1;

use super::MasterProcess;
use crate::authorization::{self, Question, first_refused};

impl MasterProcess {
    /// What a principal may do.
    pub(crate) fn approvers(&self, principal: Option<&Principal>) -> Approvers {
        match &self.authorizer {
            Some(authorizer) => authorizer.approvers(principal),
            None => Approvers::new(None, principal.cloned()),
        }
    }

    /// What a framework may do, by the principal that it names.
    pub(super) fn approvers_of(&self, info: &v1::FrameworkInfo) -> Approvers {
        let principal = info.principal.clone().map(Principal::named);
        self.approvers(principal.as_ref())
    }

    /// Whether a framework may subscribe with its roles.
    pub(crate) fn authorize_registration(&self, info: &v1::FrameworkInfo) -> Result<(), String> {
        let question = Question::registration(info);
        match first_refused(&self.approvers_of(info), vec![question]) {
            None => Ok(()),
            Some(refused) => Err(format!("Not authorized to {refused}")),
        }
    }

    /// Whether an agent may register with its resources.
    pub(super) fn authorize_agent(&self, pid: &Upid, info: &v1::AgentInfo) -> bool {
        let principal = self.authentications.principal(pid);
        let principal = principal.map(Principal::named);
        let approvers = self.approvers(principal.as_ref());
        let refused = first_refused(&approvers, authorization::of_agent(info));
        if let Some(refused) = &refused {
            let hostname = info.hostname();
            tracing::warn!(%pid, hostname, %refused, "refusing an agent: it is not authorized");
        }
        refused.is_none()
    }

    /// Whether a framework may do what an operation asks for.
    pub(super) fn authorize_operation(
        &self,
        framework_id: &FrameworkId,
        operation: &v1::offer::Operation,
    ) -> Result<(), String> {
        let Some(framework) = self.frameworks.get(framework_id) else {
            return Ok(());
        };
        let info = framework.info();
        let approvers = self.approvers_of(info);
        if approvers.is_without_rules() {
            return Ok(());
        }
        match first_refused(&approvers, authorization::of_operation(operation)) {
            None => Ok(()),
            Some(refused) => Err(not_authorized(info, &refused)),
        }
    }

    /// Whether a framework may launch a task; else the question that was answered with no.
    pub(super) fn authorize_launch(
        &self,
        framework_id: &FrameworkId,
        task: &v1::TaskInfo,
    ) -> Result<(), Box<Refusal>> {
        let Some(framework) = self.frameworks.get(framework_id) else {
            return Ok(());
        };
        let info = framework.info();
        let approvers = self.approvers_of(info);
        if approvers.is_without_rules() {
            return Ok(());
        }
        match first_refused(&approvers, vec![Question::launch(task, info)]) {
            None => Ok(()),
            Some(refused) => Err(Box::new(Refusal {
                text: not_authorized(info, &refused),
                question: refused,
            })),
        }
    }
}

/// A launch that is not allowed.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What the framework is told.
    pub(super) text: String,
    /// What was asked.
    pub(super) question: Question,
}

fn not_authorized(info: &v1::FrameworkInfo, refused: &Question) -> String {
    format!(
        "Principal '{}' no authorized to {refused}",
        info.principal()
    )
}
