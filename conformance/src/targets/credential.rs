//! Credentials, presentations, tokens and status lists.

use super::did::{NOW_MS, key};
use crate::mutate;
use chop_credential::issuing::{IssueError, SigningKey};
use chop_credential::status::{Bitstring, MAX_BYTES, NewTokenList, StatusArray, TokenList};
use chop_credential::verdict::{
    CheckName, Evidence, Finding, KeyFact, KeyHistory, Outcome, Policy, judge, judge_presentation,
};
use chop_credential::{Contexts, SecuredCredential, SecuredPresentation};
use chop_integrity::json::{self, Limits};
use chop_integrity::proof::{self, JcsSuite, ProofOptions};
use chop_integrity::{Timestamp, canonicalize};
use chop_keys::{JwsSigningInput, PrivateKey, Signer};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::sync::LazyLock;

/// What a signature alone can show.
const CHECKS: &[CheckName] = &[
    CheckName::Proof,
    CheckName::IssuerBinding,
    CheckName::KeyValidity,
    CheckName::Validity,
];

pub(super) fn credential(input: &[u8]) {
    let Some(template) = CREDENTIAL.as_ref() else {
        return;
    };
    let bytes = mutate::bytes(template, input);
    let read = SecuredCredential::parse(&bytes);
    if let Ok(value @ Value::Object(_)) = json::parse(&bytes, &Limits::CREDENTIAL) {
        same(&read, &SecuredCredential::from_value(value));
    }
    let Ok(credential) = read else {
        return;
    };
    if is_accepted(&credential) {
        assert_eq!(
            serde_json::from_slice::<Value>(&bytes).ok().as_ref(),
            Some(template),
            "exactly the signed credential is accepted"
        );
    }
}

/// A credential that is read where it lies says what its values say.
fn same<E: PartialEq + Debug>(
    read: &Result<SecuredCredential, E>,
    built: &Result<SecuredCredential, E>,
) {
    assert_eq!(read, built, "a credential is what its values are");
    if let (Ok(read), Ok(built)) = (read, built) {
        assert_eq!(read.secured_bytes(), built.secured_bytes());
        assert_eq!(is_accepted(read), is_accepted(built));
    }
}

pub(super) fn presentation(input: &[u8]) {
    let Some(template) = PRESENTATION.as_ref() else {
        return;
    };
    let bytes = mutate::bytes(template, input);
    let Ok(presentation) = SecuredPresentation::parse(&bytes) else {
        return;
    };
    let verdict = judge_presentation(
        &presentation,
        &evidence(),
        &[evidence()],
        &policy(),
        &CONTEXTS,
    );
    if verdict.outcome == Outcome::Accepted {
        assert_eq!(
            serde_json::from_slice::<Value>(&bytes).ok().as_ref(),
            Some(template),
            "exactly the signed presentation is accepted"
        );
    }
}

/// `ey…` is a token as it stands; else the first byte says which part of a good token the rest changes.
pub(super) fn jwt(input: &[u8]) {
    let Some([header, payload, signature]) = TOKEN.as_ref() else {
        return;
    };
    let good = format!("{header}.{payload}.{signature}");
    let token = match input.split_first() {
        None => return,
        Some((b'e', _)) => String::from_utf8_lossy(input).into_owned(),
        Some((part, changes)) => match part % 3 {
            0 => format!("{}.{payload}.{signature}", changed(header, changes)),
            1 => format!("{header}.{}.{signature}", changed(payload, changes)),
            _ => format!("{header}.{payload}.{}", BASE64URL_NOPAD.encode(changes)),
        },
    };
    // Any text may come in as either.
    drop(SecuredPresentation::from_token(&token));
    let Ok(credential) = SecuredCredential::from_token(&token) else {
        return;
    };
    if is_accepted(&credential) {
        assert_eq!(token, good, "exactly the signed token is accepted");
    }
}

pub(super) fn status_list(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    token_array(text);
    let Ok(list) = Bitstring::decode(text) else {
        return;
    };
    let entries = list.entries(1);
    assert!(
        entries <= 8 * u64::try_from(MAX_BYTES).unwrap_or(u64::MAX),
        "decompression is bounded"
    );
    assert!(
        list.entry(entries, 1).is_err(),
        "an index past the end is refused"
    );
    let again = list
        .encode()
        .and_then(|encoded| Bitstring::decode(&encoded));
    assert_eq!(
        again.ok().map(|list| list.entries(1)),
        Some(entries),
        "a list survives a round trip"
    );
}

