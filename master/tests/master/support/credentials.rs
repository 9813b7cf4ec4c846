//! Who may ask, when the master wants to know.

use std::io::Write;

use mesos_common::flags::JsonMessage;
use mesos_proto::acls::AcLs;
use mesos_proto_codec::{Dialect, Json};
use serde_json::Value;

use crate::support::Stage;

/// The header with which `alice` proves who she is.
pub(crate) const ALICE: (&str, &str) = ("Authorization", "Basic YWxpY2U6cmFiYml0");

/// The header with which `bob` proves who he is.
pub(crate) const BOB: (&str, &str) = ("Authorization", "Basic Ym9iOmNhcnJvdA==");

/// The header of somebody whom nobody knows.
pub(crate) const MALLORY: (&str, &str) = ("Authorization", "Basic bWFsbG9yeTpndWVzcw==");

/// A file with the secrets of `alice` and `bob`, which lasts as long as the value.
pub(crate) fn credentials() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    let text = r#"{"credentials":[{"principal":"alice","secret":"rabbit"},
        {"principal":"bob","secret":"carrot"}]}"#;
    file.write_all(text.as_bytes()).expect("writes");
    file
}

/// A master that asks everybody who he is and follows these rules.
pub(crate) fn ruled(acls: &Value) -> (Stage, tempfile::NamedTempFile) {
    let file = credentials();
    let path = file.path().to_owned();
    let stage = Stage::start_with(|flags| {
        flags.credentials = Some(path);
        flags.authenticate_http_readonly = true;
        flags.authenticate_http_readwrite = true;
        flags.acls = Some(rules(acls));
    });
    (stage, file)
}

/// Rules written as `--acls` takes them.
pub(crate) fn rules(acls: &Value) -> JsonMessage<AcLs> {
    let text = acls.to_string();
    JsonMessage::new(AcLs::read_json(Dialect::V0, text.as_bytes()).expect("rules"))
}
