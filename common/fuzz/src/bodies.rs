//! What is tried on arbitrary bytes: nothing panics, and what must hold holds.

use bytes::Bytes;
use mesos_common::recordio::{Decoder, RecordError};

/// Longest record that is accepted here, so that limits are met often.
const LIMIT: usize = 64;

/// Takes a stream apart as a whole, and in pieces of `size` bytes: both must find the same.
pub fn decode_records(stream: &[u8], size: usize) {
    let (whole, whole_outcome) = decode(std::iter::once(stream));
    let (pieces, outcome) = decode(stream.chunks(size.max(1)));

    assert_eq!(whole, pieces, "records depend on how the stream is cut");
    assert_eq!(
        whole_outcome.is_ok(),
        outcome.is_ok(),
        "errors depend on how the stream is cut"
    );
    assert!(
        whole.iter().all(|record| record.len() <= LIMIT),
        "a record is above the limit"
    );
}

fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Bytes>, Result<(), RecordError>) {
    let mut decoder = Decoder::with_limit(LIMIT);
    let mut records = Vec::new();
    for piece in pieces {
        if let Err(error) = decoder.decode(piece, &mut records) {
            return (records, Err(error));
        }
    }
    (records, Ok(()))
}
