//! The flags engine, told by examples.

use std::fs;
use std::time::Duration;

use super::*;
use crate::bytes::ByteSize;

const ROWS: &[Row<Sample>] = &[
    crate::flag!(Sample.name1 = "ben folds", "Set name1"),
    crate::flag!(Sample.name2 = "42", "Set name2"),
    crate::flag!(Sample.name3 = "false", "Set name3"),
    crate::flag!(Sample.name4, "Set name4"),
    crate::flag!(Sample.name5, "Set name5"),
];

crate::flag_struct! {
    /// The flags of most tests here.
    struct Sample {
        name1: String,
        name2: i32,
        name3: bool,
        name4: Option<bool>,
        name5: Option<bool>,
    }
    groups: [ROWS]
}

const TYPED: &[Row<Typed>] = &[
    crate::flag!(Typed.duration = "10mins", "A duration.\n"),
    crate::flag!(Typed.memory = "4096B", "Bytes").alias("ram"),
    crate::flag!(Typed.count = "3", "At most five.").rule(at_most_five),
    crate::flag!(Typed.switch = "true", "A switch.").alias("old_switch"),
    crate::flag!(Typed.object, "An object."),
    crate::flag!(Typed.secret, "A secret."),
    crate::flag!(Typed.path, "A path."),
    crate::flag!(Typed.words, "Words."),
    crate::flag!(Typed.numbers, "Numbers."),
    crate::flag!(Typed.rare = "1", "Rare.").optional_build(),
    crate::flag!(Typed.idle, "Idle.").not_yet(),
    crate::flag!(Typed.missing, "Missing.").refused(),
];

crate::flag_struct! {
    /// One flag of each type.
    struct Typed {
        duration: Duration,
        memory: ByteSize,
        count: usize,
        switch: bool,
        object: Option<JsonObject>,
        secret: Option<SecureValue>,
        path: Option<std::path::PathBuf>,
        words: Option<std::collections::BTreeSet<String>>,
        numbers: Option<Vec<u32>>,
        rare: u16,
        idle: Option<String>,
        missing: Option<String>,
    }
    groups: [TYPED, &logging_rows::<Typed>()]
}

const NEEDY: &[Row<Needy>] = &[crate::flag!(Needy.needed = required, "Needed.")];

crate::flag_struct! {
    /// One required flag.
    struct Needy {
        needed: String,
    }
    groups: [NEEDY]
}

crate::flag_struct! {
    /// No flag at all.
    struct Empty {}
    groups: []
}

fn at_most_five(flags: &Typed) -> Result<(), String> {
    if flags.count > 5 {
        Err("Expected `--count` to be at most 5".to_owned())
    } else {
        Ok(())
    }
}

fn from_arguments<F: FlagSet>(arguments: &[&str]) -> Loading<F> {
    load(&Source::arguments(arguments.iter().copied()))
}

#[track_caller]
fn error<F: FlagSet>(arguments: &[&str]) -> String {
    let loading = from_arguments::<F>(arguments);
    loading.error.expect("loading should fail").to_string()
}

#[track_caller]
fn typed(arguments: &[&str]) -> Typed {
    from_arguments(arguments)
        .into_result()
        .expect("loading should succeed")
}

#[track_caller]
fn is_loaded(loading: Loading<Sample>) {
    assert!(loading.warnings.is_empty());
    let flags = loading.into_result().expect("loading should succeed");
    assert_eq!(flags.name1, "billy joel");
    assert_eq!(flags.name2, 43);
    assert!(!flags.name3);
    assert_eq!(flags.name4, Some(false));
    assert_eq!(flags.name5, Some(true));
}

/// Mirrors: FlagsTest.Load
/// Mirrors: FlagsTest.Add
/// Mirrors: FlagsTest.Flags
/// Mirrors: FlagsTest.LoadFromCommandLine
#[test]
fn flags_are_read_from_the_command_line() {
    let loading = from_arguments(&[
        "--name1=billy joel",
        "--name2=43",
        "--no-name3",
        "--no-name4",
        "--name5",
    ]);

    is_loaded(loading);
}

/// Mirrors: FlagsTest.LoadFromEnvironment
#[test]
fn flags_are_read_from_the_environment() {
    let source = Source::default()
        .with_prefix("FLAGSTEST_")
        .with_environment([
            ("FLAGSTEST_name1", "billy joel"),
            ("FLAGSTEST_NAME2", "43"),
            ("FLAGSTEST_no-name3", ""),
            ("FLAGSTEST_no-name4", ""),
            ("FLAGSTEST_name5", ""),
            ("FLAGSTEST_unknown", "ignored"),
            ("name1", "ignored"),
        ]);

    is_loaded(load(&source));
}

