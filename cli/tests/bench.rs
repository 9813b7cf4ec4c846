//! `mesos bench` against a master that it starts itself.

use std::process::{Command, Output};

fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mesos"));
    for (variable, _) in std::env::vars_os() {
        let text = variable.to_string_lossy().to_lowercase();
        if text.starts_with("mesos_") || text.starts_with("libprocess_") {
            command.env_remove(variable);
        }
    }
    command
        .arg("bench")
        .args([
            "--agents=20",
            "--frameworks=2",
            "--tasks=41",
            "--state_reads=1",
        ])
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The value of a figure in a flat JSON object.
fn figure(output: &Output, name: &str) -> f64 {
    let text = String::from_utf8_lossy(&output.stdout);
    let (_, rest) = text.split_once(&format!("\"{name}\":")).expect(name);
    let number = rest.split([',', '}']).next().unwrap_or_default();
    number.parse().expect("a number")
}

#[test]
fn every_phase_leaves_its_figures() {
    let output = bench(&["--failover", "--json=-"]);

    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!((figure(&output, "agents") - 20.0).abs() < 1e-9);
    assert!((figure(&output, "tasks") - 41.0).abs() < 1e-9);
    for name in [
        "registrations_per_second",
        "registration_master_memory_mb",
        "idle_answer_p50_ms",
        "state_bytes",
        "state_seconds",
        "busy_state_seconds",
        "tasks_per_second",
        "task_p99_ms",
        "failover_seconds",
        "reregistrations_per_second",
    ] {
        assert!(figure(&output, name) > 0.0, "{name}");
    }
}

#[test]
fn a_requirement_that_is_not_met_fails_and_is_named() {
    let output = bench(&["--check=tasks>=41,agents>=21"]);

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        "agents is 20.000, required is at least 21\n"
    );
}
