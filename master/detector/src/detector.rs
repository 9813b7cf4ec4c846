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
use std::time::Duration;

use libprocess::{Future, Runtime, Upid};
use mesos_proto::v1;

use crate::master_info::master_info_from_pid;
use crate::zookeeper::{GroupOptions, UrlError, ZooKeeperUrl};

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
    /// The address of ZooKeeper cannot be read.
    #[error("Failed to parse ZooKeeper URL '{text}': {source}")]
    ZooKeeper {
        /// The URL.
        text: String,
        /// What is wrong with it.
        #[source]
        source: UrlError,
    },
}

/// A detector for `zk://...`, `host:port`, `master@host:port`, or a `file://` that holds one of
/// them.
///
/// `None` gives a standalone detector with nobody appointed; `session_timeout` is asked of
/// ZooKeeper.
///
/// # Errors
/// The text names no master.
pub fn create_detector(
    runtime: &Runtime,
    master: Option<&str>,
    session_timeout: Duration,
) -> Result<Box<dyn Detector>, CreateError> {
    let Some(text) = master else {
        return Ok(Box::new(StandaloneDetector::start(runtime, None)));
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
        return create_detector(runtime, Some(content), session_timeout);
    }
    if text.starts_with("zk://") {
        let url = text
            .parse::<ZooKeeperUrl>()
            .and_then(ZooKeeperUrl::below_root);
        let url = url.map_err(|source| CreateError::ZooKeeper {
            text: text.to_owned(),
            source,
        })?;
        let options = GroupOptions {
            url,
            session_timeout,
        };
        return Ok(Box::new(ZooKeeperDetector::start(runtime, options)));
    }
    let leader = master_info_from_pid(&master_pid(text)?);
    Ok(Box::new(StandaloneDetector::start(runtime, Some(leader))))
}

/// The process id of the master at `host:port` or `master@host:port`.
fn master_pid(text: &str) -> Result<Upid, CreateError> {
    let parse_error = || CreateError::Parse {
        text: text.to_owned(),
    };
    let pid = if text.contains('@') {
        text.to_owned()
    } else {
        format!("master@{text}")
    };
    let pid = Upid::resolve(&pid).map_err(|_unparsable| parse_error())?;
    if pid.is_complete() {
        Ok(pid)
    } else {
        Err(parse_error())
    }
}
