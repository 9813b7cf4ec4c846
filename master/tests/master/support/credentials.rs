//! Who may ask, when the master wants to know.

use std::io::Write;

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
