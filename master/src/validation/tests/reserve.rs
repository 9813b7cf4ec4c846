//! `RESERVE` and `UNRESERVE`.

use mesos_proto::v1::offer::operation::{Reserve, Unreserve};

use super::*;
use crate::validation::operation::{Asker, reserve, unreserve};

fn reserve_by(framework: &Framework, agent: &Agent, resources: Vec<v1::Resource>) -> Check {
    let operation = Reserve {
        resources,
        ..Default::default()
    };
    reserve(&operation, Asker::Framework(framework), agent)
}

fn unreserve_all(resources: Vec<v1::Resource>) -> Check {
    unreserve(&Unreserve {
        resources,
        ..Default::default()
    })
}

fn reserved_by(principal: &str) -> v1::Resource {
    allocated(reserved("cpus:8", "role", Some(principal)), "role")
}

/// Mirrors: ReserveOperationValidationTest.MatchingRole
#[test]
fn framework_reserves_for_its_own_roles_only() {
    let resource = reserved("cpus:8", "resourceRole", Some("principal"));
    let resource = allocated(resource, "resourceRole");
    let agent = agent(&[], &[]);

    refused(
        reserve_by(
            &framework_in("frameworkRole"),
            &agent,
            vec![resource.clone()],
        ),
        "A reserve operation was attempted for a resource allocated to role 'resourceRole', but \
         the framework only has roles '{ frameworkRole }'",
    );
    refused_with(
        reserve_by(&framework_in_two_roles(), &agent, vec![resource]),
        "A reserve operation was attempted for a resource allocated to role 'resourceRole', but \
         the framework only has roles ",
    );
}

/// Mirrors: ReserveOperationValidationTest.DisallowReservingToStar
#[test]
fn nothing_is_reserved_for_everybody() {
    let resource = reserved("cpus:8", "*", Some("principal"));
    let agent = agent(&[], &[]);
    let multi_role = framework(&json!({
        "roles": ["role", "*"],
        "principal": "principal",
        "capabilities": [{"type": "MULTI_ROLE"}],
    }));

    for framework in [framework_in("*"), multi_role] {
        refused_with(
            reserve_by(&framework, &agent, vec![resource.clone()]),
            "Invalid reservation: role \"*\" cannot be reserved",
        );
    }
}

/// Mirrors: ReserveOperationValidationTest.MatchingPrincipal
#[test]
fn reservation_with_the_framework_s_principal_is_fine() {
    let agent = agent(&[], &[]);

    let checked = reserve_by(
        &framework_in("role"),
        &agent,
        vec![reserved_by("principal")],
    );

    assert_eq!(checked, Ok(()));
}

/// Mirrors: ReserveOperationValidationTest.NonMatchingPrincipal
#[test]
fn reservation_with_another_principal_is_refused() {
    let agent = agent(&[], &[]);

    refused(
        reserve_by(
            &framework_in("role"),
            &agent,
            vec![reserved_by("principal2")],
        ),
        "A reserve operation was attempted by authenticated principal 'principal', which does not \
         match a reserved resource in the request with principal 'principal2'",
    );
}

/// Mirrors: ReserveOperationValidationTest.ReservationInfoMissingPrincipal
#[test]
fn reservation_without_principal_is_refused_to_one_who_has_one() {
    let resource = allocated(reserved("cpus:8", "role", None), "role");

    refused(
        reserve_by(&framework_in("role"), &agent(&[], &[]), vec![resource]),
        "A reserve operation was attempted by principal 'principal', but there is a reserved \
         resource in the request with no principal set",
    );
}

#[test]
fn static_reservation_cannot_be_made() {
    refused(
        reserve_by(
            &framework_in("role"),
            &agent(&[], &[]),
            vec![resource("cpus(role):8")],
        ),
        "Resource cpus(reservations: [(STATIC,role)]):8 is not dynamically reserved",
    );
}

/// Mirrors: ReserveOperationValidationTest.NoPersistentVolumes
#[test]
fn volume_on_a_static_reservation_cannot_be_reserved() {
    let volume = allocated(volume("disk(role):128", "id1", "path1"), "role");

    refused_with(
        reserve_by(
            &framework_in("role"),
            &agent(&[], &[]),
            vec![reserved_by("principal"), volume],
        ),
        "is not dynamically reserved",
    );
}

/// Mirrors: ReserveOperationValidationTest.MismatchedAllocation
#[test]
fn reservation_is_for_the_role_that_was_offered_to() {
    let resource = reserved("cpus:8", "role1", Some("principal"));

    refused(
        reserve_by(
            &framework_in_two_roles(),
            &agent(&[], &[]),
            vec![allocated(resource, "role2")],
        ),
        "A reserve operation was attempted for a resource with role 'role1', but the resource was \
         allocated to role 'role2'",
    );
}

