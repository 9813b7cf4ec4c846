//! The weighted shuffle.

use super::*;

fn places(bench: &mut Bench, clients: &[&str], runs: u32) -> Vec<Vec<f64>> {
    let mut counts = vec![vec![0u32; clients.len()]; clients.len()];
    for _ in 0..runs {
        for (place, client) in bench.order().iter().enumerate() {
            let index = clients
                .iter()
                .position(|one| one == client)
                .expect("a known client");
            counts[index][place] += 1;
        }
    }
    let part = |count: &u32| f64::from(*count) / f64::from(runs);
    counts
        .iter()
        .map(|row| row.iter().map(part).collect())
        .collect()
}

#[track_caller]
fn assert_near(actual: &[Vec<f64>], expected: &[&[f64]]) {
    for (row, wanted) in actual.iter().zip(expected) {
        for (chance, wanted) in row.iter().zip(*wanted) {
            assert!((chance - wanted).abs() < 0.05, "{actual:?}");
        }
    }
}

/// Mirrors: RandomSorterTest.ProbabilityDistribution
/// Mirrors: WeightedShuffleTest.ProbabilityDistribution
#[test]
fn heavier_clients_tend_to_come_first() {
    let mut bench = Bench::new(SorterKind::Random);
    let clients = ["0", "1", "2", "3", "4"];
    for (client, weight) in clients.iter().zip([1.0, 2.0, 3.0, 4.0, 5.0]) {
        bench.add(client);
        bench.weight(client, weight);
    }

    let chances = places(&mut bench, &clients, 2000);

    assert_near(
        &chances,
        &[
            &[0.07, 0.08, 0.12, 0.20, 0.54],
            &[0.13, 0.16, 0.20, 0.28, 0.23],
            &[0.20, 0.22, 0.24, 0.22, 0.12],
            &[0.27, 0.26, 0.23, 0.17, 0.07],
            &[0.33, 0.28, 0.21, 0.13, 0.04],
        ],
    );
}

/// Mirrors: RandomSorterTest.HierarchicalProbabilityDistribution
#[test]
fn chances_multiply_down_the_tree() {
    let mut bench = Bench::new(SorterKind::Random);
    let clients = ["a", "a/b", "c/d", "c/e"];
    for client in clients {
        bench.add(client);
    }
    for (path, weight) in [
        ("a", 1.0),
        ("a/b", 2.0),
        ("c", 2.0),
        ("c/d", 1.0),
        ("c/e", 2.0),
    ] {
        bench.weight(path, weight);
    }

    let chances = places(&mut bench, &clients, 10_000);

    assert_near(
        &chances,
        &[
            &[0.11, 0.15, 0.23, 0.51],
            &[0.22, 0.27, 0.30, 0.21],
            &[0.22, 0.27, 0.30, 0.21],
            &[0.44, 0.31, 0.18, 0.07],
        ],
    );
}
