//! Lookups, filters and the text form of collections.

use super::*;

/// Mirrors: ResourcesTest.Resources
#[test]
fn well_known_resources_have_names() {
    let all = parse("cpus:45.55;mem:1024;ports:[10000-20000, 30000-50000];disk:512");
    assert_eq!(all.cpus(), Some(Scalar::from_f64(45.55)));
    assert_eq!(all.mem(), Some(Scalar::from_units(1024)));
    assert_eq!(all.disk(), Some(Scalar::from_units(512)));
    let ports = all.ports().expect("ports");
    assert_eq!(ports.to_string(), "[10000-20000, 30000-50000]");

    let few = parse("cpus:45.55;disk:512");
    assert_eq!(few.mem(), None);
    assert_eq!(few.ports(), None);
}

/// Mirrors: ResourcesTest.MoveConstruction
#[test]
fn a_copy_is_equal_and_independent() {
    let original = parse("cpus:45.55;mem:1024;ports:[10000-20000, 30000-50000];disk:512");
    let mut copy = original.clone();
    assert_eq!(copy, Resources::from_proto(&original.to_proto()));

    copy -= &parse("cpus:1");

    assert_ne!(copy, original);
    assert_eq!(original.cpus(), Some(Scalar::from_f64(45.55)));
}

/// Mirrors: ResourcesTest.Printing
#[test]
fn resources_print_in_the_text_form() {
    let text = "cpus:45.55; ports:[10000-20000, 30000-50000]; disks:{sda1}";

    assert_eq!(parse(text).to_string(), text);
    assert_eq!(Resources::new().to_string(), "{}");
}

/// Mirrors: ResourcesTest.PrintingExtendedAttributes
#[test]
fn every_attribute_has_its_place_in_the_text() {
    let alice = one("disk(alice):1");
    let prefix = "disk(reservations: [(STATIC,alice)])";
    assert_eq!(one("disk:1").to_string(), "disk:1");
    assert_eq!(alice.to_string(), format!("{prefix}:1"));
    assert_eq!(
        alice.with_allocation(Some(&"role".into())).to_string(),
        "disk(allocated: role)(reservations: [(STATIC,alice)]):1"
    );
    assert_eq!(
        alice.clone().into_revocable().to_string(),
        format!("{prefix}{{REV}}:1")
    );

    let volume = disk("1", "alice", "hadoop", "/data");
    assert_eq!(volume.to_string(), format!("{prefix}[hadoop:/data]:1"));
    assert_eq!(
        volume.into_revocable().to_string(),
        format!("{prefix}[hadoop:/data]{{REV}}:1")
    );

    let host = v1::Volume {
        container_path: Some("/data".to_owned()),
        host_path: Some("/hdfs".to_owned()),
        mode: Some(v1::volume::Mode::Rw.into()),
        ..Default::default()
    };
    let with_source = |source| {
        let persistence = Some(Persistence {
            id: "hadoop".to_owned(),
            principal: None,
        });
        alice.with_disk(Some(Disk {
            source,
            persistence,
            volume: Some(Arc::new(host.clone())),
        }))
    };
    assert_eq!(
        with_source(None).to_string(),
        format!("{prefix}[hadoop:/hdfs:/data:rw]:1")
    );
    for (kind, text) in [
        (DiskSourceKind::Mount, "MOUNT"),
        (DiskSourceKind::Path, "PATH"),
    ] {
        assert_eq!(
            with_source(Some(source(kind, "/mnt"))).to_string(),
            format!("{prefix}[{text}:/mnt,hadoop:/hdfs:/data:rw]:1")
        );
    }
    let refined = with_source(None).push_reservation(&dynamic("alice/refined", "hdfs-p"));
    assert_eq!(
        refined.to_string(),
        "disk(reservations: [(STATIC,alice),(DYNAMIC,alice/refined,hdfs-p)])[hadoop:/hdfs:/data:rw]:1"
    );
    let mut labels = labelled("alice/refined", "hdfs-p", "bar");
    labels.labels.as_mut().expect("labels").push(Label {
        key: "foo".to_owned(),
        value: None,
    });
    assert_eq!(
        with_source(None).push_reservation(&labels).to_string(),
        "disk(reservations: [(STATIC,alice),(DYNAMIC,alice/refined,hdfs-p,{foo: bar, foo})])[hadoop:/hdfs:/data:rw]:1"
    );
}

