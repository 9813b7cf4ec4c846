//! The client side of the v1 APIs: content types, connection pairs, event streams.
//!
//! Schedulers and executors speak to master and agent in the same way: one connection carries the
//! stream of events that SUBSCRIBE opens, the other one carries all further calls.

mod connections;
mod content_type;
mod events;

pub use connections::{Connections, Endpoint, Interrupted, body_text, status_line};
pub use content_type::{
    ContentType, MalformedBody, UnknownContentType, basic_credentials, bearer_token,
};
pub use events::{EventReader, StreamError};
pub use libprocess::http::client::{ClientError, ClientRequest, ClientResponse};