/// The same text as the array of a Token Status List.
fn token_array(text: &str) {
    for bits in [1, 2, 4, 8] {
        let Ok(array) = StatusArray::decode(text, bits) else {
            continue;
        };
        let entries = array.entries();
        assert!(
            array.entry(entries).is_err(),
            "an index past the end is refused"
        );
        let again = array
            .encode()
            .and_then(|encoded| StatusArray::decode(&encoded, bits));
        assert_eq!(again.ok(), Some(array), "an array survives a round trip");
    }
}

/// `ey…` is a token as it stands; else the first byte says which part of a good list the rest changes.
pub(super) fn token_status_list_jwt(input: &[u8]) {
    let Some([header, payload, signature]) = LIST.as_ref() else {
        return;
    };
    let good = format!("{header}.{payload}.{signature}");
    let token = match input.split_first() {
        None => return,
        Some((b'e', _)) => String::from_utf8_lossy(input).into_owned(),
        Some((part, changes)) => match part % 3 {
            0 => format!("{}.{payload}.{signature}", changed(header, changes)),
            1 => format!("{header}.{}.{signature}", changed(payload, changes)),
            _ => format!("{header}.{payload}.{}", BASE64URL_NOPAD.encode(changes)),
        },
    };
    let Ok(list) = TokenList::parse(token.as_bytes()) else {
        return;
    };
    let Some(issuer) = key(3).map(|key| key.public_key().did_key()) else {
        return;
    };
    let now = Timestamp::from_unix_ms(NOW_MS);
    if list.verify(&issuer, &evidence().keys, &[], now).is_ok() {
        assert_eq!(token, good, "exactly the signed list is accepted");
    }
}

/// A first byte of a CBOR array or tag: a list as it stands. Else the first two bytes say where a good list is cut, and the rest
/// stands there instead of as many bytes.
pub(super) fn token_status_list_cwt(input: &[u8]) {
    let Some(good) = CBOR_LIST.as_ref() else {
        return;
    };
    let message = match input {
        [0x80..=0x9f | 0xc0..=0xdb, ..] => input.to_vec(),
        [high, low, rest @ ..] => {
            let place = (usize::from(*high) << 8 | usize::from(*low)) % good.len();
            let (before, after) = good.split_at(place);
            let after = after.get(rest.len()..).unwrap_or_default();
            [before, rest, after].concat()
        }
        _ => return,
    };
    let Ok(list) = TokenList::parse(&message) else {
        return;
    };
    let Some(issuer) = key(3).map(|key| key.public_key().did_key()) else {
        return;
    };
    let now = Timestamp::from_unix_ms(NOW_MS);
    let accepted = list.verify(&issuer, &evidence().keys, &[], now);
    if let Ok(accepted) = accepted {
        // What stands in the unprotected header, the signature does not say.
        let signed = TokenList::parse(good)
            .and_then(|good| good.verify(&issuer, &evidence().keys, &[], now));
        assert_eq!(signed, Ok(accepted), "exactly the signed list is accepted");
    }
}

pub(super) fn is_accepted(credential: &SecuredCredential) -> bool {
    judge(credential, &evidence(), &policy(), &CONTEXTS).outcome == Outcome::Accepted
}

pub(super) fn changed(part: &str, changes: &[u8]) -> String {
    let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).unwrap_or_default();
    let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let input = [b"x", changes].concat();
    // The canonical form is what was signed, so that no change gives the token back.
    let value: Value = serde_json::from_slice(&mutate::bytes(&json, &input)).unwrap_or_default();
    BASE64URL_NOPAD.encode(&canonicalize(&value).unwrap_or_default())
}

fn policy() -> Policy {
    Policy::only(Timestamp::from_unix_ms(NOW_MS), CHECKS)
}

/// The signer's key, as resolving its did:key shows it.
fn evidence() -> Evidence {
    let mut evidence = Evidence::default();
    if let Some(key) = key(3) {
        let public = key.public_key();
        let fact = KeyFact {
            id: public.did_key_url(),
            controller: public.did_key(),
            key: public.clone(),
            relationships: ["assertionMethod", "authentication"]
                .map(str::to_owned)
                .to_vec(),
            history: KeyHistory::default(),
        };
        evidence
            .keys
            .insert(public.did_key_url(), Finding::Found(fact));
    }
    evidence
}

