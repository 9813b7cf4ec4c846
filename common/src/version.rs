//! Which version this is, and the route that tells it.
//!
//! Mirrors `src/version/version.cpp`.
//!
//! # Wire
//! Route `/version` and the first fields of `/state`.
//! `version` is the Mesos version whose contract this build keeps; the build fields are of this build.

use std::time::{Duration, UNIX_EPOCH};

use libprocess::http::{Help, Request, Response};
use libprocess::{Context, Future, Pid, Process, ProcessId, Runtime, Time};
use mesos_proto::{Dialect, json::JsonWriter, v1};

/// The Mesos version whose contract this build keeps.
pub const MESOS_VERSION: &str = "1.11.0";

/// What is known of this build.
#[must_use]
pub fn version_info() -> v1::VersionInfo {
    let built = build_time();
    v1::VersionInfo {
        version: Some(MESOS_VERSION.to_owned()),
        build_date: built.map(date),
        build_time: built.map(|built| built.as_secs_f64()),
        build_user: option_env!("USER").map(str::to_owned),
        git_sha: option_env!("GIT_SHA").map(str::to_owned),
        git_branch: option_env!("GIT_BRANCH").map(str::to_owned),
        git_tag: option_env!("GIT_TAG").map(str::to_owned),
        ..Default::default()
    }
}

/// When the running program was written.
fn build_time() -> Option<Duration> {
    let program = std::env::current_exe().ok()?;
    let written = std::fs::metadata(program).ok()?.modified().ok()?;
    let since = written.duration_since(UNIX_EPOCH).ok()?;
    Some(Duration::from_secs(since.as_secs()))
}

/// `2020-11-24 15:38:37`, in UTC, from the text of an HTTP date.
fn date(built: Duration) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = Time::from_secs_f64(built.as_secs_f64()).to_rfc1123();
    let parts: Vec<&str> = text
        .split([' ', ','])
        .filter(|part| !part.is_empty())
        .collect();
    match parts.as_slice() {
        [_, day, month, year, time, ..] => {
            let number = MONTHS
                .iter()
                .position(|name| name == month)
                .unwrap_or_default()
                + 1;
            format!("{year}-{number:02}-{day} {time}")
        }
        _ => text.clone(),
    }
}

/// Writes the version as the first fields of an open object.
pub fn write_fields(json: &mut JsonWriter) {
    let info = version_info();
    json.field("version", info.version());
    write_optional(json, "git_sha", info.git_sha.as_deref());
    write_optional(json, "git_branch", info.git_branch.as_deref());
    write_optional(json, "git_tag", info.git_tag.as_deref());
    write_build(json, &info);
}

/// The same fields sorted by name, as `/version` has them.
fn write_sorted(json: &mut JsonWriter) {
    let info = version_info();
    write_build(json, &info);
    write_optional(json, "git_branch", info.git_branch.as_deref());
    write_optional(json, "git_sha", info.git_sha.as_deref());
    write_optional(json, "git_tag", info.git_tag.as_deref());
    json.field("version", info.version());
}

fn write_build(json: &mut JsonWriter, info: &v1::VersionInfo) {
    json.field("build_date", info.build_date());
    json.field("build_time", &info.build_time());
    json.field("build_user", info.build_user());
}

fn write_optional(json: &mut JsonWriter, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        json.field(name, value);
    }
}

/// The actor that answers `/version`.
#[derive(Debug)]
pub struct VersionProcess;

impl VersionProcess {
    /// Starts the actor.
    #[must_use]
    pub fn spawn(runtime: &Runtime) -> Pid<Self> {
        runtime.spawn(Self)
    }

    fn version(&mut self, request: &Request, _ctx: &mut Context<Self>) -> Future<Response> {
        let mut json = JsonWriter::new(Dialect::V0);
        json.object(write_sorted);
        Response::ok_json(json.into_vec(), request.query.get("jsonp")).into()
    }
}

impl Process for VersionProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("version")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.route(
            "/",
            Help::new("Provides version information.", &[]),
            |process, request, ctx| process.version(&request, ctx),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_reads_as_in_mesos() {
        assert_eq!(
            date(Duration::from_secs(1_606_232_317)),
            "2020-11-24 15:38:37"
        );
    }
}
