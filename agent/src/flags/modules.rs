//! Flags on modules, which are not loaded: C++ libraries do not fit into this program.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.modules,
        "Modules and their parameters, as JSON or as the path of a JSON file.\n\
         Only modules that are built in can be named:\n\
         org_apache_mesos_FixedResourceEstimator (parameter resources) and\n\
         org_apache_mesos_LoadQoSController (parameters load_threshold_5min and\n\
         load_threshold_15min).\n\
         Cannot be given together with `--modules_dir`.\n\
         Example:\n\
         {\"libraries\": [{\"modules\": [{\"name\": \"org_apache_mesos_FixedResourceEstimator\",\n\
         \"parameters\": [{\"key\": \"resources\", \"value\": \"cpus:2\"}]}]}]}\n"
    ),
    flag!(
        Flags.modules_dir,
        "Directory of files as `--modules` takes them.\n\
         Cannot be given together with `--modules`.\n"
    ),
    flag!(Flags.hooks, "Names of hook modules, parted by commas.").not_yet(),
];
