//! Defaults that depend on the machine.

use std::env;
use std::path::Path;

use nix::unistd::{AccessFlags, access};

/// `/var/run/mesos` where the agent may write there, else a directory below the temporary one.
pub(super) fn runtime_dir() -> String {
    let base = Path::new("/var/run");
    match access(base, AccessFlags::R_OK | AccessFlags::W_OK) {
        Ok(()) => base.join("mesos").display().to_string(),
        Err(_) => below_temporary("mesos/runtime"),
    }
}

/// The launcher that is built in. Mesos picks `linux` for root where the freezer cgroup is there.
pub(super) fn launcher() -> String {
    "posix".to_owned()
}

pub(super) fn appc_store_dir() -> String {
    below_temporary("mesos/store/appc")
}

pub(super) fn docker_store_dir() -> String {
    below_temporary("mesos/store/docker")
}

pub(super) fn fetcher_cache_dir() -> String {
    below_temporary("mesos/fetch")
}

fn below_temporary(path: &str) -> String {
    env::temp_dir().join(path).display().to_string()
}
