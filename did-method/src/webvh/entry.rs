//! One line of a log: its shape, its hashes, its proofs (did:webvh specification v1.0, Read, steps 1 to 7).

use super::parameters::{Parameters, Reader};
use super::{FUTURE_TOLERANCE_MS, Identifier, Verified, WebvhError};
use crate::did::Did;
use chop_integrity::json::{self as strict, Limits};
use chop_integrity::proof::{self, Rule};
use chop_integrity::{JcsError, Timestamp};
use chop_keys::{KeyType, PublicKey};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The multihash prefix of SHA-256: code and length.
pub(super) const SHA2_256: [u8; 2] = [0x12, 0x20];
/// Bounds on one line.
const LINE: Limits = Limits {
    max_bytes: 256 * 1024,
    max_depth: 32,
};
/// The most proofs on an entry.
const MAX_PROOFS: usize = 16;
/// What stands for the SCID while the SCID is computed.
const PLACEHOLDER: &str = "{SCID}";

/// A line of the right shape, nothing of it verified yet.
pub(super) struct Entry {
    version: usize,
    /// The entry without its proofs.
    unsigned: Map<String, Value>,
    proofs: Vec<Value>,
    version_id: String,
    time: Timestamp,
    state: Value,
}

impl Entry {
    /// Parses the line at a zero-based index.
    pub(super) fn parse(index: usize, line: &[u8]) -> Result<Self, WebvhError> {
        let version = index + 1;
        let shape = |reason: &str| WebvhError::Shape {
            version,
            reason: reason.to_owned(),
        };
        let value = strict::parse(line, &LINE).map_err(|e| shape(&e.to_string()))?;
        let Value::Object(mut unsigned) = value else {
            return Err(shape("not an object"));
        };
        let proofs = match unsigned.remove("proof") {
            Some(Value::Array(proofs)) if (1..=MAX_PROOFS).contains(&proofs.len()) => proofs,
            _ => return Err(shape("no list of proofs")),
        };
        if unsigned.len() != 4 {
            return Err(shape(
                "members are versionId, versionTime, parameters, state and proof",
            ));
        }
        let text = |name: &str| unsigned.get(name).and_then(Value::as_str);
        let version_id = text("versionId")
            .ok_or_else(|| shape("no versionId"))?
            .to_owned();
        let time = parse_time(
            version,
            text("versionTime").ok_or_else(|| shape("no versionTime"))?,
        )?;
        let state = unsigned
            .get("state")
            .filter(|state| state.is_object())
            .cloned()
            .ok_or_else(|| shape("no state"))?;
        Ok(Self {
            version,
            unsigned,
            proofs,
            version_id,
            time,
            state,
        })
    }

    /// Verifies the entry against the one before it.
    pub(super) fn verify(
        self,
        before: Option<&Verified>,
        scid: &str,
        now: Timestamp,
    ) -> Result<Verified, WebvhError> {
        let version = self.version;
        if before.is_some_and(|before| before.parameters.deactivated) {
            return Err(WebvhError::Deactivated { version });
        }
        let given = self.unsigned.get("parameters").and_then(Value::as_object);
        let given = given.ok_or_else(|| WebvhError::Shape {
            version,
            reason: "no parameters".to_owned(),
        })?;
        let reader = Reader::new(version, given);
        let parameters = reader.read(before.map(|before| &before.parameters))?;
        self.check_times(before, now)?;
        self.check_scid(before, &parameters, scid)?;
        self.check_hash(before, &parameters)?;
        check_commitment(version, &reader, before, &parameters)?;
        self.check_proofs(authorised(before, &parameters))?;
        self.check_state(before, &parameters)?;
        Ok(Verified {
            version_id: self.version_id,
            time: self.time,
            state: self.state,
            parameters,
        })
    }

