//! `docs/flags.md`, made from the tables of flags.

use std::fmt::Write;
use std::path::Path;

use mesos_common::flags::{Description, Effect, FlagSet, describe};

use crate::commands::execute;

/// Set to anything, it makes the test write the file in place of comparing it.
const UPDATE: &str = "MESOS_UPDATE_DOCS";

const INTRODUCTION: &str = "\
# Flags

Made from the tables of flags by `MESOS_UPDATE_DOCS=1 cargo test -p mesos-cli documentation`; do not edit.

Each flag is given as `--name=value` or `--name value`, a boolean as `--name` or `--no-name`.
The master, the agent and the libraries also read `MESOS_NAME`; the master reads `MESOS_MASTER_NAME` and the agent `MESOS_AGENT_NAME` besides.
A value `file:///path` is replaced by what the file holds, except for flags of type `Path`.
The flags of master, agent and libraries are those of Mesos 1.11, with its names, types and defaults.
A flag marked *no effect yet* is accepted, and warned about when it is given.
A flag marked *refused* ends the program with an error.
";

fn section<F: FlagSet>(text: &mut String, title: &str, about: &str) {
    let flags = describe::<F>();
    let works = flags
        .iter()
        .filter(|flag| flag.effect == Effect::Works)
        .count();
    let _ = write!(
        text,
        "\n## {title}\n\n{about}\n{} flags, {works} of them with effect.\n\n\
         | Flag | Type | Default | What it does |\n|---|---|---|---|\n",
        flags.len()
    );
    for flag in flags {
        row(text, &flag);
    }
}

fn row(text: &mut String, flag: &Description) {
    let default = match flag.default.as_str() {
        "-" => String::new(),
        "!" => "required".to_owned(),
        "?" => "depends on the machine".to_owned(),
        "" => "empty".to_owned(),
        value => format!("`{}`", escape(value)),
    };
    let mut help = summary(flag.help);
    if let Some(old) = flag.old_name {
        let _ = write!(help, " Old name: `{old}`.");
    }
    match flag.effect {
        Effect::Works => {}
        Effect::NotYet => help.push_str(" *No effect yet.*"),
        Effect::Refused => help.push_str(" *Refused: not built yet.*"),
    }
    let _ = writeln!(
        text,
        "| `{}` | `{}` | {default} | {} |",
        flag.name,
        escape(&flag.type_name),
        escape(&help)
    );
}

/// The help in one line; examples and lists of forms stay in `--help`.
fn summary(help: &str) -> String {
    let lines = help
        .lines()
        .take_while(|line| *line != "Example:" && !line.starts_with("  "));
    let text = lines.collect::<Vec<_>>().join(" ");
    let text = text.trim();
    if text.ends_with('.') {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}

fn document() -> String {
    let mut text = INTRODUCTION.to_owned();
    section::<mesos_master::flags::Flags>(&mut text, "mesos master", "Also `mesos-master`.");
    section::<mesos_agent::flags::Flags>(&mut text, "mesos agent", "Also `mesos-agent`.");
    section::<execute::Flags>(
        &mut text,
        "mesos execute",
        "Also `mesos-execute`; no variables.",
    );
    section::<mesos_scheduler::flags::LibraryFlags>(
        &mut text,
        "Scheduler library, v1",
        "Variables only.",
    );
    section::<mesos_scheduler::flags::DriverFlags>(
        &mut text,
        "Scheduler driver, legacy",
        "Variables only.",
    );
    text
}

#[test]
fn the_documentation_of_flags_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/flags.md");
    let wanted = document();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &wanted).expect("docs/flags.md can be written");
    }

    let found = std::fs::read_to_string(&path).unwrap_or_default();

    let stale = wanted
        .lines()
        .zip(found.lines())
        .find(|(wanted, found)| wanted != found);
    assert!(
        stale.is_none() && wanted == found,
        "run `{UPDATE}=1 cargo test -p mesos-cli`: {stale:?}"
    );
}

/// Name and default of each flag of `mesos-execute`; `-` is none, `!` is required.
const EXECUTE: [(&str, &str); 29] = [
    ("appc_image", "-"),
    ("bounding_capabilities", "-"),
    ("checkpoint", "false"),
    ("command", "-"),
    ("containerizer", "mesos"),
    ("content_type", "protobuf"),
    ("docker_image", "-"),
    ("effective_capabilities", "-"),
    ("env", "-"),
    ("framework_capabilities", "-"),
    ("hadoop", "hadoop"),
    ("hdfs", "localhost:9000"),
    ("kill_after", "-"),
    ("master", "!"),
    ("name", "-"),
    ("networks", "-"),
    ("overwrite", "false"),
    ("package", "-"),
    ("partition_aware", "true"),
    ("principal", "-"),
    ("resources", "cpus:1;mem:128"),
    ("rlimits", "-"),
    ("role", "*"),
    ("secret", "-"),
    ("shell", "true"),
    ("task", "-"),
    ("task_group", "-"),
    ("tty", "false"),
    ("volumes", "-"),
];

#[test]
fn execute_has_the_flags_of_mesos() {
    let common: Vec<_> = describe::<mesos_scheduler::flags::DriverFlags>()
        .into_iter()
        .map(|flag| flag.name)
        .collect();

    let own: Vec<_> = describe::<execute::Flags>()
        .into_iter()
        .filter(|flag| !common.contains(&flag.name))
        .map(|flag| (flag.name, flag.default))
        .collect();

    let wanted: Vec<_> = EXECUTE
        .iter()
        .map(|(name, default)| (*name, (*default).to_owned()))
        .collect();
    assert_eq!(own, wanted);
}
