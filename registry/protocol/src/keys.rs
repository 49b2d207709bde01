//! The text keys of the authenticated state. The tree holds SHA-256(key); clients ask for the text.
//!
//! ```text
//! ledger                                           LedgerRecord
//! param/ledger                                     Parameters
//! param/governance                                 Governance; the default when absent
//! param/rules                                      RulesRecord; version 1 executes where it is absent
//! validators                                       ValidatorSet; absent where no member governs it (solo)
//! promotion                                        PromotionRecord, where a solo ledger became a consortium's
//! member/{scid}                                    Member, kept when the membership ends
//! proposal/{id}                                    Proposal, kept when it is decided
//! vote/{proposal id}/{voter scid}                  Vote, never changed once written
//! ballot/{expires ms, 13}/{proposal id}            Ballot, gone when decided, swept after expiry
//! did/{scid}                                       chop_did::DidState
//! did/{scid}/{seq}                                 chop_did::VersionRecord, never changed once written
//! binding/{spki hash}                              Binding of a TLS key, kept when it ends
//! bound/{member scid}                              how many TLS keys the member has bound so far, a number
//! accreditation/{id}                               Accreditation
//! accredited/{subject scid}/{credential type}      list of accreditation ids, oldest first
//! anchor/{digest}                                  Anchor
//! schema/{name}                                    Schema
//! schema-version/{name}/{version}                  SchemaVersion
//! schema-body/{digest}                             the document itself, never changed once written
//! schema-uses/{digest}                             list of SchemaRef that publish the document, oldest first
//! batch/{batch id}                                 Batch, never changed once written
//! batch-template/{digest}                          chop_did::Template, never changed once written
//! code/{batch id}/{to, 7}                          Segment: the codes before ordinal `to`, down to its own `from`
//! claim/{item scid}                                Claim
//! nonce/{validUntil ms, 13}/{actor scid}/{nonce}   ReplayMark, swept after validUntil
//! quota/{day since the epoch, 6}/{sponsor scid}    Quota, swept after the day
//! ```

use crate::schema::{SchemaName, SemVer};
use crate::terms::{CredentialType, Nonce};
use chop_did::{ChopDid, Scid};
use chop_integrity::{Hash, Timestamp};

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// The ledger's own record: id, chain version, time of founding.
pub const LEDGER: &str = "ledger";
/// The ledger's parameters.
pub const PARAMETERS: &str = "param/ledger";
/// How members decide.
pub const GOVERNANCE: &str = "param/governance";
/// Which version of the rules executes blocks.
pub const RULES: &str = "param/rules";
/// The set of validators.
pub const VALIDATORS: &str = "validators";
/// How a solo ledger became a consortium's; light clients know this key too.
pub const PROMOTION: &str = chop_proof::PROMOTION_KEY;
/// First key of the members' records.
pub const MEMBERS: &str = "member/";
/// First key of the proposals.
pub const PROPOSALS: &str = "proposal/";
/// First key of the open proposals, in the order of expiry.
pub const BALLOTS: &str = "ballot/";
/// What keys of bindings begin with.
pub const BINDINGS: &str = "binding/";
/// First key of the replay marks.
pub const NONCES: &str = "nonce/";
/// First key of the sponsors' quotas.
pub const QUOTAS: &str = "quota/";

/// Key of a member's record.
pub fn member(scid: &Scid) -> String {
    of_scid(MEMBERS, scid)
}

/// Key of the binding of a TLS key, by the hash of its `SubjectPublicKeyInfo`.
pub fn binding(spki: &Hash) -> String {
    of_hash(BINDINGS, spki)
}

/// Key of how many TLS keys a member has bound so far, those whose binding has ended included.
pub fn bound(member: &Scid) -> String {
    of_scid("bound/", member)
}

/// Key of a proposal.
pub fn proposal(id: &Hash) -> String {
    of_hash(PROPOSALS, id)
}

/// Key of one member's vote on a proposal.
pub fn vote(proposal: &Hash, voter: &Scid) -> String {
    format!("{}{voter}", votes(proposal))
}

/// First key of the votes on a proposal.
pub fn votes(proposal: &Hash) -> String {
    format!("vote/{proposal}/")
}

/// Key of an open proposal in the order of expiry.
pub fn ballot(expires: Timestamp, proposal: &Hash) -> String {
    format!("{}{proposal}", ballots_from(expires))
}

/// First key of the ballots that can be voted on until this time or later.
pub fn ballots_from(time: Timestamp) -> String {
    numbered(BALLOTS, time.unix_ms(), 13)
}

/// The first text after every key that begins with `prefix`, which ends in a slash.
pub fn after(prefix: &str) -> String {
    // '0' follows '/' in ASCII.
    format!("{}0", prefix.trim_end_matches('/'))
}

/// Key of a DID's current state.
pub fn did(scid: &Scid) -> String {
    of_scid("did/", scid)
}

/// Key of one version in a DID's history.
pub fn did_version(scid: &Scid, seq: u64) -> String {
    format!("did/{scid}/{seq}")
}

/// Key of an accreditation.
pub fn accreditation(id: &Hash) -> String {
    of_hash("accreditation/", id)
}

/// Key of the list of accreditations of one subject for one credential type.
pub fn accredited(subject: &ChopDid, credential_type: &CredentialType) -> String {
    format!("accredited/{}/{credential_type}", subject.scid())
}

/// Key of a credential's anchor.
pub fn anchor(digest: &Hash) -> String {
    of_hash("anchor/", digest)
}

