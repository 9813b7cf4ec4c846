//! Laws of the algebra, over generated resources.

use super::*;

/// A seeded sequence of numbers.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn resource(&mut self) -> Resource {
        let size = (1 + self.below(20)).to_string();
        let role = ["*", "a", "a/b", "c"][usize::try_from(self.below(4)).expect("small")];
        let plain = |name: &str, value: &str| match role {
            "*" => one(&format!("{name}:{value}")),
            role => one(&format!("{name}({role}):{value}")),
        };
        match self.below(9) {
            0 | 1 => plain("cpus", &size),
            2 => plain("mem", &format!("{size}.{}", self.below(1000))),
            3 => {
                let begin = self.below(50);
                plain("ports", &format!("[{begin}-{}]", begin + self.below(20)))
            }
            4 => plain(
                "names",
                &format!("{{n{},m{}}}", self.below(4), self.below(4)),
            ),
            5 => plain("cpus", &size).into_revocable(),
            6 => disk_from(Some(source(DiskSourceKind::Path, "p")), &size, role, "", ""),
            7 => shared_disk(
                &(1 + self.below(2)).to_string(),
                "a",
                &self.below(2).to_string(),
            ),
            _ => plain("disk", &size),
        }
    }

    fn resources(&mut self) -> Resources {
        let count = self.below(7);
        (0..count).map(|_| self.resource()).collect()
    }
}

/// Only these add without overlap, so that sums can be undone.
fn is_countable(resource: &Resource) -> bool {
    resource.scalar().is_some()
}

#[test]
fn sums_do_not_depend_on_order() {
    let mut numbers = Numbers(1);
    for _ in 0..2000 {
        let (a, b, c) = (
            numbers.resources(),
            numbers.resources(),
            numbers.resources(),
        );

        assert_eq!(&a + &b, &b + &a);
        assert_eq!(&(&a + &b) + &c, &a + &(&b + &c));
        assert_eq!(&a + &Resources::new(), a);
    }
}

#[test]
fn differences_undo_sums() {
    let mut numbers = Numbers(2);
    for _ in 0..2000 {
        let a = numbers.resources().filter(is_countable);
        let b = numbers.resources().filter(is_countable);

        assert_eq!(&(&a + &b) - &b, a);
        assert!((&a - &(&a + &b)).is_empty());
    }
}

#[test]
fn what_is_contained_can_be_taken_out_and_put_back() {
    let mut numbers = Numbers(3);
    for _ in 0..2000 {
        let (a, b) = (numbers.resources(), numbers.resources());
        let total = &a + &b;
        assert!(total.contains(&a) && total.contains(&b));

        let left = &total - &a;

        assert!(total.contains(&left));
        assert_eq!(&left + &a, total);
        assert!(!left.iter().any(Resource::is_empty));
    }
}

/// Mirrors: `Resources_Scalar_Arithmetic_BENCHMARK_Test.Arithmetic`
/// Mirrors: `Resources_Ranges_BENCHMARK_Test.ArithmeticOverlapping`
#[test]
fn long_sums_of_scalars_and_overlapping_ranges_are_exact() {
    let step = parse("cpus:1;mem:128;gpus:0.001");
    let mut total = Resources::new();
    for n in 0..5000u64 {
        total += &step;
        total += &parse(&format!("ports:[{}-{}]", 3 * n, 3 * n + 4));
    }
    assert_eq!(
        total.ports().map(|ports| ports.to_string()).as_deref(),
        Some("[0-15001]")
    );

    for n in (0..5000u64).rev() {
        total -= &step;
        total -= &parse(&format!("ports:[{}-{}]", 3 * n, 3 * n + 4));
    }

    assert!(total.is_empty());
}

/// Mirrors: `Resources_Contains_BENCHMARK_Test.Contains`
#[test]
fn large_collections_contain_their_parts() {
    let all: Resources = (0..300)
        .map(|n| one(&format!("ports(role{n}):[1-2, 4-5, {}-{}]", 10 + n, 20 + n)))
        .collect();
    let half = all.filter(|item| {
        item.reservation_role()
            .is_some_and(|role| role.ends_with('0'))
    });

    assert!(all.contains(&all.clone()) && all.contains(&half) && !half.contains(&all));
    assert_eq!(half.len(), 30);
}

/// Mirrors: `Resources_Filter_BENCHMARK_Test.Filters`
#[test]
fn filters_part_the_whole() {
    let mut numbers = Numbers(4);
    for _ in 0..1000 {
        let all = numbers.resources();

        assert_eq!(all.reserved() + &all.unreserved(), all);
        assert_eq!(all.revocable() + &all.non_revocable(), all);
        assert_eq!(all.shared() + &all.non_shared(), all);
        assert_eq!(Resources::from_proto(&all.to_proto()).names(), all.names());
    }
}