    /// Step 4: times grow, and do not run ahead of the resolver's clock.
    fn check_times(&self, before: Option<&Verified>, now: Timestamp) -> Result<(), WebvhError> {
        let version = self.version;
        if before.is_some_and(|before| self.time <= before.time) {
            return Err(WebvhError::Time {
                version,
                reason: "versionTime is not later than the one before",
            });
        }
        if self.time > now.plus_ms(FUTURE_TOLERANCE_MS) {
            return Err(WebvhError::Time {
                version,
                reason: "versionTime is in the future",
            });
        }
        Ok(())
    }

    /// Step 5: the SCID in the DID is the one stated, and the hash of the first entry.
    fn check_scid(
        &self,
        before: Option<&Verified>,
        parameters: &Parameters,
        scid: &str,
    ) -> Result<(), WebvhError> {
        let version = self.version;
        let wrong = |found: String| WebvhError::Scid {
            version,
            expected: scid.to_owned(),
            found,
        };
        if parameters.scid != scid {
            return Err(wrong(parameters.scid.clone()));
        }
        if before.is_some() {
            return Ok(());
        }
        let unreadable = |_| WebvhError::EntryHash { version };
        let mut preliminary = self.unsigned.clone();
        preliminary.insert(
            "versionId".to_owned(),
            Value::String(PLACEHOLDER.to_owned()),
        );
        let text = serde_json::to_string(&preliminary)
            .unwrap_or_default()
            .replace(scid, PLACEHOLDER);
        let preliminary: Value =
            serde_json::from_str(&text).map_err(|_| WebvhError::EntryHash { version })?;
        let found = multihash_of(&preliminary).map_err(unreadable)?;
        if found == scid {
            Ok(())
        } else {
            Err(wrong(found))
        }
    }

    /// Step 3: the version number counts up, and the entry hash chains to the entry before.
    fn check_hash(
        &self,
        before: Option<&Verified>,
        parameters: &Parameters,
    ) -> Result<(), WebvhError> {
        let version = self.version;
        let (number, hash) = self
            .version_id
            .split_once('-')
            .unwrap_or((&self.version_id, ""));
        if number != version.to_string() {
            return Err(WebvhError::Number {
                version,
                found: number.chars().take(20).collect(),
            });
        }
        let mut chained = self.unsigned.clone();
        let predecessor = before.map_or(&parameters.scid, |before| &before.version_id);
        chained.insert("versionId".to_owned(), Value::String(predecessor.clone()));
        match multihash_of(&chained) {
            Ok(found) if found == hash => Ok(()),
            _ => Err(WebvhError::EntryHash { version }),
        }
    }

    /// Step 2: every proof is `eddsa-jcs-2022` by an authorised key (Authorized Keys).
    fn check_proofs(&self, authorised: &[String]) -> Result<(), WebvhError> {
        for proof in &self.proofs {
            let refuse = |reason: String| WebvhError::Proof {
                version: self.version,
                reason,
            };
            let key = verify_proof(&self.unsigned, proof).map_err(refuse)?;
            if !authorised.contains(&key.multikey()) {
                return Err(refuse(
                    "the key is not one of the update keys in force".to_owned(),
                ));
            }
        }
        Ok(())
    }

    /// Step 6: the document is of this SCID, and moves only when portable.
    fn check_state(
        &self,
        before: Option<&Verified>,
        parameters: &Parameters,
    ) -> Result<(), WebvhError> {
        let version = self.version;
        let shape = |reason: &str| WebvhError::Shape {
            version,
            reason: reason.to_owned(),
        };
        let id = self
            .state
            .get("id")
            .and_then(Value::as_str)
            .ok_or_else(|| shape("the document has no id"))?;
        let did = Did::parse(id).map_err(|_| shape("the document's id is no DID"))?;
        let identifier = Identifier::parse(did.id()).map_err(|e| shape(e.detail()))?;
        if did.method() != "webvh" {
            return Err(shape("the document's id is no did:webvh"));
        }
        if identifier.scid != parameters.scid {
            let found = identifier.scid.to_owned();
            return Err(WebvhError::Scid {
                version,
                expected: parameters.scid.clone(),
                found,
            });
        }
        let Some(before) = before.filter(|before| before.state_id() != id) else {
            return Ok(());
        };
        if !before.parameters.portable {
            return Err(WebvhError::Portability {
                version,
                reason: "it is not portable",
            });
        }
        let aliases = self.state.get("alsoKnownAs").and_then(Value::as_array);
        if !aliases.is_some_and(|aliases| {
            aliases
                .iter()
                .any(|alias| alias.as_str() == Some(before.state_id()))
        }) {
            return Err(WebvhError::Portability {
                version,
                reason: "alsoKnownAs does not name where it was",
            });
        }
        Ok(())
    }
}