/// Mirrors: FlagsTest.LoadFromCommandLineWithNonFlags
/// Mirrors: FlagsTest.LoadFromCommandLineAndUpdateArgcArgv
#[test]
fn words_that_are_no_flags_are_kept_in_order() {
    let loading = from_arguments::<Sample>(&[
        "more",
        "--name1=billy joel",
        "stuff",
        "at",
        "--name2=43",
        "--no-name3",
        "--no-name4",
        "--name5",
        "the",
        "end",
    ]);

    assert_eq!(loading.rest, ["more", "stuff", "at", "the", "end"]);
    is_loaded(loading);
}

/// Mirrors: FlagsTest.LoadFromCommandLineWithDashDash
#[test]
fn reading_ends_at_two_dashes() {
    let loading = from_arguments::<Sample>(&["more", "--name1=a", "--", "--name2=43", "end"]);

    assert_eq!(loading.rest, ["more", "--name2=43", "end"]);
    let flags = loading.into_result().expect("loading should succeed");
    assert_eq!((flags.name1.as_str(), flags.name2), ("a", 42));
}

#[test]
fn a_value_may_be_the_next_argument() {
    let loading = from_arguments::<Sample>(&["--name1", "billy joel", "--name2", "-7", "end"]);

    assert_eq!(loading.rest, ["end"]);
    let flags = loading.into_result().expect("loading should succeed");
    assert_eq!((flags.name1.as_str(), flags.name2), ("billy joel", -7));
}

#[test]
fn a_boolean_never_takes_the_next_argument() {
    let loading = from_arguments::<Sample>(&["--name3", "false", "--no-name4", "true"]);

    assert_eq!(loading.rest, ["false", "true"]);
    let flags = loading.into_result().expect("loading should succeed");
    assert!(flags.name3);
    assert_eq!(flags.name4, Some(false));
}

#[test]
fn a_flag_is_never_the_value_of_the_flag_before_it() {
    assert_eq!(
        error::<Sample>(&["--name1", "--name3"]),
        "Failed to load non-boolean flag 'name1': Missing value"
    );
}

/// Mirrors: FlagsTest.DuplicatesFromEnvironment
#[test]
fn the_command_line_wins_over_the_environment() {
    let source = Source::arguments(["--name2=1"])
        .with_prefix("P_")
        .with_environment([("P_NAME2", "2"), ("P_NAME1", "env")]);

    let flags: Sample = load(&source).into_result().expect("loading should succeed");

    assert_eq!((flags.name2, flags.name1.as_str()), (1, "env"));
}

#[test]
fn the_prefix_of_one_program_wins_over_the_common_one() {
    let source = Source::default()
        .with_prefix("MESOS_")
        .with_prefix("MESOS_MASTER_")
        .with_environment([("MESOS_MASTER_NAME2", "2"), ("MESOS_NAME2", "1")]);

    let flags: Sample = load(&source).into_result().expect("loading should succeed");

    assert_eq!(flags.name2, 2);
}

/// Mirrors: FlagsTest.Stringification
#[test]
fn flags_print_as_text() {
    let flags = typed(&[
        "--memory=3GB",
        "--words=b,a",
        "--numbers=1,2",
        "--object={\"k\": 1.0}",
    ]);

    let texts = flags.stringified();

    assert_eq!(texts["memory"], "3GB");
    assert_eq!(texts["duration"], "10mins");
    assert_eq!(texts["switch"], "true");
    assert_eq!(texts["words"], "{ a, b }");
    assert_eq!(texts["numbers"], "[ 1, 2 ]");
    assert_eq!(texts["object"], "{\"k\":1.0}");
    assert!(!texts.contains_key("secret"), "unset flags are left out");
    assert!(
        !texts.contains_key("rare"),
        "flags of optional builds are left out"
    );
}

#[test]
fn a_given_flag_of_an_optional_build_is_printed() {
    assert_eq!(typed(&["--rare=2"]).stringified()["rare"], "2");
}

#[test]
fn the_log_line_quotes_each_value() {
    let flags = Sample::default();

    assert_eq!(
        flags.log_line(),
        r#"--help="false" --name1="ben folds" --name2="42" --name3="false""#
    );
}

/// Mirrors: FlagsTest.Alias
/// Mirrors: FlagsTest.EffectiveName
/// Mirrors: FlagsTest.DeprecationWarning
#[test]
fn an_old_name_works_with_a_warning_and_is_shown() {
    let loading = from_arguments::<Typed>(&["--ram=1MB", "--no-old_switch"]);

    let warnings: Vec<_> = loading.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "Loaded deprecated flag 'old_switch'",
            "Loaded deprecated flag 'ram'"
        ]
    );
    let flags = loading.into_result().expect("loading should succeed");
    assert_eq!(flags.memory, ByteSize::from_megabytes(1));
    assert!(!flags.switch);
    assert_eq!(flags.stringified()["ram"], "1MB");
    assert!(!flags.stringified().contains_key("memory"));
}

