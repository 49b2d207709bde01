//! What every measurement begins with: keys, contexts and the credential.

use anyhow::{Context as _, ensure};
use chop_credential::Contexts;
use chop_credential::verdict::{
    CheckName, Evidence, Finding, KeyFact, KeyHistory, Outcome, Policy, Verdict, judge_bytes,
};
use chop_integrity::Timestamp;
use chop_keys::{DataIntegrityInput, KeyType, PrivateKey, PublicKey, Signer as _};
use serde_json::{Value, json};

use crate::bench::measure::Case;

/// The context beside the base one: of a scenario pack, in memory like every other.
const CONTEXT: &str = "https://chopmark.dev/ns/apple/v1";
/// The checks that need nothing but the credential and its issuer's key.
pub(super) const CHECKS: [CheckName; 4] = [
    CheckName::Proof,
    CheckName::IssuerBinding,
    CheckName::KeyValidity,
    CheckName::Validity,
];

/// Contexts in memory, and the time of the measurements.
pub(in crate::bench) struct Workbench {
    /// The contexts.
    pub(in crate::bench) contexts: Contexts,
    /// When everything is made and judged.
    pub(in crate::bench) now: Timestamp,
}

impl Workbench {
    pub(in crate::bench) fn new() -> Self {
        Self {
            contexts: Contexts::embedded(),
            now: Timestamp::from_unix_ms(chop_http::clock::now_ms()),
        }
    }

    /// Makes a credential of fifteen claims under the base context and one more, unsecured.
    pub(in crate::bench) fn credential(&self, issuer: &str) -> Value {
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2", CONTEXT],
            "type": ["VerifiableCredential", "GeographicalIndication"],
            "id": "urn:uuid:3f0f2c0e-6d5b-4d43-9c39-6a1f4c6a2a11",
            "issuer": issuer,
            "name": "Origin of an orchard's season",
            "validFrom": self.now.minus_ms(1_000).to_seconds_text(),
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
        })
    }

    /// Pairs judging a secured credential, bytes to verdict, with checking one signature of the key.
    ///
    /// # Errors
    /// When the credential is not accepted.
    pub(super) fn verifying(&self, bytes: Vec<u8>, key: &PrivateKey) -> anyhow::Result<Case<'_>> {
        let input = signing_input(key.public_key().key_type())?;
        let signature = key.sign_credential(&input)?.as_bytes().to_vec();
        self.verifying_over(bytes, key, input.as_bytes().to_vec(), signature)
    }

    /// Pairs judging a secured credential with checking a signature over the very bytes that it signs.
    ///
    /// # Errors
    /// When the credential is not accepted, or the signature is none.
    pub(super) fn verifying_over(
        &self,
        bytes: Vec<u8>,
        key: &PrivateKey,
        signed: Vec<u8>,
        signature: Vec<u8>,
    ) -> anyhow::Result<Case<'_>> {
        let public = key.public_key().clone();
        let judge = self.judging(bytes, &public)?;
        ensure!(
            public.verify(&signed, &signature).is_ok(),
            "the floor does not verify"
        );
        Ok(Case::new(judge, move || public.verify(&signed, &signature)))
    }

    /// Judges a secured credential, bytes to verdict.
    ///
    /// # Errors
    /// When the credential is not accepted.
    pub(super) fn judging<'a>(
        &'a self,
        bytes: Vec<u8>,
        key: &PublicKey,
    ) -> anyhow::Result<impl FnMut() -> Verdict + use<'a>> {
        self.judging_under(bytes, key, Policy::only(self.now, &CHECKS))
    }

    /// Judges a secured credential by a policy, bytes to verdict.
    ///
    /// # Errors
    /// When the credential is not accepted.
    pub(super) fn judging_under<'a>(
        &'a self,
        bytes: Vec<u8>,
        key: &PublicKey,
        policy: Policy,
    ) -> anyhow::Result<impl FnMut() -> Verdict + use<'a>> {
        let evidence = evidence(key);
        let verdict = judge_bytes(&bytes, &evidence, &policy, &self.contexts);
        ensure!(
            verdict.outcome == Outcome::Accepted,
            "the sample is not accepted: {verdict:?}"
        );
        Ok(move || judge_bytes(&bytes, &evidence, &policy, &self.contexts))
    }
}

/// A key of this type, the same in every run.
pub(in crate::bench) fn key(key_type: KeyType) -> anyhow::Result<PrivateKey> {
    Ok(PrivateKey::from_seed(
        key_type,
        &vec![7; key_type.secret_len()],
    )?)
}

/// Two hashes, as a proof signs them: what the floor signs and checks.
pub(in crate::bench) fn signing_input(key_type: KeyType) -> anyhow::Result<DataIntegrityInput> {
    let hash = vec![42; if key_type == KeyType::P384 { 48 } else { 32 }];
    DataIntegrityInput::new(&hash, &hash).context("the floor's message is malformed")
}

/// What a verifier that has the issuer's key at hand knows.
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
