//! Fuzz target, see `libprocess::fuzzing::decode_connection`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| libprocess::fuzzing::decode_connection(data));
