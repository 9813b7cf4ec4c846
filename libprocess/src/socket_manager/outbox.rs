//! What waits to be written to one peer.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::encode::LastHead;
use super::socket::Wire;

/// Bytes that wait to be written: whole messages only.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    wire: Wire,
    pieces: VecDeque<Bytes>,
    tail: BytesMut,
    messages: usize,
    last: LastHead,
}

impl Outbox {
    pub(super) fn new(wire: Wire) -> Self {
        Self {
            wire,
            ..Self::default()
        }
    }

    pub(super) const fn wire(&self) -> Wire {
        self.wire
    }

    /// One more message is queued.
    pub(super) const fn count(&mut self) {
        self.messages += 1;
    }

    pub(super) const fn messages(&self) -> usize {
        self.messages
    }

    /// Where small things are appended.
    pub(super) const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    /// The same, and what was the last head in it.
    pub(super) const fn buffer_and_last(&mut self) -> (&mut BytesMut, &mut LastHead) {
        (&mut self.tail, &mut self.last)
    }

    /// Appends a large piece without copying it.
    pub(super) fn append(&mut self, piece: Bytes) {
        let tail = self.tail.split().freeze();
        self.pieces.push_back(tail);
        self.pieces.push_back(piece);
    }

    /// Appends another queue of the same wire.
    pub(super) fn append_all(&mut self, mut other: Self) {
        let tail = self.tail.split().freeze();
        self.messages += other.messages;
        self.pieces.push_back(tail);
        self.pieces.append(&mut other.pieces);
        self.tail = other.tail;
    }

    pub(super) fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum::<usize>() + self.tail.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.tail.is_empty()
    }

    /// Takes all that is there.
    pub(super) fn take(&mut self) -> VecDeque<Bytes> {
        self.messages = 0;
        let mut pieces = std::mem::take(&mut self.pieces);
        if !self.tail.is_empty() {
            pieces.push_back(self.tail.split().freeze());
        }
        pieces
    }
}
