use super::*;
use crate::fixtures::promoted::{LAST, Promoted, consortium_root, solo_key, solo_root};
use crate::fixtures::{Part, sign};
use crate::{EncodedLightBlock, Fork};
use std::time::Duration;

const YEAR: Duration = Duration::from_hours(24 * 365);

fn now_ms(ledger: &Promoted) -> i64 {
    time_ms(&ledger.block(12).signed_header.header)
}

#[test]
fn leads_from_the_solo_validator_to_those_of_the_consortium() {
    let ledger = Promoted::new();
    let handover = ledger.handover();
    let text = serde_json::to_string(&handover).unwrap();
    assert_eq!(serde_json::from_str::<Handover>(&text).unwrap(), handover);
    let verified = handover.verify(&solo_root()).unwrap();
    assert_eq!(
        (verified.last.height(), verified.first.height()),
        (LAST, LAST + 1)
    );
    let tenth = ledger.block(10);
    let reached = verified.first.follow(tenth).unwrap();
    assert_eq!(reached.trust_root().unwrap(), consortium_root());
    assert!(verified.first.advance(tenth, now_ms(&ledger), YEAR).is_ok());
}

#[test]
fn reads_the_height_of_a_record_in_its_one_form() {
    for (record, height) in [
        (r#"{"height":5}"#, 5),
        (r#"{"height":0}"#, 0),
        (r#"{"height":12,"proposal":"x"}"#, 12),
    ] {
        assert_eq!(promoting_height(record), Some(height), "{record}");
    }
    for record in [
        "",
        "{}",
        "5",
        r#"{"height":}"#,
        r#"{"height":5.0}"#,
        r#"{"height":5e0}"#,
        r#"{"height":05}"#,
        r#"{"height":-0}"#,
        r#"{"height":"5"}"#,
        r#"{ "height":5}"#,
        r#"{"a":1,"height":5}"#,
        r#"{"height":9999999999999999}"#,
    ] {
        assert_eq!(promoting_height(record), None, "{record}");
    }
}

#[test]
fn nothing_but_the_handover_leads_across() {
    let ledger = Promoted::new();
    let last = TrustedHeader::first(&solo_root(), ledger.block(LAST)).unwrap();
    for height in LAST + 1..=LAST + 3 {
        let block = ledger.block(height);
        assert_eq!(last.follow(block).unwrap_err().code(), "proof.handover");
        let skipped = last.advance(block, now_ms(&ledger), YEAR).unwrap_err();
        assert_eq!(skipped.code(), "proof.handover");
    }
    let earlier = TrustedHeader::first(&solo_root(), ledger.block(3)).unwrap();
    let skipped = earlier.advance(ledger.block(10), now_ms(&ledger), YEAR);
    assert_eq!(skipped.unwrap_err().code(), "proof.too-little-trust");
}

#[test]
fn a_later_header_without_a_parent_follows_nothing() {
    let ledger = Promoted::new();
    let first = ledger.handover().verify(&solo_root()).unwrap().first;
    let orphan = LightBlock {
        signed_header: ledger.changed_first(|header| {
            header.height = 9_u32.into();
            header.time = (header.time + Duration::from_mins(1)).unwrap();
        }),
        ..ledger.block(9).clone()
    };
    assert_eq!(first.follow(&orphan).unwrap_err().code(), "proof.unlinked");
    let later_ms = now_ms(&ledger) + 120_000;
    let advanced = first.advance(&orphan, later_ms, YEAR);
    assert_eq!(advanced.unwrap_err().code(), "proof.unlinked");
}

#[test]
fn whoever_knows_a_solo_header_above_the_last_one_notices() {
    let ledger = Promoted::new();
    let verified = ledger.handover().verify(&solo_root()).unwrap();
    let known = |height| TrustedHeader::first(&solo_root(), ledger.block(height)).unwrap();
    verified.check_reached(&known(3)).unwrap();
    verified.check_reached(&known(LAST)).unwrap();
    for height in [LAST, LAST + 1] {
        let mut forged = ledger.block(LAST).clone();
        let mut header = forged.signed_header.header.clone();
        header.height = height.try_into().unwrap();
        header.data_hash = None;
        forged.signed_header = sign(&header, &[(&solo_key(), 1, Part::Signs)]);
        let forged = TrustedHeader::first(&solo_root(), &forged).unwrap();
        let refused = verified.check_reached(&forged).unwrap_err();
        assert_eq!(refused.code(), "proof.handover", "{height}");
    }
}

#[test]
fn a_solo_key_that_signs_on_is_shown_to_fork() {
    let ledger = Promoted::new();
    let mut forged = ledger.block(LAST).clone();
    let mut header = forged.signed_header.header.clone();
    header.height = 10_u32.into();
    header.next_validators_hash = header.validators_hash;
    forged.signed_header = sign(&header, &[(&solo_key(), 1, Part::Signs)]);
    forged.next_validators = forged.validators.clone();
    let encode = |blocks: &[&LightBlock]| -> Vec<EncodedLightBlock> {
        blocks
            .iter()
            .map(|block| EncodedLightBlock::from(*block))
            .collect()
    };
    let fork = Fork {
        ledger: solo_root().ledger().to_owned(),
        handover: Some(ledger.handover()),
        first: encode(&[ledger.block(LAST + 1), ledger.block(10)]),
        second: encode(&[&forged]),
    };
    let proven = fork.verify(&solo_root()).unwrap();
    assert_eq!(proven.height, 10);
    assert!(proven.signed_both.is_empty(), "no validator signed both");
}
