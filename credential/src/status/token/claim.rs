//! The `status` claim of a referenced token (draft-ietf-oauth-status-list-20 §6).

use super::super::StatusError;
use crate::model::is_url;
use serde_json::{Map, Value, json};

/// The most mechanisms that one claim may name.
const MAX_MECHANISMS: usize = 16;

/// Is a `status` claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusClaim {
    /// `status_list`.
    pub list: Option<TokenEntry>,
    /// The other mechanisms that it names, which are reported and never taken as clear.
    pub others: Vec<String>,
}

/// Is an entry of a Token Status List as a token refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenEntry {
    /// `idx`.
    pub index: u64,
    /// `uri`: where the list is, and what its `sub` must be.
    pub uri: String,
}

impl StatusClaim {
    /// Reads the claim's value.
    ///
    /// # Errors
    /// When it is no object, names no mechanism or too many, or its `status_list` breaks a rule of §6.2.
    pub fn read(claim: &Value) -> Result<Self, StatusError> {
        Self::parse(claim).map_err(|reason| StatusError::Entry { reason })
    }

    /// Reads the claim's value, or says what is wrong with it.
    pub(crate) fn parse(claim: &Value) -> Result<Self, &'static str> {
        let Value::Object(mechanisms) = claim else {
            return Err("it is no object");
        };
        if mechanisms.is_empty() {
            return Err("it names no mechanism");
        }
        if mechanisms.len() > MAX_MECHANISMS {
            return Err("it names too many mechanisms");
        }
        let list = mechanisms
            .get("status_list")
            .map(TokenEntry::parse)
            .transpose()?;
        let others = mechanisms
            .keys()
            .filter(|name| *name != "status_list")
            .cloned()
            .collect();
        Ok(Self { list, others })
    }
}

impl TokenEntry {
    fn parse(value: &Value) -> Result<Self, &'static str> {
        let Value::Object(members) = value else {
            return Err("status_list is no object");
        };
        let index = members
            .get("idx")
            .and_then(Value::as_u64)
            .ok_or("idx is no integer of at least 0")?;
        let uri = members
            .get("uri")
            .and_then(Value::as_str)
            .filter(|uri| is_url(uri))
            .ok_or("uri is no URI")?;
        Ok(Self {
            index,
            uri: uri.to_owned(),
        })
    }

    /// Writes the `status` claim that refers to the entry.
    pub fn to_claim(&self) -> Map<String, Value> {
        let mut claim = Map::new();
        claim.insert(
            "status_list".to_owned(),
            json!({"idx": self.index, "uri": self.uri}),
        );
        claim
    }
}
