//! `zk://[user:password@]host:port,.../path`.

use std::str::FromStr;

/// Where a group lives: servers, path and, if any, the credentials of digest authentication.
#[derive(Clone, PartialEq, Eq)]
pub struct ZooKeeperUrl {
    /// `host1:port1,host2:port2`, as written.
    pub servers: String,
    /// Absolute path, `/` when none was written.
    pub path: String,
    /// `user:password`, as written.
    pub credentials: Option<String>,
}

/// The text is no ZooKeeper address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The scheme is missing.
    #[error("Expecting 'zk://' at the beginning of the URL")]
    Scheme,
    /// A path is needed to hold the group.
    #[error("Expecting a (chroot) path for ZooKeeper ('/' is not supported)")]
    Root,
}

impl ZooKeeperUrl {
    /// Requires a path below the root, which contenders and detectors need.
    ///
    /// # Errors
    /// [`UrlError::Root`] when the path is `/`.
    pub fn below_root(self) -> Result<Self, UrlError> {
        if self.path == "/" {
            Err(UrlError::Root)
        } else {
            Ok(self)
        }
    }
}

/// The path ends the servers at the first `/`; credentials end at the last `@` before it.
impl FromStr for ZooKeeperUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let rest = text.trim().strip_prefix("zk://").ok_or(UrlError::Scheme)?;
        let (authority, path) = match rest.find('/').and_then(|at| rest.split_at_checked(at)) {
            Some((authority, path)) => (authority, path),
            None => (rest, "/"),
        };
        let (credentials, servers) = match authority.rsplit_once('@') {
            Some((credentials, servers)) => (Some(credentials.to_owned()), servers),
            None => (None, authority),
        };
        Ok(Self {
            servers: servers.to_owned(),
            path: path.to_owned(),
            credentials,
        })
    }
}

/// Shows that there are credentials, not which.
impl std::fmt::Debug for ZooKeeperUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ZooKeeperUrl")
            .field("servers", &self.servers)
            .field("path", &self.path)
            .field("credentials", &self.credentials.as_ref().map(|_| "set"))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parses(text: &str, credentials: Option<&str>, servers: &str, path: &str) {
        let url: ZooKeeperUrl = text.parse().expect("a ZooKeeper address");

        assert_eq!(url.credentials.as_deref(), credentials);
        assert_eq!((url.servers.as_str(), url.path.as_str()), (servers, path));
    }

    /// Mirrors: ZooKeeperURLTest.URL
    #[test]
    fn an_address_has_servers_a_path_and_perhaps_credentials() {
        parses("zk://host1:port1", None, "host1:port1", "/");
        parses(
            "zk://jake:1@host1:port1",
            Some("jake:1"),
            "host1:port1",
            "/",
        );
        parses(
            "zk://host1:port1,host2:port2/a/b",
            None,
            "host1:port1,host2:port2",
            "/a/b",
        );
        parses(
            " zk://user:p@ss@host:1/path/1\n",
            Some("user:p@ss"),
            "host:1",
            "/path/1",
        );
    }

    #[test]
    fn another_scheme_is_refused() {
        assert_eq!("http://host".parse::<ZooKeeperUrl>(), Err(UrlError::Scheme));
    }

    #[test]
    fn the_root_holds_no_group() {
        let url: ZooKeeperUrl = "zk://host:1/".parse().expect("an address");

        assert_eq!(url.below_root(), Err(UrlError::Root));
    }

    #[test]
    fn a_password_is_not_printed() {
        let url: ZooKeeperUrl = "zk://user:secret@host:1/mesos".parse().expect("an address");

        assert!(!format!("{url:?}").contains("secret"));
    }
}
