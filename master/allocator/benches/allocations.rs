//! How long does the allocator take, and how does that grow with the cluster?
//!
//! Answers `HierarchicalAllocator_BENCHMARK_Test.DeclineOffers` and `.AddAndUpdateSlave`, with the
//! figures of C++ Mesos 1.11 on two cores beside it.
//!
//! `cargo bench -p mesos-allocator` prints tables and writes `allocator-cost.svg` into the target
//! folder; with `-- --check` it fails when a goal is missed.

#[path = "allocations/chart.rs"]
mod chart;
#[path = "allocations/cluster.rs"]
mod cluster;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use chart::Series;
use cluster::{Cluster, Shape, add_through_actor};

/// The allocator of the master.
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One line of the result.
struct Row {
    what: String,
    ours: f64,
    goal: Option<f64>,
    cpp: Option<f64>,
    unit: &'static str,
}

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    let rows = measure();
    let missed = print(&rows);
    let series = [
        Series {
            name: "agents",
            points: growth_with_agents(),
        },
        Series {
            name: "frameworks",
            points: growth_with_frameworks(),
        },
    ];
    for one in &series {
        println!("\n{:>12} {:>12}", one.name, "median ms");
        for (size, millis) in &one.points {
            println!("{size:>12} {millis:>12.2}");
        }
    }
    let file = chart::target_folder().join("allocator-cost.svg");
    match chart::write(&file, &series) {
        Ok(()) => println!("\nplotted in {}", file.display()),
        Err(error) => eprintln!("cannot write {}: {error}", file.display()),
    }
    if check && missed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn measure() -> Vec<Row> {
    // First, while memory that other measurements used cannot be used again.
    let memory = bytes_per_agent();
    let small = Shape {
        agents: 10_000,
        frameworks: 200,
        roles: 50,
    };
    let large = Shape {
        agents: 50_000,
        frameworks: 1_000,
        roles: 100,
    };
    let mut rows = vec![
        full_run(
            "full run, 10,000 agents, 200 frameworks, 50 roles",
            small,
            (20.0, 125.0),
        ),
        full_run(
            "full run, 50,000 agents, 1,000 frameworks, 100 roles",
            large,
            (150.0, 1120.0),
        ),
    ];
    let added = add_through_actor(large);
    rows.push(Row {
        what: "adding 50,000 agents until all are offered".to_owned(),
        ours: millis(added),
        goal: Some(1000.0),
        cpp: Some(6300.0),
        unit: "ms",
    });
    let one = one_agent_event(large);
    rows.push(Row {
        what: "one agent changes among 50,000".to_owned(),
        ours: one.as_secs_f64() * 1e6,
        goal: Some(1000.0),
        cpp: None,
        unit: "us",
    });
    rows.push(Row {
        what: "memory of one agent beyond its resources".to_owned(),
        ours: memory,
        goal: Some(6.0 * 1024.0),
        cpp: None,
        unit: "B",
    });
    let mut quota = Cluster::new(small);
    quota.set_quotas();
    rows.push(Row {
        what: "full run as the first, half of the roles with quota".to_owned(),
        ours: millis(median(&mut quota, 5)),
        goal: None,
        cpp: None,
        unit: "ms",
    });
    rows
}

fn full_run(what: &str, shape: Shape, (goal, cpp): (f64, f64)) -> Row {
    let mut cluster = Cluster::new(shape);
    let ours = millis(median(&mut cluster, 9));
    Row {
        what: what.to_owned(),
        ours,
        goal: Some(goal),
        cpp: Some(cpp),
        unit: "ms",
    }
}

fn print(rows: &[Row]) -> bool {
    println!(
        "{:<56} {:>10} {:>10} {:>8} {:>10} {:>8}",
        "", "ours", "goal", "of goal", "C++ 1.11", "faster"
    );
    let mut missed = false;
    for row in rows {
        let cell = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.1}"));
        let part = row.goal.map(|goal| row.ours / goal);
        let faster = row.cpp.map(|cpp| cpp / row.ours);
        println!(
            "{:<56} {:>7.1} {:<2} {:>10} {:>8} {:>10} {:>8}",
            row.what,
            row.ours,
            row.unit,
            cell(row.goal),
            part.map_or(String::new(), |part| format!("{:.0} %", part * 100.0)),
            cell(row.cpp),
            faster.map_or(String::new(), |faster| format!("{faster:.1} x")),
        );
        missed |= part.is_some_and(|part| part > 1.0);
    }
    missed
}

/// The median time of full runs, each of which offers every agent to some framework.
fn median(cluster: &mut Cluster, runs: usize) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = now();
            let offers = cluster.run();
            let took = start.elapsed();
            cluster.decline(offers);
            took
        })
        .collect();
    times.sort_unstable();
    times.get(runs / 2).copied().unwrap_or_default()
}

fn growth_with_agents() -> Vec<(usize, f64)> {
    [5_000, 10_000, 20_000, 40_000]
        .map(|agents| {
            let mut cluster = Cluster::new(Shape {
                agents,
                frameworks: 200,
                roles: 50,
            });
            (agents, millis(median(&mut cluster, 5)))
        })
        .to_vec()
}

fn growth_with_frameworks() -> Vec<(usize, f64)> {
    [100, 500, 1_000, 5_000]
        .map(|frameworks| {
            let mut cluster = Cluster::new(Shape {
                agents: 10_000,
                frameworks,
                roles: 50,
            });
            (frameworks, millis(median(&mut cluster, 5)))
        })
        .to_vec()
}

/// An agent's resources change, and the run that follows.
fn one_agent_event(shape: Shape) -> Duration {
    let mut cluster = Cluster::new(shape);
    let offers = cluster.run();
    cluster.decline(offers);
    let mut times: Vec<Duration> = (0..100)
        .map(|number| {
            let start = now();
            cluster.grow_agent(number);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times.get(50).copied().unwrap_or_default()
}

/// Agents that share one set of resources leave only the allocator's own memory.
fn bytes_per_agent() -> f64 {
    let agents: u32 = 50_000;
    let before = cluster::resident_bytes();
    let cluster = Cluster::new(Shape {
        agents: 50_000,
        frameworks: 1,
        roles: 1,
    });
    let grown = cluster::resident_bytes().saturating_sub(before);
    drop(cluster);
    f64::from(u32::try_from(grown).unwrap_or(u32::MAX)) / f64::from(agents)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}
