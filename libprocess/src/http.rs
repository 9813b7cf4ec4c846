//! HTTP: what handlers take and give, the server behind the one port, and a client.
//!
//! Mirrors `3rdparty/libprocess/include/process/http.hpp`.

pub mod authentication;
pub mod client;
pub mod path;
pub mod pipe;

mod gzip;
pub(crate) mod json_aliases;
mod mime;
mod query;
mod request;
mod response;
mod server;
mod status;
mod url;

use bytes::Bytes;

pub use authentication::{Authentication, Authenticator, Principal};
pub use query::{DecodeError, Query, decode, encode, encode_also};
pub use request::Request;
pub use response::{Body, Response};
pub use server::Server;
pub use status::{reason, status_text};
pub use url::{ParseUrlError, Url};

pub(crate) use gzip::{Inflater, compress};
pub(crate) use mime::content_type;
pub(crate) use query::hex_digit;

use crate::promise::Promise;

/// What `/help` says about a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Help {
    text: Option<String>,
}

impl Help {
    /// No help: the page says so.
    #[must_use]
    pub const fn none() -> Self {
        Self { text: None }
    }

    /// A page with its summary line and what else there is to say.
    #[must_use]
    pub fn new(tldr: &str, description: &[&str]) -> Self {
        let mut text = format!("### TL;DR; ###\n{tldr}\n");
        if !description.is_empty() {
            text.push_str("\n### DESCRIPTION ###\n");
            text.push_str(&description.join("\n"));
            text.push('\n');
        }
        Self { text: Some(text) }
    }

    /// Says whether requests must authenticate.
    #[must_use]
    pub fn authentication(mut self, needed: Needed) -> Self {
        let sentence = match needed {
            Needed::Yes => {
                "This endpoint requires authentication iff HTTP authentication is\nenabled."
            }
            Needed::No => "This endpoint does not require authentication.",
        };
        self.section("AUTHENTICATION", sentence);
        self
    }

    /// Says what an authorized principal may do.
    #[must_use]
    pub fn authorization(mut self, lines: &[&str]) -> Self {
        self.section("AUTHORIZATION", &lines.join("\n"));
        self
    }

    fn section(&mut self, title: &str, body: &str) {
        let text = self.text.get_or_insert_default();
        text.push_str("\n### ");
        text.push_str(title);
        text.push_str(" ###\n");
        text.push_str(body);
        text.push('\n');
    }

    pub(crate) fn into_text(self) -> Option<String> {
        self.text
    }

    /// The page's Markdown, without its usage lines.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}

/// Whether something is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// The body of a request on its way to an actor.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// It was there as a whole when the request was read.
    Whole(Bytes),
    /// The connection is still receiving it.
    Stream(pipe::Reader),
}

/// A request on its way to an actor, with the promise of its answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) body: Incoming,
    pub(crate) promise: Promise<Response>,
}

impl Exchange {
    pub(crate) fn path(&self) -> &str {
        &self.request.path
    }

    pub(crate) fn url(&self) -> &str {
        self.request.url()
    }

    pub(crate) fn method(&self) -> &str {
        self.request.method.as_str()
    }

    /// Answers for an actor that has ended.
    pub(crate) fn fail(self) {
        self.promise.set(Response::default_text(500));
    }
}
