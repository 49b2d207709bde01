//! did:webvh 1.0: verifies a log from its bytes (did:webvh specification v1.0, Read).
//!
//! Nothing is fetched here: the caller brings `did.jsonl` and, where the log names witnesses, `did-witness.json`. A log with any
//! invalid entry is refused whole.

mod entry;
mod error;
mod parameters;
mod witness;

pub use error::WebvhError;

use crate::did::Did;
use crate::resolution::{
    DID_MEDIA_TYPE, DocumentMetadata, ErrorKind, ResolutionError, Resolved, Selector,
};
use crate::web::Place;
use chop_integrity::Timestamp;
use entry::Entry;
use parameters::Parameters;
use serde_json::{Map, Value, json};

/// The most bytes of a log that are read.
pub const MAX_LOG_BYTES: usize = 4 * 1024 * 1024;
/// The most entries of a log.
pub const MAX_ENTRIES: usize = 4_096;
/// How far ahead of the resolver's clock an entry may be, in milliseconds (did:webvh 1.0, Read, step 4).
const FUTURE_TOLERANCE_MS: i64 = 5 * 60 * 1_000;

/// A log of which every entry was verified.
#[derive(Clone, Debug)]
pub struct VerifiedLog {
    scid: String,
    entries: Vec<Verified>,
}

/// One verified entry with the parameters in force after it.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    version_id: String,
    time: Timestamp,
    state: Value,
    parameters: Parameters,
}

/// The parts of a did:webvh identifier.
struct Identifier<'a> {
    scid: &'a str,
    location: &'a str,
}

/// Returns the https URL of the DID's log.
///
/// # Errors
/// Returns `INVALID_DID` when the identifier breaks the grammar of did:webvh 1.0.
pub fn log_url(did: &Did) -> Result<String, ResolutionError> {
    Ok(place(did)?.file("did.jsonl"))
}

/// Returns the https URL of the witness proofs beside the log.
///
/// # Errors
/// Returns `INVALID_DID` like [`log_url`].
pub fn witness_url(did: &Did) -> Result<String, ResolutionError> {
    Ok(place(did)?.file("did-witness.json"))
}

/// Returns the https URL that DID URL paths are appended to, without a slash at the end.
pub(crate) fn base_url(did: &Did) -> Result<String, ResolutionError> {
    Ok(place(did)?.base())
}

/// Verifies a log for a DID: every entry's hash, proof, time and parameters, the SCID, and the witness thresholds.
///
/// # Errors
/// Returns [`WebvhError::WitnessesNeeded`] when `witnesses` is `None` and the log names witnesses: fetch [`witness_url`] and call
/// again. Any other [`WebvhError`] says what is wrong with which entry.
pub fn verify(
    did: &Did,
    log: &[u8],
    witnesses: Option<&[u8]>,
    now: Timestamp,
) -> Result<VerifiedLog, WebvhError> {
    let identifier = Identifier::parse(did.id()).map_err(|e| WebvhError::Did {
        reason: e.detail().to_owned(),
    })?;
    if did.method() != "webvh" {
        return Err(WebvhError::Did {
            reason: "the method is not webvh".to_owned(),
        });
    }
    let lines = split_lines(log)?;
    let mut verified: Vec<Verified> = Vec::with_capacity(lines.len());
    for (index, line) in lines.into_iter().enumerate() {
        let entry = Entry::parse(index, line)?;
        let next = entry.verify(verified.last(), identifier.scid, now)?;
        verified.push(next);
    }
    if !verified
        .iter()
        .any(|entry| entry.state_id() == did.as_str())
    {
        return Err(WebvhError::OtherDid {
            did: did.to_string(),
        });
    }
    // Witness proofs are looked at only when all else holds (did:webvh 1.0, Verifying Witness Proofs, step 1).
    witness::verify(&verified, witnesses)?;
    Ok(VerifiedLog {
        scid: identifier.scid.to_owned(),
        entries: verified,
    })
}

impl VerifiedLog {
    /// Returns how many versions there are.
    pub fn versions(&self) -> usize {
        self.entries.len()
    }

