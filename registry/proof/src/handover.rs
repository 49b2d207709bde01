//! The one way across a promotion: from the last header of a solo ledger to the first header of its validators.
//!
//! ```text
//! solo validator ──signs──▶ last header ──next_validators_hash──▶ new validators ──sign──▶ first header
//!                               └──app_hash──▶ promotion record         same app_hash, next height, no parent
//! ```
//!
//! CometBFT's first block at an initial height has no parent, so nothing else leads there, and no header is skipped to from
//! before it: see ADR 0010.

use serde::{Deserialize, Serialize};
use tendermint::block;
use tendermint::block::signed_header::SignedHeader;

use crate::build::state_root;
use crate::hashes::{last_commit_hash, results_hash};
use crate::state_proof::{
    decode_path, decode_signed_header, decode_validators, encode_signed_header, height_of,
};
use crate::verify::time_ms;
use crate::{
    EncodedLightBlock, LightBlock, ProofError, Statement, TrustRoot, TrustedHeader, base64,
    key_hash,
};

/// The state key of the promotion record: canonical JSON whose first member is `height`, that of the block which promoted.
pub const PROMOTION_KEY: &str = "promotion";
/// The longest promotion record, in bytes.
const RECORD_LIMIT: usize = 1_024;
/// Most digits of a height in it, which every JSON number holds exactly.
const HEIGHT_DIGITS: usize = 15;

/// Everything that leads across a promotion.
///
/// As JSON `{"last": light block, "record": {"key", "value", "path"}, "first": protobuf in base64}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Handover {
    /// The last header of the solo ledger, with its one validator and those that it hands over to.
    pub last: EncodedLightBlock,
    /// The promotion record under the state root that both headers name.
    pub record: Statement,
    /// The first header and commit of the new validators, protobuf.
    #[serde(with = "base64")]
    pub first: Vec<u8>,
}

/// A handover that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedHandover {
    /// The last header of the solo ledger.
    pub last: TrustedHeader,
    /// The first header of the validators.
    pub first: TrustedHeader,
}

impl Handover {
    /// Checks that the ledger that `root` pins by its one validator was promoted here.
    ///
    /// # Errors
    /// Names the first thing that does not hold.
    pub fn verify(&self, root: &TrustRoot) -> Result<VerifiedHandover, ProofError> {
        let last = self.verify_last(root)?;
        let before = &decode_signed_header(&self.last.signed_header)?.header;

        // The set of the first header is the one that the last header commits to, and no other is ever looked at.
        let first_block = self.first_block()?;
        let first = TrustedHeader::checked(root, &first_block)?;
        check_first(before, &first_block.signed_header.header)?;
        Ok(VerifiedHandover { last, first })
    }

    /// Encodes what the solo ledger leaves: its last header, and value and path of the promotion record under it.
    ///
    /// It leads nowhere before [`Handover::with_first`].
    pub fn begun(last: &LightBlock, (value, path): (String, Vec<u8>)) -> Self {
        Self {
            last: EncodedLightBlock::from(last),
            record: Statement {
                key: PROMOTION_KEY.to_owned(),
                value: Some(value),
                path,
            },
            first: Vec::new(),
        }
    }

    /// The same with the first header of the new validators.
    #[must_use]
    pub fn with_first(mut self, first: &SignedHeader) -> Self {
        self.first = encode_signed_header(first);
        self
    }

    /// Checks the part that the solo ledger leaves: whoever takes over begins with that.
    ///
    /// # Errors
    /// Names the first thing that does not hold.
    pub fn verify_last(&self, root: &TrustRoot) -> Result<TrustedHeader, ProofError> {
        let last_block = self.last.decode()?;
        let last = TrustedHeader::first(root, &last_block)?;
        if !last_block.is_last_of_solo() {
            return Err(refused(
                "the last header is not that of a solo ledger which hands over",
            ));
        }
        self.check_record(&last_block.signed_header.header)?;
        Ok(last)
    }

    /// The height of the last header of the solo ledger, before anything is verified.
    ///
    /// # Errors
    /// When it does not decode.
    pub fn last_height(&self) -> Result<u64, ProofError> {
        height_of(&self.last.signed_header)
    }

    /// The first header of the new validators with their set, before anything is verified.
    ///
    /// # Errors
    /// When a part does not decode.
    pub fn first_block(&self) -> Result<LightBlock, ProofError> {
        let next = decode_validators(&self.last.next_validators)?;
        Ok(LightBlock {
            signed_header: decode_signed_header(&self.first)?,
            validators: next.clone(),
            next_validators: next,
        })
    }

