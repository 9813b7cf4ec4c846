//! Fuzz target, see `mesos_common_fuzz::bodies::decode_records`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let size = data.first().copied().map_or(1, usize::from);
    mesos_common_fuzz::bodies::decode_records(data, size);
});
