//! Status list credentials (Bitstring Status List 1.0 §2.2, §3.2).

use super::{Bitstring, BitstringEntry, MIN_ENTRIES, StatusError};
use crate::contexts::Contexts;
use crate::model::{Version, strings};
use crate::securing::{Keys, ProofTerms, SecuredCredential};
use crate::verdict::{Finding, key_holds};
use chop_integrity::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// How far a signer's clock may run ahead, in milliseconds.
const CLOCK_SKEW_MS: i64 = 60_000;

/// Is a status list that is about to be issued.
#[derive(Clone, Debug)]
pub struct NewList<'a> {
    /// URL under which the list is served.
    pub id: &'a str,
    /// The issuer's DID.
    pub issuer: &'a str,
    /// `statusPurpose`.
    pub purpose: &'a str,
    /// The entries.
    pub bits: &'a Bitstring,
    /// When it begins to be valid.
    pub valid_from: Timestamp,
    /// When it ceases to be valid.
    pub valid_until: Option<Timestamp>,
    /// How long it may be kept, in milliseconds; the default of the specification is 300,000.
    pub ttl_ms: Option<u64>,
}

impl NewList<'_> {
    /// Writes the unsecured list credential.
    ///
    /// # Errors
    /// When the list cannot be encoded.
    pub fn to_credential(&self) -> Result<Value, StatusError> {
        let mut subject = Map::new();
        subject.insert("id".to_owned(), json!(format!("{}#list", self.id)));
        subject.insert("type".to_owned(), json!("BitstringStatusList"));
        subject.insert("statusPurpose".to_owned(), json!(self.purpose));
        subject.insert("encodedList".to_owned(), json!(self.bits.encode()?));
        if let Some(ttl) = self.ttl_ms {
            subject.insert("ttl".to_owned(), json!(ttl));
        }
        let mut credential = Map::new();
        credential.insert("@context".to_owned(), json!([Version::V2.base_context()]));
        credential.insert("id".to_owned(), json!(self.id));
        credential.insert(
            "type".to_owned(),
            json!(["VerifiableCredential", "BitstringStatusListCredential"]),
        );
        credential.insert("issuer".to_owned(), json!(self.issuer));
        credential.insert("validFrom".to_owned(), json!(self.valid_from));
        if let Some(until) = self.valid_until {
            credential.insert("validUntil".to_owned(), json!(until));
        }
        credential.insert("credentialSubject".to_owned(), Value::Object(subject));
        Ok(Value::Object(credential))
    }
}

/// Is a status list whose signature, issuer and validity hold.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedList {
    id: Option<String>,
    issuer: String,
    purposes: Vec<String>,
    bits: Bitstring,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    ttl_ms: Option<i64>,
    fetched: Timestamp,
}

impl VerifiedList {
    /// Verifies a fetched list.
    ///
    /// `keys` holds the verification methods that [`SecuredCredential::verification_methods`] names for these bytes.
    ///
    /// # Errors
    /// When the bytes are no status list, nobody signed, a signature does not hold, or the signer's key is not the issuer's.
    pub fn verify(
        bytes: &[u8],
        contexts: &Contexts,
        keys: &Keys,
        fetched: Timestamp,
    ) -> Result<Self, StatusError> {
        let parse = |reason: String| StatusError::Parse { reason };
        let secured = SecuredCredential::parse(bytes).map_err(|error| parse(error.to_string()))?;
        let credential = secured.credential();
        contexts
            .check(credential)
            .map_err(|error| parse(error.to_string()))?;
        signatures(&secured, keys, contexts, fetched)?;
        let shape = |reason| StatusError::Shape { reason };
        if !credential
            .types()
            .any(|name| name == "BitstringStatusListCredential")
        {
            return Err(shape(
                "its type does not name BitstringStatusListCredential",
            ));
        }
        let mut subjects = credential.subjects();
        let (Some(subject), None) = (subjects.next(), subjects.next()) else {
            return Err(shape("it has not one subject"));
        };
        if !strings(subject.get("type")).any(|name| name == "BitstringStatusList") {
            return Err(shape("its subject is not of type BitstringStatusList"));
        }
        let list = subject
            .get("encodedList")
            .and_then(Value::as_str)
            .ok_or(shape("encodedList is not a string"))?;
        let verified = Self {
            id: credential.id().map(str::to_owned),
            issuer: credential.issuer().to_owned(),
            purposes: purposes(subject)?,
            bits: Bitstring::decode(list)?,
            valid_from: credential.valid_from(),
            valid_until: credential.valid_until(),
            ttl_ms: ttl(subject)?,
            fetched,
        };
        verified.valid_at(fetched)?;
        Ok(verified)
    }

