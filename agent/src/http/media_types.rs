//! What a call is written in, and what its answer is to be written in.
//!
//! # Wire
//! Texts and the order of checks are those of Mesos.

use bytes::Bytes;
use libprocess::http::{Request, Response};
use mesos_common::negotiation::{
    APPLICATION_JSON, APPLICATION_PROTOBUF, APPLICATION_RECORDIO, ContentType, accepts,
};
use mesos_proto::v1::agent::{Call, call};
use mesos_proto_codec::{Dialect, Json};
use prost::Message;

use super::executor::json_error;

/// The forms that a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MediaTypes {
    /// Of its body.
    pub(super) content: ContentType,
    /// Of the records in its body.
    pub(super) message_content: ContentType,
    /// Of its answer.
    pub(super) accept: ContentType,
    /// Of the records in its answer.
    pub(super) message_accept: ContentType,
}

impl MediaTypes {
    /// Reads the headers of a request.
    ///
    /// # Errors
    /// The refusal.
    pub(super) fn of(request: &Request) -> Result<Self, Box<Response>> {
        let (content, message_content) = content(request)?;
        let (accept, message_accept) = accept(request)?;
        Ok(Self {
            content,
            message_content,
            accept,
            message_accept,
        })
    }

    /// Says whether the body is a stream of calls.
    pub(super) fn is_upload(self) -> bool {
        self.content == ContentType::RecordIo
    }

    /// Checks that a call is of a kind that may be written in these forms.
    ///
    /// # Errors
    /// The refusal.
    pub(super) fn suit(self, kind: call::Type) -> Result<(), Box<Response>> {
        let name = kind.as_str_name();
        let is_input = kind == call::Type::AttachContainerInput;
        if self.is_upload() && !is_input {
            let text = format!(
                "Streaming 'Content-Type' {APPLICATION_RECORDIO} is not supported for {name} call"
            );
            return Err(Response::unsupported_media_type(text).into());
        }
        if is_input && !self.is_upload() {
            let text =
                format!("Expecting 'Content-Type' to be {APPLICATION_RECORDIO} for {name} call");
            return Err(Response::unsupported_media_type(text).into());
        }
        let streams = [
            call::Type::AttachContainerOutput,
            call::Type::LaunchNestedContainerSession,
        ];
        if self.accept == ContentType::RecordIo && !streams.contains(&kind) {
            let text = format!("Streaming response is not supported for {name} call");
            return Err(Response::not_acceptable(text).into());
        }
        Ok(())
    }

    /// Reads a call, whether it is the body or a record in it.
    ///
    /// # Errors
    /// The refusal.
    pub(super) fn read(self, call: &Bytes) -> Result<Call, Box<Response>> {
        let refuse = |text: String| Box::new(Response::bad_request(text));
        match self.message_content {
            ContentType::Json => {
                Call::read_json(Dialect::V1, call).map_err(|error| refuse(json_error(&error)))
            }
            ContentType::Protobuf | ContentType::RecordIo => Call::decode(call.clone())
                .map_err(|_malformed| refuse("Failed to parse body into Call protobuf".to_owned())),
        }
    }
}

fn content(request: &Request) -> Result<(ContentType, ContentType), Box<Response>> {
    let Some(named) = request.header("content-type") else {
        return Err(Response::bad_request("Expecting 'Content-Type' to be present").into());
    };
    let of_records = request.header("message-content-type");
    match ContentType::from_header(named) {
        None => Err(Response::unsupported_media_type(format!(
            "Expecting 'Content-Type' of {APPLICATION_JSON} or {APPLICATION_PROTOBUF} or {APPLICATION_RECORDIO}"
        ))
        .into()),
        Some(form @ (ContentType::Json | ContentType::Protobuf)) => {
            if of_records.is_some() {
                let text =
                    "Expecting 'Message-Content-Type' to be not set for non-streaming requests";
                return Err(Response::unsupported_media_type(text).into());
            }
            Ok((form, form))
        }
        Some(ContentType::RecordIo) => {
            let Some(named) = of_records else {
                let text = "Expecting 'Message-Content-Type' to be set for streaming requests";
                return Err(Response::bad_request(text).into());
            };
            match ContentType::from_header(named) {
                Some(form @ (ContentType::Json | ContentType::Protobuf)) => {
                    Ok((ContentType::RecordIo, form))
                }
                Some(ContentType::RecordIo) | None => {
                    Err(Response::unsupported_media_type(format!(
                        "Expecting 'Message-Content-Type' of {APPLICATION_JSON} or {APPLICATION_PROTOBUF}"
                    ))
                    .into())
                }
            }
        }
    }
}

