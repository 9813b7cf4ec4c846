//! Copies the package of `--package` into HDFS, from where the sandbox of the task gets it.
//!
//! Mirrors `src/hdfs/hdfs.cpp`, as far as `mesos execute` uses it.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

use super::flags::Flags;

/// Copies the package, if there is one, and returns the address of the copy.
pub(super) fn upload(flags: &Flags, user: &str) -> Result<Option<String>> {
    let Some(package) = &flags.package else {
        return Ok(None);
    };
    hadoop(flags, &["version"]).context("Failed to create HDFS client")?;
    let path = format!("/{user}/{}", package.trim_start_matches('/'));
    let exists = exists(flags, &path).context("Failed to check if file exists")?;
    if exists && !flags.overwrite {
        bail!("File already exists (see --overwrite)");
    }
    if exists {
        hadoop(flags, &["fs", "-rm", &path]).context("Failed to remove existing file")?;
    }
    if !matches!(Path::new(package).try_exists(), Ok(true)) {
        bail!("Failed to copy package: Failed to find '{package}'");
    }
    hadoop(flags, &["fs", "-copyFromLocal", package, &path]).context("Failed to copy package")?;
    Ok(Some(format!("hdfs://{}{path}", flags.hdfs)))
}

fn exists(flags: &Flags, path: &str) -> Result<bool> {
    let output = run(flags, &["fs", "-test", "-e", path])?;
    match output.status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        Some(_) | None => bail!(unexpected(&output)),
    }
}

fn hadoop(flags: &Flags, arguments: &[&str]) -> Result<()> {
    let output = run(flags, arguments)?;
    if !output.status.success() {
        bail!(unexpected(&output));
    }
    Ok(())
}

fn run(flags: &Flags, arguments: &[&str]) -> Result<Output> {
    Command::new(&flags.hadoop)
        .args(arguments)
        .output()
        .with_context(|| format!("Failed to execute '{}'", flags.hadoop))
}

fn unexpected(output: &Output) -> String {
    format!(
        "Unexpected result from the subprocess: status='{}', stdout='{}', stderr='{}'",
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use mesos_common::flags::{Source, load};

    use super::*;

    /// A `hadoop` whose file system is a folder.
    const HADOOP: &str = r#"#!/bin/sh
root=$(dirname "$0")/hdfs
case "$1 $2" in
    "version ") exit 0 ;;
    "fs -test") test -e "$root$4" ;;
    "fs -rm") rm "$root$3" ;;
    "fs -copyFromLocal") mkdir -p "$(dirname "$root$4")" && cp "$3" "$root$4" ;;
    *) echo "unknown: $*" >&2; exit 255 ;;
esac
"#;

    struct Hdfs(tempfile::TempDir);

    impl Hdfs {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let program = folder.path().join("hadoop");
            std::fs::write(&program, HADOOP).unwrap();
            let executable = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&program, executable).unwrap();
            std::fs::write(folder.path().join("package"), "content").unwrap();
            Self(folder)
        }

        fn upload(&self, more: &[&str]) -> Result<Option<String>> {
            self.upload_by(&self.0.path().join("hadoop"), more)
        }

        fn upload_by(&self, hadoop: &Path, more: &[&str]) -> Result<Option<String>> {
            let package = self.0.path().join("package").display().to_string();
            let arguments = [
                "--master=127.0.0.1:5050".to_owned(),
                format!("--hadoop={}", hadoop.display()),
                format!("--package={package}"),
            ];
            let more = more.iter().map(|&flag| flag.to_owned());
            let flags = load::<Flags>(&Source::arguments(arguments.into_iter().chain(more)));
            upload(&flags.into_result().unwrap(), "me")
        }

        fn copy(&self) -> std::path::PathBuf {
            let package = self.0.path().join("package").display().to_string();
            self.0.path().join(format!("hdfs/me{package}"))
        }
    }

    #[test]
    fn package_is_copied_below_the_folder_of_the_user() {
        let hdfs = Hdfs::new();

        let uri = hdfs.upload(&[]).unwrap().unwrap();

        let package = hdfs.0.path().join("package").display().to_string();
        assert_eq!(uri, format!("hdfs://localhost:9000/me{package}"));
        assert_eq!(std::fs::read_to_string(hdfs.copy()).unwrap(), "content");
    }

    #[test]
    fn package_that_is_there_is_replaced_only_on_demand() {
        let hdfs = Hdfs::new();
        hdfs.upload(&[]).unwrap();

        let refused = hdfs.upload(&[]).unwrap_err();
        std::fs::write(hdfs.0.path().join("package"), "newer").unwrap();
        hdfs.upload(&["--overwrite"]).unwrap();

        assert_eq!(refused.to_string(), "File already exists (see --overwrite)");
        assert_eq!(std::fs::read_to_string(hdfs.copy()).unwrap(), "newer");
    }

    #[test]
    fn missing_hadoop_is_named() {
        let hdfs = Hdfs::new();

        let error = hdfs
            .upload_by(Path::new("/nowhere/hadoop"), &[])
            .unwrap_err();

        assert!(
            format!("{error:#}").contains("/nowhere/hadoop"),
            "{error:#}"
        );
    }
}
