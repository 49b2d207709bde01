//! Feeds the `vc_jwt_1_1` target.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chop_conformance::targets::run("vc_jwt_1_1", input));
