//! Persistent volumes through the operator API.

use mesos_common::resources::Resources;
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::master::Call;
use mesos_proto::v1::master::call::{
    CreateVolumes, DestroyVolumes, GrowVolume, ShrinkVolume, Type,
};
use mesos_proto::v1::offer::operation;

use crate::support::api::{Form, in_both_forms, plain};
use crate::support::operations::{holds, parsed, volume};
use crate::support::{ALICE, Agent, Stage, launch, mine, task_with};

fn disk(megabytes: u32) -> Resources {
    parsed(&format!("disk(role1):{megabytes}"))
}

fn only(resources: &Resources) -> v1::Resource {
    resources.to_proto().remove(0)
}

fn create(agent: &Agent, volumes: &Resources) -> Call {
    Call {
        create_volumes: Some(
            CreateVolumes {
                agent_id: Some(agent.proto_id()),
                volumes: volumes.to_proto(),
                ..Default::default()
            }
            .into(),
        ),
        ..plain(Type::CreateVolumes)
    }
}

fn destroy(agent: &Agent, volumes: &Resources) -> Call {
    Call {
        destroy_volumes: Some(
            DestroyVolumes {
                agent_id: Some(agent.proto_id()),
                volumes: volumes.to_proto(),
                ..Default::default()
            }
            .into(),
        ),
        ..plain(Type::DestroyVolumes)
    }
}

/// The volumes of the only agent that the master knows.
fn volumes(stage: &Stage, form: Form) -> Resources {
    let answer = stage.asked(form, Some(ALICE), &plain(Type::GetAgents));
    let [agent] = answer.get_agents().agents.as_slice() else {
        panic!("one agent")
    };
    Resources::from_proto(&agent.total_resources).persistent_volumes()
}

/// A master that asks who one is, and an agent that has so much disk for `role1`.
fn staged(megabytes: u32) -> (Stage, tempfile::NamedTempFile, Agent) {
    let (stage, file) = Stage::guarded();
    let agent = stage.agent(&format!("cpus:2;mem:1024;disk(role1):{megabytes}"));
    (stage, file, agent)
}

/// Mirrors: MasterAPITest.CreateAndDestroyVolumes
#[test]
fn volume_is_created_offered_and_destroyed() {
    in_both_forms(|form| {
        let (stage, _file, agent) = staged(1024);
        let volume = volume(&disk(64), "id1");
        stage.told(form, Some(ALICE), &create(&agent, &volume), 202);
        agent.perform(&stage);
        let mut scheduler = stage.subscribe(mine("role1"));
        let offer = scheduler.offers()[0].clone();
        assert!(holds(&offer, &volume));
        let task = task_with("t", &offer, &disk(256) + &parsed("cpus:1;mem:32"));
        scheduler.accept(&offer, vec![launch(vec![task])]);
        let run = agent.peer.expect();
        agent.update(&stage, &run, TaskState::TaskFinished, 1);
        let status = scheduler.update();
        assert_eq!(status.state(), TaskState::TaskFinished);

        stage.told(form, Some(ALICE), &destroy(&agent, &volume), 202);

        let told = agent.perform(&stage);
        assert_eq!(told.r#type(), operation::Type::Destroy);
        assert_eq!(volumes(&stage, form), Resources::new());
    });
}

/// Mirrors: MasterAPITest.GrowVolume
#[test]
fn volume_is_grown() {
    in_both_forms(|form| {
        let (stage, _file, agent) = staged(192);
        let small = volume(&disk(64), "id1");
        stage.told(form, Some(ALICE), &create(&agent, &small), 202);
        agent.perform(&stage);
        let grow = Call {
            grow_volume: Some(GrowVolume {
                agent_id: Some(agent.proto_id()),
                volume: Some(only(&small).into()),
                addition: Some(only(&disk(128)).into()),
                ..Default::default()
            }),
            ..plain(Type::GrowVolume)
        };

        stage.told(form, Some(ALICE), &grow, 202);
        agent.perform(&stage);
        stage.settle();

        assert_eq!(volumes(&stage, form), volume(&disk(192), "id1"));
    });
}

/// Mirrors: MasterAPITest.ShrinkVolume
#[test]
fn volume_is_shrunk() {
    in_both_forms(|form| {
        let (stage, _file, agent) = staged(192);
        let large = volume(&disk(192), "id1");
        stage.told(form, Some(ALICE), &create(&agent, &large), 202);
        agent.perform(&stage);
        let shrink = Call {
            shrink_volume: Some(
                ShrinkVolume {
                    agent_id: Some(agent.proto_id()),
                    volume: Some(only(&large).into()),
                    subtract: Some(v1::value::Scalar {
                        value: Some(64.0),
                        ..Default::default()
                    }),
                    ..Default::default()
                }
                .into(),
            ),
            ..plain(Type::ShrinkVolume)
        };

        stage.told(form, Some(ALICE), &shrink, 202);
        agent.perform(&stage);
        stage.settle();

        assert_eq!(volumes(&stage, form), volume(&disk(128), "id1"));
    });
}
