//! One ZooKeeper session and the calls a group makes in it.

use std::time::Duration;

use zookeeper_client::{Acl, Acls, AuthId, Client, CreateMode, Error, OneshotWatcher, Permission};

use super::{group::GroupOptions, membership::Membership};

/// A connected session, authenticated, with the group's folder in place.
#[derive(Clone, Debug)]
pub struct Session {
    pub(super) client: Client,
    path: String,
    protected: Protection,
}

/// Who may change the nodes that are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    /// Everybody.
    Open,
    /// Only who has the same credentials; everybody may read.
    Creator,
}

/// How a failed call is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The connection or the session broke: try again.
    Retryable,
    /// It would fail again.
    Final,
}

/// Sorts errors; a broken socket comes as [`Error::Custom`].
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the enum is open: what is not named is final"
)]
#[must_use]
pub fn failure_of(error: &Error) -> Failure {
    match error {
        Error::NoHosts
        | Error::Timeout
        | Error::SessionExpired
        | Error::SessionMoved
        | Error::Throttled
        | Error::ConnectionLoss
        | Error::ClientClosed
        | Error::Custom(_) => Failure::Retryable,
        _ => Failure::Final,
    }
}

impl Session {
    /// Connects once; several servers are tried in turn.
    ///
    /// # Errors
    /// What failed, and in which step.
    pub async fn connect(options: GroupOptions) -> Result<Self, (Error, &'static str)> {
        let mut connector = Client::connector()
            // Requests that every server since 3.4 knows, as the C client of Mesos makes them.
            .with_server_version(3, 4, 0)
            .with_session_timeout(options.session_timeout)
            .with_connection_timeout(options.session_timeout);
        let mut protected = Protection::Open;
        if let Some(credentials) = &options.url.credentials {
            connector = connector.with_auth("digest", credentials.as_bytes());
            protected = Protection::Creator;
        }
        let client = connector
            .connect(&options.url.servers)
            .await
            .map_err(|error| (error, "Failed to authenticate with ZooKeeper"))?;
        let path = options.url.path.trim_end_matches('/').to_owned();
        let session = Self {
            client,
            path,
            protected,
        };
        session
            .create_folder()
            .await
            .map_err(|error| (error, "Failed to create the folder"))?;
        Ok(session)
    }

    pub(super) fn timeout(&self) -> Duration {
        self.client.session_timeout()
    }

    async fn create_folder(&self) -> Result<(), Error> {
        if self.client.check_stat(&self.path).await?.is_some() {
            return Ok(());
        }
        let acls = self.acls();
        let options = CreateMode::Persistent.with_acls(Acls::new(&acls));
        self.client.mkdir(&self.path, &options).await
    }

    /// The connection.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The folder, without a slash at its end.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Who may do what with a node that is made.
    #[must_use]
    pub fn acls(&self) -> Vec<Acl> {
        match self.protected {
            Protection::Open => vec![Acl::new(Permission::ALL, AuthId::anyone())],
            Protection::Creator => vec![
                Acl::new(Permission::READ, AuthId::anyone()),
                Acl::new(Permission::ALL, AuthId::authed()),
            ],
        }
    }

    /// Makes a member.
    pub(super) async fn join(&self, data: &[u8], label: Option<&str>) -> Result<Membership, Error> {
        let acls = self.acls();
        let prefix = match label {
            Some(label) => format!("{}/{label}_", self.path),
            None => format!("{}/", self.path),
        };
        let options = CreateMode::EphemeralSequential.with_acls(Acls::new(&acls));
        let (_, sequence) = self.client.create(&prefix, data, &options).await?;
        let node = match label {
            Some(label) => format!("{label}_{sequence}"),
            None => sequence.to_string(),
        };
        Membership::from_node(&node)
            .ok_or_else(|| Error::UnexpectedError(format!("'{node}' is not the name of a member")))
    }

    /// Removes a member; false when there was none.
    pub(super) async fn cancel(&self, member: &Membership) -> Result<bool, Error> {
        match self.client.delete(&self.node_path(member), None).await {
            Ok(()) => Ok(true),
            Err(Error::NoNode) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The data of a member, or none when it is gone.
    pub(super) async fn data(&self, member: &Membership) -> Result<Option<Vec<u8>>, Error> {
        match self.client.get_data(&self.node_path(member)).await {
            Ok((data, _)) => Ok(Some(data)),
            Err(Error::NoNode) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The members, and a watcher that fires at the next change.
    pub(super) async fn members(&self) -> Result<(Vec<Membership>, OneshotWatcher), Error> {
        let (names, watcher) = self.client.list_and_watch_children(&self.path).await?;
        let members = names
            .iter()
            .filter_map(|name| Membership::from_node(name))
            .collect();
        Ok((members, watcher))
    }

    fn node_path(&self, member: &Membership) -> String {
        format!("{}/{}", self.path, member.node())
    }
}
