//! The recorded calls of an operator, one after the other, get the recorded status, headers and text.

use mesos_integration::cluster::Cluster;
use mesos_integration::golden::Golden;
use mesos_integration::http_client::{self, Request};

use crate::refusals::comparable;

/// A call with the head and body of its answer.
struct Case {
    call: String,
    head: Vec<String>,
    body: String,
}

/// Reads `== TYPE ,"field":{...}`, then the answer.
fn case(text: &str) -> Case {
    let (line, answer) = text.split_once('\n').expect("a call, then an answer");
    let (kind, field) = line.split_once(' ').expect("a type");
    let (head, body) = answer.split_once("\n\n").unwrap_or((answer, ""));
    let head: Vec<String> = head.lines().map(str::to_owned).collect();
    let length = head
        .iter()
        .find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok())
        .expect("a recorded answer has a length");
    Case {
        call: format!(r#"{{"type":"{kind}"{field}}}"#),
        head,
        body: body.get(..length).expect("the whole body").to_owned(),
    }
}

/// What the operator called, with the last call of all, which marked the agent gone.
fn cases() -> Vec<Case> {
    let golden = Golden::open("standalone").expect("the recording is there");
    let read = |file: &str| {
        let text = golden.text(file).expect("the recording is there");
        text.replace("\r\n", "\n")
    };
    let text = read("http/operator-calls.txt");
    let parts = text.split("== ").filter(|part| !part.trim().is_empty());
    let mut cases: Vec<Case> = parts.map(case).collect();
    let id = format!(r#"{{"agent_id":{{"value":"{AGENT}"}}}}"#);
    let gone = read("http/mark-agent-gone.txt");
    cases.push(case(&format!(
        "MARK_AGENT_GONE ,\"mark_agent_gone\":{id}\n{gone}"
    )));
    cases
}

/// The id of the only agent that was recorded.
const AGENT: &str = "d7e46348-4eab-4cb8-8d6c-ca73f85c7a70-S0";

#[test]
fn calls_of_an_operator_get_the_recorded_answers() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();
    let master = cluster.master.address;
    let agents = http_client::get_json(master, "/slaves").unwrap();
    let id = agents["slaves"][0]["id"].as_str().unwrap().to_owned();
    let cases = cases();
    assert_eq!(cases.len(), 17);

    for case in cases {
        let request = Request::new("POST", "/api/v1")
            .header("Content-Type", "application/json")
            .body(case.call.replace(AGENT, &id));
        let answer = http_client::send(master, &request).unwrap();

        let mut head = vec![answer.head.start.clone()];
        let headers = answer.head.headers.iter();
        head.extend(headers.map(|(name, value)| format!("{name}: {value}")));
        assert_eq!(
            (comparable(&head, master), answer.text()),
            (comparable(&case.head, master), case.body),
            "{}",
            case.call
        );
    }
}
