//! Flags on modules, which are not loaded: C++ libraries do not fit into this program.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.modules,
        "Module libraries to load, as JSON or as the path of a JSON file.\n\
         Cannot be given together with `--modules_dir`.\n"
    )
    .not_yet(),
    flag!(
        Flags.modules_dir,
        "Directory of module manifests.\n\
         Cannot be given together with `--modules`.\n"
    )
    .not_yet(),
    flag!(Flags.hooks, "Names of hook modules, parted by commas.").not_yet(),
    flag!(
        Flags.master_contender,
        "Module that stands for election.\n\
         Goes with `--master_detector`, not with `--zk`."
    )
    .not_yet(),
    flag!(
        Flags.master_detector,
        "Module that detects the leader.\n\
         Goes with `--master_contender`, not with `--zk`."
    )
    .not_yet(),
];
