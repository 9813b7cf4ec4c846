//! Detecting who leads.
//!
//! Mirrors `src/master/detector/detector.cpp`.

mod standalone;
mod zookeeper;

pub use self::{
    standalone::{StandaloneDetector, StandaloneDetectorProcess},
    zookeeper::ZooKeeperDetector,
};

use std::path::Path;

use libprocess::{Future, Runtime, Upid};
use mesos_proto::v1;

use crate::master_info::master_info_from_pid;

/// Why nobody can say who leads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DetectError {
    /// The detector ended.
    #[error("the detector is being destructed")]
    Ended,
    /// The election service failed.
    #[error("{reason}")]
    Service {
        /// What went wrong.
        reason: String,
    },
}

/// Tells who leads.
pub trait Detector: Send + Sync + 'static {
    /// Ready when the leader is not (or no longer) `previous`; `None` is no leader.
    ///
    /// Discarding the future ends the wait.
    ///
    /// # Errors
    /// Through the future: nobody can say who leads.
    fn detect(
        &self,
        previous: Option<v1::MasterInfo>,
    ) -> Future<Result<Option<v1::MasterInfo>, DetectError>>;
}

/// Why a text does not lead to a detector.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Neither an address nor a URL.
    #[error("Failed to parse '{text}'")]
    Parse {
        /// The text.
        text: String,
    },
    /// The named file cannot be read.
    #[error("Failed to read from file at '{path}'")]
    File {
        /// The file.
        path: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// This build has no election service behind such URLs.
    #[error("ZooKeeper URLs are not supported by this detector: '{text}'")]
    ZooKeeper {
        /// The URL.
        text: String,
    },
}

/// A detector for `host:port`, `master@host:port`, or a `file://` that holds one of them.
///
/// `None` gives a standalone detector with nobody appointed.
///
/// # Errors
/// The text names no master.
pub fn create_detector(
    runtime: &Runtime,
    master: Option<&str>,
) -> Result<StandaloneDetector, CreateError> {
    let Some(text) = master else {
        return Ok(StandaloneDetector::start(runtime, None));
    };
    if let Some(path) = text.strip_prefix("file://") {
        let content =
            std::fs::read_to_string(Path::new(path)).map_err(|source| CreateError::File {
                path: path.to_owned(),
                source,
            })?;
        let content = content.trim();
        if content.starts_with("file://") {
            return Err(CreateError::Parse {
                text: content.to_owned(),
            });
        }
        return create_detector(runtime, Some(content));
    }
    if text.starts_with("zk://") {
        return Err(CreateError::ZooKeeper {
            text: text.to_owned(),
        });
    }
    let parse_error = || CreateError::Parse {
        text: text.to_owned(),
    };
    let pid = if text.contains('@') {
        text.to_owned()
    } else {
        format!("master@{text}")
    };
    let pid = Upid::resolve(&pid).map_err(|_unparsable| parse_error())?;
    if !pid.is_complete() {
        return Err(parse_error());
    }
    Ok(StandaloneDetector::start(
        runtime,
        Some(master_info_from_pid(&pid)),
    ))
}
