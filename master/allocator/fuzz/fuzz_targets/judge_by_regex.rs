//! Fuzz target, see `mesos_allocator_fuzz::bodies::judge_by_regex`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: (&str, &str)| {
    mesos_allocator_fuzz::bodies::judge_by_regex(input.0, input.1);
});
