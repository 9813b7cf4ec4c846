//! Clients attach to the streams of containers.

mod calls;
mod client;

use mesos_proto::v1::{
    self,
    agent::{Call, call},
};

use self::client::{Output, attach_output_call, terminal};
pub(crate) use self::client::{Parent, session_call};
use crate::{
    harness::{Cluster, command_task, framework, run_dir},
    recovery::checkpointed,
};

#[test]
fn session_streams_both_outputs_and_ends_with_its_command() {
    let parent = Parent::new();

    let mut session = parent.session("s", "echo to-out; echo to-err >&2; exit 3");
    session.read_to_end();

    assert_eq!(session.out, "to-out\n");
    assert_eq!(session.err, "to-err\n");
    assert_eq!(parent.wait(parent.child("s")), Some(3 << 8));
}

#[test]
fn container_of_a_session_ends_when_its_client_goes() {
    let parent = Parent::new();
    let mut session = parent.session("s", "echo started; sleep 1000");
    session.read_until("started\n");

    drop(session);

    assert_eq!(parent.wait(parent.child("s")), Some(9));
}

/// Mirrors: AgentAPIStreamingTest.AttachInputToNestedContainerSession
#[test]
fn input_of_a_session_reaches_its_command_up_to_its_end() {
    let parent = Parent::new();
    let mut session = parent.session("s", "cat; echo done");
    let input = parent.input(parent.child("s"));

    input.write("line one\n");
    session.read_until("line one\n");
    input.write("line two\n");
    input.write("");
    let answered = input.close();
    session.read_to_end();

    assert_eq!(answered, (200, String::new()));
    assert_eq!(session.out, "line one\nline two\ndone\n");
    assert_eq!(parent.wait(parent.child("s")), Some(0));
}

#[test]
fn session_with_a_terminal_has_its_size_and_its_keys() {
    let parent = Parent::new();
    let mut session = parent.session_in("s", "sh", Some(terminal()));
    let input = parent.input(parent.child("s"));

    input.resize(40, 120);
    input.write("stty size; tty\n");
    session.read_until("/dev/pts/");
    input.write("exit 6\n");
    session.read_to_end();

    assert!(session.out.contains("40 120\r\n"), "{}", session.out);
    assert_eq!(parent.wait(parent.child("s")), Some(6 << 8));
    assert_eq!(input.answer().0, 200);
}

#[test]
fn only_containers_with_a_server_can_be_attached_to() {
    let parent = Parent::new();
    let unknown = v1::ContainerId {
        value: Some("nope".to_owned()),
        ..Default::default()
    };
    let refusal = |id: &v1::ContainerId| {
        let response = parent.stream(&attach_output_call(id.clone()));
        let status = response.status;
        let body = parent.block_on(response.bytes()).expect("a body");
        (status, String::from_utf8_lossy(&body).into_owned())
    };

    let disabled = "I/O switchboard server was disabled for this container";
    assert_eq!(refusal(&parent.id), (500, disabled.to_owned()));
    assert_eq!(
        refusal(&unknown),
        (404, "Container nope cannot be found".to_owned())
    );
    let input = parent.input(parent.id.clone());
    assert_eq!(input.answer(), (500, disabled.to_owned()));
    let input = parent.input(unknown);
    assert_eq!(
        input.answer(),
        (404, "Container nope cannot be found".to_owned())
    );
}

#[test]
fn session_has_many_readers_and_one_writer() {
    let parent = Parent::new();
    let mut session = parent.session("s", "cat");
    let first = parent.input(parent.child("s"));
    first.write("one\n");
    session.read_until("one\n");

    let second = parent.input(parent.child("s"));
    let refused = second.answer();
    let attached = parent.stream(&attach_output_call(parent.child("s")));
    let mut attached = Output::of(&parent, attached);
    first.write("two\n");
    attached.read_until("two\n");
    first.write("");
    let answered = first.close();
    session.read_to_end();
    attached.read_to_end();

    assert_eq!(
        refused,
        (409, "Multiple input connections are not allowed".to_owned())
    );
    assert_eq!(answered.0, 200);
    assert_eq!(session.out, "one\ntwo\n");
    assert_eq!(attached.out, "two\n");
}

