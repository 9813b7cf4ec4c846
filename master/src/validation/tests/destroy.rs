//! `DESTROY`.

use mesos_proto::v1::offer::operation::Destroy;

use super::*;
use crate::validation::operation::destroy;

fn destroy_all(agent: &Agent, volumes: Vec<v1::Resource>) -> Check {
    let operation = Destroy {
        volumes,
        ..Default::default()
    };
    destroy(&operation, agent)
}

/// Mirrors: DestroyOperationValidationTest.PersistentVolumes
#[test]
fn only_volumes_are_destroyed() {
    let first = volume("disk(role1):128", "id1", "path1");
    let second = volume("disk(role1):64", "id2", "path2");
    let agent = agent(&[], &[first.clone(), second]);

    assert_eq!(destroy_all(&agent, vec![first.clone()]), Ok(()));
    refused(
        destroy_all(&agent, vec![first, resource("cpus:2")]),
        "Not a persistent volume: Resource cpus:2 does not have DiskInfo",
    );
}

/// Mirrors: DestroyOperationValidationTest.SharedPersistentVolumeInUse
#[test]
fn shared_volume_is_destroyed_when_nobody_uses_it() {
    let first = shared(volume("disk(role1):50", "1", "path1"));
    let second = volume("disk(role1):100", "2", "path2");
    let mut agent = agent(&[], &[first.clone(), second.clone()]);
    let use_of = |resources: Vec<v1::Resource>| Resources::from_proto(&resources);
    let (one, two) = (FrameworkId::from("id1"), FrameworkId::from("id2"));
    agent.use_resources(
        &one,
        &use_of(vec![
            resource("cpus:1"),
            resource("mem:5"),
            first.clone(),
            second,
        ]),
    );
    agent.use_resources(
        &two,
        &use_of(vec![resource("cpus:1"), resource("mem:5"), first.clone()]),
    );

    refused(
        destroy_all(&agent, vec![first.clone()]),
        "Persistent volumes in use",
    );
    agent.release_resources(&one, &use_of(vec![first.clone()]));
    refused(
        destroy_all(&agent, vec![first.clone()]),
        "Persistent volumes in use",
    );
    agent.release_resources(&two, &use_of(vec![first.clone()]));
    assert_eq!(destroy_all(&agent, vec![first]), Ok(()));
}

/// Mirrors: DestroyOperationValidationTest.UnknownPersistentVolume
#[test]
fn volume_must_be_on_the_agent() {
    let volume = volume("disk(role1):128", "id1", "path1");

    assert_eq!(
        destroy_all(
            &agent(&[], std::slice::from_ref(&volume)),
            vec![volume.clone()]
        ),
        Ok(())
    );
    refused(
        destroy_all(&agent(&[], &[]), vec![volume]),
        "Persistent volumes not found",
    );
}

/// Mirrors: DestroyOperationValidationTest.MultipleResourceProviders
#[test]
fn one_destroy_is_about_one_provider() {
    let own = volume("disk(role):10", "id1", "path1");
    let first = provided(volume("disk(role):10", "id2", "path2"), "provider1");
    let second = provided(volume("disk(role):10", "id3", "path3"), "provider2");
    let agent = agent(&[], std::slice::from_ref(&own));

    refused(
        destroy_all(&agent, vec![own, first.clone()]),
        "Invalid resources: Some resources have a resource provider and some do not",
    );
    refused(
        destroy_all(&agent, vec![first.clone(), second]),
        "Invalid resources: The resources have multiple resource providers: provider2, provider1",
    );
    assert_eq!(destroy_all(&agent, vec![first]), Ok(()));
}
