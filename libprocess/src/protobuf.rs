//! Messages whose bodies are protobuf.
//!
//! Mirrors `3rdparty/libprocess/include/process/protobuf.hpp` (`ProtobufProcess`).

use bytes::Bytes;
use mesos_proto_codec::WireMessage;

use crate::context::Context;
use crate::pid::Upid;
use crate::process::Process;
use crate::runtime::Runtime;

impl<P: Process> Context<P> {
    /// Handles protobuf messages of this type.
    ///
    /// One that is malformed, or lacks a required field, is logged, counted and dropped.
    pub fn install_protobuf<M: WireMessage>(
        &mut self,
        handler: impl Fn(&mut P, &Upid, M, &mut Self) + Send + 'static,
    ) {
        let malformed = self
            .runtime()
            .metrics()
            .counter("libprocess/malformed_messages");
        self.install(
            M::FULL_NAME,
            move |process, from, body, ctx| match mesos_proto_codec::decode::<M>(body) {
                Ok(message) => handler(process, from, message, ctx),
                Err(error) => {
                    malformed.increment();
                    tracing::warn!(%from, name = M::FULL_NAME, %error, "dropped a message");
                }
            },
        );
    }

    /// Sends a protobuf message from this actor; nothing tells whether it arrives.
    pub fn send_protobuf<M: WireMessage>(&self, to: &Upid, message: &M) {
        if let Some(body) = serialize(message) {
            self.send(to, M::FULL_NAME, body);
        }
    }
}

impl Runtime {
    /// Sends a protobuf message without a sender; nothing tells whether it arrives.
    pub fn send_protobuf<M: WireMessage>(&self, to: &Upid, message: &M) {
        if let Some(body) = serialize(message) {
            self.send(to, M::FULL_NAME, body);
        }
    }
}

/// The body of a message; none, with a log line, when a required field is missing.
fn serialize<M: WireMessage>(message: &M) -> Option<Bytes> {
    let missing = message.missing_required();
    if !missing.is_empty() {
        tracing::error!(
            name = M::FULL_NAME,
            ?missing,
            "failed to send a message: fields are missing"
        );
        return None;
    }
    Some(message.encode_to_vec().into())
}
