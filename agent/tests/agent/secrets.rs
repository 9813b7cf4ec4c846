//! Who is known to the agent, and the rules for them.

use std::{fs, path::PathBuf, rc::Rc};

use libprocess::http::authentication::jwt::Jwt;
use mesos_agent::flags::Flags;
use mesos_common::flags::JsonMessage;
use mesos_proto::acls::AcLs;
use mesos_proto_codec::{Dialect, Json};
use serde_json::Value;

/// The header with which `alice` proves who she is.
pub(crate) const ALICE: &str = "Basic YWxpY2U6cmFiYml0";

/// The header with which `bob` proves who he is.
pub(crate) const BOB: &str = "Basic Ym9iOmNhcnJvdA==";

/// The header of somebody whom nobody knows.
pub(crate) const MALLORY: &str = "Basic bWFsbG9yeTpndWVzcw==";

/// The key with which tokens of executors are signed.
pub(crate) const KEY: &str = "key of the agent";

/// The files that tell the agent whom it may trust.
pub(crate) struct Secrets {
    directory: tempfile::TempDir,
}

impl Secrets {
    pub(crate) fn new() -> Rc<Self> {
        let directory = tempfile::tempdir().expect("temporary directory");
        let credentials = r#"{"credentials":[{"principal":"alice","secret":"rabbit"},
            {"principal":"bob","secret":"carrot"}]}"#;
        fs::write(directory.path().join("credentials"), credentials).expect("written");
        fs::write(directory.path().join("key"), KEY).expect("written");
        Rc::new(Self { directory })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Lets only known principals read.
    pub(crate) fn close_reading(&self, flags: &mut Flags) {
        flags.http_credentials = Some(self.file("credentials"));
        flags.authenticate_http_readonly = true;
    }

    /// Lets only known principals change something.
    pub(crate) fn close_writing(&self, flags: &mut Flags) {
        flags.http_credentials = Some(self.file("credentials"));
        flags.authenticate_http_readwrite = true;
    }

    /// Gives executors tokens.
    pub(crate) fn give_tokens(&self, flags: &mut Flags) {
        flags.jwt_secret_key = Some(self.file("key"));
    }

    /// Asks executors for their tokens, also when they change something.
    pub(crate) fn ask_executors(&self, flags: &mut Flags) {
        self.give_tokens(flags);
        self.close_writing(flags);
        flags.authenticate_http_executors = true;
    }
}

/// Rules written as `--acls` takes them.
pub(crate) fn rules(acls: &Value) -> JsonMessage<AcLs> {
    let text = acls.to_string();
    JsonMessage::new(AcLs::read_json(Dialect::V0, text.as_bytes()).expect("rules"))
}

/// The header of an executor, signed with a key.
pub(crate) fn token(claims: &Value, key: &str) -> String {
    let claims = claims.as_object().expect("an object").clone();
    format!("Bearer {}", Jwt::sign(claims, key.as_bytes()))
}
