//! Finds the leading master.

use std::time::Duration;

use libprocess::{Future, Runtime, Upid};
use mesos_detector::{DetectError, Detector, create_detector};
use mesos_proto::v1::MasterInfo;

use crate::MasterUrl;

/// Session timeout that ZooKeeper is asked for, as in Mesos.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// A search for the leading master that never ends.
pub(crate) struct Detection {
    url: MasterUrl,
    detector: Option<Box<dyn Detector>>,
    /// What the last search has found.
    found: Option<MasterInfo>,
}

/// The answer of one search.
pub(crate) type Detected = Result<Option<MasterInfo>, DetectError>;

impl Detection {
    pub(crate) fn of(url: &MasterUrl) -> Self {
        Self {
            url: url.clone(),
            detector: None,
            found: None,
        }
    }

    /// The leading master, once it differs from the one of the last search.
    pub(crate) fn next(&mut self, runtime: &Runtime) -> Future<Detected> {
        if self.detector.is_none() {
            match create_detector(runtime, Some(&self.url.to_string()), SESSION_TIMEOUT) {
                Ok(detector) => self.detector = Some(detector),
                Err(error) => {
                    let reason = error.to_string();
                    return Future::ready(Err(DetectError::Service { reason }));
                }
            }
        }
        match &self.detector {
            Some(detector) => detector.detect(self.found.clone()),
            None => Future::ready(Err(DetectError::Ended)),
        }
    }

    /// Remembers the answer of a search and returns the name of the master's actor.
    pub(crate) fn found(&mut self, master: Option<MasterInfo>) -> Option<Upid> {
        self.found = master;
        self.found.as_ref().and_then(|info| info.pid().parse().ok())
    }

    /// Forgets what was found, so that the next search tells the leading master again.
    pub(crate) fn restart(&mut self) {
        self.found = None;
    }
}
