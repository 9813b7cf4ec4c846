//! Flags on frameworks and what is remembered of them.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.root_submissions = "true",
        "Whether frameworks may run tasks as the user root."
    ),
    flag!(
        Flags.rate_limits,
        "Limits of messages a second by principal, as JSON or as the path of a JSON file.\n\
         Example:\n\
         {\n\
         \x20 \"limits\": [{\"principal\": \"a\", \"qps\": 55.5}, {\"principal\": \"b\"}],\n\
         \x20 \"aggregate_default_qps\": 33.3\n\
         }"
    ),
    flag!(
        Flags.max_completed_frameworks = "50",
        "How many completed frameworks are remembered."
    ),
    flag!(
        Flags.max_completed_tasks_per_framework = "1000",
        "How many completed tasks of a framework are remembered."
    ),
    flag!(
        Flags.max_unreachable_tasks_per_framework = "1000",
        "How many unreachable tasks of a framework are remembered."
    ),
    flag!(
        Flags.publish_per_framework_metrics = "true",
        "Whether each framework has metrics of its own.\n\
         With very many frameworks there are very many."
    ),
];
