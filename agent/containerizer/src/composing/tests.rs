//! Containerizers that the test plays are composed.

use std::sync::Mutex;

use super::*;
use crate::launch_info::ContainerConfig;

type Held<T> = Mutex<Vec<Promise<Result<T, ContainerizerError>>>>;

/// A containerizer whose answers the test gives.
#[derive(Debug, Default)]
struct Played {
    launches: Held<LaunchResult>,
    destroys: Held<Option<ContainerTermination>>,
    waits: Held<Option<ContainerTermination>>,
    has: Vec<ContainerId>,
}

fn hold<T: Send + 'static>(held: &Held<T>) -> Answer<T> {
    let (promise, future) = Promise::new();
    held.lock().expect("a lock").push(promise);
    future
}

fn count<T: Send + 'static>(held: &Held<T>) -> usize {
    held.lock().expect("a lock").len()
}

fn answer<T: Send + 'static>(held: &Held<T>, value: T) {
    let promise = held.lock().expect("a lock").pop().expect("a request");
    promise.set(Ok(value));
}

impl Containerizer for Played {
    fn recover(&self, _containers: Vec<RecoverableContainer>) -> Answer<()> {
        Future::ready(Ok(()))
    }

    fn launch(&self, _request: LaunchRequest) -> Answer<LaunchResult> {
        hold(&self.launches)
    }

    fn update(
        &self,
        _id: &ContainerId,
        _requests: Vec<v1::Resource>,
        _limits: BTreeMap<String, v1::value::Scalar>,
    ) -> Answer<()> {
        Future::ready(Ok(()))
    }

    fn usage(&self, _id: &ContainerId) -> Answer<v1::ResourceStatistics> {
        Future::ready(Ok(v1::ResourceStatistics::default()))
    }

    fn status(&self, _id: &ContainerId) -> Answer<v1::ContainerStatus> {
        Future::ready(Ok(v1::ContainerStatus::default()))
    }

    fn wait(&self, _id: &ContainerId) -> Answer<Option<ContainerTermination>> {
        hold(&self.waits)
    }

    fn destroy(&self, _id: &ContainerId) -> Answer<Option<ContainerTermination>> {
        hold(&self.destroys)
    }

    fn attach(&self, _id: &ContainerId) -> Answer<Connection> {
        Future::ready(Err(ContainerizerError::SwitchboardDisabled))
    }

    fn kill(&self, _id: &ContainerId, _signal: i32) -> Answer<bool> {
        Future::ready(Ok(true))
    }

    fn remove(&self, _id: &ContainerId) -> Answer<()> {
        Future::ready(Ok(()))
    }

    fn containers(&self) -> Answer<BTreeSet<ContainerId>> {
        Future::ready(Ok(self.has.iter().cloned().collect()))
    }
}

struct Fixture {
    runtime: Runtime,
    first: Arc<Played>,
    second: Arc<Played>,
    composed: ComposingContainerizer,
}

impl Fixture {
    fn new() -> Self {
        Self::of(Played::default(), Played::default())
    }

    fn of(first: Played, second: Played) -> Self {
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .arbiters(1)
            .start()
            .expect("runtime");
        let (first, second) = (Arc::new(first), Arc::new(second));
        let parts: Vec<Part> = vec![first.clone(), second.clone()];
        let composed = ComposingContainerizer::spawn(&runtime, parts);
        Self {
            runtime,
            first,
            second,
            composed,
        }
    }

    fn launch(&self, id: &ContainerId) -> Answer<LaunchResult> {
        let launched = self.composed.launch(LaunchRequest {
            id: id.clone(),
            config: ContainerConfig::default(),
            environment: BTreeMap::new(),
            pid_path: None,
        });
        self.settle();
        launched
    }

    fn destroy(&self, id: &ContainerId) -> Answer<Option<ContainerTermination>> {
        let destroyed = self.composed.destroy(id);
        self.settle();
        destroyed
    }

    /// Waits until the actor has handled what it was sent.
    fn settle(&self) {
        self.wait(self.composed.containers()).expect("answered");
    }

    fn wait<T: Send + 'static>(&self, answer: Answer<T>) -> Result<T, ContainerizerError> {
        settle(self.runtime.block_on(answer))
    }
}

