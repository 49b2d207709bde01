//! Feeds the `cose_sign1` target.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chop_conformance::targets::run("cose_sign1", input));
