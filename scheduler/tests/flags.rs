//! The tables of flags against the contract.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos_common::flags::{FlagSet, describe, load};
use mesos_scheduler::flags::{DriverFlags, LibraryFlags, source};

#[track_caller]
fn same<F: FlagSet>(contract: &str) {
    let ours: BTreeMap<_, _> = describe::<F>()
        .into_iter()
        .map(|flag| (flag.name, flag))
        .collect();
    let mut names = vec!["help"];
    for line in contract.lines().filter(|line| !line.starts_with('#')) {
        let [name, type_name, default, old_name] = line
            .split('\t')
            .collect::<Vec<_>>()
            .try_into()
            .expect("four columns");
        let flag = ours.get(name).expect(name);
        names.push(name);
        assert_eq!(flag.type_name, type_name, "type of {name}");
        assert_eq!(flag.old_name.unwrap_or("-"), old_name, "old name of {name}");
        assert_eq!(flag.default, default, "default of {name}");
    }
    names.sort_unstable();
    assert_eq!(ours.into_keys().collect::<Vec<_>>(), names);
}

#[test]
fn every_flag_of_the_driver_is_declared() {
    same::<DriverFlags>(include_str!("data/driver_flags.tsv"));
}

#[test]
fn every_flag_of_the_library_is_declared() {
    same::<LibraryFlags>(include_str!("data/library_flags.tsv"));
}

#[test]
fn flags_come_from_the_environment() {
    let source = source([
        ("MESOS_CONNECTION_DELAY_MAX", "2secs"),
        ("MESOS_OTHER", "x"),
    ]);

    let flags: LibraryFlags = load(&source).into_result().expect("loading should succeed");

    assert_eq!(flags.connection_delay_max, Duration::from_secs(2));
}
