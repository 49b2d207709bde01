//! ssi verifies what a DID of a running stack issued. `did-chop/check` starts the stack and says where things are.

use futures::executor::block_on;
use serde_json::{Value, json};
use ssi::claims::VerificationParameters;
use ssi::claims::data_integrity::AnyDataIntegrity;
use ssi::claims::vc::v2::JsonCredential;
use ssi::dids::VerificationMethodDIDResolver;
use ssi::json_ld::ContextLoader;
use ssi::verification_methods::AnyMethod;
use ssi_did_chop::Chop;
use ssi_dids_core::resolution::{Error, ErrorKind, Options, Parameters};
use ssi_dids_core::{DIDBuf, DIDResolver as _};
use std::path::Path;

fn said(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run did-chop/check"))
}

fn file(name: &str) -> Value {
    let path = said(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// Asks the stack, under the trust root that the script pinned.
fn chop() -> Chop {
    under(said("CHOPMARK_TRUST_ROOT"))
}

fn under(trust_root: impl AsRef<Path>) -> Chop {
    Chop::new(said("CHOPMARK_BINARY"), said("CHOPMARK_URL"), trust_root)
}

/// Asks it under a changed one.
fn refused_under(name: &str, change: impl FnOnce(&mut Value)) {
    let mut root = file("CHOPMARK_TRUST_ROOT");
    change(&mut root);
    let path = Path::new(&said("CHOPMARK_WORK")).join(name);
    std::fs::write(&path, root.to_string()).unwrap();
    let error = refusal(&under(path), &did());
    assert_eq!(error.kind(), ErrorKind::Internal, "{name}: {error}");
}

fn did() -> DIDBuf {
    said("CHOPMARK_DID").parse().unwrap()
}

fn refusal(chop: &Chop, did: &DIDBuf) -> Error {
    block_on(chop.resolve(did)).map(|_| ()).unwrap_err()
}

fn verifies(credential: &Value) -> bool {
    let credential: AnyDataIntegrity<JsonCredential> =
        serde_json::from_value(credential.clone()).unwrap();
    let resolver: VerificationMethodDIDResolver<_, AnyMethod> =
        VerificationMethodDIDResolver::new(chop());
    let contexts = ContextLoader::default();
    let parameters =
        VerificationParameters::from_resolver(&resolver).with_json_ld_loader(&contexts);
    matches!(block_on(credential.verify(parameters)), Ok(Ok(_)))
}

#[test]
fn resolves_a_did_of_the_ledger() {
    let output = block_on(chop().resolve(&did())).unwrap();
    let document = output.document.document();
    assert_eq!(document.id, did());
    assert!(!document.verification_method.is_empty());
    assert!(
        !document
            .verification_relationships
            .assertion_method
            .is_empty()
    );
}

#[test]
fn verifies_what_the_did_issued_and_no_changed_copy() {
    let mut credential = file("CHOPMARK_CREDENTIAL");
    assert!(verifies(&credential));
    credential["credentialSubject"]["name"] = json!("another");
    assert!(!verifies(&credential));
}

#[test]
fn refuses_what_was_signed_by_a_key_that_is_retired() {
    assert!(!verifies(&file("CHOPMARK_RETIRED")));
}

#[test]
fn a_did_that_is_not_on_the_ledger_is_proved_absent() {
    let did = did().to_string();
    let (prefix, scid) = did.rsplit_once(':').unwrap();
    let other = if scid[10..].starts_with('b') {
        "c"
    } else {
        "b"
    };
    let absent = format!("{prefix}:{}{other}{}", &scid[..10], &scid[11..]);
    let error = refusal(&chop(), &absent.parse().unwrap());
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[test]
fn refuses_another_ledger_and_another_validator() {
    refused_under("other-ledger.json", |root| {
        let genesis = root["genesis"]
            .as_str()
            .unwrap()
            .chars()
            .rev()
            .collect::<String>();
        // The last character carries fewer bits than the others.
        let genesis = format!("{}a", &genesis[..genesis.len() - 1]);
        root["ledger"] = json!(genesis[..16]);
        root["chainId"] = json!(format!("chop-{}", &genesis[..16]));
        root["genesis"] = json!(genesis);
    });
    refused_under("other-validator.json", |root| {
        root["validators"][0]["publicKey"] =
            json!("z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp");
    });
}

#[test]
fn says_that_the_program_is_not_there() {
    let chop = Chop::new("no-such-program", said("CHOPMARK_URL"), "trust-root.json");
    let error = refusal(&chop, &did());
    assert!(
        error.to_string().contains("no-such-program was not run"),
        "{error}"
    );
}

#[test]
fn refuses_a_version_that_a_signature_could_choose() {
    let parameters = Parameters {
        version_time: Some("2020-01-01T00:00:00Z".to_owned()),
        ..Parameters::default()
    };
    let options = Options {
        parameters,
        ..Options::default()
    };
    let did = did();
    let error = block_on(chop().resolve_with(&did, options))
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidOptions);
}
