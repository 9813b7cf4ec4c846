//! A containerizer of which the test decides some answers.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
};

use libprocess::{Future, Promise, http::client::Connection};
use mesos_agent::Replacements;
use mesos_containerizer::{
    ContainerId, Containerizer, ContainerizerError, LaunchRequest, LaunchResult,
    containerizer::{Answer, RecoverableContainer},
    launch_info::ContainerTermination,
};
use mesos_proto::v1;

use crate::harness::PATIENCE;

/// The answers that the test decides; what it leaves open the real containerizer answers.
#[derive(Default)]
struct Answers {
    launches: VecDeque<Answer<LaunchResult>>,
    updates: VecDeque<Answer<()>>,
    usages: VecDeque<Answer<v1::ResourceStatistics>>,
    statuses: VecDeque<Answer<v1::ContainerStatus>>,
    attachments: VecDeque<Answer<Connection>>,
}

/// What the agent asked of its containerizer.
#[derive(Debug)]
pub(crate) enum Asked {
    /// To launch a container.
    Launch(Box<LaunchRequest>),
    /// To give it other resources.
    Update,
    /// To destroy it.
    Destroy,
}

/// The test's side.
pub(crate) struct Script {
    answers: Arc<Mutex<Answers>>,
    asked: Receiver<Asked>,
}

struct Scripted {
    inner: Arc<dyn Containerizer>,
    answers: Arc<Mutex<Answers>>,
    asked: Mutex<Sender<Asked>>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scripted").field(&self.inner).finish()
    }
}

/// The failure that the test injects.
pub(crate) fn failure<T: Send + 'static>() -> Answer<T> {
    let injected = std::io::Error::other("injected failure");
    Future::ready(Err(ContainerizerError::system("do as asked")(injected)))
}

/// An answer that comes when the test gives it.
pub(crate) fn later<T: Send + 'static>() -> (Promise<Result<T, ContainerizerError>>, Answer<T>) {
    Promise::new()
}

impl Script {
    /// A script, and the containerizer that follows it.
    pub(crate) fn new() -> (Self, Replacements) {
        let answers = Arc::new(Mutex::new(Answers::default()));
        let (sender, asked) = channel();
        let shared = Arc::clone(&answers);
        let replacements = Replacements {
            containerizer: Some(Box::new(move |inner| {
                Arc::new(Scripted {
                    inner,
                    answers: shared,
                    asked: Mutex::new(sender),
                })
            })),
            ..Replacements::default()
        };
        (Self { answers, asked }, replacements)
    }

    pub(crate) fn answer_launch(&self, answer: Answer<LaunchResult>) {
        self.answers
            .lock()
            .expect("a lock")
            .launches
            .push_back(answer);
    }

    pub(crate) fn answer_update(&self, answer: Answer<()>) {
        self.answers
            .lock()
            .expect("a lock")
            .updates
            .push_back(answer);
    }

    pub(crate) fn answer_usage(&self, answer: Answer<v1::ResourceStatistics>) {
        self.answers
            .lock()
            .expect("a lock")
            .usages
            .push_back(answer);
    }

    pub(crate) fn answer_status(&self, answer: Answer<v1::ContainerStatus>) {
        self.answers
            .lock()
            .expect("a lock")
            .statuses
            .push_back(answer);
    }

    pub(crate) fn answer_attach(&self, answer: Answer<Connection>) {
        self.answers
            .lock()
            .expect("a lock")
            .attachments
            .push_back(answer);
    }

    /// Waits for the next thing that the agent asks.
    pub(crate) fn next(&self) -> Asked {
        self.asked.recv_timeout(PATIENCE).expect("a question")
    }

    /// Waits until a container is launched.
    pub(crate) fn expect_launch(&self) -> LaunchRequest {
        loop {
            if let Asked::Launch(request) = self.next() {
                return *request;
            }
        }
    }

    /// Waits until a container gets other resources.
    pub(crate) fn expect_update(&self) {
        while !matches!(self.next(), Asked::Update) {}
    }

    /// Says whether a container was launched since the last look.
    pub(crate) fn has_launched(&self) -> bool {
        self.asked
            .try_iter()
            .any(|asked| matches!(asked, Asked::Launch(_)))
    }
}

impl Scripted {
    fn note(&self, asked: Asked) {
        drop(self.asked.lock().expect("a lock").send(asked));
    }

    fn answers(&self) -> std::sync::MutexGuard<'_, Answers> {
        self.answers.lock().expect("a lock")
    }
}

impl Containerizer for Scripted {
    fn recover(&self, containers: Vec<RecoverableContainer>) -> Answer<()> {
        self.inner.recover(containers)
    }

    fn launch(&self, request: LaunchRequest) -> Answer<LaunchResult> {
        self.note(Asked::Launch(Box::new(request.clone())));
        let decided = self.answers().launches.pop_front();
        decided.unwrap_or_else(|| self.inner.launch(request))
    }

    fn update(
        &self,
        id: &ContainerId,
        requests: Vec<v1::Resource>,
        limits: BTreeMap<String, v1::value::Scalar>,
    ) -> Answer<()> {
        self.note(Asked::Update);
        let decided = self.answers().updates.pop_front();
        decided.unwrap_or_else(|| self.inner.update(id, requests, limits))
    }

    fn usage(&self, id: &ContainerId) -> Answer<v1::ResourceStatistics> {
        let decided = self.answers().usages.pop_front();
        decided.unwrap_or_else(|| self.inner.usage(id))
    }

    fn status(&self, id: &ContainerId) -> Answer<v1::ContainerStatus> {
        let decided = self.answers().statuses.pop_front();
        decided.unwrap_or_else(|| self.inner.status(id))
    }

    fn wait(&self, id: &ContainerId) -> Answer<Option<ContainerTermination>> {
        self.inner.wait(id)
    }

    fn destroy(&self, id: &ContainerId) -> Answer<Option<ContainerTermination>> {
        self.note(Asked::Destroy);
        self.inner.destroy(id)
    }

    fn attach(&self, id: &ContainerId) -> Answer<Connection> {
        let decided = self.answers().attachments.pop_front();
        decided.unwrap_or_else(|| self.inner.attach(id))
    }

    fn kill(&self, id: &ContainerId, signal: i32) -> Answer<bool> {
        self.inner.kill(id, signal)
    }

    fn remove(&self, id: &ContainerId) -> Answer<()> {
        self.inner.remove(id)
    }

    fn containers(&self) -> Answer<BTreeSet<ContainerId>> {
        self.inner.containers()
    }
}
