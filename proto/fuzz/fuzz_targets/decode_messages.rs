//! Fuzz target, see `mesos_proto_fuzz::bodies::decode_messages`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mesos_proto_fuzz::bodies::decode_messages(data));
