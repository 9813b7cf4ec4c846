//! Fuzz target, see `mesos_common_fuzz::resource_texts::parse_resources`.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    mesos_common_fuzz::resource_texts::parse_resources(text);
});
