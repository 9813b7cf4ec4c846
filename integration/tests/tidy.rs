//! Rules of the house that no lint sees.
//!
//! Each test reads the files as they lie in the work tree, so the answer does not depend on a commit.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mesos_integration::parity::{self, repository};

/// One file of the repository.
struct Source {
    name: String,
    text: String,
}

impl Source {
    /// Lines with their numbers, up to the first test of the file.
    fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.is_test_file();
        self.text
            .lines()
            .enumerate()
            .take_while(move |(_, line)| !is_test && !line.starts_with("#[cfg(test)]"))
            .map(|(index, line)| (index + 1, line))
    }

    fn is_test_file(&self) -> bool {
        let name = self.name.as_str();
        ["/tests/", "/benches/", "/fuzz/"]
            .iter()
            .any(|part| name.contains(part))
            || name.ends_with("/tests.rs")
            || name.starts_with("integration/")
    }
}

fn source(root: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).expect("a source file is readable text");
    let name = path
        .strip_prefix(root)
        .expect("below the root")
        .display()
        .to_string();
    Source { name, text }
}

/// Every Rust file.
fn sources() -> Vec<Source> {
    let root = repository();
    let paths = parity::rust_sources(&root).expect("the repository can be listed");
    paths.into_iter().map(|path| source(&root, &path)).collect()
}

/// Every file with one of these endings, outside of build output.
fn files(endings: &[&str]) -> Vec<Source> {
    let root = repository();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be listed") {
            let path = entry.expect("an entry can be read").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                if name != ".git" && !name.starts_with("target") {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(source(&root, &path));
            }
        }
    }
    found
}

#[track_caller]
fn assert_none(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

#[test]
fn every_source_file_begins_with_its_purpose() {
    let faults: Vec<String> = sources()
        .into_iter()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.name)
        .collect();

    assert_none(
        "the first line of a source file is a `//!` sentence",
        &faults,
    );
}

#[test]
fn no_module_is_called_mod() {
    let faults: Vec<String> = sources()
        .into_iter()
        .filter(|source| source.name.ends_with("/mod.rs"))
        .map(|source| source.name)
        .collect();

    assert_none("a module is `x.rs` beside `x/`, never `x/mod.rs`", &faults);
}

#[test]
fn no_source_file_is_longer_than_600_lines_before_its_tests() {
    let length = |source: &Source| {
        source
            .text
            .lines()
            .take_while(|line| !line.starts_with("#[cfg(test)]"))
            .count()
    };
    let faults: Vec<String> = sources()
        .iter()
        .map(|source| (source, length(source)))
        .filter(|(_, lines)| *lines > 600)
        .map(|(source, lines)| format!("{}: {lines} lines", source.name))
        .collect();

    assert_none("a file holds one concept in at most 600 lines", &faults);
}

#[test]
fn no_actor_awaits_while_it_holds_itself() {
    let sources = sources();
    let actors: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| source.text.lines())
        .filter(|line| line.starts_with("impl"))
        .filter_map(|line| line.split_once(" Process for "))
        .map(|(_, name)| type_name(name))
        .collect();

    let mut faults = Vec::new();
    for source in &sources {
        let mut inside = false;
        for (number, line) in source.production() {
            if line.starts_with("impl") {
                let name = line.rsplit(" for ").next().unwrap_or(line);
                inside = actors.contains(type_name(name.trim_start_matches("impl").trim_start()));
            } else if inside && line.contains("async fn") && line.contains("&mut self") {
                faults.push(format!("{}:{number}", source.name));
            }
        }
    }

    assert!(
        !actors.is_empty(),
        "no actor was found: the rule looks for the wrong text"
    );
    assert_none(
        "an actor waits by re-entering, not in `async fn (&mut self)`",
        &faults,
    );
}

/// The name of a type without generics and what follows.
fn type_name(text: &str) -> &str {
    let generics = text
        .strip_prefix('<')
        .and_then(|rest| rest.split_once("> "));
    let text = generics.map_or(text, |(_, text)| text);
    text.split(['<', ' ', '{']).next().unwrap_or(text)
}

