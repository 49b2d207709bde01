//! Feeds the `bbs_proof_value` target.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chop_conformance::targets::run("bbs_proof_value", input));
