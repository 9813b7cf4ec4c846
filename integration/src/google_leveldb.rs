//! plyvel: Google's LevelDB, the library that C++ Mesos uses, behind Python.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Keys and values as hexadecimal text.
pub type Content = BTreeMap<String, String>;

/// Opens the LevelDB in `folder`, verifies every checksum, and returns all that is stored.
///
/// # Errors
/// Python or plyvel is missing, or the library finds the files damaged.
pub fn read(folder: &Path) -> io::Result<Content> {
    run("read", folder, &Content::new())
}

/// Writes `content` to the LevelDB in `folder`, which is made, and returns all that is stored.
///
/// # Errors
/// As for [`read`].
pub fn write(folder: &Path, content: &Content) -> io::Result<Content> {
    run("write", folder, content)
}

/// Hexadecimal text, as it stands in a [`Content`].
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn run(task: &str, folder: &Path, content: &Content) -> io::Result<Content> {
    let python = std::env::var("MESOS_TEST_PYTHON")
        .map_err(|error| io::Error::other(format!("MESOS_TEST_PYTHON, of ./test: {error}")))?;
    let script: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "src",
        "google_leveldb",
        "check.py",
    ]
    .iter()
    .collect();
    let mut child = Command::new(python)
        .arg(script)
        .arg(task)
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(&serde_json::to_vec(content)?)?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("plyvel: {}", output.status)));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
