//! An isolator and a launcher that do as a test says.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
};

use libprocess::{Future, Runtime};
use mesos_containerizer::{
    ContainerId,
    isolator::{Isolator, IsolatorAnswer},
    launch_info::{ContainerConfig, ContainerLaunchInfo},
    launcher::{ForkRequest, Forked, Launcher, LauncherError, posix::PosixLauncher},
};

use crate::harness::PATIENCE;

/// What an isolator was asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Prepare,
    Cleanup,
}

/// An isolator whose answers a test decides; those that it leaves open say nothing.
#[derive(Debug)]
pub(crate) struct ScriptedIsolator {
    prepares: Mutex<VecDeque<IsolatorAnswer<Option<ContainerLaunchInfo>>>>,
    cleanups: Mutex<VecDeque<IsolatorAnswer<()>>>,
    asked: Mutex<Sender<Asked>>,
}

/// What the test hears of its isolator.
pub(crate) struct Heard(Receiver<Asked>);

impl Heard {
    /// Waits until the isolator is asked something.
    pub(crate) fn wait_for(&self, what: &Asked) {
        loop {
            let asked = self.0.recv_timeout(PATIENCE).expect("it is asked");
            if asked == *what {
                return;
            }
        }
    }
}

impl ScriptedIsolator {
    pub(crate) fn new() -> (Arc<Self>, Heard) {
        let (sender, receiver) = channel();
        let isolator = Self {
            prepares: Mutex::default(),
            cleanups: Mutex::default(),
            asked: Mutex::new(sender),
        };
        (Arc::new(isolator), Heard(receiver))
    }

    /// An isolator that has this said to the launch helper.
    pub(crate) fn saying(info: ContainerLaunchInfo) -> Arc<Self> {
        let (isolator, _) = Self::new();
        isolator.answer_prepare(Future::ready(Ok(Some(info))));
        isolator
    }

    pub(crate) fn answer_prepare(&self, answer: IsolatorAnswer<Option<ContainerLaunchInfo>>) {
        self.prepares.lock().expect("no panic").push_back(answer);
    }

    pub(crate) fn answer_cleanup(&self, answer: IsolatorAnswer<()>) {
        self.cleanups.lock().expect("no panic").push_back(answer);
    }

    fn tell(&self, what: Asked) {
        // The test may not listen.
        drop(self.asked.lock().expect("no panic").send(what));
    }
}

impl Isolator for ScriptedIsolator {
    fn name(&self) -> &'static str {
        "test"
    }

    fn prepare(
        &self,
        _id: &ContainerId,
        _config: &ContainerConfig,
    ) -> IsolatorAnswer<Option<ContainerLaunchInfo>> {
        self.tell(Asked::Prepare);
        let answer = self.prepares.lock().expect("no panic").pop_front();
        answer.unwrap_or_else(|| Future::ready(Ok(None)))
    }

    fn cleanup(&self, _id: &ContainerId) -> IsolatorAnswer<()> {
        self.tell(Asked::Cleanup);
        let answer = self.cleanups.lock().expect("no panic").pop_front();
        answer.unwrap_or_else(|| Future::ready(Ok(())))
    }
}

/// A launcher that kills, and says that it could not.
#[derive(Debug)]
pub(crate) struct DenyingLauncher(PosixLauncher);

impl DenyingLauncher {
    pub(crate) fn new(runtime: &Runtime) -> Self {
        Self(PosixLauncher::new(runtime))
    }
}

impl Launcher for DenyingLauncher {
    fn recover(
        &mut self,
        containers: &[(ContainerId, i32)],
    ) -> Result<Vec<ContainerId>, LauncherError> {
        self.0.recover(containers)
    }

    fn fork(&mut self, id: &ContainerId, request: ForkRequest) -> Result<Forked, LauncherError> {
        self.0.fork(id, request)
    }

    fn destroy(&mut self, id: &ContainerId) -> Result<(), LauncherError> {
        self.0.destroy(id)?;
        Err(LauncherError::Pipe(std::io::Error::other(
            "Destroy failure",
        )))
    }

    fn pid(&self, id: &ContainerId) -> Option<i32> {
        self.0.pid(id)
    }
}
