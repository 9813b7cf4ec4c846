//! What a master is given from outside: where its registry is kept, and who elects the leader.
//!
//! Mirrors the middle of `src/master/main.cpp`; the combinations of `--zk` and `--registry` are
//! those of Mesos.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use libprocess::{Future, Runtime};
use mesos_detector::zookeeper::{GroupOptions, ZooKeeperUrl};
use mesos_detector::{
    Contender, Detector, StandaloneContender, ZooKeeperContender, ZooKeeperDetector,
};
use mesos_log::{Initialization, Log, LogOptions};
use mesos_state::{InMemoryStorage, LogStorage, State};

use crate::flags::Flags;

/// What a master is given from outside; the rest comes from its flags.
pub struct Surroundings {
    /// Where the registry is kept.
    pub state: State,
    /// Who takes part in the election.
    pub contender: Box<dyn Contender>,
    /// Who says who leads; when `None` the master appoints itself.
    pub detector: Option<Box<dyn Detector>>,
    /// Ready with the reason when the registry cannot be kept any more.
    pub broken: Option<Future<String>>,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}

/// Why the flags do not describe where a master can live.
#[derive(Debug, thiserror::Error)]
pub enum SurroundingsError {
    /// The registry cannot be kept there.
    #[error("'{0}' is not a supported option for registry persistence")]
    Registry(String),
    /// The replicated log needs a folder.
    #[error("--work_dir needed for replicated log based registry")]
    NoWorkDir,
    /// The folder cannot be made.
    #[error("Failed to create work directory '{path}': {source}")]
    WorkDir {
        /// The folder.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The size of a majority cannot be guessed.
    #[error("Need to specify --quorum for replicated log based registry when using ZooKeeper")]
    NoQuorum,
    /// No majority has that size.
    #[error("--quorum must be at least 1, not {0}")]
    Quorum(i32),
    /// The address of ZooKeeper cannot be read.
    #[error("Error parsing ZooKeeper URL: {0}")]
    ZooKeeper(#[from] mesos_detector::zookeeper::UrlError),
}

/// The folder of the log in the work directory.
const LOG_FOLDER: &str = "replicated_log";

/// The group of the log's replicas, below the masters'.
const LOG_GROUP: &str = "log_replicas";

/// Builds what the flags ask for; with a replicated log its recovery begins here.
///
/// # Errors
/// [`SurroundingsError`] names the flag.
pub(crate) fn surroundings(
    runtime: &Runtime,
    flags: &Flags,
) -> Result<Surroundings, SurroundingsError> {
    let group = group_options(flags)?;
    let (state, broken) = match flags.registry.as_str() {
        "in_memory" => (State::new(InMemoryStorage::start(runtime)), None),
        "replicated_log" | "log_storage" => {
            let log = Log::start(runtime, log_options(flags, group.as_ref())?);
            let broken = log.failed().map(|error| error.to_string());
            (State::new(LogStorage::start(runtime, &log)), Some(broken))
        }
        other => return Err(SurroundingsError::Registry(other.to_owned())),
    };
    Ok(match group {
        None => Surroundings {
            state,
            contender: Box::new(StandaloneContender::default()),
            detector: None,
            broken,
        },
        Some(group) => Surroundings {
            state,
            contender: Box::new(ZooKeeperContender::start(runtime, group.clone())),
            detector: Some(Box::new(ZooKeeperDetector::start(runtime, group))),
            broken,
        },
    })
}

fn group_options(flags: &Flags) -> Result<Option<GroupOptions>, SurroundingsError> {
    let Some(zk) = &flags.zk else { return Ok(None) };
    let url: ZooKeeperUrl = zk.value().parse()?;
    Ok(Some(GroupOptions {
        url: url.below_root()?,
        session_timeout: flags.zk_session_timeout,
    }))
}

/// Without ZooKeeper the log is a log of one, whatever `--quorum` says.
fn log_options(
    flags: &Flags,
    group: Option<&GroupOptions>,
) -> Result<LogOptions, SurroundingsError> {
    let work_dir = flags
        .work_dir
        .as_deref()
        .ok_or(SurroundingsError::NoWorkDir)?;
    let path = Path::new(work_dir).join(LOG_FOLDER);
    fs::create_dir_all(&path).map_err(|source| SurroundingsError::WorkDir {
        path: work_dir.to_owned(),
        source,
    })?;
    let (quorum, group) = match group {
        None => (1, None),
        Some(group) => (quorum(flags)?, Some(replicas_group(group))),
    };
    Ok(LogOptions {
        quorum,
        path,
        peers: BTreeSet::new(),
        group,
        initialization: if flags.log_auto_initialize {
            Initialization::Automatic
        } else {
            Initialization::Manual
        },
        metrics_prefix: "registrar/".to_owned(),
    })
}

fn quorum(flags: &Flags) -> Result<usize, SurroundingsError> {
    let given = flags.quorum.ok_or(SurroundingsError::NoQuorum)?;
    usize::try_from(given)
        .ok()
        .filter(|quorum| *quorum > 0)
        .ok_or(SurroundingsError::Quorum(given))
}

fn replicas_group(masters: &GroupOptions) -> GroupOptions {
    let mut group = masters.clone();
    group.url.path = format!("{}/{LOG_GROUP}", masters.url.path.trim_end_matches('/'));
    group
}

#[cfg(test)]
mod tests {
    use mesos_common::flags::{Source, load};

    use super::*;

    fn refused(arguments: &[&str]) -> String {
        let source = Source::arguments(arguments.iter().copied());
        let flags: Flags = load(&source).into_result().expect("flags");
        let runtime = Runtime::builder().start().expect("a runtime");

        let error = surroundings(&runtime, &flags).expect_err("refused");

        runtime.shutdown();
        error.to_string()
    }

    #[test]
    fn a_replicated_log_needs_a_folder() {
        let error = refused(&[]);

        assert_eq!(error, "--work_dir needed for replicated log based registry");
    }

    #[test]
    fn a_replicated_log_on_zookeeper_needs_a_quorum() {
        let error = refused(&["--zk=zk://127.0.0.1:1/mesos", "--work_dir=/tmp"]);

        assert!(error.starts_with("Need to specify --quorum"), "{error}");
    }

    #[test]
    fn an_address_of_zookeeper_without_a_path_is_refused() {
        let error = refused(&["--zk=zk://127.0.0.1:1", "--registry=in_memory"]);

        assert!(
            error.contains("Expecting a (chroot) path for ZooKeeper"),
            "{error}"
        );
    }
}
