//! Reads what the replicas of stopped masters hold, with the program's own `mesos log read`.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::binary::{self, BinaryError};

/// What one replica knows to be agreed: the value by position, as text.
pub type Agreed = BTreeMap<u64, String>;

/// Why a replica could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LogProbeError {
    /// There is no program.
    #[error(transparent)]
    Binary(#[from] BinaryError),
    /// It could not be run.
    #[error("run mesos log read")]
    Run(#[from] io::Error),
    /// It refused.
    #[error("mesos log read: {0}")]
    Refused(String),
}

/// Reads the replica in `path`; its master must have ended.
///
/// # Errors
/// [`LogProbeError`], for example when the files are damaged.
pub fn read(path: &Path) -> Result<Agreed, LogProbeError> {
    let output = binary::command("log-probe")?
        .args(["log", "read"])
        .arg(format!("--path={}", path.display()))
        .output()?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(LogProbeError::Refused(message));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split(&"-".repeat(46)).filter_map(agreed).collect())
}

/// The position and the value of one action; who proposed it does not matter.
fn agreed(action: &str) -> Option<(u64, String)> {
    let field = |name: &str| {
        let line = action.lines().find(|line| line.starts_with(name))?;
        line.split_once(": ").map(|(_, value)| value)
    };
    // A tombstone stands for a value that its replica has never seen.
    if field("learned") != Some("true") || action.contains("tombstone: true") {
        return None;
    }
    let position = field("position")?.parse().ok()?;
    let value = action
        .lines()
        .filter(|line| !line.starts_with("promised") && !line.starts_with("performed"))
        .collect::<Vec<_>>()
        .join("\n");
    Some((position, value))
}

/// The positions at which two replicas know different values.
#[must_use]
pub fn disagreements(replicas: &[Agreed]) -> Vec<u64> {
    let mut known = Agreed::new();
    let mut differ = Vec::new();
    for (position, value) in replicas.iter().flatten() {
        let first = known.entry(*position).or_insert_with(|| value.clone());
        if first != value {
            differ.push(*position);
        }
    }
    differ
}