#[test]
fn only_libprocess_knows_actix() {
    let mut faults = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| !source.name.starts_with("libprocess/"))
    {
        for (number, line) in source.production() {
            if line.trim_start().starts_with("use actix") {
                faults.push(format!("{}:{number}", source.name));
            }
        }
    }

    assert_none("only libprocess imports actix", &faults);
}

/// Words of the wire that generated code brings along: messages, fields and values of `proto/`.
fn generated_words() -> BTreeSet<String> {
    files(&[".proto"])
        .iter()
        .flat_map(|source| {
            source
                .text
                .split(|c: char| !c.is_alphanumeric() && c != '_')
        })
        .filter(|word| word.to_ascii_lowercase().contains("slave"))
        .map(plain)
        .collect()
}

/// A word without its spelling: `slave_id`, `SlaveID` and `SLAVE_ID` are one.
fn plain(word: &str) -> String {
    word.to_ascii_lowercase().replace('_', "")
}

#[test]
fn the_old_word_for_agent_stands_only_for_a_promise() {
    let generated = generated_words();

    let mut faults = Vec::new();
    for source in sources() {
        let is_allowed = source.name.starts_with("proto/")
            || source.name == "common/src/wire.rs"
            || source.name == "agent/src/paths.rs";
        for (number, line) in source.production().filter(|_| !is_allowed) {
            if let Some(word) = old_word(line, &generated) {
                faults.push(format!("{}:{number}: {word}", source.name));
            }
        }
    }

    assert_none(
        "say agent; old words of wire, disk and JSON are constants in wire.rs",
        &faults,
    );
}

/// The first use of the old word in a line that nothing excuses.
fn old_word(line: &str, generated: &BTreeSet<String>) -> Option<String> {
    let line = line.trim();
    if line.contains("doc(alias") || line.contains("Mirrors") {
        return None;
    }
    let is_comment = line.starts_with("//");
    // A comment may name what it mirrors in C++, between backticks.
    let parts = line
        .split('`')
        .enumerate()
        .filter(|(index, _)| !is_comment || index % 2 == 0);
    parts
        .flat_map(|(_, part)| part.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|word| word.to_ascii_lowercase().contains("slave"))
        .find(|word| !generated.contains(&plain(word)))
        .map(str::to_owned)
}

#[test]
fn no_test_is_ignored_or_sleeps() {
    let harness = ["integration/src/eventually.rs", "integration/tests/tidy.rs"];

    let mut faults = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| !harness.contains(&source.name.as_str()))
    {
        let mut in_tests = source.is_test_file();
        for (index, line) in source.text.lines().enumerate() {
            in_tests |= line.starts_with("#[cfg(test)]");
            let code = line.trim();
            let sleeps = ["time::sleep(", "thread::sleep("]
                .iter()
                .any(|call| code.contains(call));
            if in_tests && (code.starts_with("#[ignore") || sleeps) {
                faults.push(format!("{}:{}: {code}", source.name, index + 1));
            }
        }
    }

    assert_none("tests wait for events and are chosen by profile", &faults);
}

#[test]
fn no_test_name_begins_with_test() {
    let mut faults = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            if pair[0] == "#[test]" && pair[1].starts_with("fn test_") {
                faults.push(format!("{}: {}", source.name, pair[1]));
            }
        }
    }

    assert_none("the name of a test is a claim", &faults);
}

#[test]
fn no_path_of_a_machine_and_no_private_registry_is_written_down() {
    let folders = ["main", "shared", "design", "target", ".mirror"];
    let paths = folders.map(|name| format!("/work/{name}"));
    let endings = [
        ".rs", ".toml", ".md", ".lock", ".proto", ".py", ".txt", "test", "run",
    ];

    let mut faults = Vec::new();
    for file in files(&endings) {
        for (index, line) in file.text.lines().enumerate() {
            let is_path = paths.iter().any(|path| line.contains(path));
            let is_registry = line.starts_with("source = ")
                && line != r#"source = "registry+https://github.com/rust-lang/crates.io-index""#;
            if is_path || is_registry {
                faults.push(format!("{}:{}: {line}", file.name, index + 1));
            }
        }
    }

    assert_none("the repository knows no machine", &faults);
}

