//! What requests are written in, and what their answers are to be written in.

use bytes::Bytes;
use libprocess::http::{Request, Response};
use mesos_common::negotiation::{
    APPLICATION_JSON, APPLICATION_PROTOBUF, APPLICATION_RECORDIO, ContentType, accepts,
};
use mesos_proto::v1::agent::{Call, ProcessIo};
use mesos_proto_codec::{Dialect, Json, to_json};
use prost::Message;

/// The form of the records of a request.
///
/// # Errors
/// The refusal, when the header that names it is missing or names none.
pub(super) fn of_records(request: &Request) -> Result<ContentType, Box<Response>> {
    let Some(named) = request.header("message-content-type") else {
        let text = "Expecting 'Message-Content-Type' to be set for streaming requests";
        return Err(Response::bad_request(text).into());
    };
    match ContentType::from_header(named) {
        Some(form @ (ContentType::Json | ContentType::Protobuf)) => Ok(form),
        Some(ContentType::RecordIo) | None => {
            let text = format!(
                "Expecting 'Message-Content-Type' of {APPLICATION_JSON} or {APPLICATION_PROTOBUF}"
            );
            Err(Response::unsupported_media_type(text).into())
        }
    }
}

/// The media type of a streaming answer, and the form of its records.
///
/// # Errors
/// The refusal, when the client takes none that there is.
pub(super) fn of_answer(request: &Request) -> Result<(ContentType, ContentType), Box<Response>> {
    let accept = request.header("accept");
    if let Some(form) = ContentType::for_answer(accept) {
        return Ok((form, form));
    }
    if !accepts(accept, APPLICATION_RECORDIO) {
        let text = format!(
            "Expecting 'Accept' to allow {APPLICATION_JSON} or {APPLICATION_PROTOBUF} or {APPLICATION_RECORDIO}"
        );
        return Err(Response::not_acceptable(text).into());
    }
    match ContentType::for_answer(request.header("message-accept")) {
        Some(form) => Ok((ContentType::RecordIo, form)),
        None => {
            let text = format!(
                "Expecting 'Message-Accept' to allow {APPLICATION_JSON} or {APPLICATION_PROTOBUF}"
            );
            Err(Response::not_acceptable(text).into())
        }
    }
}

/// Reads a call.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read_call(form: ContentType, record: &Bytes) -> Result<Call, String> {
    match form {
        ContentType::Json => {
            Call::read_json(Dialect::V1, record).map_err(|error| error.to_string())
        }
        ContentType::Protobuf | ContentType::RecordIo => {
            mesos_proto_codec::decode(record.clone()).map_err(|error| error.to_string())
        }
    }
}

/// Writes a message for clients.
pub(super) fn write(form: ContentType, message: &ProcessIo) -> Bytes {
    match form {
        ContentType::Json => to_json(message, Dialect::V1).into(),
        ContentType::Protobuf | ContentType::RecordIo => message.encode_to_vec().into(),
    }
}
