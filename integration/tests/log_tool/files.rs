//! What the tools do with files alone.

use super::{error, run};

fn arguments(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn initialize_makes_an_empty_log_vote_and_refuses_a_second_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = format!("--path={}", folder.path().join("log").display());

    let first = run(&arguments(&["initialize", &path]));
    let second = run(&arguments(&["initialize", &path]));
    let read = run(&arguments(&["read", &path]));

    assert_eq!(first.status.code(), Some(0), "{}", error(&first));
    assert_eq!(second.status.code(), Some(1));
    assert!(error(&second).contains("The log is not empty"));
    assert_eq!(read.status.code(), Some(0), "{}", error(&read));
    assert!(read.stdout.is_empty());
}

#[test]
fn usage_and_errors_go_to_standard_error_with_the_status_of_mesos() {
    let cases = [
        (vec![], 1, "Usage:"),
        (vec!["help"], 0, "Usage:"),
        (vec!["read", "--help"], 1, "Usage: read"),
        (vec!["read"], 1, "Missing required flag --path"),
        (vec!["initialize"], 1, "Missing required option --path"),
        (vec!["replica"], 1, "Missing required option --quorum"),
        (vec!["benchmark"], 1, "Missing required option --quorum"),
        (vec!["nothing"], 1, "Cannot find command 'nothing'"),
    ];

    for (words, status, text) in cases {
        let output = run(&arguments(&words));

        assert_eq!(output.status.code(), Some(status), "{words:?}");
        assert!(output.stdout.is_empty(), "{words:?}");
        assert!(
            error(&output).contains(text),
            "{words:?}: {}",
            error(&output)
        );
    }
}
