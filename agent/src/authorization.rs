//! Who may do what on this agent.
//!
//! Mirrors the uses of the authorizer in `src/slave/slave.cpp` and `src/slave/http.cpp`.

use libprocess::{
    Future,
    http::{Principal, Request, Response},
};
use mesos_common::{
    authorization::{Action, Approvers, Object},
    files::AuthorizeFile,
    ids::{ExecutorId, FrameworkId},
};
use mesos_proto::{authorization as message, v1};

use crate::agent::AgentProcess;

/// The question whether a framework may run a task here.
fn run_task(task: &v1::TaskInfo, framework: &v1::FrameworkInfo) -> message::Request {
    let subject = framework.principal.as_ref().map(|name| {
        Box::new(message::Subject {
            value: Some(name.clone()),
            ..Default::default()
        })
    });
    message::Request {
        subject,
        action: Some(Action::RunTask.into()),
        object: Some(Box::new(message::Object {
            task_info: Some(task.clone().into()),
            framework_info: Some(framework.clone().into()),
            ..Default::default()
        })),
        ..Default::default()
    }
}

impl AgentProcess {
    /// What the sender of a request may do.
    pub(crate) fn approvers(&self, principal: Option<&Principal>) -> Approvers {
        match &self.authorizer {
            Some(authorizer) => authorizer.approvers(principal),
            None => Approvers::new(None, principal.cloned()),
        }
    }

    /// Asks whether a framework may run a task here; none when everybody may.
    ///
    /// The master has asked already, but machines differ in who may run what on them.
    pub(crate) fn may_run(
        &self,
        task: &v1::TaskInfo,
        framework: &v1::FrameworkInfo,
    ) -> Option<Future<bool>> {
        let authorizer = self.authorizer.as_ref()?;
        Some(authorizer.authorized(run_task(task, framework)))
    }

    /// Refuses a request for a route that only some may get; without rules every method will do.
    pub(crate) fn refuse_get(&self, request: &Request, path: &str) -> Option<Response> {
        self.authorizer.as_ref()?;
        if request.method != http::Method::GET {
            let method = request.method.as_str();
            return Some(Response::method_not_allowed(&["GET"], method));
        }
        let approvers = self.approvers(request.principal.as_ref());
        let may = approvers.approve(Action::GetEndpointWithPath, &Object::value(path));
        (!may).then(|| Response::default_text(403))
    }

    /// Says who may read the agent's log.
    pub(crate) fn log_guard(&self) -> Option<AuthorizeFile> {
        let authorizer = self.authorizer.clone()?;
        Some(std::sync::Arc::new(move |principal| {
            let approvers = authorizer.approvers(principal);
            Future::ready(approvers.approve_any(Action::AccessMesosLog))
        }))
    }

    /// Whether somebody may see the sandbox of an executor, as far as it is still known.
    pub(crate) fn may_see_sandbox(
        &self,
        principal: Option<&Principal>,
        framework: &FrameworkId,
        executor: &ExecutorId,
    ) -> bool {
        let framework = self.frameworks.get(framework);
        let executor = framework.and_then(|framework| framework.executor(executor));
        let object = Object {
            framework_info: framework.map(|framework| &framework.info),
            executor_info: executor.map(|executor| executor.info()),
            ..Object::default()
        };
        self.approvers(principal)
            .approve(Action::AccessSandbox, &object)
    }
}