pub(super) fn unsigned() -> Option<Value> {
    Some(json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": key(3)?.public_key().did_key(),
        "validFrom": "2026-01-01T00:00:00Z",
        "name": "A stamp",
        "credentialSubject": {"id": "did:example:coin", "description": "struck once"},
    }))
}

fn signed(document: &Value, purpose: &str) -> Option<Value> {
    let key = key(3)?;
    let mut options = ProofOptions::new(
        JcsSuite::EddsaJcs2022.name(),
        key.public_key().did_key_url(),
        purpose,
    );
    options.created = Some("2026-01-01T00:00:00Z".to_owned());
    let mut members = document.as_object()?.clone();
    let proof = proof::sign(&members, &options, key.public_key(), |input| {
        key.sign_credential(input)
    })
    .ok()?;
    members.insert("proof".to_owned(), Value::Object(proof));
    Some(Value::Object(members))
}

static CONTEXTS: LazyLock<Contexts> = LazyLock::new(Contexts::embedded);

static CREDENTIAL: LazyLock<Option<Value>> =
    LazyLock::new(|| signed(&unsigned()?, "assertionMethod"));

static PRESENTATION: LazyLock<Option<Value>> = LazyLock::new(|| {
    let presentation = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiablePresentation"],
        "holder": key(3)?.public_key().did_key(),
        "verifiableCredential": [CREDENTIAL.as_ref()?],
    });
    signed(&presentation, "authentication")
});

/// Header, payload and signature of a good token.
static TOKEN: LazyLock<Option<[String; 3]>> = LazyLock::new(|| {
    let key = key(3)?;
    let header = json!({"alg": "EdDSA", "typ": "vc+jwt", "kid": key.public_key().did_key_url()});
    let [header, payload] = [header, unsigned()?]
        .map(|part| BASE64URL_NOPAD.encode(&canonicalize(&part).unwrap_or_default()));
    let signature = key
        .sign_jws(&JwsSigningInput::new(format!("{header}.{payload}")).ok()?)
        .ok()?;
    Some([
        header,
        payload,
        BASE64URL_NOPAD.encode(signature.as_bytes()),
    ])
});

/// Header, payload and signature of a good Token Status List.
static LIST: LazyLock<Option<[String; 3]>> = LazyLock::new(|| {
    let token = list(|list, method, key| list.sign_jwt(SigningKey::Method(method), key))?;
    let mut parts = token.split('.').map(str::to_owned);
    Some([parts.next()?, parts.next()?, parts.next()?])
});

/// A good Token Status List in CBOR.
static CBOR_LIST: LazyLock<Option<Vec<u8>>> =
    LazyLock::new(|| list(|list, method, key| list.sign_cwt(SigningKey::Method(method), key)));

fn list<T>(
    sign: impl FnOnce(&NewTokenList<'_>, &str, &PrivateKey) -> Result<T, IssueError>,
) -> Option<T> {
    let key = key(3)?;
    let list = NewTokenList {
        uri: "https://issuer.example/tokens/1",
        issuer: &key.public_key().did_key(),
        array: &StatusArray::zeros(64, 2).ok()?,
        issued: Timestamp::from_unix_ms(NOW_MS),
        expires: None,
        ttl_s: Some(300),
        aggregation: None,
    };
    sign(&list, &key.public_key().did_key_url(), &key).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unchanged_lists_are_accepted() {
        let token = LIST.as_ref().unwrap().join(".").into_bytes();
        for bytes in [&token, CBOR_LIST.as_ref().unwrap()] {
            let list = TokenList::parse(bytes).unwrap();
            let issuer = key(3).unwrap().public_key().did_key();
            let now = Timestamp::from_unix_ms(NOW_MS);
            assert!(list.verify(&issuer, &evidence().keys, &[], now).is_ok());
        }
    }

    #[test]
    fn the_unchanged_templates_are_accepted() {
        let bytes = CREDENTIAL.as_ref().unwrap().to_string();
        assert!(is_accepted(
            &SecuredCredential::parse(bytes.as_bytes()).unwrap()
        ));
        assert!(is_accepted(
            &SecuredCredential::from_token(&TOKEN.as_ref().unwrap().join(".")).unwrap()
        ));
        let bytes = PRESENTATION.as_ref().unwrap().to_string();
        let presentation = SecuredPresentation::parse(bytes.as_bytes()).unwrap();
        let verdict = judge_presentation(
            &presentation,
            &evidence(),
            &[evidence()],
            &policy(),
            &CONTEXTS,
        );
        assert_eq!(verdict.outcome, Outcome::Accepted, "{verdict:?}");
    }
}
