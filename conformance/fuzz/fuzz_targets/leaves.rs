//! Feeds the `leaves` target.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chop_conformance::targets::run("leaves", input));
