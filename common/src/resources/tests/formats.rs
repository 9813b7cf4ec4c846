//! The wire formats of resources, and what is refused.

use super::*;

fn cpus() -> v1::Resource {
    one("cpus:555.5").to_proto()
}

fn reservation(
    kind: ReservationType,
    role: &str,
    principal: &str,
) -> v1::resource::ReservationInfo {
    v1::resource::ReservationInfo {
        r#type: Some(kind.into()),
        role: Some(role.to_owned()),
        principal: Some(principal.to_owned()),
        ..Default::default()
    }
}

fn old(principal: &str) -> v1::resource::ReservationInfo {
    v1::resource::ReservationInfo {
        principal: Some(principal.to_owned()),
        ..Default::default()
    }
}

use mesos_proto::v1::resource::reservation_info::Type as ReservationType;

#[track_caller]
fn refused(resource: &v1::Resource, text: &str) {
    assert_eq!(
        validate_resource(resource)
            .expect_err("invalid")
            .to_string(),
        text
    );
}

/// Mirrors: ResourceFormatTest.PreReservationRefinement
#[test]
fn the_old_format_says_role_and_reservation() {
    let mut resource = cpus();
    for role in ["*", "foo"] {
        resource.role = Some(role.to_owned());
        assert_eq!(validate_resource(&resource), Ok(()));
    }
    resource.reservation = Some(old("principal1").into());
    assert_eq!(validate_resource(&resource), Ok(()));

    resource.role = Some("*".to_owned());
    refused(
        &resource,
        "Invalid reservation: role \"*\" cannot be dynamically reserved",
    );
    resource.role = Some("foo".to_owned());
    resource.reservation = Some(reservation(ReservationType::Dynamic, "foo", "p").into());
    refused(
        &resource,
        "'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field",
    );
}

/// Mirrors: ResourceFormatTest.PostReservationRefinement
/// Mirrors: ReservedResourcesTest.Validation
#[test]
fn the_new_format_says_a_stack_of_reservations() {
    let mut resource = cpus();
    for kind in [ReservationType::Static, ReservationType::Dynamic] {
        resource.reservations = vec![reservation(kind, "foo", "principal1")];
        assert_eq!(validate_resource(&resource), Ok(()));

        resource
            .reservations
            .push(reservation(ReservationType::Static, "foo/bar", "p"));
        refused(
            &resource,
            "Invalid refined reservation: A refined reservation cannot be STATIC",
        );

        resource.reservations[1] = reservation(ReservationType::Dynamic, "foo/bar", "p");
        assert_eq!(validate_resource(&resource), Ok(()));

        resource.reservations[1] = reservation(ReservationType::Dynamic, "foobar", "p");
        refused(
            &resource,
            "Invalid refined reservation: role 'foobar' is not a refinement of 'foo'",
        );
    }
    resource.reservations = vec![reservation(ReservationType::Dynamic, "*", "p")];
    refused(
        &resource,
        "Invalid reservation: role \"*\" cannot be reserved",
    );
    resource.reservations = vec![reservation(ReservationType::Dynamic, "a/..", "p")];
    refused(&resource, "Role 'a/..' cannot include '..' as a component");
    resource.reservations = vec![old("p")];
    refused(
        &resource,
        "Invalid reservation: 'Resource.ReservationInfo.type' field must be set.",
    );
}

/// Mirrors: ResourceFormatTest.Endpoint
#[test]
fn both_formats_at_once_must_agree() {
    let mut resource = cpus();
    resource.role = Some("r1".to_owned());
    resource.reservation = Some(old("principal1").into());
    resource.reservations = vec![reservation(ReservationType::Dynamic, "r1", "principal1")];
    assert_eq!(validate_resource(&resource), Ok(()));

    let mut other = resource.clone();
    other.reservations[0].role = Some("r2".to_owned());
    refused(
        &other,
        "Invalid resource format: 'Resource.role' field with 'r1' does not match the role 'r2' in 'Resource.reservations'",
    );
    let mut other = resource.clone();
    other.reservations[0].r#type = Some(ReservationType::Static.into());
    refused(
        &other,
        "Invalid resource format: 'Resource.reservation' must not be set if the single reservation in 'Resource.reservations' is STATIC",
    );
    let mut other = resource.clone();
    other.reservation = Some(old("principal2").into());
    refused(
        &other,
        "Invalid resource format: 'Resource.reservation.principal' field with 'principal2' does not match the principal 'principal1' in 'Resource.reservations'",
    );
    let mut other = resource.clone();
    other.role = None;
    assert!(validate_resource(&other).is_err());
    resource
        .reservations
        .push(reservation(ReservationType::Dynamic, "r1/r2", "principal1"));
    refused(
        &resource,
        "Invalid resource format: 'Resource.role' must not be set if there is more than one reservation in 'Resource.reservations'",
    );
}

/// Mirrors: ResourceFormatTest.DowngradeWithoutResources
#[test]
fn nothing_is_nothing_in_the_old_format() {
    assert_eq!(Resources::new().to_proto_pre_refinement(), Ok(Vec::new()));
}

