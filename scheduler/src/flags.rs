//! Flags of the scheduler libraries. They come from the environment only, behind `MESOS_`.
//!
//! Mirrors `src/sched/flags.hpp` and `src/scheduler/flags.hpp`.
//!
//! # Wire
//! Names and defaults are promises: schedulers set them in their environment.

use std::time::Duration;

use mesos_common::flags::{JsonMessage, Row, Source, logging_rows};
use mesos_common::{flag, flag_struct};
use mesos_proto::module::Modules;

/// What the names of the variables begin with.
pub const ENVIRONMENT_PREFIX: &str = "MESOS_";

flag_struct! {
    /// Flags of the legacy driver.
    pub struct DriverFlags {
        registration_backoff_factor: Duration,
        modules: Option<JsonMessage<Modules>>,
        modules_dir: Option<String>,
        authenticatee: String,
        authentication_backoff_factor: Duration,
        authentication_timeout_min: Duration,
        authentication_timeout_max: Duration,
    }
    groups: [DRIVER_ROWS, &logging_rows::<DriverFlags>()]
}

flag_struct! {
    /// Flags of the v1 library.
    pub struct LibraryFlags {
        connection_delay_max: Duration,
        http_authenticatee: String,
        modules: Option<JsonMessage<Modules>>,
        modules_dir: Option<String>,
    }
    groups: [LIBRARY_ROWS, &logging_rows::<LibraryFlags>()]
}

const DRIVER_ROWS: &[Row<DriverFlags>] = &[
    flag!(
        DriverFlags.registration_backoff_factor = "1secs",
        "The first registration waits a random time up to this value.\n\
         Each retry doubles the limit, up to 1mins."
    )
    .not_yet(),
    flag!(DriverFlags.modules, "Module libraries to load, as JSON.").not_yet(),
    flag!(DriverFlags.modules_dir, "Directory of module manifests.").not_yet(),
    flag!(
        DriverFlags.authenticatee = "crammd5",
        "How the driver authenticates at the master. Only `crammd5` is built in."
    )
    .not_yet(),
    flag!(
        DriverFlags.authentication_backoff_factor = "1secs",
        "An attempt to authenticate takes a random time in `[min, min + factor * 2^n]`\n\
         after n failures."
    )
    .not_yet(),
    flag!(
        DriverFlags.authentication_timeout_min = "5secs",
        "Shortest time of an attempt to authenticate."
    )
    .alias("authentication_timeout")
    .not_yet(),
    flag!(
        DriverFlags.authentication_timeout_max = "1mins",
        "Longest time of an attempt to authenticate."
    )
    .not_yet(),
];

const LIBRARY_ROWS: &[Row<LibraryFlags>] = &[
    flag!(
        LibraryFlags.connection_delay_max = "500ms",
        "Longest random time before connecting to a master."
    )
    .not_yet(),
    flag!(
        LibraryFlags.http_authenticatee = "basic",
        "How the library authenticates at the master. Only `basic` is built in."
    )
    .not_yet(),
    flag!(LibraryFlags.modules, "Module libraries to load, as JSON.").not_yet(),
    flag!(LibraryFlags.modules_dir, "Directory of module manifests.").not_yet(),
];

/// The flags of a scheduler in an environment.
pub fn source<K: Into<String>, V: Into<String>>(
    variables: impl IntoIterator<Item = (K, V)>,
) -> Source {
    Source::default()
        .with_environment(variables)
        .with_prefix(ENVIRONMENT_PREFIX)
}