/// First key of the schemas' names.
pub const SCHEMAS: &str = "schema/";
/// The key after the last of the schemas' names.
pub const SCHEMAS_END: &str = "schema0";

/// Key of a schema's name.
pub fn schema(name: &SchemaName) -> String {
    format!("{SCHEMAS}{name}")
}

/// Key of one version of a schema.
pub fn schema_version(name: &SchemaName, version: &SemVer) -> String {
    format!("schema-version/{name}/{version}")
}

/// Key of a schema's document by its digest.
pub fn schema_body(digest: &Hash) -> String {
    of_hash("schema-body/", digest)
}

/// Key of the versions that publish a document.
pub fn schema_uses(digest: &Hash) -> String {
    of_hash("schema-uses/", digest)
}

/// First key of the batches.
pub const BATCHES: &str = "batch/";

/// Key of a batch.
pub fn batch(id: &Hash) -> String {
    of_hash(BATCHES, id)
}

/// Key of a batch template.
pub fn batch_template(digest: &Hash) -> String {
    of_hash("batch-template/", digest)
}

/// Key of the segment of a batch's codes that ends before ordinal `to`.
pub fn segment(batch: &Hash, to: u32) -> String {
    format!("{}{to:07}", segments(batch))
}

/// First key of the segments of a batch, in the order of ordinals: the first whose `to` is greater than an ordinal holds it.
pub fn segments(batch: &Hash) -> String {
    format!("code/{batch}/")
}

/// Key of the first claim of an item's code.
pub fn claim(item: &Scid) -> String {
    of_scid("claim/", item)
}

/// Key of the mark that an envelope was executed.
pub fn nonce(valid_until: Timestamp, actor: &Scid, nonce: &Nonce) -> String {
    let mut key = nonces_from(valid_until);
    actor.push_to(&mut key);
    key.push('/');
    nonce.push_to(&mut key);
    key
}

/// First key of the marks whose envelopes were valid until this time or later: everything below is expired before it.
pub fn nonces_from(time: Timestamp) -> String {
    numbered(NONCES, time.unix_ms(), 13)
}

/// Key of what a sponsor used on one day.
pub fn quota(day: i64, sponsor: &Scid) -> String {
    let mut key = quotas_from(day);
    sponsor.push_to(&mut key);
    key
}

/// First key of the quotas of this day or a later one.
pub fn quotas_from(day: i64) -> String {
    numbered(QUOTAS, day, 6)
}

/// The day that a time lies in, counted from the Unix epoch.
pub fn day(time: Timestamp) -> i64 {
    time.unix_ms().div_euclid(DAY_MS)
}

/// The longest key that a block writes for every envelope, [`nonce`].
const ROOM: usize = 112;

fn of_scid(prefix: &str, scid: &Scid) -> String {
    let mut key = String::with_capacity(ROOM);
    key.push_str(prefix);
    scid.push_to(&mut key);
    key
}

fn of_hash(prefix: &str, hash: &Hash) -> String {
    let mut key = String::with_capacity(ROOM);
    key.push_str(prefix);
    hash.push_to(&mut key);
    key
}

/// The prefix, so many digits or more of a number that is 0 where it is negative, and a slash.
fn numbered(prefix: &str, number: i64, digits: usize) -> String {
    let mut rest = u64::try_from(number).unwrap_or(0);
    let mut reversed = [b'0'; 20];
    let mut found = 0;
    for digit in &mut reversed {
        if rest == 0 {
            break;
        }
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        found += 1;
    }
    let mut key = String::with_capacity(ROOM);
    key.push_str(prefix);
    let digits = reversed.iter().take(digits.max(found)).rev();
    key.extend(digits.map(|digit| char::from(*digit)));
    key.push('/');
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_read_as_their_parts_do(
            (ms, day) in (any::<i64>(), any::<i64>()),
            (near, digest) in (0_i64..2_000_000, any::<[u8; 32]>()),
            item in any::<bool>(),
        ) {
            let hash = Hash::from_bytes(digest);
            let scid = if item { Scid::of_batch_item(hash) } else { Scid::of_genesis(hash) };
            let nonce_of = Nonce::new([digest[0]; 16]);
            for (ms, day) in [(ms, day), (near, near), (near * 1_000_000, -near)] {
                let time = Timestamp::from_unix_ms(ms);
                let (until, of_day) = (time.unix_ms().max(0), day.max(0));
                prop_assert_eq!(
                    nonce(time, &scid, &nonce_of),
                    format!("nonce/{until:013}/{scid}/{nonce_of}")
                );
                prop_assert_eq!(nonces_from(time), format!("nonce/{until:013}/"));
                prop_assert_eq!(ballot(time, &hash), format!("ballot/{until:013}/{hash}"));
                prop_assert_eq!(quota(day, &scid), format!("quota/{of_day:06}/{scid}"));
                prop_assert_eq!(quotas_from(day), format!("quota/{of_day:06}/"));
            }
            for (key, named) in [
                (member(&scid), "member"),
                (bound(&scid), "bound"),
                (did(&scid), "did"),
                (claim(&scid), "claim"),
            ] {
                prop_assert_eq!(key, format!("{named}/{scid}"));
            }
            for (key, named) in [
                (binding(&hash), "binding"),
                (proposal(&hash), "proposal"),
                (accreditation(&hash), "accreditation"),
                (anchor(&hash), "anchor"),
                (schema_body(&hash), "schema-body"),
                (schema_uses(&hash), "schema-uses"),
                (batch(&hash), "batch"),
                (batch_template(&hash), "batch-template"),
            ] {
                prop_assert_eq!(key, format!("{named}/{hash}"));
            }
        }
    }
}
