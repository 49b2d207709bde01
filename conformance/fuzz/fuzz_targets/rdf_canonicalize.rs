//! Feeds the `rdf_canonicalize` target.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chop_conformance::targets::run("rdf_canonicalize", input));
