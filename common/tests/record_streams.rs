//! Generated streams through the body of the fuzz target: no cut and no byte makes a difference.

use mesos_common::recordio::encode;
use proptest::prelude::*;

#[expect(unreachable_pub, reason = "the fuzz crate exports it")]
#[path = "../fuzz/src/bodies.rs"]
mod bodies;

/// A stream of good records in which one byte may be another.
fn damaged_streams() -> impl Strategy<Value = Vec<u8>> {
    let records = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..8);
    (records, any::<prop::sample::Index>(), any::<Option<u8>>()).prop_map(|(records, at, byte)| {
        let mut stream: Vec<u8> = records.iter().flat_map(|record| encode(record)).collect();
        if let Some(byte) = byte
            && !stream.is_empty()
        {
            *at.get_mut(&mut stream) = byte;
        }
        stream
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_damaged_stream_is_taken_apart_alike_however_it_is_cut(
        stream in damaged_streams(),
        size in 1usize..40,
    ) {
        bodies::decode_records(&stream, size);
    }

    #[test]
    fn arbitrary_bytes_are_taken_apart_alike_however_they_are_cut(
        stream in any::<Vec<u8>>(),
        size in 1usize..40,
    ) {
        bodies::decode_records(&stream, size);
    }
}
