//! Flags on the fetcher and its cache.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;
use super::machine::fetcher_cache_dir;

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.fetcher_cache_size = "2GB",
        "Size of the fetcher's cache."
    ),
    flag!(
        Flags.fetcher_cache_dir = compute(fetcher_cache_dir),
        "Directory of the fetcher's cache. It is emptied at start."
    ),
    flag!(
        Flags.fetcher_stall_timeout = "1mins",
        "How long a download may stall until it is given up."
    ),
];
