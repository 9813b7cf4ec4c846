//! Bad requests get the recorded status, headers and text of genuine Mesos.

use std::net::SocketAddr;

use mesos_integration::cluster::Cluster;
use mesos_integration::golden::Golden;
use mesos_integration::http_client::{self, Request};

/// One recorded `curl` command with the head and body of its answer.
struct Case {
    command: String,
    request: Request,
    is_agent: bool,
    head: Vec<String>,
    body: String,
}

/// Requests to endpoints that are not built yet. A case that begins to agree must leave this list.
const NOT_YET: [&str; 0] = [];

fn cases() -> Vec<Case> {
    let golden = Golden::open("standalone").expect("the recording is there");
    let text = golden
        .text("http/errors.txt")
        .expect("the recording is there")
        .replace("\r\n", "\n");
    text.split("----\n")
        .filter(|part| part.contains("$ curl"))
        .map(case)
        .collect()
}

fn case(text: &str) -> Case {
    let (command, answer) = text
        .trim_start()
        .split_once('\n')
        .expect("a command, then an answer");
    let (head, body) = answer.split_once("\n\n").unwrap_or((answer, ""));
    let head: Vec<String> = head
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    let length: usize = head
        .iter()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .and_then(|length| length.parse().ok())
        .expect("a recorded answer has a length");
    let body = body
        .get(..length)
        .expect("the recorded body is whole")
        .to_owned();
    let (request, is_agent) = request(command);
    Case {
        command: command.to_owned(),
        request,
        is_agent,
        head,
        body,
    }
}

/// Reads `$ curl -X POST http://HOST:15050/path -H Name: value -d body`.
fn request(command: &str) -> (Request, bool) {
    let (rest, body) = match command.split_once(" -d ") {
        Some((rest, body)) => (rest, Some(body)),
        None => (command.strip_suffix(" -d").unwrap_or(command), None),
    };
    let mut parts = rest.split(" -H ");
    let line = parts.next().unwrap_or_default();
    let url = line
        .split("http://HOST:")
        .nth(1)
        .expect("a command has an address");
    let (port, path) = url.split_once('/').expect("an address has a path");
    let method = match line.split_once("-X ") {
        Some((_, rest)) => rest.split(' ').next().unwrap_or("GET"),
        None if line.contains(" -I ") => "HEAD",
        None => "GET",
    };
    let mut request = Request::new(method, &format!("/{path}"));
    let mut has_type = false;
    for header in parts {
        let (name, value) = header.split_once(": ").expect("a header has a value");
        has_type |= name == "Content-Type";
        request = request.header(name, value);
    }
    if let Some(body) = body.filter(|body| !body.is_empty()) {
        if !has_type {
            request = request.header("Content-Type", "application/x-www-form-urlencoded");
        }
        request = request.body(body);
    }
    (request, port == "15051")
}

/// What differs, in words; nothing when the answers agree.
fn differences(case: &Case, cluster: &Cluster) -> Option<String> {
    let master = cluster.master.address;
    let address = if case.is_agent {
        cluster.agents.first().expect("one was started").address
    } else {
        master
    };
    let answer = match http_client::send(address, &case.request) {
        Ok(answer) => answer,
        Err(error) => return Some(format!("{}\n      {error}", case.command)),
    };
    let mut head = vec![answer.head.start.clone()];
    head.extend(
        answer
            .head
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    let live = (comparable(&head, master), answer.text());
    let recorded = (comparable(&case.head, master), case.body.clone());
    (live != recorded).then(|| {
        format!(
            "{}\n      recorded {recorded:?}\n      got      {live:?}",
            case.command
        )
    })
}

/// The lines without the date and with the live port; the order of headers says nothing.
pub(crate) fn comparable(head: &[String], master: SocketAddr) -> Vec<String> {
    let port = format!(":{}", master.port());
    let mut lines: Vec<String> = head
        .iter()
        .filter(|line| !line.starts_with("Date: "))
        .map(|line| line.replace(":15050", &port))
        .collect();
    lines.sort();
    lines
}

#[test]
fn bad_requests_get_the_recorded_answers() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();
    let cases = cases();

    let differing: Vec<(&Case, String)> = cases
        .iter()
        .filter_map(|case| Some((case, differences(case, &cluster)?)))
        .collect();

    let (late, wrong): (Vec<_>, Vec<_>) = differing
        .into_iter()
        .partition(|(case, _)| NOT_YET.iter().any(|part| case.command.contains(part)));
    let wrong: Vec<String> = wrong.into_iter().map(|(_, text)| text).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        late.len(),
        NOT_YET.len(),
        "take what works now off the list NOT_YET"
    );
    assert!(cases.len() >= 25, "only {} cases were read", cases.len());
}

#[test]
fn head_of_health_is_answered_like_get() {
    let cluster = Cluster::start().unwrap();

    let answer = http_client::send(cluster.master.address, &Request::get("/health")).unwrap();

    assert_eq!(answer.head.start, "HTTP/1.1 200 OK");
    assert_eq!(answer.body, b"");
    assert_eq!(answer.head.header("Content-Length"), Some("0"));
}
