//! What the tools for a log refuse, and what they do once only.

use super::*;

fn refused_by(arguments: &[&str]) -> String {
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let (command, rest) = arguments.split_first().expect("a command");
    let (_, tool) = TOOLS
        .iter()
        .find(|(name, _)| name == command)
        .expect("a tool");
    tool(rest).expect_err("refused").to_string()
}

#[test]
fn a_missing_path_is_named_in_the_words_of_mesos() {
    let error = refused_by(&["read"]);

    assert!(error.starts_with("Missing required flag --path"), "{error}");
}

#[test]
fn a_log_is_initialized_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");

    initialize::initialize(path.clone(), None).expect("it is empty");
    let again = initialize::initialize(path, None).expect_err("it votes");

    assert_eq!(again.to_string(), "The log is not empty");
}