fn launch_nested(id: v1::ContainerId, change: fn(&mut call::LaunchNestedContainer)) -> Call {
    let mut launch = call::LaunchNestedContainer {
        container_id: Some(id),
        ..Default::default()
    };
    change(&mut launch);
    Call {
        r#type: Some(call::Type::LaunchNestedContainer.into()),
        launch_nested_container: Some(launch.into()),
        ..Default::default()
    }
}

/// Mirrors: AgentContainerAPITest.NestedContainerFailLaunch
/// Mirrors: AgentContainerAPITest.NestedContainerLaunchFalse
#[test]
fn nested_container_that_cannot_be_launched_is_a_bad_request() {
    let parent = Parent::new();
    let unfetched = launch_nested(parent.child("unfetched"), |launch| {
        let uri = v1::command_info::Uri {
            value: Some("This file doesn't exist".to_owned()),
            ..Default::default()
        };
        let command = v1::CommandInfo {
            uris: vec![uri],
            ..Default::default()
        };
        launch.command = Some(command.into());
    });
    let foreign = launch_nested(parent.child("foreign"), |launch| {
        let info = v1::ContainerInfo {
            r#type: Some(v1::container_info::Type::Docker.into()),
            ..Default::default()
        };
        launch.container = Some(info.into());
    });

    let status = |call: &Call| parent.call(call).0;

    assert_eq!(status(&unfetched), 400);
    assert_eq!(status(&foreign), 400);
}

/// Mirrors: AgentContainerAPITest.GetContainers
#[test]
fn nested_containers_are_shown_when_asked_for() {
    let parent = Parent::new();
    let launched = parent.call(&launch_nested(parent.child("n"), |launch| {
        let command = v1::CommandInfo {
            value: Some("sleep 1000".to_owned()),
            ..Default::default()
        };
        launch.command = Some(command.into());
    }));

    let shown = parent.containers();

    assert_eq!(launched.0, 200);
    assert_eq!(shown, 2);
}

/// Mirrors: AgentContainerAPITest.RecoverNestedContainer
#[test]
fn nested_container_is_killed_and_waited_for_after_the_agent_was_restarted() {
    let mut cluster = Cluster::registered();
    checkpointed(&mut cluster, command_task("t", "sleep 1000"));
    let mut parent = Parent::of(cluster);
    let nested = parent.child("n");
    let launch = launch_nested(nested.clone(), |launch| {
        let command = v1::CommandInfo {
            value: Some("sleep 1000".to_owned()),
            ..Default::default()
        };
        launch.command = Some(command.into());
    });
    assert_eq!(parent.call(&launch).0, 200);

    parent.cluster.restart();
    let _executor = parent.cluster.subscribe_when_open("t");
    parent.cluster.reregister();
    let killed = parent.call(&Call {
        r#type: Some(call::Type::KillNestedContainer.into()),
        kill_nested_container: Some(call::KillNestedContainer {
            container_id: Some(nested.clone()),
            ..Default::default()
        }),
        ..Default::default()
    });

    assert_eq!(killed.0, 200);
    assert_eq!(parent.wait(nested), Some(9));
}

/// Mirrors: IOSwitchboardTest.ContainerAttachAfterSlaveRestart
#[test]
fn terminal_can_be_attached_to_after_the_agent_was_restarted() {
    let mut cluster = Cluster::registered();
    let task = v1::TaskInfo {
        container: Some(terminal().into()),
        ..command_task("t", "sleep 1000")
    };
    checkpointed(&mut cluster, task);

    cluster.restart();
    let _executor = cluster.subscribe_when_open("t");
    cluster.reregister();
    let parent = Parent::of(cluster);
    let attached = parent.stream(&attach_output_call(parent.id.clone()));

    assert_eq!(attached.status, 200);
}

#[test]
fn command_executor_is_told_its_terminal() {
    let cluster = Cluster::registered();
    cluster
        .place
        .command_executor("for a in \"$@\"; do echo \"$a\"; done; sleep 1000");
    let task = v1::TaskInfo {
        container: Some(terminal().into()),
        ..command_task("t", "sleep 1000")
    };
    cluster.run(&framework(), task);
    cluster.wait_for_executor("t");

    cluster.wait_for_state(|_| {
        let file = run_dir(&cluster.place.work_dir(), "t").join("stdout");
        std::fs::read_to_string(file).is_ok_and(|text| {
            text.contains(&format!(
                "--{}=/dev/pts/",
                mesos_common::wire::variable::TTY_PATH_FLAG
            ))
        })
    });
}