/// Mirrors: FlagsTest.DuplicatesFromCommandLine
#[test]
fn a_repeated_flag_is_an_error() {
    assert_eq!(
        error::<Sample>(&["--name1=a", "--name1=b"]),
        "Flag 'name1' is already loaded via name 'name1'"
    );
    assert_eq!(
        error::<Sample>(&["--name3", "--no-name3"]),
        "Flag 'name3' is already loaded via name 'name3'"
    );
}

/// Mirrors: FlagsTest.AliasDuplicateFromCommandLine
#[test]
fn a_flag_and_its_old_name_together_are_an_error() {
    assert_eq!(
        error::<Typed>(&["--memory=1MB", "--ram=1MB"]),
        "Flag 'ram' is already loaded via name 'memory'"
    );
}

#[test]
fn an_old_name_in_the_environment_clashes_with_the_name_on_the_command_line() {
    let source = Source::arguments(["--memory=1MB"])
        .with_prefix("P_")
        .with_environment([("P_RAM", "2MB")]);

    let error = load::<Typed>(&source).error.expect("loading should fail");

    assert_eq!(
        error.to_string(),
        "Flag 'ram' is already loaded via name 'memory'"
    );
}

/// Mirrors: FlagsTest.Errors
#[test]
fn each_error_has_the_text_of_mesos() {
    for (argument, text) in [
        ("--foo=1", "Failed to load unknown flag 'foo'"),
        ("--no-foo", "Failed to load unknown flag 'foo' via 'no-foo'"),
        (
            "--name3=ture",
            "Failed to load flag 'name3': Failed to load value 'ture': Expecting a boolean (e.g., true or false)",
        ),
        (
            "--no-name1",
            "Failed to load non-boolean flag 'name1' via 'no-name1'",
        ),
        (
            "--no-name3=x",
            "Failed to load boolean flag 'name3' via 'no-name3' with value 'x'",
        ),
        (
            "--name1",
            "Failed to load non-boolean flag 'name1': Missing value",
        ),
        (
            "--name2=x",
            "Failed to load flag 'name2': Failed to load value 'x': Failed to convert into required type",
        ),
        (
            "--name2=",
            "Failed to load flag 'name2': Failed to load value '': Failed to convert into required type",
        ),
    ] {
        assert_eq!(error::<Sample>(&[argument]), text);
    }
}

#[test]
fn an_empty_value_makes_a_boolean_true() {
    let flags: Sample = from_arguments(&["--name3=", "--name4=1"])
        .into_result()
        .expect("loads");

    assert!(flags.name3);
    assert_eq!(flags.name4, Some(true));
}

#[test]
fn names_are_read_in_any_case() {
    let flags: Sample = from_arguments(&["--NAME2=7"]).into_result().expect("loads");

    assert_eq!(flags.name2, 7);
}

/// Mirrors: FlagsTest.MissingRequiredFlag
#[test]
fn a_required_flag_must_be_given() {
    assert_eq!(
        error::<Needy>(&[]),
        "Flag 'needed' is required, but it was not provided"
    );
    assert!(from_arguments::<Needy>(&["--needed=x"]).error.is_none());
}

/// Mirrors: FlagsTest.Validate
#[test]
fn a_rule_is_checked_after_loading() {
    assert_eq!(
        error::<Typed>(&["--count=6"]),
        "Expected `--count` to be at most 5"
    );
    assert!(from_arguments::<Typed>(&["--count=5"]).error.is_none());
}

/// Mirrors: FlagsTest.Duration
#[test]
fn durations_are_read_with_their_unit() {
    assert_eq!(
        typed(&["--duration=3mins"]).duration,
        Duration::from_secs(180)
    );
    assert_eq!(
        error::<Typed>(&["--duration=3"]),
        "Failed to load flag 'duration': Failed to load value '3': Invalid duration '3'"
    );
}

/// Mirrors: FlagsTest.JSON
#[test]
fn a_json_flag_wants_an_object() {
    let object = typed(&["--object={\"a\": {\"b\": 1}}"])
        .object
        .expect("given");

    assert_eq!(object.members()["a"]["b"], 1);
    assert_eq!(
        error::<Typed>(&["--object=[1]"]),
        "Failed to load flag 'object': Failed to load value '[1]': Unexpected JSON type parsed"
    );
}

