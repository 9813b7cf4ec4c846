//! Sums, differences and comparisons of scalars, ranges and sets.

use super::*;

/// Mirrors: ResourcesTest.ScalarEquals
#[test]
fn equal_amounts_of_equal_roles_are_equal() {
    assert_eq!(parse("cpus:3;mem:3072"), parse("mem:3072;cpus:3"));
    assert_ne!(parse("cpus(role1):3"), parse("cpus(role2):3"));
}

/// Mirrors: ResourcesTest.ScalarSubset
/// Mirrors: ResourcesTest.ScalarSubset2
#[test]
fn containment_needs_the_role_and_the_amount() {
    assert!(parse("cpus:1;mem:4096").contains(&parse("cpus:1;mem:3072")));
    assert!(!parse("cpus:1;mem:3072").contains(&parse("cpus:1;mem:4096")));
    assert!(!parse("cpus(role1):1").contains(&parse("cpus(role2):1")));
    assert!(parse("cpus(role1):3").contains(&parse("cpus(role1):1")));
    assert!(!parse("cpus(role1):1").contains(&parse("cpus(role1):3")));
}

/// Mirrors: ResourcesTest.ScalarAddition
/// Mirrors: ResourcesTest.ScalarAddition2
#[test]
fn scalars_of_one_role_add_up() {
    let total = parse("cpus:1;mem:5") + parse("cpus:2;mem:10");
    assert_eq!(total.len(), 2);
    assert_eq!(total.cpus(), Some(Scalar::from_units(3)));
    assert_eq!(total.mem(), Some(Scalar::from_units(15)));

    let total = parse("cpus(role1):1;cpus(role2):3") + parse("cpus(role1):5");
    assert_eq!(total, parse("cpus(role1):6;cpus(role2):3"));
    assert_eq!(total.cpus(), Some(Scalar::from_units(9)));
}

/// Mirrors: ResourcesTest.ScalarSubtraction
/// Mirrors: ResourcesTest.ScalarSubtraction2
#[test]
fn scalars_of_one_role_subtract() {
    let left = parse("cpus:50;mem:4096") - &parse("cpus:0.5;mem:1024");
    assert_eq!(left, parse("cpus:49.5;mem:3072"));
    assert!((&left - &left.clone()).is_empty());

    let left = parse("cpus(role1):5;cpus(role2):3") - &parse("cpus(role1):1");
    assert_eq!(left, parse("cpus(role1):4;cpus(role2):3"));
}

#[test]
fn subtracting_too_much_leaves_nothing() {
    assert!((parse("cpus:1") - &parse("cpus:2")).is_empty());
}

/// Mirrors: ResourcesTest.RangesEquals
/// Mirrors: ResourcesTest.RangesSubset
#[test]
fn ranges_are_compared_as_sets_of_numbers() {
    assert_eq!(parse("ports:[20-40]"), parse("ports:[20-30, 31-39, 40-40]"));
    let all = ["[2-2, 4-5]", "[1-10]", "[2-3]", "[1-2, 4-6]", "[1-4, 5-5]"]
        .map(|text| parse(&format!("ports:{text}")));
    let [r1, r2, r3, r4, r5] = &all;
    assert!(r2.contains(r1) && !r1.contains(r2));
    assert!(!r3.contains(r1) && !r1.contains(r3));
    assert!(r2.contains(r3) && !r3.contains(r2));
    assert!(r4.contains(r1) && r2.contains(r4));
    assert!(r5.contains(r1) && !r1.contains(r5));
}

/// Mirrors: ResourcesTest.RangesAddition
/// Mirrors: ResourcesTest.RangesAddition2
/// Mirrors: ResourcesTest.RangesAddition3
/// Mirrors: ResourcesTest.RangesAddition4
/// Mirrors: ValuesTest.RangesAddition
#[test]
fn added_ranges_merge() {
    for (left, right, merged) in [
        (
            "[20000-40000]",
            "[30000-50000, 10000-20000]",
            "[10000-50000]",
        ),
        ("[1-10, 5-30, 50-60]", "[1-65, 70-80]", "[1-65, 70-80]"),
        ("[1-2]", "[3-4]", "[1-4]"),
        ("[7-8]", "[5-6]", "[5-8]"),
        ("[1-4, 9-10, 20-22, 26-30]", "[5-8, 23-25]", "[1-10, 20-30]"),
    ] {
        let total = parse(&format!("ports:{left}")) + parse(&format!("ports:{right}"));
        assert_eq!(
            total.ports().map(|ports| ports.to_string()).as_deref(),
            Some(merged)
        );
    }
}