#[test]
fn every_built_actor_in_the_ledger_has_its_file() {
    let root = repository();
    let ledger = fs::read_to_string(root.join("docs/actors.md")).expect("the ledger is readable");

    let mut faults = Vec::new();
    let mut rows = 0;
    for line in ledger.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, class, _, file, state, _] = cells[..] else {
            continue;
        };
        if class == "C++ class" || class.starts_with("---") {
            continue;
        }
        rows += 1;
        let state = state.trim_matches('*');
        let is_built = state.starts_with("works") || state.starts_with("partly");
        let is_known = is_built || state.starts_with("not yet") || state.starts_with("folded");
        let path = root.join(file.split('`').nth(1).unwrap_or(""));
        if !is_known {
            faults.push(format!("{class}: unknown state `{state}`"));
        } else if is_built && !path.is_file() {
            faults.push(format!("{class}: {file} does not exist"));
        }
    }

    assert!(
        rows > 100,
        "only {rows} rows: the ledger has another form than this test reads"
    );
    assert_none(
        "a row that says works or partly names a file that exists",
        &faults,
    );
}

#[test]
fn the_readme_shows_the_two_commands() {
    let readme = fs::read_to_string(repository().join("README.md")).expect("README is readable");
    let blocks: Vec<&str> = readme.split("```").skip(1).step_by(2).collect();

    let has = |text: &str| {
        blocks
            .iter()
            .any(|block| block.lines().any(|line| line.contains(text)))
    };

    assert!(
        has("dev --execute 'echo hello'"),
        "the command that runs a task is missing"
    );
    assert!(has("./test"), "the command that tests is missing");
}

#[test]
fn every_relative_link_of_the_documents_leads_somewhere() {
    let root = repository();

    let mut faults = Vec::new();
    for file in files(&[".md"]) {
        let folder = root
            .join(&file.name)
            .parent()
            .map(PathBuf::from)
            .unwrap_or_default();
        for link in file
            .text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = link.split('#').next().unwrap_or("");
            let is_relative = !path.is_empty() && !path.contains("://") && !path.contains(' ');
            if is_relative && fs::metadata(folder.join(path)).is_err() {
                faults.push(format!("{}: {link}", file.name));
            }
        }
    }

    assert_none("a link leads to a file of this repository", &faults);
}

#[test]
fn every_claim_to_mirror_a_test_of_mesos_holds() {
    let report = parity::count().expect("the data files are well formed");

    assert_none("claims and excuses name tests of Mesos", &report.faults);
}

#[test]
fn the_test_script_and_ci_are_executable() {
    use std::os::unix::fs::PermissionsExt as _;

    for name in ["test", ".ci/run"] {
        let mode = fs::metadata(repository().join(name))
            .expect(name)
            .permissions()
            .mode();
        assert_eq!(mode & 0o111, 0o111, "{name} is executable");
    }
}

#[test]
fn every_need_of_a_test_is_known_to_the_test_script() {
    let script = fs::read_to_string(repository().join("test")).expect("./test is readable");

    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.is_test_file()) {
        for line in source.text.lines().map(str::trim) {
            let need = line
                .strip_prefix("fn needs_")
                .or_else(|| line.strip_prefix("mod needs_"));
            let Some(need) = need else { continue };
            let need = need
                .split(|c: char| !c.is_ascii_lowercase())
                .next()
                .unwrap_or("");
            if !script.contains(&format!("have_{need}()")) {
                faults.push(format!("{}: needs_{need}", source.name));
            }
        }
    }

    assert_none("./test checks every need", &faults);
}
