//! Which of JSON and protobuf a client speaks and wants.

use http::header::CONTENT_TYPE;
use libprocess::http::{Request, Response};
use mesos_common::negotiation;
use mesos_proto_codec::{Dialect, Json, JsonError, WireError, decode};

/// The two forms of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// `application/json`.
    Json,
    /// `application/x-protobuf`.
    Protobuf,
}

impl ContentType {
    /// The value of the `Content-Type` header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => negotiation::APPLICATION_JSON,
            Self::Protobuf => negotiation::APPLICATION_PROTOBUF,
        }
    }
}

/// What the client sent, from `Content-Type`.
///
/// # Errors
/// The response to give when the header is missing or names something else.
pub fn content_type(request: &Request) -> Result<ContentType, Box<Response>> {
    let Some(value) = request.headers.get(CONTENT_TYPE) else {
        return Err(Box::new(Response::bad_request(
            "Expecting 'Content-Type' to be present",
        )));
    };
    match value
        .to_str()
        .ok()
        .and_then(negotiation::ContentType::from_header)
    {
        Some(negotiation::ContentType::Json) => Ok(ContentType::Json),
        Some(negotiation::ContentType::Protobuf) => Ok(ContentType::Protobuf),
        Some(negotiation::ContentType::RecordIo) | None => {
            Err(Box::new(Response::unsupported_media_type(
                "Expecting 'Content-Type' of application/json or application/x-protobuf",
            )))
        }
    }
}

/// What the client wants, from `Accept`; JSON when both will do.
///
/// # Errors
/// The response to give when neither will do.
pub fn accept(request: &Request) -> Result<ContentType, Box<Response>> {
    match negotiation::ContentType::for_answer(request.header("accept")) {
        Some(negotiation::ContentType::Json) => Ok(ContentType::Json),
        Some(negotiation::ContentType::Protobuf) => Ok(ContentType::Protobuf),
        Some(negotiation::ContentType::RecordIo) | None => Err(Box::new(Response::not_acceptable(
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
        ))),
    }
}

/// Reads a call from a request body.
///
/// # Errors
/// The response to give when the body is not such a call.
pub fn read_call<M: Json>(request: &Request, content: ContentType) -> Result<M, Box<Response>> {
    match content {
        ContentType::Protobuf => match decode::<M>(request.body.clone()) {
            Ok(call) => Ok(call),
            Err(WireError::Malformed { .. } | WireError::MissingRequired { .. }) => Err(Box::new(
                Response::bad_request("Failed to parse body into Call protobuf"),
            )),
        },
        ContentType::Json => M::read_json(Dialect::V1, &request.body)
            .map_err(|error| Box::new(Response::bad_request(json_error_text(&error)))),
    }
}

/// The client-visible text of a JSON body that is not a call.
fn json_error_text(error: &JsonError) -> String {
    if is_syntax(error) {
        format!("Failed to parse body into JSON: {error}")
    } else {
        format!("Failed to convert JSON into Call protobuf: {error}")
    }
}

/// Whether a text is not JSON at all.
#[must_use]
pub fn is_syntax(error: &JsonError) -> bool {
    matches!(
        error,
        JsonError::Syntax { .. } | JsonError::TrailingCharacters { .. } | JsonError::OutOfRange
    )
}
