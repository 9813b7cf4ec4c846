//! The calls about streams: their forms, their refusals, who may make them.

use libprocess::http::client::ClientRequest;
use mesos_common::recordio;
use mesos_containerizer::ContainerizerError;
use mesos_proto::v1::{
    self,
    agent::{
        Call,
        call::{self, AttachContainerInput, attach_container_input},
    },
};
use serde_json::json;

use super::client::{
    Form, PROTOBUF, Parent, RECORDIO, attach_container_input, attach_input_call,
    attach_output_call, session_call, terminal,
};
use crate::{
    harness::Cluster,
    script::{self, Script},
    secrets::{ALICE, Secrets, rules},
};

/// A command that writes to both of its outputs.
const BOTH_OUTPUTS: &str = "printf output && printf error 1>&2";

/// Mirrors: AgentAPITest.LaunchNestedContainerSession
#[test]
fn session_streams_in_the_form_of_its_call() {
    let parent = Parent::new();

    for form in Form::BOTH {
        let call = session_call(parent.child(form.name()), BOTH_OUTPUTS, None);
        let mut session = parent.session_as(form, &call);
        session.read_to_end();

        assert_eq!(session.out, "output");
        assert_eq!(session.err, "error");
    }
}

/// Mirrors: AgentAPITest.LaunchNestedContainerSessionWithTTY
#[test]
fn terminal_has_one_output() {
    let parent = Parent::new();

    for form in Form::BOTH {
        let id = parent.child(form.name());
        let call = session_call(id, BOTH_OUTPUTS, Some(terminal()));
        let mut session = parent.session_as(form, &call);
        session.read_to_end();

        assert_eq!(session.out, "outputerror");
        assert_eq!(session.err, "");
    }
}

/// Mirrors: AgentAPITest.LaunchNestedContainerSessionDisconnected
#[test]
fn session_that_waits_for_input_ends_when_its_client_goes() {
    let parent = Parent::new();

    for form in Form::BOTH {
        let id = parent.child(form.name());
        let session = parent.session_as(form, &session_call(id.clone(), "cat", None));

        drop(session);

        assert_eq!(parent.wait(id), Some(9));
    }
}

/// Mirrors: AgentAPITest.DISABLED_ROOT_CGROUPS_LaunchNestedContainerSessionsInParallel
#[test]
fn many_sessions_at_once_keep_their_outputs_apart() {
    let parent = Parent::new();

    let sessions: Vec<_> = (0..10)
        .map(|number| parent.session(&format!("s{number}"), &format!("echo echo {number}")))
        .collect();

    for (number, mut session) in sessions.into_iter().enumerate() {
        session.read_to_end();
        assert_eq!(session.out, format!("echo {number}\n"));
        assert_eq!(session.err, "");
    }
}

/// Words that are longer than every buffer between a client and a container.
fn long_text() -> String {
    let mut text = "The quick brown fox jumps over the lazy dog. ".to_owned();
    while text.len() < 1 << 20 {
        text.push_str(&text.clone());
    }
    text
}

/// Mirrors: AgentAPITest.AttachContainerInputRepeat
#[test]
fn input_is_written_by_one_client_after_the_other() {
    let parent = Parent::new();
    let long = long_text();

    for form in Form::BOTH {
        let id = parent.child(form.name());
        let mut session = parent.session_as(form, &session_call(id.clone(), "cat", None));
        let first = parent.input_as(form, id.clone());
        first.write("Hello, World!");
        let first = first.close();
        let second = parent.input_as(form, id);
        let bytes = long.as_bytes();
        for chunk in bytes.chunks(4096) {
            second.write(std::str::from_utf8(chunk).expect("ASCII"));
        }
        second.write("");
        let second = second.close();
        session.read_to_end();

        assert_eq!(first, (200, String::new()));
        assert_eq!(second, (200, String::new()));
        assert!(session.out == format!("Hello, World!{long}"));
        assert_eq!(session.err, "");
    }
}

/// A task on an agent whose containerizer does what the test says.
fn scripted() -> (Parent, Script) {
    let (script, replacements) = Script::new();
    let cluster = Cluster::registered_replacing(|_| {}, replacements);
    (Parent::launched_by(cluster), script)
}

/// The words of the failure that a script injects.
fn words_of_failure() -> String {
    let injected = std::io::Error::other("injected failure");
    ContainerizerError::system("do as asked")(injected).chain()
}

/// Mirrors: AgentAPITest.LaunchNestedContainerSessionAttachFailure
#[test]
fn session_that_nobody_can_attach_to_is_destroyed() {
    let (parent, script) = scripted();

    for form in Form::BOTH {
        script.answer_attach(script::failure());
        let call = session_call(parent.child(form.name()), "sleep 1000", None);
        assert_eq!(parent.ask_as(form, &call).status, 500);
    }

    for form in Form::BOTH {
        assert_eq!(parent.wait(parent.child(form.name())), Some(9));
    }
    assert_eq!(parent.containers(), 1);
}

