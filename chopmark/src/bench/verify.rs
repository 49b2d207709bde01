//! Verifying one credential, bytes to verdict, against the signature check alone.

use anyhow::{Context as _, ensure};
use chop_credential::Contexts;
use chop_credential::issuing::{self, ProofRequest};
use chop_credential::verdict::{
    CheckName, Evidence, Finding, KeyFact, KeyHistory, Outcome, Policy, judge_bytes,
};
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer as _};
use serde_json::{Value, json};

use super::{Row, measure};

/// Batches of which the median counts.
const BATCHES: usize = 41;
/// Verifications in a batch.
const CALLS: u32 = 200;
/// The context beside the base one: of a scenario pack, in memory like every other.
const CONTEXT: &str = "https://chopmark.dev/ns/apple/v1";
/// The checks that need nothing but the credential and its issuer's key.
const CHECKS: [CheckName; 4] = [
    CheckName::Proof,
    CheckName::IssuerBinding,
    CheckName::KeyValidity,
    CheckName::Validity,
];

/// Measures each securing mechanism.
///
/// # Errors
/// When a sample cannot be issued, or does not verify.
pub(super) fn rows(wanted: &dyn Fn(&str) -> bool) -> anyhow::Result<Vec<Row>> {
    let contexts = Contexts::embedded();
    let cases = [
        ("verify/eddsa-jcs-2022", KeyType::Ed25519, false),
        ("verify/ecdsa-jcs-2019-p256", KeyType::P256, false),
        ("verify/ecdsa-jcs-2019-p384", KeyType::P384, false),
        ("verify/vc+jwt-eddsa", KeyType::Ed25519, true),
        ("verify/vc+jwt-es256", KeyType::P256, true),
        ("verify/vc+jwt-es384", KeyType::P384, true),
    ];
    let mut rows = Vec::new();
    for (name, key_type, jwt) in cases.into_iter().filter(|(name, ..)| wanted(name)) {
        rows.push(row(name, key_type, jwt, &contexts)?);
    }
    Ok(rows)
}

fn row(
    name: &'static str,
    key_type: KeyType,
    jwt: bool,
    contexts: &Contexts,
) -> anyhow::Result<Row> {
    let key = PrivateKey::from_seed(key_type, &vec![7; key_type.secret_len()])?;
    let now = Timestamp::from_unix_ms(chop_http::clock::now_ms());
    let bytes = sample(&key, jwt, now, contexts)?;
    let evidence = evidence(key.public_key());
    let policy = Policy::only(now, &CHECKS);
    let verdict = judge_bytes(&bytes, &evidence, &policy, contexts);
    ensure!(
        verdict.outcome == Outcome::Accepted,
        "the sample of {name} is not accepted: {verdict:?}"
    );

    let message = vec![42; key_type.signature_len()];
    let signature = signature(&key, &message)?;
    let public = key.public_key();
    ensure!(
        public.verify(&message, &signature).is_ok(),
        "the floor of {name} does not verify"
    );
    let (us, raw) = measure::pair(
        BATCHES,
        CALLS,
        || judge_bytes(&bytes, &evidence, &policy, contexts),
        || public.verify(&message, &signature),
    );
    Ok(Row::new(name, us, raw))
}

/// A credential of fifteen claims under the base context and one more, secured.
fn sample(
    key: &PrivateKey,
    jwt: bool,
    now: Timestamp,
    contexts: &Contexts,
) -> anyhow::Result<Vec<u8>> {
    let issuer = key.public_key().did_key();
    let method = key.public_key().did_key_url();
    let credential: Value = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", CONTEXT],
        "type": ["VerifiableCredential", "GeographicalIndication"],
        "id": "urn:uuid:3f0f2c0e-6d5b-4d43-9c39-6a1f4c6a2a11",
        "issuer": issuer,
        "name": "Origin of an orchard's season",
        "validFrom": now.minus_ms(1_000).to_seconds_text(),
        "credentialSubject": {
            "id": "did:example:orchard",
            "type": "CertifiedOrchard",
            "name": "Tayuan Ridge Orchard",
            "indication": {"indicationName": "Luochuan Apple", "registrationNumber": "EXAMPLE-GI-0290"},
            "division": "610629",
            "parcels": ["TR-0417", "TR-0418"],
            "variety": "Fuji",
            "certifiedArea": {"mantissa": 3125, "scale": 2, "unit": "HAR"},
            "yieldCap": {"mantissa": 24000, "scale": 0, "unit": "KGM", "per": "HAR"},
        },
    });
    if jwt {
        return Ok(issuing::issue_jwt(credential, contexts, &method, key)?.into_bytes());
    }
    let secured = issuing::issue(credential, contexts, &ProofRequest::new(&method, now), key)?;
    Ok(serde_json::to_vec(&secured)?)
}

fn evidence(key: &PublicKey) -> Evidence {
    let fact = KeyFact {
        id: key.did_key_url(),
        controller: key.did_key(),
        key: key.clone(),
        relationships: vec!["assertionMethod".to_owned()],
        history: KeyHistory::default(),
    };
    let mut evidence = Evidence::default();
    evidence.keys.insert(fact.id.clone(), Finding::Found(fact));
    evidence
}

/// A signature over two hashes: what the floor checks.
fn signature(key: &PrivateKey, message: &[u8]) -> anyhow::Result<Vec<u8>> {
    let (first, second) = message.split_at(message.len() / 2);
    let input = chop_keys::DataIntegrityInput::new(first, second)
        .context("the floor's message is malformed")?;
    Ok(key.sign_credential(&input)?.as_bytes().to_vec())
}
