//! Reads that many ask for at once, that clients have already, or take their time to take.

use libprocess::testing::Pattern;
use mesos_proto::v1;
use serde_json::{Value, json};

use crate::support::{ALICE, Answer, BOB, Connection, Stage, agent_info, framework, ruled};

/// How many ask for the same.
const ASKING: usize = 20;

/// What somebody asks for, with headers.
type Question<'a> = (&'a str, &'a [(&'a str, &'a str)]);

/// Asks each question many times, so that all of them wait in the master's queue together.
fn at_once(stage: &Stage, questions: &[Question<'_>]) -> Vec<Vec<Answer>> {
    let requests = stage.runtime.hold(Pattern::http().to(stage.master.upid()));
    let mut connections: Vec<Vec<Connection>> = questions
        .iter()
        .map(|(path, headers)| {
            let ask = |_| {
                let mut connection = Connection::open(&stage.runtime);
                connection.request("GET", path, headers, b"");
                connection
            };
            (0..ASKING).map(ask).collect()
        })
        .collect();
    let all = ASKING * questions.len();
    stage.until("the last request", || requests.len() == all);
    let answers = stage
        .runtime
        .hold(Pattern::dispatch().to(stage.master.upid()));
    requests.release();
    stage.settle();
    answers.release();
    connections
        .iter_mut()
        .map(|each| each.iter_mut().map(Connection::answer).collect())
        .collect()
}

/// All who asked the same but one got what was made for that one.
#[track_caller]
fn were_shared(stage: &Stage, questions: usize) {
    let hits = stage.metric("master/http_cache_hits");
    let expected = questions * (ASKING - 1);
    assert_eq!(format!("{hits}"), format!("{expected}"));
}

/// Mirrors: MasterLoadTest.SimultaneousBatchedRequests
#[test]
fn every_document_is_shared_by_those_who_ask_for_it() {
    let stage = Stage::start();
    let _scheduler = stage.subscribe(framework("eng"));
    let _agent = stage.agent("cpus:4;mem:1024");
    let questions: [Question<'_>; 5] = [
        ("/state", &[]),
        ("/state-summary", &[]),
        ("/frameworks", &[]),
        ("/slaves", &[]),
        ("/roles", &[]),
    ];

    let answers = at_once(&stage, &questions);

    were_shared(&stage, questions.len());
    for ((path, _), answers) in questions.iter().zip(answers) {
        let expected = stage.get(path);
        for answer in answers {
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.json(), expected, "{path}");
        }
    }
}

fn has_a_framework(answer: &Answer) -> bool {
    let document: Value = answer.json();
    document["frameworks"]
        .as_array()
        .is_some_and(|list| list.len() == 1)
}

/// Mirrors: MasterLoadTest.Principals
#[test]
fn nobody_shares_what_another_may_see() {
    let (stage, _file) = ruled(&json!({"view_frameworks": [
        {"principals": {"values": ["alice"]}, "users": {"type": "ANY"}},
        {"principals": {"values": ["bob"]}, "users": {"type": "NONE"}}]}));
    let _scheduler = stage.subscribe(framework("eng"));

    let answers = at_once(
        &stage,
        &[("/frameworks", &[ALICE]), ("/frameworks", &[BOB])],
    );

    assert!(answers[0].iter().all(has_a_framework));
    assert!(!answers[1].iter().any(has_a_framework));
    // Who asks is found out one by one, so that some miss the first answer.
    assert!(stage.metric("master/http_cache_hits") > 0.5);
}

/// Mirrors: MasterLoadTest.QueryParameters
#[test]
fn other_parameters_are_another_question() {
    let stage = Stage::start();
    let _scheduler = stage.subscribe(framework("eng"));

    let answers = at_once(
        &stage,
        &[
            ("/frameworks", &[]),
            ("/frameworks?framework_id=nonexisting-framework-id", &[]),
            ("/frameworks?jsonp=xxx", &[]),
        ],
    );

    assert!(answers[0].iter().all(has_a_framework));
    assert!(!answers[1].iter().any(has_a_framework));
    let is_wrapped = |answer: &Answer| answer.text().starts_with("xxx(");
    assert!(answers[2].iter().all(is_wrapped));
    were_shared(&stage, 3);
}

