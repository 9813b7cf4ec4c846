//! `CREATE`.

use mesos_proto::v1::offer::operation::Create;

use super::*;
use crate::validation::operation::{Asker, create};

fn create_by(asker: Asker<'_>, agent: &Agent, volumes: Vec<v1::Resource>) -> Check {
    let operation = Create {
        volumes,
        ..Default::default()
    };
    create(&operation, asker, agent)
}

const NOBODY: Asker<'_> = Asker::Operator(None);

/// Mirrors: CreateOperationValidationTest.PersistentVolumes
#[test]
fn only_volumes_are_created() {
    let agent = agent(&[], &[]);
    let volume = volume("disk(role1):128", "id1", "path1");

    assert_eq!(create_by(NOBODY, &agent, vec![volume.clone()]), Ok(()));
    refused(
        create_by(NOBODY, &agent, vec![volume, resource("cpus:2")]),
        "Not a persistent volume: Resource cpus:2 does not have DiskInfo",
    );
}

/// Mirrors: CreateOperationValidationTest.DuplicatedPersistenceID
#[test]
fn persistence_id_is_unique_on_an_agent() {
    let first = volume("disk(role1):128", "id1", "path1");
    let second = volume("disk(role1):64", "id1", "path1");
    let text = "Persistence ID 'id1' is not unique";

    assert_eq!(
        create_by(NOBODY, &agent(&[], &[]), vec![first.clone()]),
        Ok(())
    );
    refused(
        create_by(
            NOBODY,
            &agent(&[], std::slice::from_ref(&first)),
            vec![first.clone()],
        ),
        text,
    );
    refused(
        create_by(NOBODY, &agent(&[], &[]), vec![first, second]),
        text,
    );
}

/// Mirrors: CreateOperationValidationTest.NonMatchingPrincipal
#[test]
fn volume_names_the_principal_who_creates_it() {
    let agent = agent(&[], &[]);
    let nameless = volume("disk(role1):128", "id1", "path1");
    let mut named = nameless.clone();
    let disk = named.disk.get_or_insert_default();
    disk.persistence.get_or_insert_default().principal = Some("principal".to_owned());

    refused(
        create_by(
            Asker::Operator(Some("other-principal")),
            &agent,
            vec![named],
        ),
        "Create volume operation attempted by authenticated principal 'other-principal', which \
         does not match a volume in the operation with principal 'principal' set in \
         'disk.persistence'",
    );
    refused(
        create_by(Asker::Operator(Some("principal")), &agent, vec![nameless]),
        "Create volume operation attempted by principal 'principal', but there is a volume in the \
         operation with no principal set in 'disk.persistence'",
    );
}

/// Mirrors: CreateOperationValidationTest.ReadOnlyPersistentVolume
#[test]
fn volume_is_created_writable() {
    let mut read_only = volume("disk(role1):128", "id1", "path1");
    let disk = read_only.disk.get_or_insert_default();
    disk.volume.get_or_insert_default().mode = Some(v1::volume::Mode::Ro.into());

    refused(
        create_by(NOBODY, &agent(&[], &[]), vec![read_only]),
        "Not a persistent volume: Read-only persistent volume not supported",
    );
}

/// Mirrors: CreateOperationValidationTest.SharedVolumeBasedOnCapability
#[test]
fn shared_volume_needs_a_framework_that_shares() {
    let agent = agent(&[], &[]);
    let volume = shared(volume("disk(role1):128", "1", "path1"));
    let volume = allocated(volume, "role1");
    let plain = framework(&json!({"role": "role1"}));
    let sharing = framework(&json!({
        "role": "role1",
        "capabilities": [{"type": "SHARED_RESOURCES"}],
    }));

    assert_eq!(create_by(NOBODY, &agent, vec![volume.clone()]), Ok(()));
    refused_with(
        create_by(Asker::Framework(&plain), &agent, vec![volume.clone()]),
        "has been attempted by framework 'f' with no SHARED_RESOURCES capability",
    );
    assert_eq!(
        create_by(Asker::Framework(&sharing), &agent, vec![volume]),
        Ok(())
    );
}

/// Mirrors: CreateOperationValidationTest.MixedAllocationRole
#[test]
fn one_create_is_for_one_role() {
    let framework = framework(&json!({
        "roles": ["role1", "role2"],
        "capabilities": [{"type": "MULTI_ROLE"}],
    }));
    let first = volume("disk(role1):128", "id1", "path1");
    let second = volume("disk(role2):256", "id2", "path2");

    refused(
        create_by(
            Asker::Framework(&framework),
            &agent(&[], &[]),
            vec![allocated(first, "role1"), allocated(second, "role2")],
        ),
        "Invalid volume resources: The resources have multiple allocation roles ('role2' and \
         'role1') but only one allocation role is allowed",
    );
}

/// Mirrors: CreateOperationValidationTest.AgentHierarchicalRoleCapability
#[test]
fn role_with_a_slash_needs_an_agent_that_knows_them() {
    let volume = volume("disk(foo/bar):128", "id1", "path1");

    assert_eq!(
        create_by(
            NOBODY,
            &agent(&["HIERARCHICAL_ROLE"], &[]),
            vec![volume.clone()]
        ),
        Ok(())
    );
    refused_with(
        create_by(NOBODY, &agent(&[], &[]), vec![volume]),
        "with reservation for hierarchical role 'foo/bar' cannot be created on an agent without \
         HIERARCHICAL_ROLE capability",
    );
}

/// Mirrors: CreateOperationValidationTest.MultipleResourceProviders
#[test]
fn one_create_is_about_one_provider() {
    let agent = agent(&[], &[]);
    let own = volume("disk(role):10", "id1", "path1");
    let first = provided(volume("disk(role):10", "id2", "path2"), "provider1");
    let second = provided(volume("disk(role):10", "id3", "path3"), "provider2");

    refused(
        create_by(NOBODY, &agent, vec![own, first.clone()]),
        "Invalid resources: Some resources have a resource provider and some do not",
    );
    refused(
        create_by(NOBODY, &agent, vec![first.clone(), second]),
        "Invalid resources: The resources have multiple resource providers: provider2, provider1",
    );
    assert_eq!(create_by(NOBODY, &agent, vec![first]), Ok(()));
}
