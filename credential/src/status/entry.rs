//! Entries of `credentialStatus` (Bitstring Status List 1.0 §2.1).

use super::StatusError;
use crate::model::{ModelError, is_url};
use serde_json::{Map, Value, json};

/// The most bits of one entry that are read from a credential.
const MAX_SIZE: u64 = 16;

/// Is an entry of `credentialStatus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusEntry<'a> {
    /// A `BitstringStatusListEntry`.
    Bitstring(BitstringEntry<'a>),
    /// An entry of another type, which is never taken as clear.
    Other {
        /// Its type.
        kind: &'a str,
    },
}

/// Is a `BitstringStatusListEntry`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitstringEntry<'a> {
    /// `statusPurpose`, such as `revocation`.
    pub purpose: &'a str,
    /// `statusListIndex`.
    pub index: u64,
    /// `statusListCredential`.
    pub list: &'a str,
    /// `statusSize` in bits; 1 if it is not named.
    pub size: u8,
    /// `statusMessage`, by value; empty if there are none.
    pub messages: Vec<&'a str>,
}

impl<'a> StatusEntry<'a> {
    /// Reads an entry.
    ///
    /// # Errors
    /// When a `BitstringStatusListEntry` breaks a rule; entries of other types pass.
    pub(crate) fn read(entry: &'a Map<String, Value>) -> Result<Self, ModelError> {
        let kinds: Vec<&str> = match entry.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if kinds.contains(&"BitstringStatusListEntry") {
            BitstringEntry::read(entry)
                .map(Self::Bitstring)
                .map_err(|reason| ModelError::Status {
                    reason: reason.to_owned(),
                })
        } else {
            Ok(Self::Other {
                kind: kinds.first().copied().unwrap_or_default(),
            })
        }
    }
}

impl<'a> BitstringEntry<'a> {
    /// Returns the message of a value; without `statusMessage`, zero is `unset` and one `set`.
    ///
    /// `None` when the issuer names none, or marks the value as not defined.
    pub fn message(&self, value: u16) -> Option<&'a str> {
        let message = match self.messages.get(usize::from(value)) {
            Some(message) => *message,
            None if !self.messages.is_empty() => return None,
            None => *["unset", "set"].get(usize::from(value))?,
        };
        (message != "undefined").then_some(message)
    }

    fn read(entry: &'a Map<String, Value>) -> Result<Self, &'static str> {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let purpose = text("statusPurpose")
            .filter(|purpose| !purpose.is_empty())
            .ok_or("statusPurpose is not a string")?;
        let index = text("statusListIndex").ok_or("statusListIndex is not a string")?;
        // One spelling per index: digits, no sign, no leading zero.
        let canonical = index.bytes().all(|byte| byte.is_ascii_digit())
            && (index == "0" || !index.starts_with('0'));
        if !canonical || index.is_empty() {
            return Err("statusListIndex is no decimal number");
        }
        // It is an integer of any size; one past what a computer counts to lies outside every list.
        let index = index.parse().unwrap_or(u64::MAX);
        let list = text("statusListCredential")
            .filter(|list| is_url(list))
            .ok_or("statusListCredential is no URL")?;
        if text("id") == Some(list) {
            return Err("its id is the URL of the status list");
        }
        let size = match entry.get("statusSize") {
            None => 1,
            Some(size) => size
                .as_u64()
                .filter(|size| (1..=MAX_SIZE).contains(size))
                .and_then(|size| u8::try_from(size).ok())
                .ok_or("statusSize is not 1 to 16")?,
        };
        let messages = messages(entry.get("statusMessage"), size)?;
        if messages.is_empty() && size > 1 {
            return Err("statusMessage is missing");
        }
        references(entry.get("statusReference"))?;
        Ok(Self {
            purpose,
            index,
            list,
            size,
            messages,
        })
    }
}

/// Reads `statusMessage`: one message for each value that the size allows, in any order.
fn messages(value: Option<&Value>, size: u8) -> Result<Vec<&str>, &'static str> {
    let items = match value {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err("statusMessage is no array"),
    };
    let count = 1_usize << size;
    if items.len() != count {
        return Err("statusMessage has not one message for each value of statusSize");
    }
    let mut found = vec![None; count];
    for item in items {
        let status = item
            .get("status")
            .and_then(Value::as_str)
            .and_then(|status| status.strip_prefix("0x"))
            .and_then(|digits| usize::from_str_radix(digits, 16).ok())
            .ok_or("a statusMessage's status is no hexadecimal number")?;
        let message = item
            .get("message")
            .and_then(Value::as_str)
            .ok_or("a statusMessage has no message")?;
        let place = found
            .get_mut(status)
            .ok_or("a statusMessage's status does not fit into statusSize")?;
        if place.replace(message).is_some() {
            return Err("two statusMessages have the same status");
        }
    }
    found
        .into_iter()
        .collect::<Option<_>>()
        .ok_or("a statusMessage is missing")
}

fn references(value: Option<&Value>) -> Result<(), &'static str> {
    let items = match value {
        None => return Ok(()),
        Some(Value::Array(items)) => items.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    if !items.is_empty() && items.iter().all(|item| item.as_str().is_some_and(is_url)) {
        Ok(())
    } else {
        Err("statusReference is no URL, nor an array of URLs")
    }
}

/// Is an entry that an issuer adds to a credential.
#[derive(Clone, Debug)]
pub struct NewEntry<'a> {
    /// URL of the list credential.
    pub list: &'a str,
    /// The index, counted in entries.
    pub index: u64,
    /// `statusPurpose`.
    pub purpose: &'a str,
    /// Messages by value; empty: an entry of one bit without messages. Their number is a power of two.
    pub messages: &'a [&'a str],
    /// Where the messages are explained.
    pub reference: Option<&'a str>,
}

impl NewEntry<'_> {
    /// Writes the entry as JSON.
    ///
    /// # Errors
    /// When the messages are not one for each value of 1 to 16 bits, or the entry breaks a rule.
    pub fn to_json(&self) -> Result<Value, StatusError> {
        let mut entry = Map::new();
        let mut put = |name: &str, value: Value| entry.insert(name.to_owned(), value);
        put("id", json!(format!("{}#{}", self.list, self.index)));
        put("type", json!("BitstringStatusListEntry"));
        put("statusPurpose", json!(self.purpose));
        put("statusListIndex", json!(self.index.to_string()));
        put("statusListCredential", json!(self.list));
        if !self.messages.is_empty() {
            let messages: Vec<Value> = self
                .messages
                .iter()
                .enumerate()
                .map(
                    |(value, message)| json!({"status": format!("{value:#x}"), "message": message}),
                )
                .collect();
            put("statusSize", json!(self.messages.len().trailing_zeros()));
            put("statusMessage", Value::Array(messages));
        }
        if let Some(reference) = self.reference {
            put("statusReference", json!(reference));
        }
        BitstringEntry::read(&entry).map_err(|reason| StatusError::Entry { reason })?;
        Ok(Value::Object(entry))
    }
}
