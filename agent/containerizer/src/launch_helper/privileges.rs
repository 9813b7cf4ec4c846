//! Gives up what the container's command shall not have: limits, directory, user.

use std::{ffi::CString, fs};

use mesos_proto::v1::r_limit_info::{RLimit, r_limit::Type};
use nix::{
    sys::resource::{RLIM_INFINITY, Resource, setrlimit},
    unistd::{Gid, Uid, User, chdir, geteuid, getgrouplist, setgid, setgroups, setuid},
};

use super::{HelperError, user_of};
use crate::launch_info::ContainerLaunchInfo;

/// An identity to change to.
struct Identity {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

/// Applies limits, working directory and user, in the order of Mesos.
pub(super) fn apply(info: &ContainerLaunchInfo) -> Result<(), HelperError> {
    let identity = identity(info)?;
    for limit in info
        .rlimits
        .as_ref()
        .map(|limits| &limits.rlimits)
        .into_iter()
        .flatten()
    {
        apply_limit(limit)?;
    }
    if let Some(directory) = &info.working_directory {
        fs::create_dir_all(directory).map_err(HelperError::system(format!(
            "create working directory '{directory}'"
        )))?;
        chdir(directory.as_str()).map_err(HelperError::errno(format!(
            "chdir into working directory '{directory}'"
        )))?;
    }
    if let Some(identity) = identity {
        setgid(identity.gid).map_err(HelperError::errno("set the group"))?;
        setgroups(&identity.groups).map_err(HelperError::errno("set the supplementary groups"))?;
        setuid(identity.uid).map_err(HelperError::errno("set the user"))?;
    }
    if info.no_new_privileges() {
        nix::sys::prctl::set_no_new_privs().map_err(HelperError::errno("forbid new privileges"))?;
    }
    Ok(())
}

/// Resolves the user; none when the helper already runs as that user.
fn identity(info: &ContainerLaunchInfo) -> Result<Option<Identity>, HelperError> {
    let Some(name) = user_of(info) else {
        return Ok(None);
    };
    let user = User::from_name(name)
        .map_err(HelperError::errno(format!("look up user '{name}'")))?
        .ok_or_else(|| {
            let unknown = std::io::Error::new(std::io::ErrorKind::NotFound, "no such user");
            HelperError::system(format!("look up user '{name}'"))(unknown)
        })?;
    if user.uid == geteuid() {
        return Ok(None);
    }
    let text = CString::new(name)
        .map_err(|error| HelperError::system("read the user's name")(error.into()))?;
    let mut groups = getgrouplist(&text, user.gid).map_err(HelperError::errno(format!(
        "look up the groups of user '{name}'"
    )))?;
    groups.extend(
        info.supplementary_groups
            .iter()
            .map(|gid| Gid::from_raw(*gid)),
    );
    Ok(Some(Identity {
        uid: user.uid,
        gid: user.gid,
        groups,
    }))
}

fn apply_limit(limit: &RLimit) -> Result<(), HelperError> {
    let resource = match limit.r#type() {
        Type::RlmtAs => Resource::RLIMIT_AS,
        Type::RlmtCore => Resource::RLIMIT_CORE,
        Type::RlmtCpu => Resource::RLIMIT_CPU,
        Type::RlmtData => Resource::RLIMIT_DATA,
        Type::RlmtFsize => Resource::RLIMIT_FSIZE,
        Type::RlmtLocks => Resource::RLIMIT_LOCKS,
        Type::RlmtMemlock => Resource::RLIMIT_MEMLOCK,
        Type::RlmtMsgqueue => Resource::RLIMIT_MSGQUEUE,
        Type::RlmtNice => Resource::RLIMIT_NICE,
        Type::RlmtNofile => Resource::RLIMIT_NOFILE,
        Type::RlmtNproc => Resource::RLIMIT_NPROC,
        Type::RlmtRss => Resource::RLIMIT_RSS,
        Type::RlmtRtprio => Resource::RLIMIT_RTPRIO,
        Type::RlmtRttime => Resource::RLIMIT_RTTIME,
        Type::RlmtSigpending => Resource::RLIMIT_SIGPENDING,
        Type::RlmtStack => Resource::RLIMIT_STACK,
        Type::Unknown => return Err(HelperError::Unsupported("a limit of unknown type")),
    };
    let (soft, hard) = match (limit.soft, limit.hard) {
        (Some(soft), Some(hard)) => (soft, hard),
        (None, None) => (RLIM_INFINITY, RLIM_INFINITY),
        (Some(_), None) | (None, Some(_)) => {
            return Err(HelperError::Unsupported(
                "one of the two amounts of a limit",
            ));
        }
    };
    setrlimit(resource, soft, hard).map_err(HelperError::errno(format!("set limit {resource:?}")))
}
