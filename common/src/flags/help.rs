//! The text of `--help`.
//!
//! # Wire
//! The layout is that of Mesos: one entry a flag in the order of names, the help in one column.

use crate::flags::{Effect, FlagSet, Preset, Row};

/// Blanks between the longest name and the help.
const PAD: usize = 5;

/// The note on flags that are accepted without effect.
const NO_EFFECT: &str = "(accepted, no effect yet)";

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
    if row.effect() == Effect::NotYet {
        append(&mut help, NO_EFFECT);
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
