//! DIDs, DID URLs, operations and did:webvh logs.

use crate::mutate;
use chop_did::build::{self, GenesisDraft};
use chop_did::{
    ApplyContext, ChopDid, Class, Did, DidUrl, Document, KeySet, LedgerId, Relationship,
    SignedOperation, UpdateKeys,
};
use chop_integrity::{Hash, Timestamp, json};
use chop_keys::{KeyType, PrivateKey, Signer};
use serde_json::Value;
use std::sync::LazyLock;

/// The time at which everything happens: 2026-11-21T09:00:00Z.
pub(super) const NOW_MS: i64 = 1_795_251_600_000;

pub(super) fn did(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(did) = Did::parse(text) {
        assert_eq!(did.as_str(), text, "a DID is never rewritten");
    }
    if let Ok(did) = ChopDid::parse(text) {
        assert_eq!(did.to_string(), text, "a did:chop has one spelling");
        assert!(Did::parse(text).is_ok(), "a did:chop is a DID");
    }
}

pub(super) fn did_url(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Ok(url) = DidUrl::parse(text) else { return };
    assert!(
        text.starts_with(url.did().as_str()),
        "a DID URL begins with its DID"
    );
    assert_eq!(url.to_string(), text, "a DID URL is never rewritten");
}

pub(super) fn operation(input: &[u8]) {
    let Some(template) = OPERATION.as_ref() else {
        return;
    };
    let bytes = mutate::bytes(template, input);
    let Ok(value) = json::parse_restricted(&bytes, &json::Limits::OPERATION) else {
        return;
    };
    let Ok(signed) = SignedOperation::try_from(value) else {
        return;
    };
    let again = SignedOperation::try_from(signed.value().clone());
    assert_eq!(
        again.map(|s| s.operation().hash()).ok(),
        Some(signed.operation().hash()),
        "an operation survives a round trip"
    );
    let context = ApplyContext {
        ledger: &ledger(),
        time: Timestamp::from_unix_ms(NOW_MS),
        recovery_delay_ms: 0,
        controller: None,
        new_controller: None,
    };
    if let Ok((state, _)) = chop_did::apply(None, signed.operation(), &context) {
        assert_eq!(
            state.did().to_string(),
            signed.operation().did().to_string(),
            "an operation acts on the DID that it names"
        );
        assert!(
            chop_did::apply(Some(&state), signed.operation(), &context).is_err(),
            "a create is applied once"
        );
    }
}

pub(super) fn ledger() -> LedgerId {
    LedgerId::new(Hash::of("chop/fuzz/v1", b"ledger"))
}

pub(super) fn key(seed: u8) -> Option<PrivateKey> {
    PrivateKey::from_seed(KeyType::Ed25519, &[seed; 32]).ok()
}

/// A create that the ledger accepts.
pub(super) fn create() -> Option<SignedOperation> {
    let update = key(1)?;
    let current = KeySet::new([update.public_key().clone()], 1).ok()?;
    let document = Document::empty()
        .with_key(
            "#act",
            key(2)?.public_key(),
            &[Relationship::CapabilityInvocation],
        )
        .ok()?;
    let genesis = GenesisDraft::own_keys(
        Class::Service,
        UpdateKeys {
            current,
            next: None,
        },
        [7; 16],
    )
    .with_document(document)
    .build(&ledger())
    .ok()?;
    build::create(&genesis).signed_by(&[&update]).ok()
}

static OPERATION: LazyLock<Option<Value>> = LazyLock::new(|| Some(create()?.into_value()));