/// Mirrors: ReserveOperationValidationTest.UnexpectedAllocatedResource
#[test]
fn operator_reserves_what_is_not_allocated() {
    let operation = Reserve {
        resources: vec![reserved_by("principal")],
        ..Default::default()
    };

    refused(
        reserve(
            &operation,
            Asker::Operator(Some("principal")),
            &agent(&[], &[]),
        ),
        "A reserve operation was attempted with an allocated resource, but the operator API only \
         allows reservations to be made to unallocated resources",
    );
}

/// Mirrors: ReserveOperationValidationTest.MixedAllocationRoles
#[test]
fn one_reserve_is_for_one_role() {
    let first = reserved("cpus:8", "role1", Some("principal"));
    let second = reserved("mem:8", "role2", Some("principal"));

    refused(
        reserve_by(
            &framework_in_two_roles(),
            &agent(&[], &[]),
            vec![allocated(first, "role1"), allocated(second, "role2")],
        ),
        "Invalid reservation resources: The resources have multiple allocation roles ('role2' and \
         'role1') but only one allocation role is allowed",
    );
}

/// Mirrors: ReserveOperationValidationTest.AgentHierarchicalRoleCapability
#[test]
fn role_with_a_slash_needs_an_agent_that_knows_them() {
    let resource = allocated(reserved("cpus:8", "foo/bar", Some("principal")), "foo/bar");
    let framework = framework_in("foo/bar");

    assert_eq!(
        reserve_by(
            &framework,
            &agent(&["HIERARCHICAL_ROLE"], &[]),
            vec![resource.clone()]
        ),
        Ok(())
    );
    refused_with(
        reserve_by(&framework, &agent(&[], &[]), vec![resource]),
        "with reservation for hierarchical role 'foo/bar' cannot be reserved on an agent without \
         HIERARCHICAL_ROLE capability",
    );
}

/// Mirrors: ReserveOperationValidationTest.MultipleResourceProviders
#[test]
fn one_reserve_is_about_one_provider() {
    let framework = framework_in("role");
    let agent = agent(&[], &[]);
    let disk = |provider: &str| {
        let disk = reserved("disk:10", "role", Some("principal"));
        allocated(provided(disk, provider), "role")
    };
    let (first, second) = (disk("provider1"), disk("provider2"));

    refused(
        reserve_by(
            &framework,
            &agent,
            vec![reserved_by("principal"), first.clone()],
        ),
        "Invalid resources: Some resources have a resource provider and some do not",
    );
    refused(
        reserve_by(&framework, &agent, vec![first.clone(), second]),
        "Invalid resources: The resources have multiple resource providers: provider2, provider1",
    );
    assert_eq!(reserve_by(&framework, &agent, vec![first]), Ok(()));
}

/// Mirrors: UnreserveOperationValidationTest.WithoutACL
#[test]
fn reservation_of_anybody_may_be_given_back() {
    assert_eq!(
        unreserve_all(vec![reserved("cpus:8", "role", Some("principal"))]),
        Ok(())
    );
}

/// Mirrors: UnreserveOperationValidationTest.FrameworkMissingPrincipal
#[test]
fn reservation_without_principal_may_be_given_back() {
    assert_eq!(
        unreserve_all(vec![reserved("cpus:8", "role", None)]),
        Ok(())
    );
}

/// Mirrors: UnreserveOperationValidationTest.StaticReservation
#[test]
fn static_reservation_cannot_be_given_back() {
    refused(
        unreserve_all(vec![resource("cpus(role):8")]),
        "Resource cpus(reservations: [(STATIC,role)]):8 is not dynamically reserved",
    );
}

/// Mirrors: UnreserveOperationValidationTest.NoPersistentVolumes
#[test]
fn volume_must_be_destroyed_before_its_reservation_ends() {
    let mut on_reserved = volume("disk:128", "id1", "path1");
    on_reserved.reservations = reserved("disk:128", "role", None).reservations;

    refused_with(
        unreserve_all(vec![
            reserved("cpus:8", "role", Some("principal")),
            volume("disk(role):128", "id1", "path1"),
        ]),
        "is not dynamically reserved",
    );
    refused(
        unreserve_all(vec![on_reserved]),
        "A dynamically reserved persistent volume disk(reservations: [(DYNAMIC,role)])[id1:path1]:128 \
         cannot be unreserved directly. Please destroy the persistent volume first then unreserve \
         the resource",
    );
}

/// Mirrors: UnreserveOperationValidationTest.MultipleResourceProviders
#[test]
fn one_unreserve_is_about_one_provider() {
    let own = reserved("cpus:8", "role", Some("principal"));
    let disk = |provider: &str| provided(reserved("disk:10", "role", Some("principal")), provider);
    let (first, second) = (disk("provider1"), disk("provider2"));

    refused(
        unreserve_all(vec![own, first.clone()]),
        "Invalid resources: Some resources have a resource provider and some do not",
    );
    refused(
        unreserve_all(vec![first.clone(), second]),
        "Invalid resources: The resources have multiple resource providers: provider2, provider1",
    );
    assert_eq!(unreserve_all(vec![first]), Ok(()));
}