/// Mirrors: ComposingContainerizerTest.DestroyDuringUnsupportedLaunchLoop
#[test]
fn container_that_is_destroyed_is_offered_to_nobody_else() {
    let fixture = Fixture::new();
    let id = ContainerId::root_from("container");
    let launched = fixture.launch(&id);
    let destroyed = fixture.destroy(&id);

    answer(&fixture.first.launches, LaunchResult::NotSupported);
    let launched = fixture.wait(launched);
    answer(&fixture.first.destroys, None);

    assert_eq!(
        launched.expect_err("destroyed").to_string(),
        "Container was destroyed while launching"
    );
    assert_eq!(fixture.wait(destroyed).expect("answered"), None);
    assert_eq!(count(&fixture.second.launches), 0);
}

/// Mirrors: ComposingContainerizerTest.DestroyDuringSupportedLaunchLoop
#[test]
fn container_that_is_destroyed_while_it_is_taken_was_launched() {
    let fixture = Fixture::new();
    let id = ContainerId::root_from("container");
    let launched = fixture.launch(&id);
    assert!(launched.is_pending());
    let destroyed = fixture.destroy(&id);

    answer(&fixture.first.launches, LaunchResult::Success);
    let launched = fixture.wait(launched);
    let termination = ContainerTermination::default();
    answer(&fixture.first.destroys, Some(termination.clone()));

    assert_eq!(launched.expect("launched"), LaunchResult::Success);
    assert_eq!(
        fixture.wait(destroyed).expect("answered"),
        Some(termination)
    );
    assert_eq!(count(&fixture.second.launches), 0);
}

/// Mirrors: ComposingContainerizerTest.DestroyAfterLaunchLoop
#[test]
fn container_that_nobody_takes_can_be_destroyed_before_that_is_known() {
    let runtime = Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(1)
        .start()
        .expect("runtime");
    let only = Arc::new(Played::default());
    let parts: Vec<Part> = vec![only.clone()];
    let fixture = Fixture {
        composed: ComposingContainerizer::spawn(&runtime, parts),
        runtime,
        first: only.clone(),
        second: only,
    };
    let id = ContainerId::root_from("container");
    let launched = fixture.launch(&id);
    let destroyed = fixture.destroy(&id);

    answer(&fixture.first.launches, LaunchResult::NotSupported);
    let launched = fixture.wait(launched);
    answer(&fixture.first.destroys, None);

    assert_eq!(launched.expect("answered"), LaunchResult::NotSupported);
    assert_eq!(fixture.wait(destroyed).expect("answered"), None);
}

/// Mirrors: ComposingContainerizerTest.DestroyUnknownContainer
/// Mirrors: ComposingContainerizerTest.WaitUnknownContainer
#[test]
fn unknown_container_has_no_end() {
    let fixture = Fixture::new();
    let id = ContainerId::random();

    let destroyed = fixture.composed.destroy(&id);
    let waited = fixture.composed.wait(&id);

    assert_eq!(fixture.wait(destroyed).expect("answered"), None);
    assert_eq!(fixture.wait(waited).expect("answered"), None);
}

#[test]
fn container_goes_to_the_first_that_takes_it_and_is_forgotten_at_its_end() {
    let fixture = Fixture::new();
    let id = ContainerId::root_from("container");
    let launched = fixture.launch(&id);

    answer(&fixture.first.launches, LaunchResult::NotSupported);
    fixture.settle();
    answer(&fixture.second.launches, LaunchResult::Success);

    assert_eq!(
        fixture.wait(launched).expect("launched"),
        LaunchResult::Success
    );
    assert!(
        fixture
            .wait(fixture.composed.kill(&id, 15))
            .expect("answered")
    );
    answer(&fixture.second.waits, Some(ContainerTermination::default()));
    fixture.settle();
    assert!(
        fixture
            .wait(fixture.composed.containers())
            .expect("answered")
            .is_empty()
    );
}

#[test]
fn nested_container_belongs_to_whoever_recovered_its_root() {
    let root = ContainerId::root_from("root");
    let second = Played {
        has: vec![root.clone()],
        ..Played::default()
    };
    let fixture = Fixture::of(Played::default(), second);
    fixture
        .wait(fixture.composed.recover(Vec::new()))
        .expect("recovered");

    let launched = fixture.launch(&root.child("nested"));
    answer(&fixture.second.launches, LaunchResult::Success);

    assert_eq!(
        fixture.wait(launched).expect("launched"),
        LaunchResult::Success
    );
    assert_eq!(count(&fixture.first.launches), 0);
    let other = fixture.launch(&ContainerId::root_from("other").child("nested"));
    assert_eq!(
        fixture.wait(other).expect_err("refused").to_string(),
        "Root container other not found"
    );
}
