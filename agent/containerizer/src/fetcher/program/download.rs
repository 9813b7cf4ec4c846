//! Brings files from other machines.

use std::{path::Path, process::Command, time::Duration};

use super::ProgramError;

/// The part of a URL's scheme that decides who fetches it, and what counts as success.
fn expected_code(address: &str) -> Option<(&'static str, &'static str)> {
    let scheme = address.split_once("://").map_or("", |(scheme, _)| scheme);
    match scheme {
        "http" | "https" => Some(("HTTP", "200")),
        "ftp" | "ftps" => Some(("FTP", "226")),
        _ => None,
    }
}

/// Downloads a file: networks by `curl`, everything else by `hadoop`.
pub(super) fn remote(
    address: &str,
    target: &Path,
    stall_timeout: Option<Duration>,
) -> Result<(), ProgramError> {
    let Some((protocol, expected)) = expected_code(address) else {
        return by_hadoop(address, target);
    };
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--location", "--globoff"])
        .args(["--write-out", "%{http_code}"]);
    if let Some(timeout) = stall_timeout {
        let seconds = timeout.as_secs().max(1).to_string();
        curl.args(["--speed-limit", "1", "--speed-time", &seconds]);
    }
    curl.arg("--output").arg(target).arg(address);
    let what = "Error downloading resource";
    let output = curl.output().map_err(|error| ProgramError::Helper {
        what: what.to_owned(),
        detail: format!("failed to start curl: {error}"),
    })?;
    if !output.status.success() {
        return Err(ProgramError::Helper {
            what: what.to_owned(),
            detail: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    let code = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if code == expected {
        Ok(())
    } else {
        Err(ProgramError::Code { protocol, code })
    }
}

fn by_hadoop(address: &str, target: &Path) -> Result<(), ProgramError> {
    let program = match std::env::var("HADOOP_HOME") {
        Ok(home) => Path::new(&home).join("bin").join("hadoop"),
        Err(_) => "hadoop".into(),
    };
    let failed = |detail: String| ProgramError::Helper {
        what: "HDFS copyToLocal failed".to_owned(),
        detail,
    };
    let output = Command::new(program)
        .args(["fs", "-copyToLocal", address])
        .arg(target)
        .output()
        .map_err(|error| failed(format!("failed to start the Hadoop client: {error}")))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ))
    }
}
