//! Feeds the `token_status_list_cwt` target.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chop_conformance::targets::run("token_status_list_cwt", input));
