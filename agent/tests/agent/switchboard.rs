//! The I/O switchboard's servers live and die with their containers.

use mesos_containerizer::{ContainerId, Containerizer, launch_info::ContainerConfig, paths};
use mesos_proto::v1::{self, task_status::Reason};

use crate::lone_containerizer::{Containers, SIGKILLED, exited};

/// The configuration of an executor's container with a terminal.
fn with_terminal(containers: &Containers, id: &ContainerId, command: &str) -> ContainerConfig {
    let info = v1::ContainerInfo {
        r#type: Some(v1::container_info::Type::Mesos.into()),
        tty_info: Some(v1::TtyInfo::default()),
        ..Default::default()
    };
    ContainerConfig {
        container_info: Some(info.into()),
        ..containers.root_config(id, command)
    }
}

fn server_pid(containers: &Containers, id: &ContainerId) -> i32 {
    let file = paths::io_switchboard_pid_file(&containers.runtime_path(id));
    let text = std::fs::read_to_string(file).expect("a pid");
    text.parse().expect("a number")
}

/// Mirrors: IOSwitchboardTest.ContainerAttach
#[test]
fn container_with_a_terminal_can_be_attached_to() {
    let containers = Containers::new();
    let id = ContainerId::random();
    containers.launch(&id, with_terminal(&containers, &id, "sleep 1000"));
    let socket = paths::io_switchboard_socket_file(&containers.runtime_path(&id));
    let socket = std::fs::read_to_string(socket).expect("a path");

    let attached = containers.wait(containers.containerizer.attach(&id));

    assert!(attached.is_ok());
    assert!(socket.starts_with("/tmp/mesos-io-switchboard-"));
    assert_eq!(containers.destroy(&id).status, SIGKILLED);
    assert!(!std::fs::exists(socket).expect("looked up"));
}

/// Mirrors: IOSwitchboardTest.OutputRedirectionWithTTY
#[test]
fn output_of_a_terminal_is_kept() {
    let containers = Containers::new();
    let id = ContainerId::random();
    let command = "printf Hello; printf World 1>&2";

    let end = containers.run(&id, with_terminal(&containers, &id, command));

    assert_eq!(end.status, exited(0));
    let kept = std::fs::read_to_string(containers.sandbox(&id).join("stdout"));
    assert_eq!(kept.expect("kept"), "HelloWorld");
}

/// Mirrors: IOSwitchboardTest.KillSwitchboardContainerDestroyed
#[test]
fn container_ends_with_its_server() {
    let containers = Containers::new();
    let root = containers.launch_root("sleep 1000");
    let debug = containers.launch_debug(&root, "sleep 1000");
    let server = nix::unistd::Pid::from_raw(server_pid(&containers, &debug));

    nix::sys::signal::kill(server, nix::sys::signal::SIGKILL).expect("killed");
    let end = containers.end(&debug);

    assert_eq!(end.status, SIGKILLED);
    assert_eq!(end.reason(), Reason::ReasonIoSwitchboardExited);
    assert_eq!(
        end.message(),
        "'IOSwitchboard' terminated with signal Killed"
    );
    assert_eq!(containers.destroy(&root).status, SIGKILLED);
}

#[test]
fn container_without_a_server_cannot_be_attached_to() {
    let containers = Containers::new();
    let id = containers.launch_root("sleep 1000");
    let refusal = |id: &ContainerId| {
        let attached = containers.wait(containers.containerizer.attach(id));
        attached.expect_err("refused").to_string()
    };

    assert_eq!(
        refusal(&id),
        "I/O switchboard server was disabled for this container"
    );
    assert_eq!(refusal(&ContainerId::root_from("x")), "Unknown container x");
}
