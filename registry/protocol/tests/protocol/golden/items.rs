//! Batches, what is said of their codes, and claims.

use chop_did::LedgerId;
use chop_integrity::Hash;
use chop_protocol::{
    Batch, BatchTerms, Claim, ClaimTerms, CodeStanding, CredentialType, Lot, Nonce, Note, Segment,
};

use super::{ONES, TWOS, ZEROS, did, hash, text, time};

#[test]
fn batches_stay() {
    let terms = BatchTerms {
        ledger: LedgerId::new(hash(0)),
        controller: did(1),
        nonce: Nonce::new([0xab; 16]),
        template: hash(1),
        count: 1_000_000,
        root: hash(2),
        leaves: hash(0),
        activation: CredentialType::parse("BatchRelease").ok(),
    };
    let batch = Batch {
        terms: terms.clone(),
        time: time(),
        height: 7,
    };
    let written = format!(
        r#"{{"activation":"BatchRelease","controller":"did:chop:aaaaaaaaaaaaaaaa:a{ONES}","count":1000000,"leaves":"{ZEROS}","ledger":"{ZEROS}","nonce":"abababababababababababababababab","root":"{TWOS}","template":"{ONES}"}}"#
    );
    assert_eq!(
        text(&batch),
        format!(r#"{{"height":7,"terms":{written},"time":"2026-11-02T08:00:00.000Z"}}"#)
    );
    assert_eq!(
        terms.hash().unwrap(),
        Hash::of("chop/batch-terms/v1", written.as_bytes())
    );
    let input = terms.receipt_input().unwrap();
    let hash = terms.hash().unwrap();
    let signed = [
        b"chop/batch-receipt/v1".as_slice(),
        &[0; 32],
        hash.as_bytes(),
    ];
    assert_eq!(input.as_bytes(), signed.concat());
    let segment = Segment {
        from: 3,
        to: 42,
        standing: CodeStanding::Void,
        lot: Lot::parse("L-7").ok(),
        reason: Note::parse("torn").ok(),
        time: time(),
        height: 7,
    };
    assert_eq!(
        text(&segment),
        r#"{"from":3,"height":7,"lot":"L-7","reason":"torn","standing":"void","time":"2026-11-02T08:00:00.000Z","to":42}"#
    );
    let claim = Claim {
        time: time(),
        height: 7,
        holder: None,
        bound: None,
    };
    assert_eq!(
        text(&claim),
        r#"{"height":7,"time":"2026-11-02T08:00:00.000Z"}"#
    );
}

#[test]
fn what_a_claim_signs_stays() {
    let terms = ClaimTerms {
        ledger: LedgerId::new(hash(0)),
        item: did(2),
        actor: did(1),
        nonce: Nonce::new([0xab; 16]),
        valid_until: time(),
        holder: None,
    };
    let written = format!(
        r#"{{"actor":"did:chop:aaaaaaaaaaaaaaaa:a{ONES}","item":"did:chop:aaaaaaaaaaaaaaaa:a{TWOS}","ledger":"{ZEROS}","nonce":"abababababababababababababababab","validUntil":"2026-11-02T08:00:00.000Z"}}"#
    );
    let hash = Hash::of("chop/code-claim-terms/v1", written.as_bytes());
    let signed = [b"chop/code-claim/v1".as_slice(), hash.as_bytes()].concat();
    assert_eq!(terms.input().unwrap().as_bytes(), signed);
}