fn accept(request: &Request) -> Result<(ContentType, ContentType), Box<Response>> {
    let accept = request.header("accept");
    if let Some(form) = ContentType::for_answer(accept) {
        if request.headers.contains_key("message-accept") {
            let text = "Expecting 'Message-Accept' to be not set for non-streaming responses";
            return Err(Response::not_acceptable(text).into());
        }
        return Ok((form, form));
    }
    if !accepts(accept, APPLICATION_RECORDIO) {
        return Err(Response::not_acceptable(format!(
            "Expecting 'Accept' to allow {APPLICATION_JSON} or {APPLICATION_PROTOBUF} or {APPLICATION_RECORDIO}"
        ))
        .into());
    }
    match ContentType::for_answer(request.header("message-accept")) {
        Some(form) => Ok((ContentType::RecordIo, form)),
        None => Err(Response::not_acceptable(format!(
            "Expecting 'Message-Accept' to allow {APPLICATION_JSON} or {APPLICATION_PROTOBUF}"
        ))
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&'static str, &'static str)]) -> Request {
        let mut request = Request::new(http::Method::POST, "/api/v1").expect("a request");
        for (name, value) in headers {
            let value = http::HeaderValue::from_static(value);
            request.headers.insert(*name, value);
        }
        request
    }

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], status: u16, text: &str) {
        let refusal = MediaTypes::of(&request(headers)).expect_err("refused");
        assert_eq!((refusal.status, refusal.text().as_str()), (status, text));
    }

    const JSON: (&str, &str) = ("content-type", APPLICATION_JSON);
    const RECORDS: (&str, &str) = ("content-type", APPLICATION_RECORDIO);

    #[test]
    fn forms_are_refused_with_the_texts_of_mesos() {
        check(&[], 400, "Expecting 'Content-Type' to be present");
        check(
            &[("content-type", "text/plain")],
            415,
            "Expecting 'Content-Type' of application/json or application/x-protobuf or application/recordio",
        );
        check(
            &[JSON, ("message-content-type", APPLICATION_JSON)],
            415,
            "Expecting 'Message-Content-Type' to be not set for non-streaming requests",
        );
        check(
            &[RECORDS],
            400,
            "Expecting 'Message-Content-Type' to be set for streaming requests",
        );
        check(
            &[RECORDS, ("message-content-type", APPLICATION_RECORDIO)],
            415,
            "Expecting 'Message-Content-Type' of application/json or application/x-protobuf",
        );
        check(
            &[JSON, ("accept", "text/plain")],
            406,
            "Expecting 'Accept' to allow application/json or application/x-protobuf or application/recordio",
        );
        check(
            &[JSON, ("message-accept", APPLICATION_JSON)],
            406,
            "Expecting 'Message-Accept' to be not set for non-streaming responses",
        );
        check(
            &[
                JSON,
                ("accept", APPLICATION_RECORDIO),
                ("message-accept", APPLICATION_RECORDIO),
            ],
            406,
            "Expecting 'Message-Accept' to allow application/json or application/x-protobuf",
        );
    }

    #[test]
    fn records_of_an_answer_are_json_unless_said_otherwise() {
        let types = MediaTypes::of(&request(&[JSON, ("accept", APPLICATION_RECORDIO)]));

        let types = types.expect("accepted");
        assert_eq!(types.accept, ContentType::RecordIo);
        assert_eq!(types.message_accept, ContentType::Json);
    }

    #[test]
    fn only_some_calls_are_streams() {
        let types = MediaTypes::of(&request(&[JSON, ("accept", APPLICATION_RECORDIO)]));
        let types = types.expect("accepted");
        let text = |kind| types.suit(kind).expect_err("refused").text();

        assert!(types.suit(call::Type::AttachContainerOutput).is_ok());
        assert_eq!(
            text(call::Type::GetHealth),
            "Streaming response is not supported for GET_HEALTH call"
        );
        assert_eq!(
            text(call::Type::AttachContainerInput),
            "Expecting 'Content-Type' to be application/recordio for ATTACH_CONTAINER_INPUT call"
        );
    }
}
