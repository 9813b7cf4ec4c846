//! Starts containers as plain processes in a session of their own.
//!
//! Mirrors `SubprocessLauncher` of `src/slave/containerizer/mesos/launcher.cpp`.

use std::{
    collections::BTreeMap,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

use mesos_linux::process_tree::{Follow, ProcFs, kill_tree};
use nix::sys::signal::Signal;

use super::{ForkRequest, Forked, Launcher, LauncherError};
use crate::ContainerId;

/// The launcher that needs neither root nor cgroups.
#[derive(Debug, Default)]
pub struct PosixLauncher {
    pids: BTreeMap<ContainerId, i32>,
}

impl Launcher for PosixLauncher {
    fn recover(
        &mut self,
        containers: &[(ContainerId, i32)],
    ) -> Result<Vec<ContainerId>, LauncherError> {
        for (id, pid) in containers {
            if self.pids.values().any(|known| known == pid) {
                return Err(LauncherError::DuplicatePid {
                    pid: *pid,
                    id: id.clone(),
                });
            }
            self.pids.insert(id.clone(), *pid);
        }
        Ok(Vec::new())
    }

    fn fork(&mut self, id: &ContainerId, request: ForkRequest) -> Result<Forked, LauncherError> {
        if self.pids.contains_key(id) {
            return Err(LauncherError::AlreadyForked(id.clone()));
        }
        let mut command = Command::new(&request.program.path);
        command
            .arg0(&request.program.name)
            .args(&request.arguments)
            .envs(&request.environment)
            .stdin(Stdio::piped())
            .stdout(request.output.out)
            .stderr(request.output.err);
        if let Some(directory) = &request.directory {
            command.current_dir(directory);
        }
        let mut child = command.spawn().map_err(LauncherError::Fork)?;
        let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
        let release = child.stdin.take().ok_or_else(|| {
            LauncherError::Fork(std::io::Error::other(
                "the pipe to the container is missing",
            ))
        })?;
        self.pids.insert(id.clone(), pid);
        Ok(Forked { pid, release })
    }

    fn destroy(&mut self, id: &ContainerId) -> Result<(), LauncherError> {
        let Some(pid) = self.pids.get(id) else {
            return Ok(());
        };
        kill_tree(
            &ProcFs::default(),
            *pid,
            Signal::SIGKILL,
            Follow::GroupsAndSessions,
        )
        .map_err(LauncherError::Kill)?;
        self.pids.remove(id);
        Ok(())
    }

    fn pid(&self, id: &ContainerId) -> Option<i32> {
        self.pids.get(id).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::programs::Program;

    fn helper(script: &str) -> ForkRequest {
        ForkRequest {
            program: Program {
                path: "/bin/sh".into(),
                name: "sh".to_owned(),
            },
            arguments: vec!["-c".to_owned(), script.to_owned()],
            environment: BTreeMap::new(),
            directory: None,
            output: super::super::ContainerOutput::default(),
        }
    }

    fn reap(pid: i32) -> Option<i32> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("runtime")
            .block_on(crate::reap::reap(pid))
    }

    #[test]
    fn helper_waits_for_its_byte() {
        let mut launcher = PosixLauncher::default();
        let id = ContainerId::random();
        let mut forked = launcher
            .fork(&id, helper("head -c 1 >/dev/null && exit 7"))
            .expect("forked");

        forked.release.write_all(b"g").expect("released");

        assert_eq!(reap(forked.pid), Some(7 << 8));
    }

    #[test]
    fn second_fork_of_a_container_is_refused() {
        let mut launcher = PosixLauncher::default();
        let id = ContainerId::random();
        let forked = launcher.fork(&id, helper("cat")).expect("forked");

        let second = launcher.fork(&id, helper("cat"));

        launcher.destroy(&id).expect("destroyed");
        assert!(matches!(second, Err(LauncherError::AlreadyForked(_))));
        assert_eq!(reap(forked.pid), Some(9));
    }

    #[test]
    fn two_containers_cannot_claim_one_process() {
        let mut launcher = PosixLauncher::default();

        let outcome = launcher.recover(&[
            (ContainerId::root_from("a"), 7),
            (ContainerId::root_from("b"), 7),
        ]);

        assert!(matches!(
            outcome,
            Err(LauncherError::DuplicatePid { pid: 7, .. })
        ));
    }
}