/// Mirrors: ResourcesTest.RangesSubtraction
/// Mirrors: ResourcesTest.RangesSubtraction1
/// Mirrors: ResourcesTest.RangesSubtraction2
/// Mirrors: ResourcesTest.RangesSubtraction3
/// Mirrors: ResourcesTest.RangesSubtraction5
/// Mirrors: ResourcesTest.RangesSubtraction6
/// Mirrors: ValuesTest.RangesSubtraction
#[test]
fn subtracted_ranges_split() {
    for (left, right, rest) in [
        (
            "[20000-40000]",
            "[10000-20000, 30000-50000]",
            "[20001-29999]",
        ),
        ("[50000-60000]", "[50000-50001]", "[50002-60000]"),
        ("[50000-60000]", "[50000-50000]", "[50001-60000]"),
        (
            "[1-10, 20-30, 40-50]",
            "[2-9, 15-45, 48-50]",
            "[1-1, 10-10, 46-47]",
        ),
        ("[1-10]", "[11-20]", "[1-10]"),
    ] {
        let left = parse(&format!("ports:{left}")) - &parse(&format!("ports:{right}"));
        assert_eq!(
            left.ports().map(|ports| ports.to_string()).as_deref(),
            Some(rest)
        );
    }
}

/// Mirrors: ResourcesTest.RangesSubtraction4
#[test]
fn ranges_less_themselves_are_gone() {
    let ports = parse("ports:[50000-60000]");

    let left = &ports - &parse("ports:[50000-60000]");

    assert!(left.is_empty());
    assert_eq!(left.ports(), None);
}

/// Mirrors: ResourcesTest.SetEquals
/// Mirrors: ResourcesTest.SetSubset
/// Mirrors: ResourcesTest.SetAddition
/// Mirrors: ResourcesTest.SetSubtraction
/// Mirrors: ValuesTest.SetSubtraction
#[test]
fn sets_are_sets() {
    let all = parse("disks:{sda1,sda3,sda4,sda2}");
    let some = parse("disks:{sda1,sda2}");
    assert_eq!(some, parse("disks:{sda2,sda1}"));
    assert!(all.contains(&some) && !some.contains(&all));
    let items = |resources: &Resources| resources.set("disks").map(|set| set.len());
    assert_eq!(items(&(&all + &some)), Some(4));
    let left = parse("disks:{sda1,sda2,sda3,sda4}") - &parse("disks:{sda2,sda3,sda4}");
    assert_eq!(left, parse("disks:{sda1}"));
}

/// Mirrors: ResourcesTest.EmptyUnequal
/// Mirrors: ResourcesTest.InitializedIsEmpty
#[test]
fn nothing_is_only_equal_to_nothing() {
    assert!(Resources::new().is_empty());
    assert_ne!(Resources::new(), parse("cpus:2"));
    assert_eq!(Resources::new(), parse(""));
}

/// Mirrors: ResourcesTest.PrecisionSimple
/// Mirrors: ResourcesTest.PrecisionLost
/// Mirrors: ResourcesTest.PrecisionRounding
#[test]
fn amounts_are_kept_in_thousandths() {
    for (given, kept) in [("1.001", 1.001), ("1.5011", 1.501), ("1.5015", 1.502)] {
        let cpu = parse(&format!("cpus:{given}"));
        assert_eq!(cpu.cpus().map(Scalar::to_f64), Some(kept));

        let same = &cpu + &cpu + &cpu - &cpu - &cpu;

        assert_eq!(same, cpu);
        assert_eq!(same.cpus().map(Scalar::to_f64), Some(kept));
        assert_eq!(cpu, &cpu - &parse("cpus:0"));
    }
}

/// Mirrors: ResourcesTest.PrecisionManyOps
/// Mirrors: ResourcesTest.PrecisionManyConsecutiveOps
#[test]
fn many_operations_lose_nothing() {
    let start = parse("cpus:1.001");
    let mut current = start.clone();

    for _ in 0..100_000 {
        current += &start;
    }
    for _ in 0..100_000 {
        current -= &start;
    }

    assert_eq!(current, start);
    for _ in 0..2500 {
        current = &current + &current + &current - &current - &current;
    }
    assert_eq!(current.cpus().map(Scalar::to_f64), Some(1.001));
}

/// Mirrors: ResourcesTest.VerySmallValue
/// Mirrors: ResourcesTest.AbsentResources
#[test]
fn zero_vanishes_and_almost_zero_is_refused() {
    assert!(Resources::parse("cpus:0.00001").is_err());
    assert!(parse("gpus:0").is_empty());
}