/// Mirrors: ResourcesTest.PrintingScalarPrecision
#[test]
fn scalars_print_at_most_three_decimals() {
    for (value, text) in [
        (1.234, "cpus:1.234"),
        (1.2345, "cpus:1.235"),
        (1.2344, "cpus:1.234"),
        (1.1, "cpus:1.1"),
        (1_000_001.0, "cpus:1000001"),
        (99_999_999_999.999_4, "cpus:99999999999.999"),
    ] {
        assert_eq!(
            Resource::scalar_of("cpus", Scalar::from_f64(value)).to_string(),
            text
        );
    }
}

/// Mirrors: ResourcesTest.Reservations
#[test]
fn reservations_are_found_by_role() {
    let unreserved = parse("cpus:1;mem:2;disk:4");
    let role1 = parse("cpus(role1):2;mem(role1):4;disk(role1):8");
    let role2 = parse("cpus(role2):4;mem(role2):8;disk(role2):6");
    let all = sum(&[&unreserved, &role1, &role2]);

    let by_role = all.reservations();

    assert_eq!(by_role.len(), 2);
    assert_eq!(by_role.get("role1"), Some(&role1));
    assert_eq!(by_role.get("role2"), Some(&role2));
    assert_eq!(all.reserved_to("role1"), role1);
    assert!(all.reserved_to("*").is_empty());
    assert_eq!(all.unreserved(), unreserved);
    assert_eq!(all.reserved(), &role1 + &role2);
}

/// Mirrors: ResourcesTest.HierarchicalReservations
#[test]
fn a_role_may_use_what_its_ancestors_reserved() {
    let unreserved = parse("cpus:1;mem:2;disk:4");
    let grandfather = parse("cpus(a):2;mem(a):4;disk(a):8");
    let father = parse("cpus(a/bx):4;mem(a/bx):8;disk(a/bx):16");
    let uncle = parse("cpus(a/b):4;mem(a/b):8;disk(a/b):16");
    let child = parse("cpus(a/bx/c):8;mem(a/bx/c):16;disk(a/bx/c):32");
    let family = sum(&[&unreserved, &grandfather, &father, &uncle, &child]);

    assert_eq!(family.allocatable_to("*"), unreserved);
    assert_eq!(family.allocatable_to("a"), &grandfather + &unreserved);
    assert_eq!(
        family.allocatable_to("a/bx"),
        sum(&[&grandfather, &father, &unreserved])
    );
    assert_eq!(
        family.allocatable_to("a/bx/c"),
        sum(&[&grandfather, &father, &child, &unreserved])
    );
    assert_eq!(family.reserved_to_subtree("a/bx"), &father + &child);
}

fn provided(resource: &Resource) -> Resource {
    resource.with_provider(Some("RESOURCE_PROVIDER_ID".to_owned()))
}

/// Mirrors: ResourceProviderIDTest.Addition
/// Mirrors: ResourceProviderIDTest.Subtraction
/// Mirrors: ResourceProviderIDTest.Equals
/// Mirrors: ResourceProviderIDTest.Contains
#[test]
fn resources_of_a_provider_do_not_mix_with_the_agents() {
    let own = one("disk:1");
    let theirs = provided(&own);
    assert_ne!(own, theirs);

    let mut all = Resources::from(own.clone());
    all.add(theirs.clone());
    all.add(theirs.clone());
    assert_eq!(all.len(), 2);
    assert_eq!(all.disk(), Some(Scalar::from_units(3)));
    assert!(all.contains_resource(&own) && all.contains_resource(&theirs));
    assert!(!Resources::from(theirs.clone()).contains_resource(&own));

    all.subtract(&theirs);
    all.subtract(&theirs);
    assert_eq!(all, Resources::from(own));
    all.subtract(&theirs);
    assert_eq!(all.len(), 1);
}

/// Mirrors: ResourcesTest.ToUnreserved
#[test]
fn unreserved_copies_of_all_roles_add_up() {
    let all = parse("cpus(role1):1;cpus(role2):2;mem(role1):5");

    assert_eq!(all.to_unreserved(), parse("cpus:3;mem:5"));
}

