//! did:webvh logs.

use super::did::{NOW_MS, key};
use crate::mutate;
use chop_did::resolution::Selector;
use chop_did::{Did, webvh};
use chop_integrity::proof::{self, JcsSuite, ProofOptions};
use chop_integrity::{Timestamp, canonicalize};
use chop_keys::Signer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// `{…` is a log as it stands; else the bytes change the one entry of a good log.
pub(super) fn webvh_log(input: &[u8]) {
    let Some((did, template)) = LOG.as_ref() else {
        return;
    };
    let mut bytes = mutate::bytes(template, input);
    bytes.push(b'\n');
    let Ok(log) = webvh::verify(did, &bytes, None, Timestamp::from_unix_ms(NOW_MS)) else {
        return;
    };
    assert!(
        log.resolve(&Selector::Latest).is_ok(),
        "a verified log resolves"
    );
    // The proof is no part of what it signs: a repeated or an additional one changes nothing that is said.
    assert_eq!(
        serde_json::from_slice::<Value>(&bytes).ok().map(said),
        Some(said(template.clone())),
        "exactly the signed entry verifies"
    );
}

/// An entry without its proofs.
fn said(mut entry: Value) -> Value {
    if let Value::Object(members) = &mut entry {
        members.remove("proof");
    }
    entry
}

/// Makes a DID and the one entry of its log (did:webvh 1.0, Create).
pub(super) fn log() -> Option<(Did, Value)> {
    let key = key(4)?;
    let draft = json!({
        "versionId": "{SCID}",
        "versionTime": "2026-01-01T00:00:00Z",
        "parameters": {"method": "did:webvh:1.0", "scid": "{SCID}", "updateKeys": [key.public_key().multikey()]},
        "state": {"@context": ["https://www.w3.org/ns/did/v1"], "id": "did:webvh:{SCID}:example.com"},
    });
    let scid = multihash(&draft)?;
    let mut entry: Value =
        serde_json::from_str(&draft.to_string().replace("{SCID}", &scid)).ok()?;
    let members = entry.as_object()?.clone();
    let hash = multihash(&members)?;
    let members = entry.as_object_mut()?;
    members.insert("versionId".to_owned(), json!(format!("1-{hash}")));
    let mut options = ProofOptions::new(
        JcsSuite::EddsaJcs2022.name(),
        key.public_key().did_key_url(),
        "assertionMethod",
    );
    options.created = Some("2026-01-01T00:00:00Z".to_owned());
    let proof = proof::sign(members, &options, key.public_key(), |input| {
        key.sign_operation(input)
    })
    .ok()?;
    members.insert("proof".to_owned(), json!([proof]));
    Some((
        Did::parse(&format!("did:webvh:{scid}:example.com")).ok()?,
        entry,
    ))
}

/// Base58 of the SHA-256 multihash of the canonical form.
fn multihash(value: &impl serde::Serialize) -> Option<String> {
    let digest = Sha256::digest(canonicalize(value).ok()?);
    Some(bs58::encode([&[0x12, 0x20], digest.as_slice()].concat()).into_string())
}

static LOG: LazyLock<Option<(Did, Value)>> = LazyLock::new(log);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unchanged_log_verifies() {
        let (did, entry) = log().unwrap();
        let verified = webvh::verify(
            &did,
            format!("{entry}\n").as_bytes(),
            None,
            Timestamp::from_unix_ms(NOW_MS),
        );
        assert_eq!(verified.map(|log| log.versions()).unwrap(), 1);
    }
}
