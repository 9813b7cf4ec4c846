//! The launch helper reads its flags and builds its command.

use std::collections::BTreeMap;

use super::*;

fn flags(args: &[&str]) -> Vec<String> {
    args.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn argument_wins_over_environment() {
    let environment = BTreeMap::from([
        (
            "MESOS_CONTAINERIZER_RUNTIME_DIRECTORY".to_owned(),
            "/a".to_owned(),
        ),
        ("MESOS_CONTAINERIZER_PIPE_READ".to_owned(), "7".to_owned()),
    ]);

    let options = parse(&flags(&["launch", "--runtime_directory=/b"]), &environment);

    assert_eq!(
        options.expect("parsed"),
        Options {
            launch_info: None,
            runtime_directory: Some("/b".into()),
            pipe_read: Some(7),
            pipe_write: None,
        }
    );
}

#[test]
fn unknown_flag_is_named() {
    let outcome = parse(&flags(&["launch", "--colour=red"]), &BTreeMap::new());

    assert_eq!(
        outcome.expect_err("refused").to_string(),
        "failed to load unknown flag 'colour'"
    );
}

#[test]
fn pipe_must_be_a_number() {
    let outcome = parse(&flags(&["launch", "--pipe_read=x"]), &BTreeMap::new());

    assert_eq!(
        outcome.expect_err("refused").to_string(),
        "flag --pipe_read is not a descriptor: 'x'"
    );
}

#[test]
fn launch_without_command_is_refused() {
    let info = ContainerLaunchInfo::default();

    let outcome = command::build(&info);

    assert_eq!(
        outcome.expect_err("refused").to_string(),
        "launch command is not specified"
    );
}

#[test]
fn later_variable_wins_and_path_is_always_there() {
    let variable = |name: &str, value: &str| v1::environment::Variable {
        name: Some(name.to_owned()),
        value: Some(value.to_owned()),
        ..Default::default()
    };
    let given = v1::Environment {
        variables: vec![variable("A", "1"), variable("A", "2")],
        ..Default::default()
    };

    let variables = environment::variables(&given);

    assert_eq!(variables.get("A").map(String::as_str), Some("2"));
    assert_eq!(
        variables.get("PATH").map(String::as_str),
        Some(environment::DEFAULT_PATH)
    );
}
