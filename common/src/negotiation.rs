//! Content types: what a request is written in, and what its answer is to be written in.
//!
//! Mirrors `src/common/http.cpp` and the `Accept` rules of `3rdparty/libprocess/src/http.cpp`.
//!
//! # Wire
//! Names of media types and the order of preference are promises.

use std::fmt;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// Protocol buffers.
    Protobuf,
    /// JSON.
    Json,
    /// Records behind their length; what is inside is named by another header.
    RecordIo,
}

/// Media type of protocol buffers.
pub const APPLICATION_PROTOBUF: &str = "application/x-protobuf";
/// Media type of JSON.
pub const APPLICATION_JSON: &str = "application/json";
/// Media type of RecordIO.
pub const APPLICATION_RECORDIO: &str = "application/recordio";

impl ContentType {
    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => APPLICATION_PROTOBUF,
            Self::Json => APPLICATION_JSON,
            Self::RecordIo => APPLICATION_RECORDIO,
        }
    }

    /// The content type that a header `Content-Type` names; parameters are not tolerated.
    #[must_use]
    pub fn from_header(text: &str) -> Option<Self> {
        match text {
            APPLICATION_PROTOBUF => Some(Self::Protobuf),
            APPLICATION_JSON => Some(Self::Json),
            APPLICATION_RECORDIO => Some(Self::RecordIo),
            _ => None,
        }
    }

    /// What to answer in, by the header `Accept`: JSON where it is acceptable, else protocol
    /// buffers, else nothing.
    #[must_use]
    pub fn for_answer(accept: Option<&str>) -> Option<Self> {
        [Self::Json, Self::Protobuf]
            .into_iter()
            .find(|kind| accepts(accept, kind.media_type()))
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.media_type())
    }
}

/// Whether a header `Accept` admits a media type; without the header everything is admitted.
///
/// The full name counts before `type/*`, and that before `*/*`.
#[must_use]
pub fn accepts(accept: Option<&str>, media_type: &str) -> bool {
    let Some(accept) = accept else { return true };
    let Some((kind, _)) = media_type.split_once('/') else {
        return false;
    };
    let header: String = accept
        .chars()
        .filter(|c| !matches!(c, ' ' | '\t' | '\n'))
        .collect();
    for candidate in [media_type, &format!("{kind}/*"), "*/*"] {
        for range in header.split(',') {
            let mut parts = range.split(';').filter(|part| !part.is_empty());
            if parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case(candidate))
            {
                return has_weight(range);
            }
        }
    }
    false
}

/// Whether a media range is wanted: its `q`, when there is just one, must be above zero.
fn has_weight(range: &str) -> bool {
    let mut weights = range
        .split(';')
        .filter_map(|part| match part.split_once('=') {
            Some(("q", weight)) => Some(weight),
            Some(_) | None => None,
        });
    match (weights.next(), weights.next()) {
        (Some(weight), None) => weight.parse::<f64>().is_ok_and(|weight| weight > 0.0),
        (Some(_), Some(_)) | (None, _) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mirrors: HTTPTest.Accepts
    #[test]
    fn an_accept_header_admits_by_name_and_wildcard() {
        for (accept, admitted) in [
            (None, true),
            (Some("application/json"), true),
            (Some("APPLICATION/JSON"), true),
            (Some("text/html, application/json;q=0.5"), true),
            (Some("application/*"), true),
            (Some("*/*"), true),
            (Some("*/*;q=0"), false),
            (Some("application/json;q=0, */*"), false),
            (Some("application/json;q=0.0"), false),
            (Some("application/json;q=x"), false),
            (Some("text/*"), false),
            (Some(""), false),
            (Some(";;,"), false),
        ] {
            assert_eq!(accepts(accept, APPLICATION_JSON), admitted, "{accept:?}");
        }
    }

    #[test]
    fn an_answer_is_json_where_json_is_acceptable() {
        for (accept, kind) in [
            (None, Some(ContentType::Json)),
            (Some("*/*"), Some(ContentType::Json)),
            (Some("application/x-protobuf"), Some(ContentType::Protobuf)),
            (
                Some("application/x-protobuf, application/json"),
                Some(ContentType::Json),
            ),
            (Some("application/xml"), None),
        ] {
            assert_eq!(ContentType::for_answer(accept), kind, "{accept:?}");
        }
    }

    #[test]
    fn a_content_type_with_parameters_is_unknown() {
        assert_eq!(
            ContentType::from_header("application/json"),
            Some(ContentType::Json)
        );
        assert_eq!(
            ContentType::from_header("application/json; charset=utf-8"),
            None
        );
        assert_eq!(ContentType::from_header("Application/Json"), None);
    }
}
