//! The bodies of the fuzz targets: any bytes in, no panic, and what is promised of a parser holds.
//!
//! `conformance/fuzz` runs them under a fuzzer; `tests/corpus.rs` replays the corpus in every test run.

mod credential;
mod did;
mod enveloped;
mod leaves;
mod ledger;
mod rdf;
mod sd_jwt;
mod selective;
mod webvh;

/// A target's name, which is also its corpus folder, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("bbs_proof_value", selective::bbs_proof_value),
    ("cose_sign1", enveloped::cose_sign1),
    ("credential", credential::credential),
    ("did", did::did),
    ("did_bundle", ledger::did_bundle),
    ("did_url", did::did_url),
    ("envelope", ledger::envelope),
    ("jwt", credential::jwt),
    ("kb_jwt", sd_jwt::kb_jwt),
    ("leaves", leaves::leaves),
    ("operation", did::operation),
    ("presentation", credential::presentation),
    ("rdf_canonicalize", rdf::canonicalize),
    ("rdf_document", rdf::document),
    ("sd_jwt", sd_jwt::sd_jwt),
    ("sd_proof_value", selective::sd_proof_value),
    ("state_proof", ledger::state_proof),
    ("status_list", credential::status_list),
    ("token_status_list_cwt", credential::token_status_list_cwt),
    ("token_status_list_jwt", credential::token_status_list_jwt),
    ("vc_jwt_1_1", enveloped::vc_jwt_1_1),
    ("webvh_log", webvh::webvh_log),
    ("x5c", sd_jwt::x5c),
];

/// Runs a target by name; an unknown name does nothing.
pub fn run(name: &str, input: &[u8]) {
    if let Some((_, body)) = TARGETS.iter().find(|(target, _)| *target == name) {
        body(input);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_there() {
        assert!(did::create().is_some());
        assert!(ledger::has_templates());
        assert!(leaves::has_template());
        assert!(webvh::log().is_some());
        assert!(selective::has_templates());
    }
}
