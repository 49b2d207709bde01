//! The parameters of a log entry (did:webvh specification v1.0, DID Method Parameters).

use super::WebvhError;
use chop_keys::{KeyType, PublicKey};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The one method version known here.
const METHOD: &str = "did:webvh:1.0";
/// The most keys, hashes, witnesses or watchers in a list.
const MAX_LIST: usize = 64;
/// How long a resolver may cache, in seconds, when the log does not say.
const DEFAULT_TTL: u64 = 3_600;
/// The most seconds that a log may name.
const MAX_TTL: u64 = 1 << 31;

/// The parameters in force after an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) scid: String,
    pub(crate) update_keys: Vec<String>,
    pub(crate) next_key_hashes: Vec<String>,
    pub(crate) witness: Option<Witness>,
    pub(crate) watchers: Vec<String>,
    pub(crate) portable: bool,
    pub(crate) deactivated: bool,
    pub(crate) ttl: u64,
}

/// The witnesses and how many of them must approve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Witness {
    pub(crate) threshold: usize,
    pub(crate) ids: BTreeSet<String>,
}

/// Reads one entry's parameters over those in force before it.
pub(crate) struct Reader<'a> {
    version: usize,
    given: &'a Map<String, Value>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(version: usize, given: &'a Map<String, Value>) -> Self {
        Self { version, given }
    }

    /// Merges what the entry states into what was in force.
    pub(crate) fn read(&self, before: Option<&Parameters>) -> Result<Parameters, WebvhError> {
        const KNOWN: [&str; 9] = [
            "method",
            "scid",
            "updateKeys",
            "nextKeyHashes",
            "witness",
            "watchers",
            "portable",
            "deactivated",
            "ttl",
        ];
        if let Some(name) = self
            .given
            .keys()
            .find(|name| !KNOWN.contains(&name.as_str()))
        {
            return Err(self.bad(name, "did:webvh 1.0 has no such parameter"));
        }
        self.check_method(before)?;
        let portable = self.boolean("portable")?;
        if before.is_some() && portable == Some(true) {
            return Err(self.bad("portable", "only the first entry may set it"));
        }
        Ok(Parameters {
            scid: self.scid(before)?,
            update_keys: self.update_keys(before)?,
            next_key_hashes: self
                .strings("nextKeyHashes")?
                .or_else(|| before.map(|p| p.next_key_hashes.clone()))
                .unwrap_or_default(),
            witness: self.witness(before)?,
            watchers: self
                .strings("watchers")?
                .or_else(|| before.map(|p| p.watchers.clone()))
                .unwrap_or_default(),
            portable: portable.unwrap_or_else(|| before.is_some_and(|p| p.portable)),
            deactivated: self
                .boolean("deactivated")?
                .unwrap_or_else(|| before.is_some_and(|p| p.deactivated)),
            ttl: self.ttl(before)?,
        })
    }

    /// Tells that the entry itself states a list, which pre-rotation asks for; null counts as not stated.
    pub(crate) fn states(&self, name: &str) -> bool {
        self.given.get(name).is_some_and(|value| !value.is_null())
    }

    fn check_method(&self, before: Option<&Parameters>) -> Result<(), WebvhError> {
        match self.given.get("method") {
            Some(Value::String(method)) if method == METHOD => Ok(()),
            None if before.is_some() => Ok(()),
            other => {
                let method = other
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .chars()
                    .take(40)
                    .collect();
                Err(WebvhError::Method {
                    version: self.version,
                    method,
                })
            }
        }
    }

    fn scid(&self, before: Option<&Parameters>) -> Result<String, WebvhError> {
        match (before, self.given.get("scid")) {
            (None, Some(Value::String(scid))) => Ok(scid.clone()),
            (Some(before), None) => Ok(before.scid.clone()),
            (None, _) => Err(self.bad("scid", "the first entry states it as a string")),
            (Some(_), Some(_)) => Err(self.bad("scid", "only the first entry states it")),
        }
    }

    fn update_keys(&self, before: Option<&Parameters>) -> Result<Vec<String>, WebvhError> {
        let Some(keys) = self.strings("updateKeys")? else {
            return before
                .map(|p| p.update_keys.clone())
                .ok_or_else(|| self.bad("updateKeys", "the first entry states them"));
        };
        if before.is_none() && keys.is_empty() {
            return Err(self.bad("updateKeys", "the first entry names at least one"));
        }
        Ok(keys)
    }

    fn witness(&self, before: Option<&Parameters>) -> Result<Option<Witness>, WebvhError> {
        let members = match self.given.get("witness") {
            None => return Ok(before.and_then(|p| p.witness.clone())),
            Some(Value::Null) => return Ok(None),
            Some(Value::Object(members)) if members.is_empty() => return Ok(None),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(self.bad("witness", "not an object")),
        };
        let listed = members
            .get("witnesses")
            .and_then(Value::as_array)
            .ok_or_else(|| self.bad("witness", "no list of witnesses"))?;
        if listed.is_empty() || listed.len() > MAX_LIST {
            return Err(self.bad("witness", "the list of witnesses is empty or too long"));
        }
        let mut ids = BTreeSet::new();
        for entry in listed {
            let id = entry
                .get("id")
                .and_then(Value::as_str)
                .ok_or_else(|| self.bad("witness", "a witness has an id"))?;
            // The key's type is checked when it is named, not when it signs (did:webvh 1.0, The witness Parameter).
            let key = id
                .strip_prefix("did:key:")
                .and_then(|text| PublicKey::from_multikey(text).ok());
            if key.is_none_or(|key| key.key_type() != KeyType::Ed25519) {
                return Err(self.bad("witness", "a witness is a did:key of an Ed25519 key"));
            }
            if !ids.insert(id.to_owned()) {
                return Err(self.bad("witness", "a witness is listed twice"));
            }
        }
        let threshold = members
            .get("threshold")
            .and_then(Value::as_u64)
            .and_then(|threshold| usize::try_from(threshold).ok())
            .filter(|threshold| (1..=ids.len()).contains(threshold))
            .ok_or_else(|| {
                self.bad(
                    "witness",
                    "the threshold is not between 1 and the number of witnesses",
                )
            })?;
        Ok(Some(Witness { threshold, ids }))
    }

    fn ttl(&self, before: Option<&Parameters>) -> Result<u64, WebvhError> {
        match self.given.get("ttl") {
            None => Ok(before.map_or(DEFAULT_TTL, |p| p.ttl)),
            Some(Value::Null) => Ok(DEFAULT_TTL),
            Some(value) => value
                .as_u64()
                .filter(|ttl| *ttl <= MAX_TTL)
                .ok_or_else(|| self.bad("ttl", "not an integer from 0 to 2^31")),
        }
    }

    fn boolean(&self, name: &str) -> Result<Option<bool>, WebvhError> {
        match self.given.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(self.bad(name, "not a boolean")),
        }
    }

    /// Reads a bounded list of strings; null, which early logs wrote, stands for the empty list.
    fn strings(&self, name: &str) -> Result<Option<Vec<String>>, WebvhError> {
        let entries = match self.given.get(name) {
            None => return Ok(None),
            Some(Value::Null) => return Ok(Some(Vec::new())),
            Some(Value::Array(entries)) if entries.len() <= MAX_LIST => entries,
            Some(_) => return Err(self.bad(name, "not a list of bounded length")),
        };
        let strings: Option<Vec<String>> = entries
            .iter()
            .map(|entry| entry.as_str().map(str::to_owned))
            .collect();
        strings
            .map(Some)
            .ok_or_else(|| self.bad(name, "not a list of strings"))
    }

    fn bad(&self, parameter: &str, reason: &'static str) -> WebvhError {
        WebvhError::Parameter {
            version: self.version,
            parameter: parameter.chars().take(40).collect(),
            reason,
        }
    }
}
