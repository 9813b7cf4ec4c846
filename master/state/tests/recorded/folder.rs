//! What the tests of recorded logs share.

use std::path::Path;

use libprocess::Runtime;
use mesos_proto::internal::Registry;
use mesos_state::{State, Variable};
use prost::Message;

/// A folder that is removed with the test.
pub(crate) struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    /// Unpacks the recorded LevelDB folders.
    pub(crate) fn with_recorded_logs() -> Self {
        let folder = Self::empty();
        let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../integration/golden/replicated-logs.tar.gz");
        let file = std::fs::File::open(archive).expect("the recorded logs");
        tar::Archive::new(flate2::read::GzDecoder::new(file))
            .unpack(folder.path())
            .expect("the archive unpacks");
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Fetches the registry's variable.
pub(crate) fn fetched(runtime: &Runtime, state: &State) -> Variable {
    runtime
        .block_on(state.fetch("registry"))
        .ready()
        .expect("an answer")
        .expect("a variable")
}

/// Fetches the registry.
pub(crate) fn registry_of(runtime: &Runtime, state: &State) -> Registry {
    Registry::decode(fetched(runtime, state).value().clone()).expect("a registry")
}