/// Mirrors: ResourceFormatTest.DowngradeWithResourcesWithoutRefinedReservations
#[test]
fn single_reservations_can_be_said_in_the_old_format() {
    let mut resources = parse("cpus:555.5;cpus(foo):555.5");
    resources += &reserved("cpus:555.5", &dynamic("bar", "principal1"));

    let downgraded = resources.to_proto_pre_refinement().expect("no refinement");

    let said: Vec<_> = downgraded
        .iter()
        .map(|resource| {
            assert!(resource.reservations.is_empty());
            (resource.role(), resource.reservation().principal.clone())
        })
        .collect();
    assert_eq!(
        said,
        [
            ("*", None),
            ("foo", None),
            ("bar", Some("principal1".to_owned()))
        ]
    );
    assert_eq!(Resources::from_proto(&downgraded), resources);
    let endpoint = resources.to_proto_endpoint();
    assert!(
        endpoint
            .iter()
            .all(|resource| validate_resource(resource).is_ok())
    );
    assert_eq!(Resources::from_proto(&endpoint), resources);
}

/// Mirrors: ResourceFormatTest.DowngradeWithResourcesWithRefinedReservations
#[test]
fn refined_reservations_cannot_be_said_in_the_old_format() {
    let refined =
        reserved("cpus:1", &dynamic("bar", "p")).push_reservation(&dynamic("bar/baz", "q"));
    let mut proto = refined.to_proto().remove(0);
    let before = proto.clone();

    assert_eq!(refined.to_proto_pre_refinement(), Err(RefinedReservation));

    assert_eq!(downgrade_resource(&mut proto), Err(RefinedReservation));
    assert_eq!(proto, before);
    assert_eq!(Resources::from_proto(&[before]), refined);
}

/// Mirrors: ResourcesTest.Evolve
#[test]
fn every_attribute_survives_the_wire() {
    let mut all = parse("cpus(role1):2;mem(role1):10;ports:[1-5, 9-9];names:{a,b}");
    let mut mount = source(DiskSourceKind::Mount, "/mnt");
    mount.vendor = Some("vendor".to_owned());
    mount.id = Some("id".to_owned());
    mount.profile = Some("fast".to_owned());
    mount.metadata = Some(vec![Label {
        key: "k".to_owned(),
        value: Some("v".to_owned()),
    }]);
    all.add(disk_from(Some(mount), "10", "role", "1", "path"));
    all.add(shared_disk("5", "role", "2"));
    all.add(one("gpus:1").into_revocable());
    all.add(one("cpus:1").with_provider(Some("provider".to_owned())));
    all.add(one("mem:7").push_reservation(&labelled("x", "p", "v")));
    all.allocate(&"role".into());

    assert_eq!(Resources::from_proto(&all.to_proto()), all);
}

/// Mirrors: ResourcesTest.BadResourcesNotAllocatable
#[test]
fn invalid_and_empty_resources_are_dropped() {
    let nameless = v1::Resource {
        name: None,
        ..cpus()
    };
    let empty = v1::Resource {
        scalar: Some(v1::value::Scalar {
            value: Some(0.0),
            ..Default::default()
        }),
        ..cpus()
    };

    assert!(Resources::from_proto(&[nameless.clone(), empty]).is_empty());
    let error = Resources::try_from_proto(&[nameless])
        .expect_err("no name")
        .to_string();
    assert_eq!(error, "Resource ':555.5' is invalid: Empty resource name");
}

#[test]
fn bad_values_are_refused() {
    let scalar = |value| v1::Resource {
        scalar: Some(v1::value::Scalar {
            value: Some(value),
            ..Default::default()
        }),
        ..cpus()
    };
    for value in [-1.0, 0.0004, f64::NAN, f64::NEG_INFINITY] {
        refused(&scalar(value), "Invalid scalar resource: value <= 0");
    }
    for value in [1e16, f64::INFINITY] {
        refused(
            &scalar(value),
            "Invalid scalar resource: value is too large",
        );
    }
    refused(
        &v1::Resource {
            scalar: None,
            ..cpus()
        },
        "Invalid scalar resource",
    );
    refused(
        &v1::Resource {
            r#type: Some(9),
            ..cpus()
        },
        "Invalid resource type",
    );
    refused(
        &v1::Resource {
            r#type: Some(3),
            ..cpus()
        },
        "Unsupported resource type",
    );
}

#[test]
fn bad_ranges_sets_and_shared_resources_are_refused() {
    let ranges = |all: &[(u64, u64)]| {
        let range = all
            .iter()
            .map(|(begin, end)| v1::value::Range {
                begin: Some(*begin),
                end: Some(*end),
                ..Default::default()
            })
            .collect();
        let mut ports = one("ports:[1-2]").to_proto();
        ports.ranges = Some(v1::value::Ranges {
            range,
            ..Default::default()
        });
        ports
    };
    refused(&ranges(&[(5, 3)]), "Invalid ranges resource: begin > end");
    refused(
        &ranges(&[(1, 6), (5, 9)]),
        "Invalid ranges resource: overlapping ranges",
    );
    refused(
        &ranges(&[(1, 100), (2, 3), (50, 60)]),
        "Invalid ranges resource: overlapping ranges",
    );
    // As in C++: overlap is seen only when the range that begins first is listed first.
    assert_eq!(validate_resource(&ranges(&[(5, 9), (1, 6)])), Ok(()));
    assert_eq!(
        validate_resource(&ranges(&[(1, 2), (3, 4), (9, 9)])),
        Ok(())
    );

    let mut names = one("names:{a,b}").to_proto();
    names.set = Some(v1::value::Set {
        item: vec!["a".into(), "b".into(), "a".into()],
        ..Default::default()
    });
    refused(&names, "Invalid set resource: duplicated elements");
    let mut shared = cpus();
    shared.shared = shared_disk("1", "r", "1").to_proto().shared;
    refused(&shared, "Resource cpus cannot be shared");
    let mut shared = disk("1", "r", "", "").to_proto();
    shared.shared = shared_disk("1", "r", "1").to_proto().shared;
    refused(&shared, "Only persistent volumes can be shared");
}