/// Mirrors: FlagsFileTest.JSONFile
#[test]
fn a_json_flag_follows_a_bare_path_with_a_warning() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("object.json");
    fs::write(&path, "{\"a\": 1}").expect("written");

    let loading = from_arguments::<Typed>(&[&format!("--object={}", path.display())]);

    assert_eq!(
        loading.warnings,
        [Warning::BarePath {
            path: path.display().to_string()
        }]
    );
    let flags = loading.into_result().expect("loads");
    assert_eq!(flags.object.expect("given").members()["a"], 1);
}

/// Mirrors: FlagsFileTest.FilePrefix
#[test]
fn a_file_value_is_replaced_by_what_the_file_holds() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("value");
    fs::write(&path, "a b\n").expect("written");

    let flags: Sample = from_arguments(&[&format!("--name1=file://{}", path.display())])
        .into_result()
        .expect("loads");

    assert_eq!(flags.name1, "a b\n");
}

#[test]
fn a_missing_file_names_its_path() {
    assert_eq!(
        error::<Sample>(&["--name1=file:///no/such/file"]),
        "Failed to load flag 'name1': Failed to load value 'file:///no/such/file': \
         Error reading file '/no/such/file': No such file or directory"
    );
}

#[test]
fn a_path_is_not_read_and_a_secret_is_not_shown() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("secret").display().to_string();
    fs::write(&path, "zk://u:p@h/x").expect("written");

    let flags = typed(&[
        &format!("--path=file://{path}"),
        &format!("--secret=file://{path}"),
    ]);

    assert_eq!(flags.stringified()["path"], path);
    assert_eq!(flags.stringified()["secret"], path);
    assert_eq!(
        flags.secret.as_ref().expect("given").value(),
        "zk://u:p@h/x"
    );
    assert!(!format!("{flags:?}").contains("u:p"));
}

#[test]
fn a_flag_without_effect_is_warned_about() {
    let loading = from_arguments::<Typed>(&["--idle=x"]);

    assert_eq!(loading.warnings, [Warning::NoEffect { name: "idle" }]);
}

#[test]
fn a_flag_that_is_not_built_is_refused_when_given() {
    assert_eq!(
        error::<Typed>(&["--missing=x"]),
        "Flag 'missing' is not built yet"
    );
    let text = usage::<Typed>("program", None, None);
    assert!(
        text.contains("Missing. (refused, not built yet)\n"),
        "{text}"
    );
}

/// Mirrors: FlagsTest.Usage
#[test]
fn usage_lists_flags_in_columns() {
    assert_eq!(
        usage::<Sample>("program", None, None),
        "Usage: program [options]\n\
         \n\
         \x20 --[no-]help       Prints this help message (default: false)\n\
         \x20 --name1=VALUE     Set name1 (default: ben folds)\n\
         \x20 --name2=VALUE     Set name2 (default: 42)\n\
         \x20 --[no-]name3      Set name3 (default: false)\n\
         \x20 --[no-]name4      Set name4\n\
         \x20 --[no-]name5      Set name5\n"
    );
}

/// Mirrors: FlagsTest.EmptyUsage
/// Mirrors: FlagsTest.ProgramName
#[test]
fn usage_of_a_program_without_flags_names_the_program_and_help() {
    assert_eq!(
        usage::<Empty>("TestProgram", None, None),
        "Usage: TestProgram [options]\n\n\
         \x20 --[no-]help     Prints this help message (default: false)\n"
    );
}

/// Mirrors: FlagsTest.UsageMessage
/// Mirrors: FlagsTest.OptionalMessage
#[test]
fn usage_may_start_with_a_message_and_a_heading_of_its_own() {
    let text = usage::<Needy>("program", Some("This is a test"), Some("Good news:"));

    assert_eq!(
        text,
        "Good news:\n\nThis is a test\n\n\
         \x20 --[no-]help        Prints this help message (default: false)\n\
         \x20 --needed=VALUE     Needed.\n"
    );
}

#[test]
fn usage_shows_old_names_computed_state_and_defaults_on_their_own_line() {
    let text = usage::<Typed>("program", None, None);

    assert!(text.contains("  --memory=VALUE, --ram=VALUE"), "{text}");
    assert!(
        text.contains("  --[no-]switch, --[no-]old_switch"),
        "{text}"
    );
    assert!(text.contains("Idle. (accepted, no effect yet)\n"), "{text}");
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    assert!(lines.contains(&"(default: 10mins)"), "{text}");
}

/// Mirrors: FlagsTest.BuildEnvironment
#[test]
fn flags_are_handed_on_by_environment() {
    let flags: Sample = from_arguments(&["--name2=7"]).into_result().expect("loads");

    let environment = flags.environment("PREFIX_");

    assert_eq!(environment["PREFIX_NAME2"], "7");
    assert_eq!(environment["PREFIX_NAME1"], "ben folds");
    assert!(!environment.contains_key("PREFIX_NAME4"));
}
