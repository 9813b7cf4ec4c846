//! The text of `--help`.
//!
//! # Wire
//! The layout is that of Mesos: one entry a flag in the order of names, the help in one column.

use crate::flags::{Effect, FlagSet, Preset, Row};

/// Blanks between the longest name and the help.
const PAD: usize = 5;

/// The note on flags that are accepted without effect.
const NO_EFFECT: &str = "(accepted, no effect yet)";

/// The note on flags that are refused.
const REFUSED: &str = "(refused, not built yet)";

/// The usage text of a program.
///
/// `heading` replaces the line `Usage: <program> [options]`, `message` comes before all.
#[must_use]
pub fn usage<F: FlagSet>(program: &str, heading: Option<&str>, message: Option<&str>) -> String {
    let mut text = String::new();
    if let Some(message) = message {
        text.push_str(message);
        text.push_str("\n\n");
    }
    match heading {
        Some(heading) => text.push_str(heading),
        None => text.push_str(&format!("Usage: {program} [options]")),
    }
    text.push_str("\n\n");

    let defaults = F::defaults();
    let rows = F::rows();
    let names: Vec<_> = rows.iter().map(|row| name_column(row)).collect();
    let width = names.iter().map(String::len).max().unwrap_or(0) + PAD;
    for (row, name) in rows.iter().zip(names) {
        let mut column = format!("{name:width$}");
        for line in full_help(row, &defaults).split('\n') {
            text.push_str(&column);
            text.push_str(line);
            text.push('\n');
            column = " ".repeat(width);
        }
    }
    text
}

/// One flag in words, for generated documentation and for comparison with the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The name.
    pub name: &'static str,
    /// The type as Mesos' documentation names it.
    pub type_name: String,
    /// The default: `-` for none, `!` when required, `?` when it depends on the machine.
    pub default: String,
    /// The old name.
    pub old_name: Option<&'static str>,
    /// The help without the default.
    pub help: &'static str,
    /// Whether it does something.
    pub effect: Effect,
}

/// Describes every flag, in the order of names.
#[must_use]
pub fn describe<F: FlagSet>() -> Vec<Description> {
    let defaults = F::defaults();
    let describe_one = |row: &'static Row<F>| Description {
        name: row.name(),
        type_name: row.type_name(),
        default: match row.preset() {
            Preset::Unset => "-".to_owned(),
            Preset::Required => "!".to_owned(),
            Preset::Computed(_) => "?".to_owned(),
            Preset::Text(_) => row.print(&defaults).unwrap_or_default(),
        },
        old_name: row.old_name(),
        help: row.help(),
        effect: row.effect(),
    };
    F::rows().into_iter().map(describe_one).collect()
}

fn name_column<F>(row: &Row<F>) -> String {
    let one = |name: &str| {
        if row.is_boolean() {
            format!("--[no-]{name}")
        } else {
            format!("--{name}=VALUE")
        }
    };
    match row.old_name() {
        Some(old) => format!("  {}, {}", one(row.name()), one(old)),
        None => format!("  {}", one(row.name())),
    }
}

/// The help of a flag with its default and its state.
fn full_help<F>(row: &Row<F>, defaults: &F) -> String {
    let mut help = row.help().to_owned();
    match row.effect() {
        Effect::Works => {}
        Effect::NotYet => append(&mut help, NO_EFFECT),
        Effect::Refused => append(&mut help, REFUSED),
    }
    match row.preset() {
        Preset::Required | Preset::Unset => {}
        Preset::Text(_) | Preset::Computed(_) => {
            let value = row.print(defaults).unwrap_or_default();
            append(&mut help, &format!("(default: {value})"));
        }
    }
    help
}

fn append(help: &mut String, note: &str) {
    if !help.is_empty() && !help.ends_with('\n') {
        help.push(' ');
    }
    help.push_str(note);
}
