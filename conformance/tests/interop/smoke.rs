use chop_conformance::interop::{self, Extent, InteropError, Report, peer};
use chop_integrity::Timestamp;
use std::io::Write as _;

/// Exchanges a few documents with a peer. Where it is not installed that is said past the test harness, which shows nothing of a
/// test that passes; under CI it is a failure.
fn smoke(folder: &str) {
    let kind = *peer::find(folder).unwrap();
    let extent = Extent {
        seed: 20_240_601,
        now: Timestamp::from_unix_ms(chop_http::clock::now_ms()),
        documents: 3,
        suites: Vec::new(),
    };
    let mut report = Report::default();
    match interop::run(kind, &extent, &mut report) {
        Ok(()) => {
            assert!(report.agrees(), "{}{}", report.markdown(), report.remarks());
            assert!(
                !report.rows.is_empty(),
                "nothing was exchanged with {folder}"
            );
        }
        Err(error @ InteropError::Missing { .. }) => {
            assert!(std::env::var("CI").is_err(), "{error}");
            let said = format!("\n*** INTEROPERATION WITH {folder} DID NOT RUN: {error}\n\n");
            std::io::stderr().write_all(said.as_bytes()).unwrap();
        }
        Err(error) => panic!("{folder}: {error}"),
    }
}

#[test]
fn digitalbazaar_and_we_verify_one_another() {
    smoke("digitalbazaar");
}

#[test]
fn jose_and_we_verify_one_another() {
    smoke("jose");
}

#[test]
fn sd_jwt_js_and_we_verify_one_another() {
    smoke("sd-jwt-js");
}

#[test]
fn sd_jwt_python_and_we_verify_one_another() {
    smoke("sd-jwt-python");
}
