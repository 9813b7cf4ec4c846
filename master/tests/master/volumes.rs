//! Persistent volumes of frameworks.

use std::collections::BTreeSet;

use mesos_common::resources::Resources;
use mesos_proto::internal::{AgentReregisteredMessage, KillTaskMessage, RunTaskMessage};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::offer::operation::Type;
use mesos_proto::v1::scheduler::{Call, call, event};

use crate::support::operations::{
    create, destroy, grow, holds, parsed, reserve, reserved, shared, shrink, volume, volume_at,
    volumes_of,
};
use crate::support::{Agent, Scheduler, Stage, launch, mine, sharing, task_with};

const RESOURCES: &str = "cpus:2;mem:2048;disk(role1):4096";

fn staged(info: v1::FrameworkInfo) -> (Stage, Agent, Scheduler, v1::Offer) {
    let stage = Stage::start();
    let agent = stage.agent(RESOURCES);
    let mut scheduler = stage.subscribe(info);
    let offer = scheduler.offers().first().expect("an offer").clone();
    (stage, agent, scheduler, offer)
}

fn disk(megabytes: u32) -> Resources {
    parsed(&format!("disk(role1):{megabytes}"))
}

/// Mirrors: CreateOperationValidationTest.InsufficientDiskResource
#[test]
fn volume_that_is_larger_than_the_offer_is_not_created() {
    let (stage, agent, mut scheduler, first) = staged(mine("role1"));

    let second = scheduler.after(&stage, &first, vec![create(&volume(&disk(8192), "id1"))]);

    assert_eq!(
        Resources::from_proto(&first.resources),
        Resources::from_proto(&second.resources)
    );
    assert!(
        !agent
            .peer
            .has::<mesos_proto::internal::ApplyOperationMessage>()
    );
}

