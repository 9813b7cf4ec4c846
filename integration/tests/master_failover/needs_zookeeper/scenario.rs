//! What was recorded from three genuine masters, played again with ours.

use std::fs;
use std::path::Path;
use std::process::Command;

use mesos_integration::master_group::Setup;
use mesos_integration::workload::framework;

use super::*;

/// The tree of ZooKeeper as the recordings have it: paths in order, contents without the names,
/// numbers and ports of one run.
fn tree(server: SocketAddr) -> Vec<String> {
    let python = std::env::var("MESOS_TEST_PYTHON").expect("./test sets MESOS_TEST_PYTHON");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/master_failover/znodes.py");
    let output = Command::new(python)
        .arg(script)
        .args([server.to_string(), "/mesos".to_owned()])
        .output()
        .expect("runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    form(&serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn form(tree: &Value) -> Vec<String> {
    let nodes = tree.as_object().expect("nodes");
    let mut lines: Vec<String> = nodes
        .iter()
        .map(|(path, node)| {
            let path: String = path
                .chars()
                .map(|letter| if letter.is_ascii_digit() { 'N' } else { letter })
                .collect();
            let data = content(node["data"].as_str().expect("text"));
            format!("{path} {} {data}", node["ephemeral"])
        })
        .collect();
    lines.sort();
    lines
}

fn content(data: &str) -> String {
    let Ok(info) = serde_json::from_str::<Value>(data) else {
        let port = data.rsplit(':').next().unwrap_or_default();
        return data.replace(port, "PORT");
    };
    let text = |key: &str| info.get(key).map(Value::to_string).unwrap_or_default();
    data.replace(&text("id"), "ID")
        .replace(
            &format!("\"hostname\":{}", text("hostname")),
            "\"hostname\":HOST",
        )
        .replace(&text("port"), "PORT")
}

fn recorded(name: &str) -> Vec<String> {
    let golden = mesos_integration::golden::Golden::open("ha").expect("the recording");
    form(&golden.json(name).expect("a tree"))
}

#[test]
fn needs_python_the_recorded_scenario_of_three_masters_ends_the_same() {
    let secrets = tempfile::tempdir().expect("a folder");
    let credentials = secrets.path().join("credentials");
    let credential = secrets.path().join("credential");
    fs::write(
        &credentials,
        r#"{"credentials":[{"principal":"test","secret":"sekrit"}]}"#,
    )
    .expect("writes");
    fs::write(&credential, r#"{"principal":"test","secret":"sekrit"}"#).expect("writes");
    let mut group = MasterGroup::start_as(Setup {
        flags: vec![
            "--authenticate_agents=true".to_owned(),
            format!("--credentials={}", credentials.display()),
        ],
        agent_flags: vec![format!("--credential={}", credential.display())],
        ..Setup::default()
    })
    .expect("three masters start");
    let first = group.leader().expect("a leader");
    let leader = group.address(first).expect("its address");
    group
        .wait("every node", |group| {
            (tree(group.zookeeper.address()).len() == 8).then_some(())
        })
        .expect("eight nodes");
    let before = tree(group.zookeeper.address());

    group.add_agent().expect("the agent starts");
    let agent = group.registered_agent(leader).expect("it registers");
    let mut scheduler =
        FakeScheduler::subscribe_as(leader, &framework(None)).expect("it subscribes");
    for number in 0..5 {
        let offer = scheduler.wait_for_offer().expect("an offer comes");
        let name = format!("short-{number}");
        scheduler
            .launch(&offer, &[command_task(&name, "true", &offer)])
            .expect("it is accepted");
        scheduler
            .wait_for_state(&name, "TASK_FINISHED")
            .expect("it finishes");
    }
    let signal = group.folder().join("end");
    let command = format!("while [ ! -f {} ]; do sleep 0.1; done", signal.display());
    let offer = scheduler.wait_for_offer().expect("an offer comes");
    scheduler
        .launch(&offer, &[command_task("long", &command, &offer)])
        .expect("it is accepted");
    scheduler
        .wait_for_state("long", "TASK_RUNNING")
        .expect("it runs");

    group.crash_agent(0).expect("it starts again");
    assert_eq!(group.registered_agent(leader).expect("registers"), agent);
    group.kill_master(first).expect("it dies");
    let second = group.leader().expect("another leads");
    let next = group.address(second).expect("its address");
    let back = group.registered_agent(next).expect("it registers again");
    let info = framework(Some(&scheduler.framework_id));
    let mut again = FakeScheduler::subscribe_as(next, &info).expect("it subscribes again");
    fs::write(&signal, "").expect("writes");
    again
        .wait_for_state("long", "TASK_FINISHED")
        .expect("it finishes");
    let third = group.address(3 - first - second).expect("its address");
    let redirect = http_client::send(third, &Request::get("/redirect")).expect("an answer");

    assert_eq!(back, agent);
    assert_eq!(redirect.head.start, "HTTP/1.1 307 Temporary Redirect");
    let location = redirect.head.header("Location");
    assert_eq!(location, Some(format!("//{next}").as_str()));
    assert_eq!(before, recorded("znodes-3-masters.json"));
    group
        .wait("the nodes of the dead master to go", |group| {
            let now = tree(group.zookeeper.address());
            (now == recorded("znodes-after-leader-killed.json")).then_some(())
        })
        .expect("they go");
}
