//! Checks of a task whose results go to the framework as they are.
//!
//! Mirrors `src/checks/checker.cpp`.

use libprocess::Runtime;
use mesos_proto::v1::check_status_info::{Command, Http, Tcp};
use mesos_proto::v1::{CheckInfo, CheckStatusInfo, check_info};

pub use crate::checks::command::{CheckedTask, Namespace};
pub use crate::checks::probe::CheckError;

use crate::checks::checker_process::{CheckerHandle, ProbeResult, Prober};
use crate::checks::nested::NestedTask;
use crate::checks::probe::Plan;

/// Checks one task until it is dropped.
#[derive(Debug)]
pub struct Checker {
    handle: CheckerHandle,
}

impl Checker {
    /// Starts to check a task. `changed` gets every result that differs from the one before; the
    /// first is compared with the empty status of the check's type.
    ///
    /// # Errors
    /// [`CheckError`] when the check is not valid.
    pub fn start(
        runtime: &Runtime,
        check: &CheckInfo,
        task: CheckedTask,
        changed: impl FnMut(CheckStatusInfo) + Send + 'static,
    ) -> Result<Self, CheckError> {
        Self::by(runtime, check, Prober::Plain(task), changed)
    }

    /// As [`Checker::start`], for a task in a nested container.
    pub(crate) fn nested(
        runtime: &Runtime,
        check: &CheckInfo,
        task: NestedTask,
        changed: impl FnMut(CheckStatusInfo) + Send + 'static,
    ) -> Result<Self, CheckError> {
        Self::by(runtime, check, Prober::Nested(Box::new(task)), changed)
    }

    fn by(
        runtime: &Runtime,
        check: &CheckInfo,
        prober: Prober,
        mut changed: impl FnMut(CheckStatusInfo) + Send + 'static,
    ) -> Result<Self, CheckError> {
        let plan = Plan::of_check(check)?;
        let kind = check.r#type();
        let mut previous = empty_check_status(kind);
        let observe = move |result: ProbeResult, _now| {
            let status = match result {
                Ok(probed) => probed.check_status(),
                Err(error) => {
                    tracing::warn!(%error, "check failed");
                    empty_check_status(kind)
                }
            };
            if status != previous {
                previous = status.clone();
                changed(status);
            }
        };
        Ok(Self {
            handle: CheckerHandle::start(runtime, plan, prober, Box::new(observe)),
        })
    }

    /// Stops checking; a result that is on its way is dropped.
    pub fn pause(&self) {
        self.handle.pause();
    }

    /// Checks again, at once.
    pub fn resume(&self) {
        self.handle.resume();
    }
}

/// The status of a check that has no result yet.
#[must_use]
pub fn empty_check_status(kind: check_info::Type) -> CheckStatusInfo {
    let mut status = CheckStatusInfo {
        r#type: Some(kind.into()),
        ..Default::default()
    };
    match kind {
        check_info::Type::Command => status.command = Some(Command::default()),
        check_info::Type::Http => status.http = Some(Http::default()),
        check_info::Type::Tcp => status.tcp = Some(Tcp::default()),
        check_info::Type::Unknown => {}
    }
    status
}
