//! Feeds the `rdf_document` target.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chop_conformance::targets::run("rdf_document", input));
