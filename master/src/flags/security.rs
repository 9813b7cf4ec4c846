//! Flags on authentication and authorization.

use mesos_common::flag;
use mesos_common::flags::Row;
use mesos_common::wire::old_flag;

use super::Flags;

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.authenticate_frameworks = "false",
        "Whether frameworks of the legacy protocol must authenticate.\n\
         For those of the HTTP interface see `--authenticate_http_frameworks`."
    )
    .alias("authenticate"),
    flag!(
        Flags.authenticate_agents = "false",
        "Whether agents must authenticate."
    )
    .alias(old_flag::AUTHENTICATE_AGENTS),
    flag!(
        Flags.authentication_v0_timeout = "15secs",
        "How long the authentication of a legacy framework or an agent may take."
    ),
    flag!(
        Flags.authenticate_http_readwrite = "false",
        "Whether requests that change something must be authenticated."
    )
    .alias("authenticate_http"),
    flag!(
        Flags.authenticate_http_readonly = "false",
        "Whether requests that only read must be authenticated."
    ),
    flag!(
        Flags.authenticate_http_frameworks = "false",
        "Whether frameworks of the HTTP interface must authenticate."
    ),
    flag!(
        Flags.credentials,
        "Path of a JSON file with the credentials that are accepted.\n\
         Example:\n\
         {\"credentials\": [{\"principal\": \"alice\", \"secret\": \"rabbit\"}]}"
    ),
    flag!(
        Flags.acls,
        "Access control lists, as JSON or as the path of a JSON file.\n\
         They count only with the authorizer `local`.\n\
         Example:\n\
         {\n\
         \x20 \"register_frameworks\": [\n\
         \x20   {\"principals\": {\"type\": \"ANY\"}, \"roles\": {\"values\": [\"a\"]}}\n\
         \x20 ],\n\
         \x20 \"run_tasks\": [\n\
         \x20   {\"principals\": {\"values\": [\"b\"]}, \"users\": {\"values\": [\"c\"]}}\n\
         \x20 ]\n\
         }"
    ),
    flag!(
        Flags.authenticators = "crammd5",
        "How agents and legacy frameworks authenticate. Only `crammd5` is built in."
    ),
    flag!(
        Flags.authorizers = "local",
        "What decides who may do what. Only `local`, which follows `--acls`, is built in."
    ),
    flag!(
        Flags.http_authenticators = "basic",
        "How HTTP requests are authenticated: `basic`, `jwt`, or both parted by a comma."
    ),
    flag!(
        Flags.http_framework_authenticators,
        "How frameworks of the HTTP interface are authenticated.\n\
         Goes with `--authenticate_http_frameworks`."
    ),
];
