//! What the ledger proves about an authority and those whom it accredited, as of one header.

use super::timeline::Grant;
use chop_did::{ChopDid, DidState, Relationship, verification_method};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{Jwk, PublicKey};
use chop_protocol::{Member, Standing};
use serde::Serialize;
use serde_json::Value;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// Everything that an export is made from.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The full id of the ledger.
    pub(crate) ledger: String,
    /// Height of the oldest header under which something was read: nothing here is older.
    pub(crate) height: u64,
    /// Its time, as of which what is made of it is issued.
    pub(crate) time: Timestamp,
    /// The moment as of which everything is judged: the header's, or that of the clock when it is later. What was decided before
    /// may have taken effect since the header.
    pub(crate) judged: Timestamp,
    /// Who accredits; its grants are the accreditations that it holds.
    pub(crate) authority: Entity,
    /// Those whom it accredited, by DID.
    pub(crate) subjects: Vec<Entity>,
    /// Those whose accreditations of the authority count, by DID; their grants are not read.
    pub(crate) superiors: Vec<Entity>,
    /// Accreditations below which there are more than are read.
    pub(crate) unread: Vec<LeftOut>,
}

/// A DID with what is proven about it.
#[derive(Debug)]
pub(crate) struct Entity {
    /// The DID.
    pub(crate) did: ChopDid,
    /// Its document, absolute.
    pub(crate) document: Value,
    /// When it ended, if it has.
    pub(crate) ended: Option<Timestamp>,
    /// The name under which it was admitted as a member.
    pub(crate) name: Option<String>,
    /// The accreditations that this is about, by credential type and id.
    pub(crate) grants: Vec<Grant>,
}

/// Since when a holder has no key that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost {
    /// The moment.
    pub(crate) since: Timestamp,
    /// How it lost the last one: `keyless` or `deactivated`.
    pub(crate) holder: &'static str,
}

/// A key that a document lists for a purpose.
#[derive(Debug, Clone)]
pub(crate) struct ListedKey {
    /// The absolute id of its verification method.
    pub(crate) method: String,
    /// The key.
    pub(crate) key: PublicKey,
    /// Its public form.
    pub(crate) jwk: Jwk,
    /// When it stops to count, as far as the document says.
    pub(crate) ends: Option<Timestamp>,
}

impl ListedKey {
    /// Whether it counts at a moment.
    fn counts(&self, at: Timestamp) -> bool {
        self.ends.is_none_or(|ends| at < ends)
    }
}

/// An accreditation that is not in the export, or not with all that it lets its holder do, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeftOut {
    /// Who holds it.
    pub(crate) subject: ChopDid,
    /// Its id.
    pub(crate) accreditation: Hash,
    /// Why it is left out.
    pub(crate) reason: String,
}

impl Facts {
    /// When what is made of them ends at the latest, to the second: so many hours after the header, or with the key that signs.
    pub(crate) fn until(&self, valid_hours: u32, key_ends: Option<Timestamp>) -> Timestamp {
        let hours = self.time.plus_ms(i64::from(valid_hours) * HOUR_MS);
        key_ends
            .map_or(hours, |ends| ends.min(hours))
            .floor_to_second()
    }
}

impl Entity {
    /// Takes a DID's proven state and membership.
    pub(crate) fn new(state: &DidState, member: Option<Member>, grants: Vec<Grant>) -> Self {
        Self {
            did: *state.did(),
            document: state.document().absolute(state.did(), state.controller()),
            // Nothing follows a deactivation.
            ended: state.deactivated().then(|| state.updated()),
            name: member
                .and_then(|member| member.name)
                .map(|name| name.to_string()),
            grants,
        }
    }

    /// The keys that the document lists under a relationship and that count at `at`, in its order; none of a DID that has
    /// ended. Keys that JSON Web Keys do not carry are passed over.
    pub(crate) fn keys(&self, relationship: Relationship, at: Timestamp) -> Vec<ListedKey> {
        if self.ended.is_some() {
            return Vec::new();
        }
        let listed = self.listed(relationship);
        listed.filter(|key| key.counts(at)).collect()
    }

    /// Since when none of the keys under a relationship has counted, and why; nothing while one does at `at`, and where none
    /// was ever listed.
    pub(crate) fn lost(&self, relationship: Relationship, at: Timestamp) -> Option<Lost> {
        let mut ends = Vec::new();
        for key in self.listed(relationship) {
            ends.push(key.ends.filter(|_| !key.counts(at)));
        }
        let is_one = !ends.is_empty();
        let ends: Option<Vec<_>> = ends.into_iter().collect();
        let last = ends.and_then(|ends| ends.into_iter().max());
        let keyless = last.filter(|_| is_one).map(|since| Lost {
            since,
            holder: "keyless",
        });
        let ended = self.ended.map(|since| Lost {
            since,
            holder: "deactivated",
        });
        keyless
            .into_iter()
            .chain(ended)
            .min_by_key(|lost| lost.since)
    }

    /// The keys under a relationship, whether they count or not.
    fn listed(&self, relationship: Relationship) -> impl Iterator<Item = ListedKey> {
        let listed = self
            .document
            .get(relationship.as_str())
            .and_then(Value::as_array);
        listed
            .into_iter()
            .flatten()
            .filter_map(|entry| match entry {
                Value::String(id) => Some(id.as_str()),
                embedded => embedded.get("id").and_then(Value::as_str),
            })
            .filter_map(|id| self.key(id))
    }

    fn key(&self, id: &str) -> Option<ListedKey> {
        let method = verification_method(&self.document, id).ok()?;
        let mut jwk = method.key().jwk()?;
        jwk.alg = method.key().key_type().algorithm().map(ToOwned::to_owned);
        jwk.key_use = Some("sig".to_owned());
        let ends = [method.compromised(), method.revoked(), method.expires()];
        Some(ListedKey {
            method: id.to_owned(),
            key: method.key().clone(),
            jwk,
            ends: ends.into_iter().flatten().min(),
        })
    }

    /// The accreditations that count at a moment.
    pub(crate) fn live(&self, at: Timestamp) -> Vec<&Grant> {
        let all = self.grants.iter();
        all.filter(|grant| grant.standing_at(at) == Standing::Live)
            .collect()
    }

    /// Names every accreditation of the entity as left out, for one reason.
    pub(crate) fn left_out(&self, reason: &str) -> Vec<LeftOut> {
        let all = self.grants.iter();
        all.map(|grant| grant.left_out(reason)).collect()
    }
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            subject,
            accreditation,
            reason,
        } = self;
        write!(f, "accreditation {accreditation} of {subject}: {reason}")
    }
}