/// Mirrors: ResourcesTest.Find
#[test]
fn targets_are_found_in_their_role_then_unreserved_then_anywhere() {
    for (resources, targets, found) in [
        (
            "cpus(role1):2;mem(role1):10;cpus:4;mem:20",
            "cpus(role1):3;mem(role1):15",
            Some("cpus(role1):2;mem(role1):10;cpus:1;mem:5"),
        ),
        (
            "cpus(role1):1;mem(role1):5;cpus(role2):2;mem(role2):8;cpus:1;mem:7",
            "cpus(role1):3;mem(role1):15",
            Some("cpus(role1):1;mem(role1):5;cpus:1;mem:7;cpus(role2):1;mem(role2):3"),
        ),
        (
            "cpus(role1):5;mem(role1):5;cpus:5;mem:5",
            "cpus:6;mem:6",
            Some("cpus:5;mem:5;cpus(role1):1;mem(role1):1"),
        ),
        (
            "cpus(role1):1;mem(role1):1",
            "cpus(role1):2;mem(role1):2",
            None,
        ),
    ] {
        assert_eq!(parse(resources).find(&parse(targets)), found.map(parse));
    }
}

/// Mirrors: ResourcesTest.Get
/// Mirrors: ResourcesTest.Names
/// Mirrors: ResourcesTest.Types
#[test]
fn resources_are_found_by_name() {
    let all = parse("cpus(role1):2;cpus:4;mem(role1):10;mem:10");

    assert_eq!(all.named("cpus"), parse("cpus(role1):2;cpus:4"));
    assert_eq!(
        all.names().iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
        ["cpus", "mem"]
    );
    let mixed = parse("cpus:4;ports:[1-10];ports:[11-20]");
    assert_eq!(mixed.scalars(), parse("cpus:4"));
    assert!(mixed.ranges("ports").is_some() && mixed.scalar("ports").is_none());
}

/// Mirrors: ReservedResourcesTest.Equals
#[test]
fn reservations_differ_in_type_role_principal_and_labels() {
    let all = [
        parse("cpus:8"),
        reserved("cpus:8", &fixed("role1")),
        reserved("cpus:8", &fixed("role2")),
        reserved("cpus:8", &dynamic("role1", "principal1")),
        reserved("cpus:8", &dynamic("role1", "principal2")),
        reserved("cpus:8", &dynamic("role2", "principal1")),
        reserved("cpus:8", &labelled("role1", "principal2", "bar")),
        reserved("cpus:8", &labelled("role1", "principal2", "baz")),
    ];

    for (i, left) in all.iter().enumerate() {
        for (j, right) in all.iter().enumerate() {
            assert_eq!(left == right, i == j, "{left} and {right}");
            assert_eq!(left.contains(right), i == j);
        }
    }
}

/// Mirrors: ReservedResourcesTest.AdditionStaticallyReserved
/// Mirrors: ReservedResourcesTest.AdditionDynamicallyReservedWithoutLabels
/// Mirrors: ReservedResourcesTest.AdditionDynamicallyReservedWithSameLabels
#[test]
fn equal_reservations_add_up() {
    for reservation in [
        fixed("role"),
        dynamic("role", "principal"),
        labelled("role", "principal", "bar"),
    ] {
        let total = reserved("cpus:8", &reservation) + reserved("cpus:4", &reservation);

        assert_eq!(total, reserved("cpus:12", &reservation));
        assert_eq!(total.len(), 1);
    }
}

/// Mirrors: ReservedResourcesTest.AdditionDynamicallyReservedWithDistinctLabels
#[test]
fn different_labels_keep_reservations_apart() {
    let bar = reserved("cpus:6", &labelled("role", "principal", "bar"));
    let baz = reserved("cpus:6", &labelled("role", "principal", "baz"));

    let total = &bar + &baz;

    assert_eq!(total.len(), 2);
    assert_ne!(total, &bar + &bar);
    assert_ne!(total, &baz + &baz);
}

#[test]
fn the_order_of_labels_does_not_matter() {
    let label = |key: &str| Label {
        key: key.to_owned(),
        value: None,
    };
    let with = |labels: Vec<Label>| Reservation {
        labels: Some(labels),
        ..dynamic("r", "p")
    };

    assert_eq!(
        with(vec![label("a"), label("b")]),
        with(vec![label("b"), label("a")])
    );
    assert_ne!(
        with(vec![label("a"), label("a")]),
        with(vec![label("b"), label("a")])
    );
}