/// The update keys that may sign: under pre-rotation the entry's own, else those before it (Authorized Keys).
fn authorised<'a>(before: Option<&'a Verified>, parameters: &'a Parameters) -> &'a [String] {
    match before {
        Some(before) if before.parameters.next_key_hashes.is_empty() => {
            &before.parameters.update_keys
        }
        _ => &parameters.update_keys,
    }
}

/// Step 7: under pre-rotation the entry states its keys, all of them committed to, and the next commitment.
fn check_commitment(
    version: usize,
    reader: &Reader<'_>,
    before: Option<&Verified>,
    parameters: &Parameters,
) -> Result<(), WebvhError> {
    let Some(before) = before.filter(|before| !before.parameters.next_key_hashes.is_empty()) else {
        return Ok(());
    };
    if !reader.states("updateKeys") || !reader.states("nextKeyHashes") {
        return Err(WebvhError::PreRotation {
            version,
            reason: "it omits updateKeys or nextKeyHashes",
        });
    }
    if parameters.update_keys.is_empty() {
        return Err(WebvhError::PreRotation {
            version,
            reason: "it names no update key",
        });
    }
    let committed = |key: &String| {
        before
            .parameters
            .next_key_hashes
            .contains(&multihash(key.as_bytes()))
    };
    if !parameters.update_keys.iter().all(committed) {
        return Err(WebvhError::PreRotation {
            version,
            reason: "an update key was not committed to",
        });
    }
    Ok(())
}

/// Verifies an `eddsa-jcs-2022` proof by a did:key and returns the key.
pub(super) fn verify_proof(
    document: &Map<String, Value>,
    proof: &Value,
) -> Result<PublicKey, String> {
    let members = proof.as_object().ok_or("a proof is an object")?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if text("cryptosuite") != Some("eddsa-jcs-2022") {
        return Err("the cryptosuite is not eddsa-jcs-2022".to_owned());
    }
    if text("proofPurpose") != Some("assertionMethod") {
        return Err("the proof purpose is not assertionMethod".to_owned());
    }
    let url = text("verificationMethod").ok_or("the proof names no verification method")?;
    let key = PublicKey::from_did_key_url(url).map_err(|e| e.to_string())?;
    if key.key_type() != KeyType::Ed25519 {
        return Err("the key is not Ed25519".to_owned());
    }
    proof::verify(document, members, &key, Rule::Credential).map_err(|e| e.to_string())?;
    Ok(key)
}

/// Hashes JSON: base58btc(multihash(JCS(value))).
fn multihash_of<T: Serialize + ?Sized>(value: &T) -> Result<String, JcsError> {
    Ok(multihash(&chop_integrity::canonicalize(value)?))
}

/// Hashes bytes: base58btc(0x12 0x20 ‖ SHA-256(bytes)).
pub(super) fn multihash(bytes: &[u8]) -> String {
    let prefixed: Vec<u8> = SHA2_256
        .iter()
        .copied()
        .chain(Sha256::digest(bytes))
        .collect();
    bs58::encode(prefixed).into_string()
}

/// Reads a time that says it is UTC.
fn parse_time(version: usize, text: &str) -> Result<Timestamp, WebvhError> {
    let reason = "versionTime is no UTC time with a zone";
    if !text.ends_with('Z') && !text.ends_with("+00:00") {
        return Err(WebvhError::Time { version, reason });
    }
    Timestamp::parse_xml(text).map_err(|_| WebvhError::Time { version, reason })
}
