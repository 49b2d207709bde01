//! Envelopes, state proofs and offline bundles.

use super::did::{NOW_MS, create, key, ledger};
use crate::mutate;
use chop_integrity::Timestamp;
use chop_proof::{Freshness, StateProof, TrustRoot, verify_absence, verify_inclusion};
use chop_protocol::bundle::DidBundle;
use chop_protocol::{Action, Batch, Envelope, Nonce, SignedEnvelope, keys};
use serde::Deserialize;
use serde_json::Value;
use std::sync::LazyLock;

pub(super) fn envelope(input: &[u8]) {
    let Some(template) = ENVELOPE.as_ref() else {
        return;
    };
    let bytes = mutate::bytes(template, input);
    let Ok(signed) = SignedEnvelope::try_from(bytes.as_slice()) else {
        return;
    };
    let again = SignedEnvelope::try_from(signed.to_value());
    assert_eq!(
        again.map(|s| s.hash()).ok(),
        Some(signed.hash()),
        "an envelope survives a round trip"
    );
}

/// The input is a list of changes: which of the three parts, where (two bytes), and the new byte. `{…}` is a proof as JSON.
pub(super) fn state_proof(input: &[u8]) {
    let Some(case) = PROOF.as_ref() else { return };
    let freshness = Freshness::at_any_age(case.now_ms);
    let proof = match input.first() {
        Some(b'{') => match serde_json::from_slice(input) {
            Ok(proof) => proof,
            Err(_) => return,
        },
        _ => changed(&case.proof, input),
    };
    let value = case.value.as_deref().unwrap_or_default().as_bytes();
    let verdict = verify_inclusion(&case.trust_root, &proof, &case.key, value, &freshness);
    assert_eq!(
        verdict.is_ok(),
        proof == case.proof,
        "exactly the untouched proof verifies"
    );
    assert!(
        verify_absence(&case.trust_root, &proof, &case.key, &freshness).is_err(),
        "what is present is not shown absent"
    );
    assert!(
        verify_inclusion(&case.trust_root, &proof, &case.key, b"another", &freshness).is_err(),
        "no other value is shown"
    );
}

/// The input is a bundle, or changes of one: of a DID, and of an item of a batch.
pub(super) fn did_bundle(input: &[u8]) {
    for case in [&BUNDLE, &ITEM] {
        if let Some(case) = case.as_ref() {
            case.judge(input);
        }
    }
}

impl BundleCase {
    fn judge(&self, input: &[u8]) {
        let bytes = mutate::bytes(&self.bundle, input);
        let Ok(bundle) = DidBundle::parse(&bytes) else {
            return;
        };
        let again = serde_json::to_vec(&bundle).unwrap_or_default();
        assert_eq!(
            DidBundle::parse(&again).ok().as_ref(),
            Some(&bundle),
            "a bundle survives a round trip"
        );
        let Ok(honest) = DidBundle::parse(self.bundle.to_string().as_bytes()) else {
            return;
        };
        let verdict = bundle.evidence.verify(&self.trust_root, self.now_ms);
        let (shown, known) = (&bundle.evidence.proof, &honest.evidence.proof);
        // Statements can be left out; nothing can be added or altered. But a path that shows one key absent shows the same of
        // others that would lie there, which is as true.
        let is_present = |key: &str| {
            let said = known.statement(key);
            said.is_some_and(|statement| statement.value.is_some())
        };
        let says_nothing_new = shown.signed_header == known.signed_header
            && shown.statements.iter().all(|statement| {
                known.statements.contains(statement)
                    || (statement.value.is_none() && !is_present(&statement.key))
            });
        assert!(verdict.is_err() || says_nothing_new, "{verdict:?}");
        if let (Some(item), Some(known)) = (&bundle.item, &honest.item) {
            let key = keys::batch(&known.proof.batch);
            let record = honest.evidence.proof.statement(&key);
            let record = record.and_then(|statement| statement.value.as_deref());
            let batch = record.and_then(|text| serde_json::from_str::<Batch>(text).ok());
            let is_shown = batch.is_some_and(|batch| {
                item.proof
                    .state(&honest.did, &batch, &item.template)
                    .is_ok()
            });
            let is_known = item.proof == known.proof && item.template == known.template;
            assert_eq!(is_shown, is_known, "exactly the untouched item is shown");
        }
    }
}

fn changed(proof: &StateProof, input: &[u8]) -> StateProof {
    let mut proof = proof.clone();
    for edit in input.chunks_exact(4) {
        let &[part, high, low, byte] = edit else {
            continue;
        };
        let bytes = match part % 3 {
            0 => &mut proof.signed_header,
            1 => &mut proof.validators,
            _ => &mut proof.path,
        };
        let place = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
        match (part / 3 % 4, bytes.get_mut(place)) {
            (0, _) => bytes.truncate(place),
            (1, _) => bytes.insert(place, byte),
            (_, Some(old)) => *old = byte,
            (_, None) => bytes.push(byte),
        }
    }
    proof
}

static ENVELOPE: LazyLock<Option<Value>> = LazyLock::new(|| {
    let operation = create()?;
    let did = operation.operation().did().to_owned();
    let envelope = Envelope {
        ledger: ledger(),
        actor: did,
        sponsor: did,
        nonce: Nonce::new([9; 16]),
        valid_until: Timestamp::from_unix_ms(NOW_MS).plus_ms(60_000),
        actions: vec![Action::Did(Box::new(operation))],
    };
    Some(envelope.sign(&[&key(1)?]).ok()?.to_value())
});

/// A golden case of the state proof.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    trust_root: TrustRoot,
    key: String,
    value: Option<String>,
    now_ms: i64,
    proof: StateProof,
}

static PROOF: LazyLock<Option<Case>> = LazyLock::new(|| {
    serde_json::from_str(include_str!(
        "../../vectors/valid/state-proof/inclusion.json"
    ))
    .ok()
});

/// A golden case of the offline bundle.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BundleCase {
    trust_root: TrustRoot,
    now_ms: i64,
    bundle: Value,
}

static BUNDLE: LazyLock<Option<BundleCase>> = LazyLock::new(|| {
    serde_json::from_str(include_str!(
        "../../vectors/valid/did-bundle/two-versions.json"
    ))
    .ok()
});

static ITEM: LazyLock<Option<BundleCase>> = LazyLock::new(|| {
    serde_json::from_str(include_str!(
        "../../vectors/valid/did-bundle/item-with-a-state.json"
    ))
    .ok()
});

#[cfg(test)]
pub(super) fn has_templates() -> bool {
    ENVELOPE.is_some() && PROOF.is_some() && BUNDLE.is_some() && ITEM.is_some()
}
