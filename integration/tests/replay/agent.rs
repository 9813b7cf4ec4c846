//! The recorded master against our agent.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};

use mesos_integration::cluster::free_address;
use mesos_integration::golden::Golden;
use mesos_integration::replay::agent::{Player, Ports};
use mesos_integration::replay::wire;
use mesos_integration::{binary, leftovers};

const PORTS: Ports = Ports {
    master: 15050,
    agent: 15051,
};

/// An agent process that is killed with everything it started.
struct Agent {
    child: Child,
    mark: String,
    folder: tempfile::TempDir,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
        leftovers::kill_all(&self.mark, self.folder.path());
    }
}

#[test]
fn recorded_master_finds_in_our_agent_the_one_it_knew() {
    let golden = Golden::open("standalone").unwrap();
    let mut frames = wire::frames(&golden).unwrap();
    frames.retain(|frame| frame.time < 6.73);
    // Of the recorded frameworks the two whose tasks are shell commands.
    let frameworks: BTreeSet<String> = ["0001", "0002"]
        .map(|number| format!("d7e46348-4eab-4cb8-8d6c-ca73f85c7a70-{number}"))
        .into();
    let player = Player::listen(PORTS).unwrap();
    let address = free_address().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mark = uuid::Uuid::new_v4().to_string();
    let child = binary::command(&mark)
        .unwrap()
        .arg("agent")
        .arg(format!("--master={}", player.address()))
        .arg(format!("--port={}", address.port()))
        .args(["--ip=127.0.0.1", "--hostname=localhost", "--launcher=posix"])
        .args([
            "--isolation=posix/cpu,posix/mem",
            "--no-systemd_enable_support",
        ])
        .arg("--resources=cpus:4;mem:8192;disk:10240;ports:[31000-32000]")
        .arg("--attributes=rack:r1;zone:z1;level:10")
        .arg(format!(
            "--work_dir={}",
            folder.path().join("work").display()
        ))
        .arg(format!(
            "--runtime_dir={}",
            folder.path().join("run").display()
        ))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _agent = Agent {
        child,
        mark,
        folder,
    };

    let outcome = player.play(&frames, address, &frameworks).unwrap();

    let differences: Vec<String> = outcome
        .differences
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(outcome.count("mesos.internal.RegisterSlaveMessage"), 1);
    assert_eq!(outcome.count("mesos.internal.PongSlaveMessage"), 1);
    assert_eq!(outcome.count("mesos.internal.UpdateSlaveMessage"), 1);
    assert_eq!(outcome.count("mesos.internal.StatusUpdateMessage"), 6);
}
