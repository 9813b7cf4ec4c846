//! A flag says "no effect yet" exactly as long as no code reads it.

use std::fs;
use std::path::{Path, PathBuf};

use mesos_common::flags::{Effect, FlagSet, describe};

/// Flags that are read by macros or by rules alone, which the search does not see.
const READ_ELSEWHERE: [&str; 5] = [
    "help",
    "registry_strict",
    "quiet",
    "logging_level",
    "external_log_file",
];

/// The text of all production files below some folders, with chains of calls in one line.
fn sources(folders: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pending: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut text = String::new();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let is_table = path.ends_with("src/flags");
            let entries = fs::read_dir(&path).expect("a folder can be listed");
            pending.extend(
                entries
                    .filter(|_| !is_table)
                    .flatten()
                    .map(|entry| entry.path()),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("src/flags.rs")
        {
            let file = fs::read_to_string(&path).expect("a file can be read");
            let production = file
                .split("#[cfg(test)]\nmod tests {")
                .next()
                .unwrap_or(&file);
            text.push_str(&join_chains(production));
        }
    }
    text
}

fn join_chains(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    lines.fold(String::new(), |mut joined, line| {
        if !line.starts_with('.') {
            joined.push(' ');
        }
        joined.push_str(line);
        joined
    })
}

fn is_read(sources: &str, name: &str) -> bool {
    ["flags.", "flags().", "logging.", "logging()."]
        .iter()
        .any(|owner| {
            let access = format!("{owner}{name}");
            sources.match_indices(&access).any(|(start, _)| {
                let behind = sources[start + access.len()..].chars().next();
                !behind.is_some_and(|next| next.is_alphanumeric() || next == '_')
            })
        })
}

#[track_caller]
fn marks_are_true<F: FlagSet>(folders: &[&str]) {
    let sources = sources(folders);
    let wrong: Vec<_> = describe::<F>()
        .into_iter()
        .filter(|flag| !READ_ELSEWHERE.contains(&flag.name))
        .filter(|flag| match flag.effect {
            Effect::Works => !is_read(&sources, flag.name),
            Effect::NotYet => is_read(&sources, flag.name),
            // Its owner may refuse it once more.
            Effect::Refused => false,
        })
        .map(|flag| format!("--{} is marked {:?}", flag.name, flag.effect))
        .collect();
    assert!(
        wrong.is_empty(),
        "change the mark in the table of flags, then `MESOS_UPDATE_DOCS=1 cargo test -p mesos-cli`: {wrong:#?}"
    );
}

#[test]
fn the_marks_of_the_masters_flags_are_true() {
    let own = ["cli/src/commands/master.rs", "cli/src/logging.rs"];
    marks_are_true::<mesos_master::flags::Flags>(&[&own[..], &["master/src"]].concat());
}

#[test]
fn the_marks_of_the_agents_flags_are_true() {
    let own = ["cli/src/commands/agent.rs", "cli/src/logging.rs"];
    marks_are_true::<mesos_agent::flags::Flags>(&[&own[..], &["agent/src"]].concat());
}
