//! Prints which tests of Mesos this repository carries over.
//!
//! `parity` prints every suite; `parity --suite NAME` lists what is missing in one.

use std::process::ExitCode;

use mesos_integration::parity::{self, report::Report};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let report = match parity::count() {
        Ok(report) => report,
        Err(error) => return fail(&format!("cannot count: {error}")),
    };
    let text = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => report.to_string(),
        ["--suite", name] => match missing(&report, name) {
            Some(text) => text,
            None => return fail(&format!("Mesos has no suite `{name}`")),
        },
        _ => return fail("usage: parity [--suite NAME]"),
    };
    println!("{text}");
    if report.faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    fail(&report.faults.join("\n"))
}

fn missing(report: &Report, name: &str) -> Option<String> {
    let rows: Vec<_> = report
        .rows
        .iter()
        .filter(|(suite, _)| suite.name == name)
        .collect();
    if rows.is_empty() {
        return None;
    }
    let lines: Vec<String> = rows
        .iter()
        .flat_map(|(suite, row)| {
            row.missing
                .iter()
                .map(|name| format!("{}.{name}", suite.name))
        })
        .collect();
    Some(if lines.is_empty() {
        "nothing is missing".to_owned()
    } else {
        lines.join("\n")
    })
}

fn fail(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::FAILURE
}