#[test]
fn two_volumes_are_created_and_one_is_destroyed() {
    let (stage, agent, mut scheduler, offer) = staged(mine("role1"));
    let (one, two) = (
        volume_at(&disk(2048), "id1", "path1"),
        volume_at(&disk(2048), "id2", "path2"),
    );

    let offer = scheduler.after(&stage, &offer, vec![create(&one), create(&two)]);
    assert_eq!(agent.perform(&stage).r#type(), Type::Create);
    assert_eq!(agent.perform(&stage).r#type(), Type::Create);
    assert_eq!(volumes_of(&offer), &one + &two);
    let offer = scheduler.after(&stage, &offer, vec![destroy(&one)]);

    assert_eq!(agent.perform(&stage).r#type(), Type::Destroy);
    assert_eq!(volumes_of(&offer), two);
}

#[test]
fn volume_on_a_refined_reservation_grows_and_shrinks() {
    let info = mine("role1/foo");
    let (stage, _agent, mut scheduler, offer) = staged(info);
    let refined = |megabytes: u32| reserved(&format!("disk(role1):{megabytes}"), "role1/foo");
    let (small, rest, big) = (
        volume(&refined(3584), "id1"),
        refined(512),
        volume(&refined(4096), "id1"),
    );

    let offer = scheduler.after(
        &stage,
        &offer,
        vec![reserve(&refined(4096)), create(&small)],
    );
    assert!(volumes_of(&offer) == small && holds(&offer, &rest));
    let offer = scheduler.after(&stage, &offer, vec![grow(&small, &rest)]);
    assert!(volumes_of(&offer) == big && !holds(&offer, &rest));
    let offer = scheduler.after(&stage, &offer, vec![shrink(&big, 512.0)]);

    assert!(volumes_of(&offer) == small && holds(&offer, &rest));
}

/// What two tasks become that use a volume before and after it is resized in the same `ACCEPT`.
fn resize_and_launch(resize: v1::offer::Operation, before: &Resources, after: &Resources) {
    let (stage, agent, mut scheduler, offer) = staged(mine("role1"));
    let with =
        |id: &str, volume: &Resources| task_with(id, &offer, &parsed("cpus:1;mem:128") + volume);
    let tasks = vec![with("1", after), with("2", before)];

    scheduler.accept(&offer, vec![create(before), resize, launch(tasks)]);

    let errors = [scheduler.update(), scheduler.update()];
    let ids: BTreeSet<&str> = errors.iter().map(|one| one.task_id().value()).collect();
    assert_eq!(ids, BTreeSet::from(["1", "2"]));
    assert!(errors.iter().all(|one| one.state() == TaskState::TaskError));
    let offer = scheduler.next_offer(&stage);
    assert_eq!(&volumes_of(&offer), after);
    assert!(!agent.peer.has::<RunTaskMessage>());
}

/// Mirrors: PersistentVolumeTest.NonSpeculativeGrowAndLaunch
#[test]
fn task_cannot_use_a_volume_that_the_same_accept_grows() {
    let (before, after) = (volume(&disk(3584), "id1"), volume(&disk(4096), "id1"));

    resize_and_launch(grow(&before, &disk(512)), &before, &after);
}

/// Mirrors: PersistentVolumeTest.NonSpeculativeShrinkAndLaunch
#[test]
fn task_cannot_use_a_volume_that_the_same_accept_shrinks() {
    let (before, after) = (volume(&disk(1024), "id1"), volume(&disk(512), "id1"));

    resize_and_launch(shrink(&before, 512.0), &before, &after);
}

/// Mirrors: PersistentVolumeTest.MasterFailover
#[test]
fn volume_outlives_the_master() {
    let (stage, agent, mut scheduler, offer) = staged(mine("role1"));
    let volume = volume(&disk(2048), "id1");
    scheduler.after(&stage, &offer, vec![create(&volume)]);
    let next = Stage::start();
    stage.master.shutdown();

    next.send(&agent.peer, &agent.reregistration_storing(&volume));
    let _back: AgentReregisteredMessage = agent.peer.expect();
    let mut info = mine("role1");
    info.id = Some(scheduler.id.clone());
    let mut scheduler = next.subscribe(info);

    assert!(holds(&scheduler.next_offer(&next), &volume));
}

fn shared_volume(id: &str) -> Resources {
    shared(&volume_at(&disk(1024), id, id))
}

#[test]
fn two_tasks_run_on_one_offered_copy_of_a_shared_volume() {
    let (_stage, agent, scheduler, offer) = staged(sharing(mine("role1")));
    let volume = shared_volume("id1");
    let with = |id: &str| task_with(id, &offer, &parsed("cpus:1;mem:128") + &volume);

    scheduler.accept(
        &offer,
        vec![create(&volume), launch(vec![with("1"), with("2")])],
    );

    for id in ["1", "2"] {
        let run: RunTaskMessage = agent.peer.expect();
        assert_eq!(run.task().task_id().value(), id);
    }
}

/// Mirrors: PersistentVolumeTest.SharedPersistentVolumeMultipleIterations
#[test]
fn shared_volumes_in_use_are_offered_on() {
    let (stage, _agent, mut scheduler, offer) = staged(sharing(mine("role1")));
    let (one, two) = (shared_volume("id1"), shared_volume("id2"));
    let task = |id: &str, offer: &v1::Offer, volume: &Resources| {
        task_with(id, offer, &parsed("cpus:1;mem:128") + volume)
    };

    let first = task("1", &offer, &one);
    let offer = scheduler.after(&stage, &offer, vec![create(&one), launch(vec![first])]);
    assert!(holds(&offer, &one));
    let second = task("2", &offer, &two);
    let offer = scheduler.after(&stage, &offer, vec![create(&two), launch(vec![second])]);

    assert!(holds(&offer, &one) && holds(&offer, &two));
}

/// Mirrors: PersistentVolumeTest.SharedPersistentVolumeMultipleFrameworks
#[test]
fn shared_volume_in_use_is_offered_to_another_framework_and_counted_once() {
    let (stage, agent, one, offer) = staged(sharing(mine("role1")));
    let volume = shared_volume("id1");
    let first = task_with("1", &offer, &parsed("cpus:1;mem:128") + &volume);
    one.accept(&offer, vec![create(&volume), launch(vec![first])]);
    let _run: RunTaskMessage = agent.peer.expect();
    let used = || {
        ["cpus", "mem", "disk", "disk_revocable"]
            .map(|name| stage.metric(&format!("master/{name}_used")).to_string())
    };
    assert_eq!(used(), ["1", "128", "1024", "0"]);
    one.say(call::Type::Suppress);
    stage.settle();

    let mut two = stage.subscribe(sharing(mine("role1")));
    let offer = two.next_offer(&stage);
    assert!(holds(&offer, &volume));
    let second = task_with("2", &offer, &parsed("cpus:1;mem:256") + &volume);
    two.accept(&offer, vec![launch(vec![second])]);
    let _run: RunTaskMessage = agent.peer.expect();

    assert_eq!(used(), ["2", "384", "1024", "0"]);
}

fn kill(scheduler: &Scheduler, id: &str) {
    scheduler.call(Call {
        r#type: Some(call::Type::Kill.into()),
        kill: Some(
            call::Kill {
                task_id: Some(v1::TaskId {
                    value: Some(id.to_owned()),
                    ..Default::default()
                }),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    });
}

/// Mirrors: PersistentVolumeTest.SharedPersistentVolumeRescindOnDestroy
#[test]
fn offers_of_a_shared_volume_are_taken_back_when_it_is_destroyed() {
    let (stage, agent, mut one, offer) = staged(sharing(mine("role1")));
    let both = &shared_volume("id1") + &shared_volume("id2");
    let task = task_with("t", &offer, parsed("cpus:1;mem:128"));
    one.accept(&offer, vec![create(&both), launch(vec![task])]);
    let run: RunTaskMessage = agent.peer.expect();
    one.say(call::Type::Suppress);
    let mut two = stage.subscribe(sharing(mine("role1")));
    let second = two.next_offer(&stage);
    assert!(holds(&second, &both));
    one.say(call::Type::Revive);
    kill(&one, "t");
    let _kill: KillTaskMessage = agent.peer.expect();
    agent.update(&stage, &run, TaskState::TaskKilled, 1);
    let first = one.next_offer(&stage);
    assert!(holds(&first, &both));

    two.accept(&second, vec![destroy(&both)]);

    let rescind = one.expect(event::Type::Rescind);
    assert_eq!(rescind.rescind().offer_id(), first.id());
}

/// Mirrors: PersistentVolumeTest.SharedPersistentVolumeMasterFailover
#[test]
fn shared_volume_in_use_is_offered_by_the_next_master() {
    let (stage, agent, scheduler, offer) = staged(sharing(mine("role1")));
    let volume = shared_volume("id1");
    let with = |id: &str| task_with(id, &offer, &parsed("cpus:0.5;mem:512") + &volume);
    scheduler.accept(
        &offer,
        vec![create(&volume), launch(vec![with("1"), with("2")])],
    );
    let runs: [RunTaskMessage; 2] = [agent.peer.expect(), agent.peer.expect()];
    let next = Stage::start();
    stage.master.shutdown();
    let mut back = agent.reregistration_storing(&volume);
    back.frameworks.push(runs[0].framework().clone());
    back.tasks = runs.iter().map(|run| agent.running(run)).collect();

    next.send(&agent.peer, &back);
    let _back: AgentReregisteredMessage = agent.peer.expect();
    let mut info = sharing(mine("role1"));
    info.id = Some(scheduler.id);
    let mut scheduler = next.subscribe(info);

    let offer = scheduler.next_offer(&next);
    assert!(holds(&offer, &parsed("cpus:1;mem:1024")));
    assert!(holds(&offer, &volume));
}

/// Mirrors: PersistentVolumeTest.DestroyPersistentVolumeMultipleTasks
#[test]
fn volume_in_use_is_destroyed_only_when_its_task_ended() {
    let (stage, agent, mut scheduler, offer) = staged(sharing(mine("role1")));
    let (common, own) = (shared_volume("id1"), volume_at(&disk(2048), "id2", "path2"));
    let first = task_with("1", &offer, &parsed("cpus:1;mem:128") + &common);
    let second = task_with("2", &offer, &parsed("cpus:1;mem:256") + &own);
    scheduler.accept(
        &offer,
        vec![create(&common), create(&own), launch(vec![first, second])],
    );
    let runs: [RunTaskMessage; 2] = [agent.peer.expect(), agent.peer.expect()];
    agent.update(&stage, &runs[1], TaskState::TaskFinished, 2);
    let finished = scheduler.update();
    scheduler.acknowledge(&finished);

    let mut offer = scheduler.next_offer(&stage);
    while !holds(&offer, &own) {
        scheduler.decline(std::slice::from_ref(&offer), 0.0);
        offer = scheduler.next_offer(&stage);
    }
    assert!(holds(&offer, &common));
    let offer = scheduler.after(&stage, &offer, vec![destroy(&common), destroy(&own)]);
    assert!(holds(&offer, &common) && !holds(&offer, &own));
    kill(&scheduler, "1");
    let _kill: KillTaskMessage = agent.peer.expect();
    agent.update(&stage, &runs[0], TaskState::TaskKilled, 3);
    assert_eq!(scheduler.update().state(), TaskState::TaskKilled);
    let offer = scheduler.after(&stage, &offer, vec![destroy(&common)]);

    assert!(!holds(&offer, &common) && !holds(&offer, &own));
}
