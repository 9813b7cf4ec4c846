//! Where masters are elected, as the flag `--master` of agents says.

use std::time::Duration;

use anyhow::{Context, Result};
use mesos_detector::zookeeper::{GroupOptions, ZooKeeperUrl};

/// What a ZooKeeper URL begins with.
const SCHEME: &str = "zk://";

/// Whether a text asks for an election in ZooKeeper.
pub(crate) fn is_zookeeper(text: &str) -> bool {
    text.starts_with(SCHEME)
}

/// The group that a ZooKeeper URL names. White space behind the URL, as files have it, is fine.
pub(crate) fn group(url: &str, session_timeout: Duration) -> Result<GroupOptions> {
    let url: ZooKeeperUrl = url
        .trim_end()
        .parse()
        .context("Error parsing ZooKeeper URL")?;
    Ok(GroupOptions {
        url: url.below_root()?,
        session_timeout,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[test]
    fn a_url_names_servers_and_path() {
        let group = group("zk://h1:1,h2:2/mesos\n", TIMEOUT).expect("valid");

        assert_eq!(
            (group.url.servers.as_str(), group.url.path.as_str()),
            ("h1:1,h2:2", "/mesos")
        );
    }

    #[test]
    fn the_root_cannot_be_a_group() {
        assert!(group("zk://h1:1/", TIMEOUT).is_err());
        assert!(group("h1:1/mesos", TIMEOUT).is_err());
    }
}