    /// Answers with the selected version.
    ///
    /// # Errors
    /// Returns `NOT_FOUND` when there is no such version, or none yet at that time.
    pub fn resolve(&self, selector: &Selector) -> Result<Resolved, ResolutionError> {
        let index = match selector {
            Selector::Latest => self.entries.len().checked_sub(1),
            Selector::Id(id) => self
                .entries
                .iter()
                .position(|entry| entry.version_id == *id),
            Selector::Time(time) => self
                .entries
                .partition_point(|entry| entry.time <= *time)
                .checked_sub(1),
        };
        self.resolve_at(index)
    }

    fn resolve_at(&self, index: Option<usize>) -> Result<Resolved, ResolutionError> {
        let absent = || ResolutionError::new(ErrorKind::NotFound, "the log has no such version");
        let index = index.ok_or_else(absent)?;
        let entry = self.entries.get(index).ok_or_else(absent)?;
        let (first, last) = self
            .entries
            .first()
            .zip(self.entries.last())
            .ok_or_else(absent)?;
        let next = self.entries.get(index + 1);
        let is_latest = next.is_none();
        let deactivated = last.parameters.deactivated;
        let metadata = DocumentMetadata {
            created: Some(first.time),
            updated: (index > 0).then_some(entry.time),
            deactivated: (is_latest || !deactivated).then_some(deactivated),
            version_id: Some(entry.version_id.clone()),
            version_time: Some(entry.time),
            next_version_id: next.map(|next| next.version_id.clone()),
            next_update: next.map(|next| next.time),
            method: self.method_metadata(last),
            ..DocumentMetadata::default()
        };
        let document = (!(is_latest && deactivated)).then(|| entry.state.clone());
        Ok(Resolved {
            document,
            metadata,
            content_type: DID_MEDIA_TYPE,
        })
    }

    fn method_metadata(&self, last: &Verified) -> Map<String, Value> {
        let mut out = Map::new();
        out.insert("scid".to_owned(), json!(self.scid));
        out.insert("portable".to_owned(), json!(last.parameters.portable));
        out.insert("ttl".to_owned(), json!(last.parameters.ttl.to_string()));
        if let Some(witness) = &last.parameters.witness {
            let witnesses: Vec<Value> = witness.ids.iter().map(|id| json!({"id": id})).collect();
            out.insert(
                "witness".to_owned(),
                json!({"threshold": witness.threshold.to_string(), "witnesses": witnesses}),
            );
        }
        if !last.parameters.watchers.is_empty() {
            out.insert("watchers".to_owned(), json!(last.parameters.watchers));
        }
        out
    }
}

impl Verified {
    fn state_id(&self) -> &str {
        self.state
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

impl<'a> Identifier<'a> {
    fn parse(id: &'a str) -> Result<Self, ResolutionError> {
        let invalid = |detail: &str| ResolutionError::new(ErrorKind::InvalidDid, detail);
        let (scid, location) = id
            .split_once(':')
            .ok_or_else(|| invalid("a did:webvh is <scid>:<domain>[:path]"))?;
        let is_multihash = scid.len() == 46
            && bs58::decode(scid)
                .into_vec()
                .is_ok_and(|bytes| bytes.starts_with(&entry::SHA2_256));
        if !is_multihash {
            return Err(invalid(
                "the scid is not the base58btc multihash of a SHA-256",
            ));
        }
        let domain = location.split(':').next().unwrap_or_default();
        if !domain.contains('.') {
            return Err(invalid("the domain is not fully qualified"));
        }
        Place::parse(location)?;
        Ok(Self { scid, location })
    }
}

fn place(did: &Did) -> Result<Place, ResolutionError> {
    if did.method() != "webvh" {
        return Err(ResolutionError::new(
            ErrorKind::MethodNotSupported,
            "this is no did:webvh",
        ));
    }
    Place::parse(Identifier::parse(did.id())?.location)
}

/// Splits JSON lines; one newline may end the last.
fn split_lines(log: &[u8]) -> Result<Vec<&[u8]>, WebvhError> {
    if log.len() > MAX_LOG_BYTES {
        return Err(WebvhError::TooLarge { bytes: log.len() });
    }
    let lines: Vec<&[u8]> = log
        .strip_suffix(b"\n")
        .unwrap_or(log)
        .split(|byte| *byte == b'\n')
        .collect();
    if lines.len() > MAX_ENTRIES {
        return Err(WebvhError::TooMany {
            entries: lines.len(),
        });
    }
    Ok(lines)
}
