//! Opens archives, by the end of their names.

use std::{
    fs::File,
    path::Path,
    process::{Command, Stdio},
};

use super::ProgramError;

/// Extracts an archive into a directory; false when the file's name is not that of an archive.
pub(super) fn extract(source: &Path, directory: &Path) -> Result<bool, ProgramError> {
    let name = source
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    let tar = [
        ".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz",
    ];
    let mut command;
    if ends(&tar) {
        command = Command::new("tar");
        command.arg("-C").arg(directory).arg("-xf").arg(source);
    } else if ends(&[".zip"]) {
        command = Command::new("unzip");
        command.args(["-o", "-q", "-d"]).arg(directory).arg(source);
    } else if let Some(plain) = name.strip_suffix(".gz") {
        let target = directory.join(plain);
        let out = File::create(&target).map_err(ProgramError::system(format!(
            "create '{}'",
            target.display()
        )))?;
        let input = File::open(source)
            .map_err(ProgramError::system(format!("open '{}'", source.display())))?;
        command = Command::new("gunzip");
        command.args(["-d", "-c"]).stdin(input).stdout(out);
    } else {
        return Ok(false);
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let what = format!(
        "Failed to extract '{}': '{program}' failed",
        source.display()
    );
    let output = command
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| ProgramError::Helper {
            what: what.clone(),
            detail: error.to_string(),
        })?;
    if output.status.success() {
        Ok(true)
    } else {
        let detail = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(ProgramError::Helper { what, detail })
    }
}
