//! The table of flags against the contract and against a recording of Mesos 1.11.

use std::collections::BTreeMap;

use mesos_agent::flags::Flags;
use mesos_common::flags::{FlagSet, Source, describe, load};

/// Name, type, default and old name of each flag of Mesos.
const CONTRACT: &str = include_str!("data/flags.tsv");

/// Types that are kept as JSON objects; the part that uses one makes the message of it.
const MESSAGES: [&str; 10] = [
    "Option<ACLs>",
    "Option<CapabilityInfo>",
    "Option<ContainerDNSInfo>",
    "Option<ContainerInfo>",
    "Option<DeviceWhitelist>",
    "Option<DomainInfo>",
    "Option<Firewall>",
    "Option<ImageGcConfig>",
    "Option<Modules>",
    "Option<SlaveCapabilities>",
];

/// The answer of `/flags` of a genuine agent.
const RECORDED: &str = include_str!("data/flags.json");

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
        let type_name = if MESSAGES.contains(&type_name) {
            "Option<JSON::Object>"
        } else {
            type_name
        };
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
