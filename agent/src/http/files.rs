//! Files through the v1 API.

use libprocess::{
    Future, Outcome,
    http::{Principal, Response},
};
use mesos_common::{files::FilesError, negotiation::ContentType};
use mesos_proto::v1::agent::{Call, Response as Answer, response};

use super::api::respond;
use crate::agent::AgentProcess;

pub(super) fn list(
    agent: &AgentProcess,
    call: &Call,
    principal: Option<Principal>,
    content: ContentType,
) -> Future<Response> {
    let Some(parts) = &agent.parts else {
        return unavailable().into();
    };
    parts
        .files
        .browse(call.list_files().path(), principal)
        .chain(move |outcome| {
            answer(outcome, |file_infos| {
                let listed = response::ListFiles {
                    file_infos,
                    ..Default::default()
                };
                respond(
                    &Answer {
                        r#type: Some(response::Type::ListFiles.into()),
                        list_files: Some(listed),
                        ..Default::default()
                    },
                    content,
                )
            })
            .into()
        })
}

pub(super) fn read(
    agent: &AgentProcess,
    call: &Call,
    principal: Option<Principal>,
    content: ContentType,
) -> Future<Response> {
    let Some(parts) = &agent.parts else {
        return unavailable().into();
    };
    let asked = call.read_file();
    parts
        .files
        .read(asked.path(), asked.offset(), asked.length, principal)
        .chain(move |outcome| {
            answer(outcome, |part| {
                let read = response::ReadFile {
                    size: Some(part.size),
                    data: Some(part.data),
                    ..Default::default()
                };
                respond(
                    &Answer {
                        r#type: Some(response::Type::ReadFile.into()),
                        read_file: Some(read),
                        ..Default::default()
                    },
                    content,
                )
            })
            .into()
        })
}

fn unavailable() -> Response {
    Response::service_unavailable("Agent has not finished recovery")
}

fn answer<T>(
    outcome: Outcome<Result<T, FilesError>>,
    write: impl FnOnce(T) -> Response,
) -> Response {
    match outcome {
        Outcome::Ready(Ok(value)) => write(value),
        Outcome::Ready(Err(FilesError::Invalid(text))) => Response::bad_request(text),
        Outcome::Ready(Err(FilesError::NotFound)) => Response::not_found_text(""),
        Outcome::Ready(Err(FilesError::Unauthorized)) => Response::forbidden(""),
        Outcome::Ready(Err(FilesError::Unknown(text))) | Outcome::Failed(text) => {
            Response::internal_server_error(text)
        }
        Outcome::Discarded | Outcome::Abandoned => unavailable(),
    }
}