/// Asks as somebody who has an answer already.
fn again(stage: &Stage, method: &str, path: &str, body: &[u8], tag: &str) -> Answer {
    let headers = [("Content-Type", "application/json"), ("If-None-Match", tag)];
    stage.http(method, path, &headers, body)
}

#[test]
fn client_that_has_the_answer_gets_304_until_something_changes() {
    let stage = Stage::start();
    let call: &[u8] = br#"{"type":"GET_STATE"}"#;
    for (method, path, body) in [
        ("GET", "/state", b"" as &[u8]),
        ("GET", "/slaves", b""),
        ("POST", "/api/v1", call),
    ] {
        let first = again(&stage, method, path, body, "\"nothing\"");
        let tag = first.header("ETag").expect("a tag").to_owned();
        assert_eq!(first.status, 200, "{path}");

        let unchanged = again(&stage, method, path, body, &tag);
        let _agent = stage.agent("cpus:4;mem:1024");
        let changed = again(&stage, method, path, body, &tag);

        assert_eq!((unchanged.status, unchanged.body.len()), (304, 0), "{path}");
        assert_eq!(unchanged.header("ETag"), Some(tag.as_str()));
        assert_eq!(changed.status, 200, "{path}");
        assert_ne!(changed.header("ETag"), Some(tag.as_str()));
    }
}

/// More than the buffers of a connection hold.
const LARGE: usize = 24 * 1024 * 1024;

#[test]
fn reader_that_takes_its_time_keeps_nobody_waiting() {
    let stage = Stage::start();
    let mut info = agent_info("cpus:4;mem:1024");
    info.attributes.push(v1::Attribute {
        name: Some("large".to_owned()),
        r#type: Some(v1::value::Type::Text.into()),
        text: Some(v1::value::Text {
            value: Some("x".repeat(LARGE)),
            ..Default::default()
        }),
        ..Default::default()
    });
    let _large = stage.agent_of(info);
    let mut slow: Vec<Connection> = (0..4)
        .map(|_| {
            let mut connection = Connection::open(&stage.runtime);
            connection.request("GET", "/slaves", &[], b"");
            connection
        })
        .collect();
    let begun: Vec<Answer> = slow.iter_mut().map(Connection::head).collect();
    assert!(begun.iter().all(|head| head.status == 200));

    let _other = stage.agent("cpus:4;mem:1024");
    for _ in 0..20 {
        assert_eq!(stage.http("GET", "/health", &[], b"").status, 200);
    }
    let both = stage.http("GET", "/slaves", &[], b"");

    assert_eq!(both.json()["slaves"].as_array().map(Vec::len), Some(2));
    for (mut connection, head) in slow.into_iter().zip(begun) {
        let document: Value =
            serde_json::from_slice(&connection.body(head).body).expect("the whole document");
        assert_eq!(document["slaves"].as_array().map(Vec::len), Some(1));
    }
}

fn metrics(stage: &Stage, headers: &[(&str, &str)]) -> u16 {
    stage.http("GET", "/metrics/snapshot", headers, b"").status
}

/// Mirrors: MetricsTest.MasterAuthenticationEnabled
/// Mirrors: MetricsTest.MasterAuthorizationEnabled
#[test]
fn metrics_are_shown_to_those_who_prove_who_they_are_and_may_see_them() {
    let (stage, _file) = ruled(&json!({"get_endpoints": [
        {"principals": {"values": ["alice"]}, "paths": {"type": "NONE"}}]}));

    assert_eq!(metrics(&stage, &[]), 401);
    assert_eq!(metrics(&stage, &[ALICE]), 403);
    assert_eq!(metrics(&stage, &[BOB]), 200);
}
