//! The table of flags against the contract and against a recording of Mesos 1.11.

use std::collections::BTreeMap;

use mesos_agent::flags::Flags;
use mesos_common::flags::{FlagSet, Source, describe, load};

/// Name, type, default and old name of each flag of Mesos.
const CONTRACT: &str = include_str!("data/flags.tsv");

/// The answer of `/flags` of a genuine agent.
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
        let shown = if flag.default.is_empty() {
            "\"\""
        } else {
            &flag.default
        };
        assert_eq!(shown, default, "default of --{name}");
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
        "--port=15051",
        "--work_dir=/var/lib/mesos/agent",
        "--master=127.0.0.1:15050",
        "--attributes=rack:r1;zone:z1;level:10",
        "--resources=cpus:4;mem:8192;disk:10240;ports:[31000-32000]",
        "--no-systemd_enable_support",
        "--launcher=posix",
        "--runtime_dir=/var/run/mesos",
        "--appc_store_dir=/tmp/mesos/store/appc",
        "--docker_store_dir=/tmp/mesos/store/docker",
        "--fetcher_cache_dir=/tmp/mesos/fetch",
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
    let work = "--work_dir=/w";
    refused(&[], "Flag 'work_dir' is required, but it was not provided");
    refused(
        &[work, "--executor_reregistration_timeout=16secs"],
        "Expected `--executor_reregistration_timeout` to be not more than 15secs",
    );
    refused(
        &[work, "--executor_environment_variables={\"A\": 1}"],
        "`executor_environment_variables` must only contain string values",
    );
    let location = format!("--domain_socket_location={}", "x".repeat(108));
    refused(
        &[work, &location],
        "Domain socket location cannot be longer than 108 characters.",
    );
    refused(
        &[
            work,
            "--agent_features={\"capabilities\": [{\"type\": \"MULTI_ROLE\"}]}",
        ],
        "At least the following agent features need to be enabled: MULTI_ROLE, \
         HIERARCHICAL_ROLE, RESERVATION_REFINEMENT, AGENT_OPERATION_FEEDBACK, RESOURCE_PROVIDER, \
         AGENT_DRAINING, and TASK_RESOURCE_LIMITS",
    );
    refused(
        &[
            work,
            r#"--default_container_dns={"mesos": [{"network_mode": "CNI", "dns": {}}, {"network_mode": "CNI", "dns": {}}]}"#,
        ],
        "Multiple DNS configuration without network name for CNI network in \
         `--default_container_dns` is not allowed",
    );
}

#[test]
fn flags_that_do_not_go_together_are_both_named() {
    let (work, master) = ("--work_dir=/w", "--master=m:5050");
    refused(
        &[work],
        "Missing required option `--master` or `--master_detector`",
    );
    refused(
        &[work, master, "--master_detector=x"],
        "Only one of `--master` or `--master_detector` should be specified",
    );
    refused(
        &[work, master, "--ip6=::1", "--ip6_discovery_command=x"],
        "Only one of `--ip6` or `--ip6_discovery_command` should be specified",
    );
    refused(
        &[work, master, "--authenticate_http_executors"],
        "--jwt_secret_key must be specified when --authenticate_http_executors is set to true",
    );
}
