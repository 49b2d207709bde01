//! Proof values of the selective suites: any bytes as a derived proof, in a credential whose issuer's key is at hand.

use super::did::NOW_MS;
use chop_credential::Contexts;
use chop_credential::issuing::{self, ProofRequest};
use chop_credential::securing::{ProofTerms, SecuredCredential};
use chop_credential::selective::{Reveal, Seed, derive};
use chop_credential::verdict::{Finding, KeyFact, KeyHistory};
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, Signer};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use std::sync::LazyLock;
use zeroize::Zeroizing;

/// A credential that shows some of its claims, the bytes of its proof value, and its issuer.
struct Template {
    derived: Value,
    base: Value,
    value: Vec<u8>,
    method: String,
    fact: KeyFact,
}

static CONTEXTS: LazyLock<Contexts> = LazyLock::new(Contexts::embedded);
static SD: LazyLock<Option<Template>> = LazyLock::new(|| template("ecdsa-sd-2023", KeyType::P256));
static BBS: LazyLock<Option<Template>> =
    LazyLock::new(|| template("bbs-2023", KeyType::Bls12381G2));

pub(super) fn sd_proof_value(input: &[u8]) {
    if let Some(template) = SD.as_ref() {
        try_value(template, input);
    }
}

pub(super) fn bbs_proof_value(input: &[u8]) {
    if let Some(template) = BBS.as_ref() {
        try_value(template, input);
    }
}

/// Lays the input over the proof value: its first two bytes say from where, the rest replaces what is there.
fn try_value(template: &Template, input: &[u8]) {
    let bytes = match input {
        [high, low, rest @ ..] => {
            let from = usize::from(u16::from_be_bytes([*high, *low])).min(template.value.len());
            let (kept, replaced) = template.value.split_at(from);
            let tail = replaced.get(rest.len()..).unwrap_or_default();
            [kept, rest, tail].concat()
        }
        _ => input.to_vec(),
    };
    let text = format!("u{}", BASE64URL_NOPAD.encode(&bytes));
    let with = |credential: &Value| {
        let mut changed = credential.clone();
        if let Some(value) = changed.pointer_mut("/proof/proofValue") {
            *value = json!(text);
        }
        changed
    };
    if let Value::Object(base) = with(&template.base) {
        // Whatever is derived from a spoilt base proof must not panic on the way.
        let pointers = ["/validFrom".to_owned()];
        let reveal = Reveal {
            pointers: &pointers,
            ..Reveal::default()
        };
        let _ = derive(&base, &CONTEXTS, &reveal);
    }
    if holds(template, with(&template.derived)) {
        assert_eq!(bytes, template.value, "exactly the derived proof holds");
    }
}

fn holds(template: &Template, credential: Value) -> bool {
    let Ok(credential) = SecuredCredential::from_value(credential) else {
        return false;
    };
    let keys = [(
        template.method.clone(),
        Finding::Found(template.fact.clone()),
    )]
    .into();
    let terms = ProofTerms {
        purpose: "assertionMethod",
        contexts: &CONTEXTS,
        as_of: Timestamp::from_unix_ms(NOW_MS),
        clock_skew_ms: 0,
    };
    let reports = credential.secured().verify(&keys, &terms);
    !reports.is_empty() && reports.iter().all(|report| report.result.is_ok())
}

fn template(suite: &str, key_type: KeyType) -> Option<Template> {
    let key = PrivateKey::from_seed(key_type, &[11; 32]).ok()?;
    let method = key.public_key().did_key_url();
    let document = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": key.public_key().did_key(),
        "validFrom": "2026-01-01T00:00:00Z",
        "name": "A credential",
        "description": "Of which some is shown",
        "credentialSubject": {"id": "did:example:subject"},
    });
    let seed = Seed::new(Zeroizing::new([23; 64]));
    let mandatory = ["/issuer".to_owned()];
    let mut request = ProofRequest::new(&method, Timestamp::from_unix_ms(NOW_MS - 1_000));
    request.cryptosuite = Some(suite);
    request.mandatory_pointers = &mandatory;
    request.seed = Some(&seed);
    let base = issuing::issue(document, &CONTEXTS, &request, &key).ok()?;
    let pointers = ["/name".to_owned(), "/credentialSubject".to_owned()];
    let reveal = Reveal {
        pointers: &pointers,
        ..Reveal::default()
    };
    let derived = derive(base.as_object()?, &CONTEXTS, &reveal).ok()?;
    let text = derived.pointer("/proof/proofValue")?.as_str()?;
    let value = BASE64URL_NOPAD.decode(text.get(1..)?.as_bytes()).ok()?;
    let fact = KeyFact {
        id: method.clone(),
        controller: key.public_key().did_key(),
        key: key.public_key().clone(),
        relationships: vec!["assertionMethod".to_owned()],
        history: KeyHistory::default(),
    };
    Some(Template {
        derived,
        base,
        value,
        method,
        fact,
    })
}

/// Says whether both templates could be made, so that the targets do something.
#[cfg(test)]
pub(super) fn has_templates() -> bool {
    [&SD, &BBS].into_iter().all(|template| {
        template
            .as_ref()
            .is_some_and(|made| holds(made, made.derived.clone()))
    })
}