/// Mirrors: ReservedResourcesTest.Subtraction
/// Mirrors: ReservedResourcesTest.Contains
#[test]
fn only_the_same_reservation_is_subtracted() {
    let r1 = reserved("cpus:8", &fixed("role"));
    let r2 = reserved("cpus:8", &labelled("role", "principal", "bar"));
    let other = reserved("cpus:8", &labelled("role", "principal", "baz"));
    assert!((&r1 - &r1.clone()).is_empty());
    assert_eq!(&r1 - &r2, r1);
    assert_eq!(&r2 - &other, r2);

    let total = &r1 + &r2;
    let left = &total
        - &reserved("cpus:2", &fixed("role"))
        - &reserved("cpus:4", &labelled("role", "principal", "bar"));

    assert_eq!(left.cpus(), Some(Scalar::from_units(10)));
    assert!(total.contains(&r1) && total.contains(&r2) && total.contains(&total));
    assert!(!r1.contains(&total) && !r2.contains(&total));
}

fn revocable(text: &str) -> Resources {
    one(text).into_revocable().into()
}

/// Mirrors: RevocableResourceTest.Equals
/// Mirrors: RevocableResourceTest.Addition
/// Mirrors: RevocableResourceTest.Subtraction
/// Mirrors: RevocableResourceTest.Contains
/// Mirrors: RevocableResourceTest.Filter
/// Mirrors: RevocableResourceTest.Find
#[test]
fn revocable_resources_do_not_mix_with_others() {
    let (some, plain) = (revocable("cpus:1"), parse("cpus:1"));
    assert_ne!(some, plain);
    assert_eq!(&some + &some, revocable("cpus:2"));

    let total = &some + &plain;
    assert_eq!(total.len(), 2);
    assert!(total.contains(&some) && total.contains(&plain));
    assert!(!total.contains(&revocable("cpus:2")) && !total.contains(&parse("cpus:2")));
    assert!(!some.contains(&total));
    assert_eq!(total.revocable(), some);
    assert_eq!(total.non_revocable(), plain);
    assert_eq!(&some - &plain, some);
    assert!((&some - &some.clone()).is_empty());
    assert_eq!(total.find(&some), Some(some.clone()));
    assert_eq!(total.find(&plain), Some(plain.clone()));
    assert_eq!(some.find(&plain), None);
    assert_eq!(plain.find(&some), None);
}

fn allocated(text: &str, role: &str) -> Resources {
    let mut resources = parse(text);
    resources.allocate(&role.into());
    resources
}

/// Mirrors: AllocatedResourcesTest.Equality
/// Mirrors: AllocatedResourcesTest.Contains
/// Mirrors: AllocatedResourcesTest.Addition
/// Mirrors: AllocatedResourcesTest.Subtraction
#[test]
fn resources_of_different_allocation_roles_do_not_mix() {
    let (cpus1, cpus2) = (allocated("cpus:1", "role1"), allocated("cpus:1", "role2"));
    assert_ne!(cpus1, cpus2);

    let total = &cpus1 + &cpus2;

    assert_eq!(total.len(), 2);
    assert_eq!(total.cpus(), Some(Scalar::from_units(2)));
    assert!(total.contains(&cpus1) && total.contains(&cpus2));
    assert_eq!(&cpus1 - &cpus2, cpus1);
    assert!((&cpus1 - &cpus1.clone()).is_empty());
}

/// Mirrors: AllocatedResourcesTest.Allocations
#[test]
fn allocations_are_found_by_role() {
    let star = allocated("cpus:1;mem:1024", "*");
    let role = allocated("cpus:2;mem:2048", "role");

    let by_role = (&star + &role).allocations();

    assert_eq!(by_role.len(), 2);
    assert_eq!(by_role.get("*"), Some(&star));
    assert_eq!(by_role.get("role"), Some(&role));
    assert_eq!((&star + &role).allocated_to_subtree("role"), role);
    let mut plain = role;
    plain.unallocate();
    assert_eq!(plain, parse("cpus:2;mem:2048"));
}