/// Mirrors: AgentAPITest.AttachContainerOutputFailure
#[test]
fn failure_to_attach_to_the_output_is_told() {
    let (parent, script) = scripted();

    for form in Form::BOTH {
        script.answer_attach(script::failure());
        let request = form.request(&attach_output_call(parent.id.clone()));
        let (status, body) = parent.cluster.ask(request);

        assert_eq!(status, 500);
        assert_eq!(body, words_of_failure());
    }
}

/// A whole upload of one call.
fn upload(call: &Call) -> ClientRequest {
    ClientRequest::post("/api/v1", RECORDIO, one_record(call))
        .with_header("message-content-type", PROTOBUF)
}

fn one_record(call: &Call) -> bytes::Bytes {
    recordio::encode(&Form::Protobuf.write(call))
}

/// Mirrors: AgentAPITest.AttachContainerInputFailure
#[test]
fn failure_to_attach_to_the_input_is_told() {
    let (parent, script) = scripted();
    script.answer_attach(script::failure());
    let call = attach_input_call(attach_container_input(parent.id.clone()));

    let (status, body) = parent.cluster.ask(upload(&call));

    assert_eq!(status, 500);
    assert_eq!(body, words_of_failure());
}

/// A task on an agent that asks who calls and closes one action to `alice`.
fn closed(action: &'static str) -> Parent {
    let secrets = Secrets::new();
    let mut cluster = Cluster::registered_with(move |flags| {
        secrets.close_writing(flags);
        flags.acls = Some(rules(&json!({
            action: [{ "principals": { "values": ["alice"] }, "users": { "type": "NONE" } }],
        })));
    });
    cluster.authorization = Some(ALICE.to_owned());
    Parent::launched_by(cluster)
}

/// Mirrors: AgentAPITest.LaunchNestedContainerSessionUnauthorized
#[test]
fn session_is_launched_only_for_those_who_may() {
    let parent = closed("launch_nested_container_sessions_under_parent_with_user");

    for form in Form::BOTH {
        let call = session_call(parent.child(form.name()), "sleep 1000", None);
        let response = parent.ask_as(form, &call);

        assert_eq!(response.status, 403);
        assert_eq!(parent.containers(), 1);
    }
}

/// Mirrors: AgentAPITest.AttachContainerInputAuthorization
#[test]
fn input_is_written_only_by_those_who_may() {
    let parent = closed("attach_containers_input");

    for form in Form::BOTH {
        let id = parent.child(form.name());
        let _session = parent.session_as(form, &session_call(id.clone(), "sh", None));
        let call = attach_input_call(attach_container_input(id));

        let (status, _) = parent.cluster.ask(upload(&call));

        assert_eq!(status, 403);
    }
}

/// An agent that has recovered and knows no master yet.
fn alone() -> Cluster {
    let cluster = Cluster::start();
    cluster.wait_until_recovered();
    cluster
}

/// Mirrors: AgentAPITest.AttachContainerInputValidation
#[test]
fn input_begins_with_the_name_of_its_container() {
    let cluster = alone();
    let of_type = |kind: attach_container_input::Type| {
        attach_input_call(AttachContainerInput {
            r#type: Some(kind.into()),
            ..Default::default()
        })
    };
    let nameless = of_type(attach_container_input::Type::ContainerId);
    let early = of_type(attach_container_input::Type::ProcessIo);

    let refusal = |call: &Call| cluster.ask(upload(call)).0;

    assert_eq!(refusal(&nameless), 400);
    assert_eq!(refusal(&early), 400);
}

/// Mirrors: AgentAPITest.HeaderValidation
#[test]
fn forms_that_do_not_suit_a_call_are_refused() {
    let cluster = alone();
    let input = one_record(&attach_input_call(AttachContainerInput {
        r#type: Some(attach_container_input::Type::ContainerId.into()),
        ..Default::default()
    }));
    let output = attach_output_call(v1::ContainerId {
        value: Some("c".to_owned()),
        ..Default::default()
    });
    let containers = Call {
        r#type: Some(call::Type::GetContainers.into()),
        ..Default::default()
    };
    let upload = || ClientRequest::post("/api/v1", RECORDIO, input.clone());
    let unsupported = "unsupported/media-type";
    let cases = [
        (upload(), 400),
        (
            upload().with_header("message-content-type", unsupported),
            415,
        ),
        (
            Form::Protobuf
                .request(&output)
                .with_header("accept", RECORDIO)
                .with_header("message-accept", unsupported),
            406,
        ),
        (
            Form::Protobuf
                .request(&output)
                .with_header("message-content-type", PROTOBUF),
            415,
        ),
        (
            Form::Json
                .request(&containers)
                .with_header("accept", RECORDIO),
            406,
        ),
    ];

    for (number, (request, status)) in cases.into_iter().enumerate() {
        assert_eq!(cluster.ask(request).0, status, "case {number}");
    }
}
