//! The table of flags against the contract and against a recording of Mesos 1.11.

use std::collections::BTreeMap;

use mesos_common::flags::{FlagSet, Source, describe, load};
use mesos_master::flags::Flags;

/// Name, type, default and old name of each flag of Mesos.
const CONTRACT: &str = include_str!("data/flags.tsv");

/// The answer of `/flags` of a genuine master.
const RECORDED: &str = include_str!("data/flags.json");

/// What C++ Mesos does not have, see `docs/decisions`.
const OUR_OWN: [&str; 2] = ["json_aliases", "transport"];

#[test]
fn every_flag_of_the_contract_is_declared_with_its_type_and_default() {
    let ours: BTreeMap<_, _> = describe::<Flags>()
        .into_iter()
        .map(|flag| (flag.name, flag))
        .collect();

    let mut names = vec!["help"];
    for line in CONTRACT.lines().filter(|line| !line.starts_with('#')) {
        let [name, type_name, default, old_name] = line
            .split('\t')
            .collect::<Vec<_>>()
            .try_into()
            .expect("four columns");
        let flag = ours
            .get(name)
            .unwrap_or_else(|| panic!("--{name} is missing"));
        names.push(name);
        assert_eq!(flag.type_name, type_name, "type of --{name}");
        assert_eq!(
            flag.old_name.unwrap_or("-"),
            old_name,
            "old name of --{name}"
        );
        assert_eq!(flag.default, default, "default of --{name}");
    }
    names.extend(OUR_OWN);
    names.sort_unstable();
    assert_eq!(
        ours.into_keys().collect::<Vec<_>>(),
        names,
        "no flag of our own invention"
    );
}

#[test]
fn a_genuine_command_line_gives_the_recorded_flags() {
    let recorded: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_str(RECORDED).expect("recording is JSON");
    let recorded = &recorded["flags"];
    let arguments = [
        "--hostname=localhost",
        "--ip=127.0.0.1",
        "--port=15050",
        "--work_dir=/var/lib/mesos/master",
    ];

    let loading = load::<Flags>(&Source::arguments(arguments));

    let flags = loading.into_result().expect("loading should succeed");
    let ours: BTreeMap<String, String> = flags
        .stringified()
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text))
        .collect();
    assert_eq!(&ours, recorded);
}

#[test]
fn the_prefixes_of_master_and_agent_name_each_flag_once() {
    let names: Vec<_> = describe::<Flags>()
        .into_iter()
        .map(|flag| flag.name)
        .collect();

    for name in &names {
        for prefix in ["master_", "agent_"] {
            let Some(rest) = name.strip_prefix(prefix) else {
                continue;
            };
            assert!(
                !names.contains(&rest),
                "MESOS_{} is ambiguous",
                name.to_uppercase()
            );
        }
    }
}

#[track_caller]
fn refused(arguments: &[&str], text: &str) {
    let loading = load::<Flags>(&Source::arguments(arguments.iter().copied()));
    let error = loading.error.map(|error| error.to_string());
    let error = error.or_else(|| loading.flags.check().err().map(|error| error.to_string()));
    assert_eq!(error.as_deref(), Some(text), "{arguments:?}");
}

#[test]
fn a_value_that_breaks_a_rule_is_refused_with_the_text_of_mesos() {
    refused(
        &["--registry_strict"],
        "Support for '--registry_strict' has been disabled and will be removed in a future \
         version of Mesos",
    );
    refused(
        &["--registry=disk"],
        "'disk' is not a supported option for registry persistence",
    );
    refused(
        &["--agent_reregister_timeout=5mins"],
        "Invalid value '5mins' for --agent_reregister_timeout: Must be at least 10mins",
    );
    refused(
        &["--recovery_agent_removal_limit=50"],
        "Invalid value '50' for --recovery_agent_removal_percent_limit: missing '%'",
    );
    refused(
        &["--recovery_agent_removal_limit=101%"],
        "Invalid value '101%' for --recovery_agent_removal_percent_limit: Must be within [0%-100%]",
    );
    refused(
        &["--agent_removal_rate_limit=1"],
        "Invalid agent_removal_rate_limit: 1. Format is <Number of agents>/<Duration>",
    );
    refused(
        &["--agent_ping_timeout=16mins"],
        "Expected `--agent_ping_timeout` to be between 1secs and 15mins",
    );
    refused(
        &["--max_agent_ping_timeouts=0"],
        "Expected `--max_agent_ping_timeouts` to be at least 1",
    );
    refused(&["--domain={}"], "`domain` must define `fault_domain`");
}

#[test]
fn flags_that_do_not_go_together_are_both_named() {
    refused(
        &["--ip=1.2.3.4", "--ip_discovery_command=x"],
        "Only one of `--ip` or `--ip_discovery_command` should be specified",
    );
    refused(
        &["--master_detector=x"],
        "Both --master_contender and --master_detector should be specified or omitted.",
    );
    refused(
        &["--zk=zk://h/x", "--master_detector=x"],
        "Only one of --zk or the --master_contender/--master_detector pair should be specified.",
    );
    refused(&[], "--work_dir needed for replicated log based registry");
    refused(
        &["--work_dir=/w", "--zk=zk://h/x"],
        "Need to specify --quorum for replicated log based registry when using ZooKeeper",
    );
}

#[test]
fn json_flags_are_read_as_their_message() {
    let flags = load::<Flags>(&Source::arguments([
        r#"--domain={"fault_domain": {"zone": {"name": "z"}, "region": {"name": "r"}}}"#,
        r#"--rate_limits={"limits": [{"principal": "p", "qps": 2.5}]}"#,
    ]))
    .into_result()
    .expect("loading should succeed");

    let limits = flags.rate_limits.as_ref().expect("given").message();
    assert_eq!(
        limits.limits.first().map(|limit| limit.principal()),
        Some("p")
    );
    assert_eq!(
        flags.stringified()["domain"],
        r#"{"fault_domain":{"region":{"name":"r"},"zone":{"name":"z"}}}"#
    );
}

#[test]
fn json_of_another_shape_is_refused() {
    refused(
        &["--acls=[]"],
        "Failed to load flag 'acls': Failed to load value '[]': Expecting a JSON object",
    );
}
