//! Cases that cross a promotion, or try to.

use tendermint::block::Header;
use tendermint::block::signed_header::SignedHeader;

use super::{Filed, accepted, case, refused};
use crate::fixtures::promoted::{LAST, Promoted, consortium_root, solo_key, solo_root};
use crate::fixtures::{Part, key, set_of, sign};
use crate::{EncodedLightBlock, Evidence, Handover, LightBlock};

fn across(
    ledger: &Promoted,
    handover: Option<Handover>,
    headers: &[u64],
    header: &LightBlock,
) -> Evidence {
    let headers = headers.iter().map(|height| ledger.block(*height));
    Evidence {
        handover,
        headers: headers.map(EncodedLightBlock::from).collect(),
        proof: ledger.batch(header),
        checkpoint: None,
        timestamp: None,
    }
}

pub(super) fn valid(ledger: &Promoted) -> Vec<Filed> {
    let whole = |height| across(ledger, Some(ledger.handover()), &[], ledger.block(height));
    let alone = |height| across(ledger, None, &[], ledger.block(height));
    [
        (
            "handover",
            "from a solo ledger's root across its promotion",
            solo_root(),
            whole(10),
        ),
        (
            "handover-first",
            "the header itself that a promotion leads to",
            solo_root(),
            whole(LAST + 1),
        ),
        (
            "handover-newer-root",
            "the trust root pins the validators after the promotion",
            consortium_root(),
            whole(10),
        ),
        (
            "handover-before",
            "a header of the solo ledger, years after its promotion",
            solo_root(),
            alone(3),
        ),
        (
            "first-after-promotion",
            "the first header after a promotion under a trust root that pins its validators",
            consortium_root(),
            alone(LAST + 1),
        ),
    ]
    .into_iter()
    .map(|(name, description, root, evidence)| {
        accepted(name, "forward", None, case(description, root, evidence))
    })
    .collect()
}

pub(super) fn invalid(ledger: &Promoted) -> Vec<Filed> {
    let tenth = ledger.block(10);
    let with = |handover| across(ledger, Some(handover), &[], tenth);
    let first = |change: fn(&mut Header)| with(ledger.handover_with(&ledger.changed_first(change)));
    let mut without_record = ledger.handover();
    without_record.record.value = None;
    let mut untrue_record = ledger.handover();
    untrue_record.record.value = Some(r#"{"height":5,"x":1}"#.to_owned());
    [
        (
            "handover-skipped",
            "handover",
            "the last header of the solo ledger as if it were any change of validators",
            across(ledger, None, &[LAST], tenth),
        ),
        (
            "handover-missing",
            "untrusted-validators",
            "a header after the promotion with nothing that leads to it",
            across(ledger, None, &[], tenth),
        ),
        (
            "handover-other-set",
            "other-validators",
            "a first header by validators to whom the solo ledger did not hand over",
            with(ledger.handover_with(&by_strangers(ledger))),
        ),
        (
            "handover-other-state",
            "handover",
            "a first header with another state root",
            first(|header| header.app_hash = vec![9; 32].try_into().unwrap()),
        ),
        (
            "handover-gap",
            "handover",
            "a first header two heights above the last one",
            first(|header| header.height = (LAST + 2).try_into().unwrap()),
        ),
        (
            "handover-with-parent",
            "handover",
            "a first header that names a parent",
            with(ledger.handover_with(&ledger.block(LAST + 2).signed_header)),
        ),
        (
            "handover-not-later",
            "handover",
            "a first header that is not later than the last one",
            first(|header| header.time = tendermint::Time::from_unix_timestamp(1, 0).unwrap()),
        ),
        (
            "handover-other-chain",
            "other-chain",
            "a first header of another chain",
            first(|header| header.chain_id = "chop-other".parse().unwrap()),
        ),
        (
            "handover-without-record",
            "handover",
            "no promotion record",
            with(without_record),
        ),
        (
            "handover-untrue-record",
            "path-mismatch",
            "a promotion record that the state does not hold",
            with(untrue_record),
        ),
    ]
    .into_iter()
    .chain(other_headers(ledger))
    .map(|(name, code, description, evidence)| {
        refused(name, code, case(description, solo_root(), evidence))
    })
    .collect()
}

/// A first header by validators to whom nobody handed over.
fn by_strangers(ledger: &Promoted) -> SignedHeader {
    let strangers: Vec<_> = (6..=9).map(key).collect();
    let powers: Vec<_> = strangers.iter().map(|key| (key, 1)).collect();
    let set = set_of(&powers);
    let mut header = ledger.block(LAST + 1).signed_header.header.clone();
    header.validators_hash = set.hash();
    header.next_validators_hash = set.hash();
    let signers: Vec<_> = strangers.iter().map(|key| (key, 1, Part::Signs)).collect();
    sign(&header, &signers)
}

/// A header by the solo key above the promotion.
fn solo_above(ledger: &Promoted) -> LightBlock {
    let mut solo_above = ledger.block(LAST).clone();
    solo_above.signed_header = {
        let mut header = ledger.block(LAST).signed_header.header.clone();
        header.height = (LAST + 2).try_into().unwrap();
        header.next_validators_hash = header.validators_hash;
        sign(&header, &[(&solo_key(), 1, Part::Signs)])
    };
    solo_above
}

/// Another first header, by the right validators.
fn other_first(ledger: &Promoted) -> LightBlock {
    LightBlock {
        signed_header: ledger.changed_first(|header| header.data_hash = None),
        ..ledger.block(LAST + 1).clone()
    }
}

/// Handovers whose parts hold, and headers that they do not lead to.
fn other_headers(ledger: &Promoted) -> [(&'static str, &'static str, &'static str, Evidence); 4] {
    let tenth = ledger.block(10);
    let elsewhere = Promoted::with_record(r#"{"height":4}"#);
    [
        (
            "handover-other-block",
            "handover",
            "a last header that is not the one after the block which promoted",
            across(
                &elsewhere,
                Some(elsewhere.handover()),
                &[],
                elsewhere.block(10),
            ),
        ),
        (
            "handover-twice",
            "handover",
            "the last header of the solo ledger a second time, among the changes",
            across(ledger, None, &[LAST, 10], tenth),
        ),
        (
            "solo-above-promotion",
            "untrusted-validators",
            "a header by the solo key above the promotion",
            across(ledger, Some(ledger.handover()), &[], &solo_above(ledger)),
        ),
        (
            "other-first-after-promotion",
            "handover",
            "another first header than that of the handover",
            across(ledger, Some(ledger.handover()), &[], &other_first(ledger)),
        ),
    ]
}
