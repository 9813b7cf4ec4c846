//! The operator API of an agent, in JSON and in protocol buffers.

use libprocess::http::client::ClientRequest;
use mesos_common::flags::{HasLogging as _, JsonMessage};
use mesos_proto::internal::{ShutdownFrameworkMessage, ShutdownMessage};
use mesos_proto::v1::agent::{Call, Response, call::Type, response};
use mesos_proto::v1::{self, TaskState, executor::event};
use mesos_proto_codec::{Dialect, Json, to_json};
use prost::Message as _;
use serde_json::{Value, json};

use crate::harness::{Cluster, checkpointing, command_task, framework, framework_id};

/// How messages are written.
#[derive(Clone, Copy, Debug)]
enum Form {
    Json,
    Protobuf,
}

/// Checks a claim in both forms.
fn in_both_forms(claim: impl Fn(Form)) {
    claim(Form::Json);
    claim(Form::Protobuf);
}

/// A message from its JSON.
fn from_json<M: Json>(json: &Value) -> M {
    M::read_json(Dialect::V1, json.to_string().as_bytes()).expect("a message")
}

fn plain(kind: Type) -> Call {
    Call {
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

/// A call with the field that belongs to its type.
fn with(kind: Type, field: &Value) -> Call {
    let name = kind.as_str_name();
    from_json(&json!({"type": name, name.to_lowercase(): field}))
}

fn tell(cluster: &Cluster, form: Form, call: &Call) -> (u16, bytes::Bytes) {
    let (media_type, body) = match form {
        Form::Json => ("application/json", to_json(call, Dialect::V1).into_bytes()),
        Form::Protobuf => ("application/x-protobuf", call.encode_to_vec()),
    };
    cluster.ask(ClientRequest::post("/api/v1", media_type, body).with_header("accept", media_type))
}

#[track_caller]
fn asked(cluster: &Cluster, form: Form, call: &Call) -> Response {
    let (status, body) = tell(cluster, form, call);
    let text = String::from_utf8_lossy(&body);
    assert_eq!(status, 200, "{form:?}: {text}");
    let answer = match form {
        Form::Json => Response::read_json(Dialect::V1, &body).expect("an answer in JSON"),
        Form::Protobuf => Response::decode(body).expect("an answer"),
    };
    assert_eq!(answer.r#type().as_str_name(), call.r#type().as_str_name());
    answer
}

#[track_caller]
fn shown(cluster: &Cluster, form: Form, kind: Type) -> Response {
    asked(cluster, form, &plain(kind))
}

fn domain() -> v1::DomainInfo {
    from_json(&json!({
        "fault_domain": {"region": {"name": "region-xyz"}, "zone": {"name": "zone-456"}}}))
}

/// Mirrors: AgentAPITest.GetAgent
/// Mirrors: AgentAPITest.GetHealth
/// Mirrors: AgentAPITest.GetVersion
/// Mirrors: AgentAPITest.GetFlags
/// Mirrors: AgentAPITest.GetLoggingLevel
#[test]
fn agent_without_a_master_tells_of_itself() {
    let cluster = Cluster::start_with(|flags| {
        flags.hostname = Some("host".to_owned());
        flags.domain = Some(JsonMessage::new(domain()));
    });
    cluster.wait_until_recovered();

    in_both_forms(|form| {
        let agent = shown(&cluster, form, Type::GetAgent);
        let info = agent.get_agent().agent_info();
        assert_eq!(info.hostname(), "host");
        assert_eq!(info.domain(), &domain());
        assert!(
            shown(&cluster, form, Type::GetHealth)
                .get_health()
                .healthy()
        );
        let version = shown(&cluster, form, Type::GetVersion);
        assert_eq!(version.get_version().version_info().version(), "1.11.0");
        let flags = shown(&cluster, form, Type::GetFlags);
        let mut flags = flags.get_flags().flags.iter();
        assert!(flags.any(|flag| flag.name() == "work_dir"));
        let level = shown(&cluster, form, Type::GetLoggingLevel);
        let level = level.get_logging_level().level();
        assert_eq!(level, cluster.runtime.log_level());
    });
}

/// Mirrors: AgentAPITest.GetMetrics
#[test]
fn metrics_come_within_their_timeout() {
    let cluster = Cluster::registered();
    let timeout = json!({"timeout": {"nanoseconds": 5_000_000_000_i64}});

    in_both_forms(|form| {
        let answer = asked(&cluster, form, &with(Type::GetMetrics, &timeout));

        let metrics = &answer.get_metrics().metrics;
        assert!(metrics.iter().all(|metric| metric.value.is_some()));
        assert!(metrics.iter().any(|one| one.name() == "slave/registered"));
    });
}

/// Mirrors: AgentAPITest.SetLoggingLevel
#[test]
fn level_of_the_log_is_raised_for_a_while() {
    let cluster = Cluster::registered();
    let before = cluster.runtime.log_level();
    let level = |nanoseconds: i64| {
        with(
            Type::SetLoggingLevel,
            &json!({"level": before + 1, "duration": {"nanoseconds": nanoseconds}}),
        )
    };

    in_both_forms(|form| {
        assert_eq!(tell(&cluster, form, &level(3_600_000_000_000)).0, 200);
        assert_eq!(cluster.runtime.log_level(), before + 1);
        assert_eq!(tell(&cluster, form, &level(1_000_000)).0, 200);

        cluster.wait_for_state(|_| cluster.runtime.log_level() == before);
    });
}

/// An agent that offers a folder as its log.
fn offering(fill: impl FnOnce(&std::path::Path)) -> Cluster {
    let mut cluster = Cluster::registered();
    fill(cluster.place.directory.path());
    cluster.stop();
    cluster.change = |flags| {
        let folder = std::path::Path::new(&flags.work_dir).with_file_name("shown");
        flags.logging_mut().external_log_file = Some(folder.display().to_string());
    };
    cluster.start_again();
    cluster.reregister();
    cluster
}

/// Mirrors: AgentAPITest.ListFiles
#[test]
fn files_are_listed() {
    let cluster = offering(|place| {
        for name in ["shown", "shown/2", "shown/3"] {
            std::fs::create_dir(place.join(name)).expect("a folder");
        }
        std::fs::write(place.join("shown/two"), "two").expect("a file");
    });

    in_both_forms(|form| {
        let call = with(Type::ListFiles, &json!({"path": "/slave/log/"}));
        let answer = asked(&cluster, form, &call);

        let [_, _, file] = answer.list_files().file_infos.as_slice() else {
            panic!("three files")
        };
        assert_eq!(file.path(), "/slave/log/two");
        assert_eq!((file.size(), file.nlink()), (3, 1));
        assert_eq!(file.mode() & 0o170_000, 0o100_000);
    });
}

/// Mirrors: AgentAPITest.ReadFile
/// Mirrors: AgentAPITest.ListFilesInvalidPath
/// Mirrors: AgentAPITest.ReadFileInvalidPath
#[test]
fn pieces_of_files_are_read() {
    let cluster = offering(|place| {
        std::fs::write(place.join("shown"), "body").expect("a file");
    });

    in_both_forms(|form| {
        let read = |offset: u64, length: Option<u64>| {
            let mut part = json!({"path": "/slave/log", "offset": offset});
            if let Some(length) = length {
                part["length"] = json!(length);
            }
            let answer = asked(&cluster, form, &with(Type::ReadFile, &part));
            assert_eq!(answer.read_file().size(), 4);
            String::from_utf8(answer.read_file().data().to_vec()).expect("a text")
        };
        assert_eq!(read(1, Some(2)), "od");
        assert_eq!(read(0, Some(3)), "bod");
        assert_eq!(read(3, None), "y");
        assert_eq!(read(5, Some(2)), "");
        assert_eq!(read(1, Some(6)), "ody");
        let list = with(Type::ListFiles, &json!({"path": "five/"}));
        assert_eq!(tell(&cluster, form, &list).0, 404);
        let read = json!({"path": "invalid_file", "offset": 1, "length": 2});
        assert_eq!(tell(&cluster, form, &with(Type::ReadFile, &read)).0, 404);
    });
}

/// How many frameworks, executors and tasks the API shows; of each those that live first.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    frameworks: [usize; 2],
    executors: [usize; 2],
    /// Pending, queued, launched, terminated, completed.
    tasks: [usize; 5],
}

fn counts(
    frameworks: &response::GetFrameworks,
    executors: &response::GetExecutors,
    tasks: &response::GetTasks,
) -> Counts {
    Counts {
        frameworks: [
            frameworks.frameworks.len(),
            frameworks.completed_frameworks.len(),
        ],
        executors: [
            executors.executors.len(),
            executors.completed_executors.len(),
        ],
        tasks: [
            tasks.pending_tasks.len(),
            tasks.queued_tasks.len(),
            tasks.launched_tasks.len(),
            tasks.terminated_tasks.len(),
            tasks.completed_tasks.len(),
        ],
    }
}

/// `GET_STATE` and the calls for its parts show the same.
#[track_caller]
fn shows(cluster: &Cluster, expected: &Counts) {
    in_both_forms(|form| {
        let frameworks = shown(cluster, form, Type::GetFrameworks);
        let executors = shown(cluster, form, Type::GetExecutors);
        let tasks = shown(cluster, form, Type::GetTasks);
        let parts = counts(
            frameworks.get_frameworks(),
            executors.get_executors(),
            tasks.get_tasks(),
        );
        let state = shown(cluster, form, Type::GetState);
        let state = state.get_state();
        let whole = counts(
            state.get_frameworks(),
            state.get_executors(),
            state.get_tasks(),
        );
        assert_eq!(&parts, expected, "{form:?}");
        assert_eq!(&whole, expected, "{form:?}");
    });
}

fn nothing_is_left(cluster: &Cluster) {
    cluster.wait_for_state(|state| state["frameworks"].as_array().is_some_and(Vec::is_empty));
}

/// Mirrors: AgentAPITest.GetFrameworks
/// Mirrors: AgentAPITest.GetExecutors
/// Mirrors: AgentAPITest.GetTasks
/// Mirrors: AgentAPITest.GetState
#[test]
fn framework_executor_and_task_are_shown_through_their_life() {
    let mut cluster = Cluster::registered();
    shows(
        &cluster,
        &Counts {
            frameworks: [0, 0],
            executors: [0, 0],
            tasks: [0, 0, 0, 0, 0],
        },
    );

    cluster.run(&framework(), command_task("1", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("1");
    executor.expect(&cluster, event::Type::Launch);
    for state in [TaskState::TaskStarting, TaskState::TaskRunning] {
        cluster.report("1", "1", state);
        assert_eq!(cluster.expect_update().state(), state);
        executor.expect(&cluster, event::Type::Acknowledged);
    }
    shows(
        &cluster,
        &Counts {
            frameworks: [1, 0],
            executors: [1, 0],
            tasks: [0, 0, 1, 0, 0],
        },
    );
    cluster.kill("1");
    executor.expect(&cluster, event::Type::Kill);
    cluster.report("1", "1", TaskState::TaskKilled);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskKilled);
    executor.expect(&cluster, event::Type::Acknowledged);
    shows(
        &cluster,
        &Counts {
            frameworks: [1, 0],
            executors: [1, 0],
            tasks: [0, 0, 0, 0, 1],
        },
    );
    cluster.kill_container_of("1");
    nothing_is_left(&cluster);

    shows(
        &cluster,
        &Counts {
            frameworks: [0, 1],
            executors: [0, 1],
            tasks: [0, 0, 0, 0, 1],
        },
    );
}

/// A task that runs until its executor is shut down.
fn running(cluster: &mut Cluster) {
    cluster.run(&checkpointing(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(cluster, event::Type::Launch);
    cluster.report("t", "t", TaskState::TaskRunning);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
    executor.expect(cluster, event::Type::Acknowledged);
}

/// The task is over, though nobody reported its end.
#[track_caller]
fn ended_without_a_word(cluster: &Cluster) {
    in_both_forms(|form| {
        let answer = shown(cluster, form, Type::GetState);
        let state = answer.get_state();
        let [task] = state.get_tasks().terminated_tasks.as_slice() else {
            panic!("one task that is over: {answer:?}")
        };
        assert_eq!(task.state(), TaskState::TaskRunning);
    });
    shows(
        cluster,
        &Counts {
            frameworks: [0, 1],
            executors: [0, 1],
            tasks: [0, 0, 0, 1, 0],
        },
    );
}

/// Mirrors: AgentAPITest.GetStateWithNonTerminalCompletedTask
#[test]
fn task_of_an_agent_that_was_shut_down_is_over() {
    let mut cluster = Cluster::registered();
    running(&mut cluster);
    let exited = cluster.agent.exited().expect("not taken");

    cluster
        .master
        .send(&cluster.pid(), &ShutdownMessage::default());
    drop(cluster.master.runtime.block_on(exited.into_future()));
    cluster.stop();
    cluster.start_again();
    cluster.wait_until_recovered();

    ended_without_a_word(&cluster);
}

/// Mirrors: AgentAPITest.TeardownAndGetStateWithNonTerminalCompletedTask
#[test]
fn task_of_a_framework_that_was_torn_down_is_over() {
    let mut cluster = Cluster::registered();
    running(&mut cluster);

    cluster.master.send(
        &cluster.pid(),
        &ShutdownFrameworkMessage {
            framework_id: Some(framework_id()),
            ..Default::default()
        },
    );
    nothing_is_left(&cluster);

    ended_without_a_word(&cluster);
}

/// Mirrors: AgentAPITest.GetContainers
#[test]
fn container_is_shown_with_status_and_usage() {
    let mut cluster = Cluster::registered();
    in_both_forms(|form| {
        let answer = shown(&cluster, form, Type::GetContainers);
        assert!(answer.get_containers().containers.is_empty());
    });

    running(&mut cluster);

    in_both_forms(|form| {
        let answer = shown(&cluster, form, Type::GetContainers);
        let [container] = answer.get_containers().containers.as_slice() else {
            panic!("one container")
        };
        assert_eq!(container.executor_id().value(), "t");
        let pid = container.container_status().executor_pid();
        assert_eq!(i32::try_from(pid).ok(), cluster.container_pid("t"));
        let limit = container.resource_statistics().mem_limit_bytes();
        assert_eq!(limit, 64 << 20);
    });
}

/// Mirrors: AgentAPITest.LaunchNestedContainerWithUnknownParent
#[test]
fn container_in_one_that_is_not_there_is_refused() {
    let mut cluster = Cluster::registered();
    running(&mut cluster);
    let launch = json!({
        "container_id": {"value": "inner", "parent": {"value": "outer"}},
        "command": {"value": "cat"},
        "container": {"type": "MESOS"}});

    in_both_forms(|form| {
        let call = with(Type::LaunchNestedContainer, &launch);
        assert_eq!(tell(&cluster, form, &call).0, 400);
    });
}