/// Mirrors: ResourcesTest.ShrinkToQuantities
#[test]
fn shrinking_to_quantities_drops_what_has_none() {
    let shrink = |resources: &Resources, target: &str| {
        let target = crate::resource_quantities::ResourceQuantities::parse(target).expect("target");
        shrink_to_quantities(resources, &target, &mut |_| {})
    };
    let both = parse("cpus:2;mem:20");
    assert!(shrink(&Resources::new(), "cpus:1").is_empty());
    assert!(shrink(&both, "").is_empty());
    assert_eq!(
        shrink(&both, "cpus:1;mem:10;disk:10"),
        parse("cpus:1;mem:10")
    );
    assert_eq!(shrink(&both, "cpus:1"), parse("cpus:1"));

    let mount = Resources::from(disk_from(
        Some(source(DiskSourceKind::Mount, "mnt")),
        "10",
        "role",
        "",
        "",
    ));
    let larger = Resources::from(disk_from(
        Some(source(DiskSourceKind::Mount, "mnt")),
        "20",
        "role",
        "",
        "",
    ));
    assert!(shrink(&larger, "disk:10").is_empty());
    let target = crate::resource_quantities::ResourceQuantities::parse("disk:10").expect("target");
    let pieces = parse("disk:10") + &mount;
    let kept = shrink_to_quantities(&pieces, &target, &mut |_| {});
    let other = shrink_to_quantities(&pieces, &target, &mut |items| items.reverse());
    assert_ne!(kept, other);
}

/// Mirrors: ResourcesTest.ShrinkToLimits
#[test]
fn shrinking_to_limits_keeps_what_has_none() {
    let shrink = |resources: &Resources, target: &str| {
        let target = crate::resource_quantities::ResourceLimits::parse(target).expect("target");
        shrink_to_limits(resources, &target, &mut |_| {})
    };
    let both = parse("cpus:2;mem:20");
    assert!(shrink(&Resources::new(), "cpus:1").is_empty());
    assert_eq!(shrink(&both, ""), both);
    assert_eq!(
        shrink(&both, "cpus:1;mem:10;disk:10"),
        parse("cpus:1;mem:10")
    );
    assert_eq!(shrink(&both, "cpus:1"), parse("cpus:1;mem:20"));
    let mount = Resources::from(disk_from(
        Some(source(DiskSourceKind::Mount, "mnt")),
        "20",
        "role",
        "",
        "",
    ));
    assert!(shrink(&mount, "disk:10").is_empty());
    let target = crate::resource_quantities::ResourceLimits::parse("disk:10").expect("target");
    let pieces = parse("disk:10")
        + Resources::from(disk_from(
            Some(source(DiskSourceKind::Mount, "m")),
            "10",
            "role",
            "",
            "",
        ));
    let kept = shrink_to_limits(&pieces, &target, &mut |_| {});
    let other = shrink_to_limits(&pieces, &target, &mut |items| items.reverse());
    assert_ne!(kept, other);
}

/// Mirrors: ResourcesTest.ContainsResourceQuantities
#[test]
fn quantities_count_numbers_items_and_all_roles() {
    let contains = |resources: &str, quantities: &str| {
        let quantities =
            crate::resource_quantities::ResourceQuantities::parse(quantities).expect("quantities");
        parse(resources).contains_quantities(&quantities)
    };
    assert!(contains("", "") && contains("cpus:1", "") && !contains("", "cpus:1"));
    assert!(contains("cpus:2", "cpus:1") && contains("cpus:1", "cpus:1"));
    assert!(!contains("cpus:0.5", "cpus:1"));
    assert!(contains("ports:[1-2]", "ports:2") && !contains("ports:[1-1]", "ports:2"));
    assert!(contains("features:{a,b}", "features:2") && !contains("features:{a}", "features:2"));
    let wanted = "cpus:3;ports:3;features:3";
    assert!(contains(
        "cpus:3;ports:[1-3];features:{a,b,c};mem:10",
        wanted
    ));
    assert!(!contains("cpus:1;ports:[1-3];features:{a,b,c}", wanted));
    assert!(!contains("cpus:3;ports:[1-3]", wanted));
    assert!(!contains("cpus(role1):2", "cpus:3"));
    assert!(contains("cpus(role1):2;cpus:1", "cpus:3"));
    assert!(contains("ports(role):[1-10];ports:[20-25]", "ports:12"));
}
