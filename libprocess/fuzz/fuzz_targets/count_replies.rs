//! Fuzz target, see `libprocess::fuzzing::count_replies`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| libprocess::fuzzing::count_replies(data));
