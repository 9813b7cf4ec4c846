//! Replicas and a benchmark that meet in ZooKeeper.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use mesos_integration::log_probe;
use mesos_integration::zookeeper_server::ZooKeeperServer;

use super::{error, run, tool};

/// A replica that ends with the test.
struct Replica(Child);

impl Drop for Replica {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn place(server: &ZooKeeperServer, path: &Path) -> Vec<String> {
    vec![
        "--quorum=2".to_owned(),
        format!("--path={}", path.display()),
        format!("--servers={}", server.address()),
        "--znode=/log".to_owned(),
    ]
}

fn replica(server: &ZooKeeperServer, path: &Path) -> Replica {
    let arguments = [vec!["replica".to_owned()], place(server, path)].concat();
    let child = tool("log-tool", &arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Replica(child.expect("it starts"))
}

#[test]
fn benchmark_appends_its_trace_through_two_replicas_that_hold_it_afterwards() {
    let server = ZooKeeperServer::start().expect("a server");
    let folder = tempfile::tempdir().expect("a folder");
    let paths = ["a", "b", "c"].map(|name| folder.path().join(name));
    let (input, output) = (folder.path().join("trace"), folder.path().join("out"));
    fs::write(&input, "10B\n1KB\n100KB\n").expect("writes");

    let replicas = [replica(&server, &paths[0]), replica(&server, &paths[1])];
    let mut arguments = vec![
        "benchmark".to_owned(),
        format!("--input={}", input.display()),
        format!("--output={}", output.display()),
        "--type=one".to_owned(),
    ];
    arguments.extend(place(&server, &paths[2]));
    let benchmark = run(&arguments);
    drop(replicas);
    let logs: Vec<_> = paths
        .iter()
        .map(|path| log_probe::read(path).expect("whole files"))
        .collect();

    assert_eq!(benchmark.status.code(), Some(0), "{}", error(&benchmark));
    let told = String::from_utf8_lossy(&benchmark.stdout);
    assert!(told.contains("Total number of appends: 3"), "{told}");
    assert!(told.contains("Total time used: "), "{told}");
    let lines = fs::read_to_string(&output).expect("an output");
    for (line, size) in lines.lines().zip([10, 1_024, 102_400]) {
        assert!(
            line.contains(&format!("Appended {size} bytes in ")),
            "{line}"
        );
    }
    assert_eq!(lines.lines().count(), 3);
    assert_eq!(log_probe::disagreements(&logs), Vec::<u64>::new());
    let appended = |log: &log_probe::Agreed| {
        let appends = log.values().filter(|value| value.contains("type: APPEND"));
        appends.count() == 3
    };
    assert!(
        logs.iter().any(appended),
        "{:?}",
        logs.iter().map(|log| log.len())
    );
}
