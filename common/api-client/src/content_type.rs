//! The two forms of every v1 message.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{ACCEPT, AUTHORIZATION};
use libprocess::http::client::ClientRequest;
use mesos_proto::{Dialect, Json, decode, to_json};

/// The form of calls and events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentType {
    /// Binary.
    #[default]
    Protobuf,
    /// Text.
    Json,
}

/// Why a body is not the message it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MalformedBody(String);

/// A text that names no content type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid content type '{0}'")]
pub struct UnknownContentType(String);

impl FromStr for ContentType {
    type Err = UnknownContentType;

    /// Reads `json`, `protobuf`, or the media type of either.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" | "application/json" => Ok(Self::Json),
            "protobuf" | "application/x-protobuf" => Ok(Self::Protobuf),
            _ => Err(UnknownContentType(text.to_owned())),
        }
    }
}

impl ContentType {
    /// The value of `Content-Type` and `Accept`.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    /// Writes a message in this form.
    #[must_use]
    pub fn encode<M: Json>(self, message: &M) -> Bytes {
        match self {
            Self::Protobuf => Bytes::from(message.encode_to_vec()),
            Self::Json => Bytes::from(to_json(message, Dialect::V1)),
        }
    }

    /// Reads a message of this form.
    ///
    /// # Errors
    /// [`MalformedBody`] when the bytes are something else, or a required field is missing.
    pub fn decode<M: Json>(self, body: &Bytes) -> Result<M, MalformedBody> {
        match self {
            Self::Protobuf => {
                decode(body.clone()).map_err(|error| MalformedBody(error.to_string()))
            }
            Self::Json => {
                M::read_json(Dialect::V1, body).map_err(|error| MalformedBody(error.to_string()))
            }
        }
    }

    /// A POST of `call` that asks for an answer of the same form.
    #[must_use]
    pub fn request<M: Json>(self, path: &str, call: &M) -> ClientRequest {
        let media_type = self.media_type();
        let request = ClientRequest::post(path, media_type, self.encode(call));
        request.with_header(ACCEPT, media_type)
    }
}

/// Adds who the caller is, by name and password.
///
/// A name or password that no header can carry leaves the request as it is: the server refuses it.
pub fn basic_credentials(request: &mut ClientRequest, principal: &str, secret: &str) {
    authorize(
        request,
        &format!("Basic {}", STANDARD.encode(format!("{principal}:{secret}"))),
    );
}

/// Adds who the caller is, by a token.
///
/// A token that no header can carry leaves the request as it is: the server refuses it.
pub fn bearer_token(request: &mut ClientRequest, token: &str) {
    authorize(request, &format!("Bearer {token}"));
}

fn authorize(request: &mut ClientRequest, value: &str) {
    if let Ok(mut value) = HeaderValue::from_str(value) {
        value.set_sensitive(true);
        request.headers.insert(AUTHORIZATION, value);
    }
}