    /// The one validator of the solo ledger, whoever that is said to be: evidence begins with it.
    pub(crate) fn beginning(&self) -> Result<tendermint::validator::Set, ProofError> {
        decode_validators(&self.last.validators)
    }

    /// Checks that the state under the last header holds the record, and that the record is about this very header.
    fn check_record(&self, last: &block::Header) -> Result<(), ProofError> {
        let Statement { key, value, path } = &self.record;
        let value = value.as_deref().filter(|value| value.len() <= RECORD_LIMIT);
        let (Some(value), PROMOTION_KEY) = (value, key.as_str()) else {
            return Err(refused("it carries no promotion record"));
        };
        let root = state_root(last).ok_or(refused("the last header has no state root"))?;
        decode_path(path)?
            .verify(
                jmt::RootHash(root),
                key_hash(PROMOTION_KEY),
                Some(value.as_bytes()),
            )
            .map_err(|error| ProofError::PathMismatch {
                app_hash: data_encoding::HEXLOWER.encode(&root),
                reason: error.to_string(),
            })?;
        let height = promoting_height(value).ok_or(refused("the promotion record is none"))?;
        // The promoting block changed the state; the empty one after it commits to that, and is the last.
        if height.checked_add(1) == Some(last.height.value()) {
            Ok(())
        } else {
            Err(refused("the promotion record is of another height"))
        }
    }
}

impl VerifiedHandover {
    /// Checks that a header of the solo ledger that was trusted before lies on the way to this promotion.
    ///
    /// # Errors
    /// When it is above the last one, or another one of the same height: the solo key signed two histories.
    pub fn check_reached(&self, trusted: &TrustedHeader) -> Result<(), ProofError> {
        if trusted.height() > self.last.height() {
            return Err(refused(
                "a header of the solo ledger above its last one is known",
            ));
        }
        if trusted.height() == self.last.height() && trusted.hash() != self.last.hash() {
            return Err(refused("another last header of the solo ledger is known"));
        }
        Ok(())
    }
}

/// The height that a promotion record begins with, read alike by every verifier: nothing else in it decides.
fn promoting_height(record: &str) -> Option<u64> {
    let rest = record.strip_prefix(r#"{"height":"#)?;
    let (digits, _) = rest.split_once([',', '}'])?;
    let is_canonical = (1..=HEIGHT_DIGITS).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|_| is_canonical)
}

/// Checks what the first header of the new validators must say beside their signatures.
fn check_first(last: &block::Header, first: &block::Header) -> Result<(), ProofError> {
    if first.height != last.height.increment() {
        return Err(refused("the first header is not of the next height"));
    }
    if !is_first_of_chain(first) {
        return Err(refused("the first header has something before it"));
    }
    if first.app_hash != last.app_hash {
        return Err(refused("the first header has another state root"));
    }
    if first.time <= last.time {
        return Err(refused("the first header is not later"));
    }
    Ok(())
}

/// Says whether a header has the form of CometBFT's first one: no parent, no commit of one, no results of one.
pub(crate) fn is_first_of_chain(header: &block::Header) -> bool {
    header.last_block_id.is_none()
        && header.last_commit_hash == Some(last_commit_hash(None))
        && header.last_results_hash == Some(results_hash(&[]))
}

impl LightBlock {
    /// Says whether this is the last header of a solo ledger that was promoted: its one validator hands over to others.
    ///
    /// On no other ledger do all validators change at once (ADR 0008), so nothing else looks like it.
    pub fn is_last_of_solo(&self) -> bool {
        is_last_of_solo(&self.validators, &self.next_validators)
    }
}

pub(crate) fn is_last_of_solo(
    validators: &tendermint::validator::Set,
    next: &tendermint::validator::Set,
) -> bool {
    match validators.validators().as_slice() {
        [alone] => next
            .validators()
            .iter()
            .all(|other| other.pub_key != alone.pub_key),
        _ => false,
    }
}

/// Refuses what would lead across a promotion without its handover.
pub(crate) fn refused(reason: &'static str) -> ProofError {
    ProofError::Handover { reason }
}

/// The milliseconds between the last header of a solo ledger and the time of the genesis document that follows it.
const GENESIS_AFTER_MS: i64 = 1;

/// The time that CometBFT's genesis document takes after this header, milliseconds since the Unix epoch: the first
/// block's time.
pub fn genesis_time_after(last: &block::Header) -> i64 {
    time_ms(last).saturating_add(GENESIS_AFTER_MS)
}

#[cfg(test)]
mod tests;
