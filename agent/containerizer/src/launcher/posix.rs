//! Starts containers as plain processes in a session of their own.
//!
//! Mirrors `SubprocessLauncher` of `src/slave/containerizer/mesos/launcher.cpp`.

use std::{
    collections::BTreeMap,
    fmt, io,
    os::fd::{AsRawFd, OwnedFd},
};

use libprocess::{
    Runtime,
    subprocess::{Io, SubprocessBuilder},
};
use mesos_linux::process_tree::{Follow, ProcFs, kill_tree};
use nix::sys::signal::Signal;

use super::{ForkRequest, Forked, Launcher, LauncherError, RELEASE_VARIABLE};
use crate::ContainerId;

/// The launcher that needs neither root nor cgroups.
#[doc(alias = "SubprocessLauncher")]
pub struct PosixLauncher {
    runtime: Runtime,
    pids: BTreeMap<ContainerId, i32>,
}

impl fmt::Debug for PosixLauncher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PosixLauncher")
            .field("pids", &self.pids)
            .finish_non_exhaustive()
    }
}

impl PosixLauncher {
    /// A launcher whose processes are reaped by a runtime.
    pub fn new(runtime: &Runtime) -> Self {
        Self {
            runtime: runtime.clone(),
            pids: BTreeMap::new(),
        }
    }
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
        let (wait, release) = io::pipe().map_err(LauncherError::Pipe)?;
        let wait = OwnedFd::from(wait);
        let mut variables: BTreeMap<_, _> = std::env::vars_os().collect();
        let given = request.environment.into_iter();
        variables.extend(given.map(|(name, value)| (name.into(), value.into())));
        variables.insert(RELEASE_VARIABLE.into(), wait.as_raw_fd().to_string().into());
        let arguments = std::iter::once(request.program.name).chain(request.arguments);
        let mut builder = SubprocessBuilder::exec(request.program.path, arguments)
            .environment(variables)
            .own_session()
            .keep([wait])
            .stdin(request.input.map_or(Io::Null, Io::Descriptor))
            .stdout(request.output.out.into())
            .stderr(request.output.err.into());
        if let Some(directory) = request.directory {
            builder = builder.directory(directory);
        }
        let helper = builder.spawn(&self.runtime).map_err(LauncherError::Fork)?;
        let pid = helper.pid;
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
    use std::process::ExitStatus;

    use libprocess::Future;

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
            input: None,
            output: super::super::ContainerOutput::default(),
        }
    }

    fn launcher() -> (Runtime, PosixLauncher) {
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .arbiters(1)
            .start()
            .expect("runtime");
        let launcher = PosixLauncher::new(&runtime);
        (runtime, launcher)
    }

    /// How a process ended. It is asked for before it ends, for it is told once.
    fn raw(runtime: &Runtime, status: Future<Option<ExitStatus>>) -> Option<i32> {
        let status = runtime.block_on(status).ready().flatten();
        status.map(std::os::unix::process::ExitStatusExt::into_raw)
    }

    #[test]
    fn helper_waits_for_its_byte() {
        let (runtime, mut launcher) = launcher();
        let id = ContainerId::random();
        let mut forked = launcher
            .fork(
                &id,
                helper(
                    "head -c 1 /proc/self/fd/$MESOS_CONTAINERIZER_PIPE_READ >/dev/null && exit 7",
                ),
            )
            .expect("forked");

        let status = runtime.reap(forked.pid);
        forked.release.write_all(b"g").expect("released");

        assert_eq!(raw(&runtime, status), Some(7 << 8));
    }

    /// Mirrors: MesosLauncherStatusTest.ExecutorPIDTest
    #[test]
    fn first_process_of_a_container_is_known() {
        let (_runtime, mut launcher) = launcher();
        let id = ContainerId::random();

        let forked = launcher.fork(&id, helper("sleep 1000")).expect("forked");

        assert_eq!(launcher.pid(&id), Some(forked.pid));
        assert_eq!(launcher.pid(&ContainerId::random()), None);
        launcher.destroy(&id).expect("destroyed");
    }

    #[test]
    fn second_fork_of_a_container_is_refused() {
        let (runtime, mut launcher) = launcher();
        let id = ContainerId::random();
        let forked = launcher.fork(&id, helper("sleep 1000")).expect("forked");
        let status = runtime.reap(forked.pid);

        let second = launcher.fork(&id, helper("sleep 1000"));

        launcher.destroy(&id).expect("destroyed");
        assert!(matches!(second, Err(LauncherError::AlreadyForked(_))));
        assert_eq!(raw(&runtime, status), Some(9));
    }

    #[test]
    fn two_containers_cannot_claim_one_process() {
        let (_runtime, mut launcher) = launcher();

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
