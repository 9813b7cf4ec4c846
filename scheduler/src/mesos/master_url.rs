//! Where a scheduler looks for the master: the values of `--master`.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use libprocess::{ParseUpidError, Upid};

/// Id of the master's actor.
const MASTER_ID: &str = "master";

/// A place to look for the leading master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterUrl {
    /// This master, whether it leads or not.
    Address(Upid),
    /// Whichever master leads according to ZooKeeper: `zk://host1:port1,host2:port2/path`.
    ZooKeeper(String),
}

/// Why a text is not the place of a master.
#[derive(Debug, thiserror::Error)]
pub enum MasterUrlError {
    /// Nothing is there.
    #[error("expected the address of a master")]
    Empty,
    /// Neither `host:port` nor one of the other forms.
    #[error("Failed to parse '{text}'")]
    Address {
        /// The text.
        text: String,
        /// What is wrong with it.
        #[source]
        source: ParseUpidError,
    },
    /// The file that should hold the address cannot be read.
    #[error("read {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl FromStr for MasterUrl {
    type Err = MasterUrlError;

    /// Reads `host:port`, `master@host:port`, `zk://…`, or `file:///path` whose content is one of
    /// the others. A host name is looked up now.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("file://") {
            let path = Path::new(path);
            let content = fs::read_to_string(path).map_err(|source| MasterUrlError::File {
                path: path.to_owned(),
                source,
            })?;
            // One level only: a file that names itself must not be followed.
            return Self::parse_text(content.trim());
        }
        Self::parse_text(text)
    }
}

impl MasterUrl {
    fn parse_text(text: &str) -> Result<Self, MasterUrlError> {
        if text.is_empty() {
            return Err(MasterUrlError::Empty);
        }
        if text.starts_with("zk://") {
            return Ok(Self::ZooKeeper(text.to_owned()));
        }
        let upid = if text.contains('@') {
            text.to_owned()
        } else {
            format!("{MASTER_ID}@{text}")
        };
        Upid::resolve(&upid)
            .map(Self::Address)
            .map_err(|source| MasterUrlError::Address {
                text: text.to_owned(),
                source,
            })
    }
}

impl fmt::Display for MasterUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(upid) => upid.fmt(f),
            Self::ZooKeeper(url) => f.write_str(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_may_name_its_actor() {
        let plain: MasterUrl = "127.0.0.1:5050".parse().unwrap();
        let full: MasterUrl = "master@127.0.0.1:5050".parse().unwrap();

        assert_eq!(plain, full);
        assert_eq!(plain.to_string(), "master@127.0.0.1:5050");
    }

    #[test]
    fn file_holds_one_of_the_other_forms() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master");
        fs::write(&path, "127.0.0.1:5050\n").unwrap();

        let url: MasterUrl = format!("file://{}", path.display()).parse().unwrap();

        assert_eq!(url.to_string(), "master@127.0.0.1:5050");
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(matches!(
            "".parse::<MasterUrl>(),
            Err(MasterUrlError::Empty)
        ));
        assert!(matches!(
            "5050".parse::<MasterUrl>(),
            Err(MasterUrlError::Address { .. })
        ));
        let missing = "file:///nonexistent/master".parse::<MasterUrl>();
        assert!(matches!(missing, Err(MasterUrlError::File { .. })));
    }
}
