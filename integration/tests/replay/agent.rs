//! The recorded master and the recorded executors against our agent.

mod neighbours;

use std::collections::BTreeSet;
use std::net::SocketAddr;
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
    /// Where it listens.
    address: SocketAddr,
    arguments: Vec<String>,
}

impl Agent {
    /// Starts an agent on a free port, with everything that it keeps in `folder`.
    fn start(folder: tempfile::TempDir, master: SocketAddr, flags: &[&str]) -> Self {
        let address = free_address().expect("a port is free");
        let below = |name: &str| folder.path().join(name).display().to_string();
        let mut arguments = vec![
            format!("--master={master}"),
            format!("--port={}", address.port()),
            format!("--work_dir={}", below("work")),
            format!("--runtime_dir={}", below("run")),
        ];
        arguments.extend(
            [
                "--ip=127.0.0.1",
                "--launcher=posix",
                "--no-systemd_enable_support",
            ]
            .map(str::to_owned),
        );
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let mark = uuid::Uuid::new_v4().to_string();
        Self {
            child: spawn(&mark, &arguments),
            mark,
            folder,
            address,
            arguments,
        }
    }

    /// Kills the agent, but not what it started, and starts it again.
    fn restart(&mut self) {
        self.child.kill().expect("it lives");
        let _status = self.child.wait();
        self.child = spawn(&self.mark, &self.arguments);
    }
}

fn spawn(mark: &str, arguments: &[String]) -> Child {
    let mut command = binary::command(mark).expect("the binary is built");
    let command = command.arg("agent").args(arguments).stdin(Stdio::null());
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the agent starts")
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
    let flags = [
        "--isolation=posix/cpu,posix/mem",
        "--hostname=localhost",
        "--resources=cpus:4;mem:8192;disk:10240;ports:[31000-32000]",
        "--attributes=rack:r1;zone:z1;level:10",
    ];
    let agent = Agent::start(tempfile::tempdir().unwrap(), player.address(), &flags);

    let outcome = player.play(&frames, agent.address, &frameworks).unwrap();

    assert_eq!(outcome.report(), "");
    assert_eq!(outcome.count("mesos.internal.RegisterSlaveMessage"), 1);
    assert_eq!(outcome.count("mesos.internal.PongSlaveMessage"), 1);
    assert_eq!(outcome.count("mesos.internal.UpdateSlaveMessage"), 1);
    assert_eq!(outcome.count("mesos.internal.StatusUpdateMessage"), 6);
}
