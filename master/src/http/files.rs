//! Files of the master through the operator API.

use libprocess::http::Response;
use libprocess::{Future, Outcome};
use mesos_common::files::FilesError;
use mesos_proto::v1::master::Response as Answer;
use mesos_proto::v1::master::response::{self, Type};

use super::api::Asked;
use super::negotiation::ContentType;
use crate::master::MasterProcess;

impl MasterProcess {
    /// Answers `LIST_FILES`.
    pub(super) fn list_files(&self, asked: &Asked) -> Future<Response> {
        let accept = asked.accept;
        let path = asked.call.list_files().path();
        let listed = self
            .files()
            .browse(path, asked.approvers.principal().cloned());
        listed.chain(move |outcome| {
            answer(outcome, accept, |file_infos| Answer {
                r#type: Some(Type::ListFiles.into()),
                list_files: Some(response::ListFiles {
                    file_infos,
                    ..Default::default()
                }),
                ..Default::default()
            })
            .into()
        })
    }

    /// Answers `READ_FILE`.
    pub(super) fn read_file(&self, asked: &Asked) -> Future<Response> {
        let accept = asked.accept;
        let call = asked.call.read_file();
        let principal = asked.approvers.principal().cloned();
        let read = self
            .files()
            .read(call.path(), call.offset(), call.length, principal);
        read.chain(move |outcome| {
            answer(outcome, accept, |part| Answer {
                r#type: Some(Type::ReadFile.into()),
                read_file: Some(response::ReadFile {
                    size: Some(part.size),
                    data: Some(part.data),
                    ..Default::default()
                }),
                ..Default::default()
            })
            .into()
        })
    }
}

fn answer<T>(
    outcome: Outcome<Result<T, FilesError>>,
    accept: ContentType,
    write: impl FnOnce(T) -> Answer,
) -> Response {
    match outcome {
        Outcome::Ready(Ok(value)) => super::api_read::respond(&write(value), accept),
        Outcome::Ready(Err(FilesError::Invalid(text))) => Response::bad_request(text),
        Outcome::Ready(Err(FilesError::NotFound)) => Response::not_found_text(""),
        Outcome::Ready(Err(FilesError::Unauthorized)) => Response::default_text(403),
        Outcome::Ready(Err(FilesError::Unknown(text))) | Outcome::Failed(text) => {
            Response::internal_server_error(text)
        }
        Outcome::Discarded | Outcome::Abandoned => Response::default_text(503),
    }
}