    /// Reads what the list says of an entry; zero is clear.
    ///
    /// # Errors
    /// When the list is for another purpose, by another issuer than the credential's or its delegate, has another id, is
    /// stale or not valid, or the index lies outside it.
    pub fn status(
        &self,
        entry: &BitstringEntry<'_>,
        issuer: &str,
        delegates: &BTreeSet<String>,
        as_of: Timestamp,
    ) -> Result<u16, StatusError> {
        if !self.purposes.iter().any(|purpose| purpose == entry.purpose) {
            return Err(StatusError::Purpose {
                expected: entry.purpose.to_owned(),
                found: self.purposes.clone(),
            });
        }
        if self.issuer != issuer && !delegates.contains(&self.issuer) {
            return Err(StatusError::Issuer {
                expected: issuer.to_owned(),
                found: self.issuer.clone(),
            });
        }
        if let Some(id) = &self.id
            && id != entry.list
        {
            return Err(StatusError::Id {
                expected: entry.list.to_owned(),
                found: id.clone(),
            });
        }
        if let Some(ttl_ms) = self.ttl_ms
            && self.fetched.plus_ms(ttl_ms) < as_of
        {
            return Err(StatusError::Stale {
                fetched: self.fetched,
                ttl_ms,
                as_of,
            });
        }
        // Whether it says anything of an earlier time is a matter of the purpose: see `speaks_of`.
        self.valid_at(as_of.max(self.fetched))?;
        let found = self.bits.entries(entry.size);
        if found < MIN_ENTRIES {
            return Err(StatusError::TooFew {
                found,
                min: MIN_ENTRIES,
            });
        }
        self.bits.entry(entry.index, entry.size)
    }

    /// Returns the list's issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns when the list was fetched.
    pub fn fetched(&self) -> Timestamp {
        self.fetched
    }

    /// Returns since when things stand as the list says: since its validity began, or else since it was fetched.
    pub fn speaks_from(&self) -> Timestamp {
        self.valid_from.unwrap_or(self.fetched)
    }

    /// Says whether the list says how things stood at a time, up to what clocks may differ.
    pub fn speaks_of(&self, as_of: Timestamp) -> bool {
        self.speaks_from() <= as_of.plus_ms(CLOCK_SKEW_MS)
    }

    /// Returns how many bytes the list takes in memory.
    pub fn unfolded_bytes(&self) -> usize {
        self.bits.len()
    }

    /// Returns until when the list may be kept: the end of its `ttl` or validity.
    pub fn keep_until(&self) -> Option<Timestamp> {
        let ttl = self.ttl_ms.map(|ttl| self.fetched.plus_ms(ttl));
        [ttl, self.valid_until].into_iter().flatten().min()
    }

    fn valid_at(&self, as_of: Timestamp) -> Result<(), StatusError> {
        let begun = self.valid_from.is_none_or(|from| from <= as_of);
        let ended = self.valid_until.is_some_and(|until| until <= as_of);
        if begun && !ended {
            Ok(())
        } else {
            Err(StatusError::Validity {
                from: self.valid_from,
                until: self.valid_until,
                as_of,
            })
        }
    }
}

/// Checks that at least one key signed, that all signatures hold, and that the keys are the issuer's.
fn signatures(
    secured: &SecuredCredential,
    keys: &Keys,
    contexts: &Contexts,
    as_of: Timestamp,
) -> Result<(), StatusError> {
    let terms = ProofTerms {
        purpose: "assertionMethod",
        contexts,
        as_of,
        clock_skew_ms: CLOCK_SKEW_MS,
    };
    let unverified = |reason: String| StatusError::Unverified { reason };
    let reports = secured.secured().verify(keys, &terms);
    if reports.is_empty() {
        return Err(unverified("nobody signed it".to_owned()));
    }
    for report in reports {
        report
            .result
            .map_err(|error| unverified(error.to_string()))?;
        let Some(Finding::Found(fact)) = keys.get(&report.verification_method) else {
            return Err(unverified("its key is not at hand".to_owned()));
        };
        if !fact.belongs_to(secured.credential().issuer()) {
            return Err(unverified(format!(
                "its key {} is not its issuer's, {}",
                fact.id,
                secured.credential().issuer()
            )));
        }
        key_holds(&fact.history, report.created, None, as_of)
            .map_err(|error| unverified(error.to_string()))?;
    }
    Ok(())
}

fn purposes(subject: &Map<String, Value>) -> Result<Vec<String>, StatusError> {
    let shape = StatusError::Shape {
        reason: "statusPurpose is neither a string nor an array of strings",
    };
    match subject.get("statusPurpose") {
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(items)) if !items.is_empty() => items
            .iter()
            .map(|item| {
                item.as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| shape.clone())
            })
            .collect(),
        _ => Err(shape),
    }
}

fn ttl(subject: &Map<String, Value>) -> Result<Option<i64>, StatusError> {
    match subject.get("ttl") {
        None => Ok(None),
        Some(ttl) => ttl
            .as_i64()
            .filter(|ttl| *ttl >= 0)
            .map(Some)
            .ok_or(StatusError::Shape {
                reason: "ttl is no number of milliseconds",
            }),
    }
}
