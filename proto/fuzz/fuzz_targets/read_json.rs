//! Fuzz target, see `mesos_proto_fuzz::bodies::read_json`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mesos_proto_fuzz::bodies::read_json(data));
