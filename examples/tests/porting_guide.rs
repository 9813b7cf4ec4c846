//! The porting guide names only what is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The words of all code below a folder.
fn words_below(folder: &str, words: &mut BTreeSet<String>) {
    let mut pending = vec![root().join(folder)];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("a folder can be listed");
            pending.extend(entries.flatten().map(|entry| entry.path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a file can be read");
            words.extend(identifiers(&text).map(str::to_owned));
        }
    }
}

fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
        .filter(|word| word.len() > 2)
}

/// What a row of a table says of this project: the code after its first column.
fn our_code(row: &str) -> impl Iterator<Item = &str> {
    let ours = row
        .trim_matches('|')
        .split_once(" | ")
        .map_or("", |(_, rest)| rest);
    ours.split('`').skip(1).step_by(2)
}

#[test]
fn every_name_of_ours_is_in_the_libraries() {
    let guide = std::fs::read_to_string(root().join("docs/porting.md")).expect("the guide");
    let mut known = BTreeSet::new();
    for folder in ["scheduler/src", "executor/src", "libprocess/src"] {
        words_below(folder, &mut known);
    }
    // The macro and the operator of Rust that rows use.
    known.extend(["vec", "await", "match", "parse"].map(str::to_owned));

    let rows = guide.lines().filter(|line| line.starts_with("| "));
    let named: BTreeSet<&str> = rows.flat_map(our_code).flat_map(identifiers).collect();
    let unknown: Vec<_> = named
        .iter()
        .filter(|name| !known.contains(**name))
        .collect();

    assert!(named.len() > 80, "{named:?}");
    assert!(unknown.is_empty(), "{unknown:?}");
}
