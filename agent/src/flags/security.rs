//! Flags on authentication and authorization.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.authenticatee = "crammd5",
        "How the agent authenticates at the master. Only `crammd5` is built in."
    )
    .not_yet(),
    flag!(
        Flags.authentication_backoff_factor = "1secs",
        "An attempt to authenticate takes a random time in `[min, min + factor * 2^n]`\n\
         after n failures.\n"
    ),
    flag!(
        Flags.authentication_timeout_min = "5secs",
        "Shortest time of an attempt to authenticate."
    ),
    flag!(
        Flags.authentication_timeout_max = "1mins",
        "Longest time of an attempt to authenticate."
    ),
    flag!(
        Flags.credential,
        "Path of a JSON file with the credential for the master.\n\
         Example:\n\
         {\"principal\": \"agent\", \"secret\": \"rabbit\"}"
    ),
    flag!(
        Flags.http_credentials,
        "Path of a JSON file with the credentials that the HTTP interface accepts.\n\
         Example:\n\
         {\"credentials\": [{\"principal\": \"alice\", \"secret\": \"rabbit\"}]}"
    ),
    flag!(
        Flags.http_authenticators,
        "How HTTP requests are authenticated: `basic`, `jwt`, or both parted by a comma."
    ),
    flag!(
        Flags.authenticate_http_readwrite = "false",
        "Whether requests that change something must be authenticated."
    ),
    flag!(
        Flags.authenticate_http_readonly = "false",
        "Whether requests that only read must be authenticated."
    ),
    flag!(
        Flags.authenticate_http_executors = "false",
        "Whether executors of the HTTP interface must authenticate."
    ),
    flag!(
        Flags.jwt_secret_key,
        "Path of the key for the tokens that executors get."
    )
    .alias("executor_secret_key"),
    flag!(
        Flags.authorizer = "local",
        "What decides who may do what. Only `local`, which follows `--acls`, is built in."
    ),
    flag!(
        Flags.acls,
        "Access control lists, as JSON or as the path of a JSON file.\n\
         They count only with the authorizer `local`.\n\
         Example:\n\
         {\n\
         \x20 \"get_endpoints\": [\n\
         \x20   {\"principals\": {\"values\": [\"a\"]}, \"paths\": {\"values\": [\"/flags\"]}}\n\
         \x20 ]\n\
         }"
    ),
    flag!(
        Flags.secret_resolver,
        "Module that resolves secrets. Without it, only secrets given by value work."
    )
    .not_yet(),
];
