//! Programs with `LIBPROCESS_SSL_` variables: every connection between them is TLS, or either where that is allowed.
#![expect(clippy::panic, reason = "helpers of tests fail by panicking")]

mod support;

use mesos_integration::http_client::{self, Request};
use mesos_integration::leftovers;

use crate::support::{Place, Plain};

#[test]
fn task_finishes_in_a_cluster_where_all_verify_each_other() {
    let mut place = Place::new(&[
        ("REQUIRE_CLIENT_CERT", "true"),
        ("VERIFY_IPADD", "true"),
        ("ENABLE_TLS_V1_3", "true"),
    ]);
    let master = place.start_master();
    place.start_agent(master, &[]);

    let text = place.execute(master, Plain::No);

    assert!(text.contains("TASK_FINISHED"), "{text}\n{}", place.logs());
    let refused = http_client::send(master, &Request::get("/health"));
    assert!(refused.is_err(), "a plain client was served: {refused:?}");
}

#[test]
fn task_finishes_with_an_executor_on_the_v1_api() {
    let mut place = Place::new(&[("VERIFY_SERVER_CERT", "true")]);
    let master = place.start_master();
    place.start_agent(master, &["--http_command_executor"]);

    let text = place.execute(master, Plain::No);

    assert!(text.contains("TASK_FINISHED"), "{text}\n{}", place.logs());
}

#[test]
fn task_group_finishes_whose_executor_calls_the_api_of_its_agent() {
    let mut place = Place::new(&[("REQUIRE_CLIENT_CERT", "true"), ("VERIFY_IPADD", "true")]);
    let master = place.start_master();
    place.start_agent(master, &[]);
    let resources = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}},
                        {"name":"mem","type":"SCALAR","scalar":{"value":32}}]"#;
    let group = format!(
        r#"--task_group={{"tasks":[{{"name":"one","task_id":{{"value":"one"}},
           "agent_id":{{"value":""}},"resources":{resources},"command":{{"value":"echo hello"}}}}]}}"#
    );

    let text = place.run(master, Plain::No, &[&group]);

    assert!(text.contains("TASK_FINISHED"), "{text}\n{}", place.logs());
}

#[test]
fn cluster_of_one_program_speaks_tls_too() {
    let place = Place::new(&[("REQUIRE_CLIENT_CERT", "true"), ("VERIFY_IPADD", "true")]);

    let (code, text) = place.dev("echo hello from a task");

    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.lines().any(|line| line == "hello from a task"),
        "{text}"
    );
}

#[test]
fn plain_framework_and_plain_client_work_where_downgrade_is_supported() {
    let mut place = Place::new(&[("SUPPORT_DOWNGRADE", "true")]);
    let master = place.start_master();
    place.start_agent(master, &[]);

    let text = place.execute(master, Plain::Yes);

    assert!(text.contains("TASK_FINISHED"), "{text}\n{}", place.logs());
    let health = http_client::send(master, &Request::get("/health")).expect("an answer");
    assert_eq!(health.status(), 200);
}

#[test]
fn agent_with_a_certificate_of_a_stranger_is_refused_with_one_line_for_each_attempt() {
    let mut place = Place::new(&[("REQUIRE_CLIENT_CERT", "true"), ("VERIFY_IPADD", "true")]);
    let master = place.start_master();

    place.start_stranger(master);

    let line = place.wait_for("master", "failed to open a connection");
    assert!(line.contains("invalid peer certificate"), "{line}");
    assert!(
        !place.log("master").contains("Registered agent"),
        "{}",
        place.logs()
    );
}

#[test]
fn wrong_settings_end_the_program_with_what_is_wrong() {
    let place = Place::new(&[("KEY_FILE", "/missing/key.pem")]);

    let (code, text) = place.run_master();

    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("Could not load key file '/missing/key.pem'"),
        "{text}"
    );
    assert!(leftovers::processes(place.mark(), place.folder()).is_empty());
}
