//! Feeds the `did_bundle` target.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chop_conformance::targets::run("did_bundle", input));
