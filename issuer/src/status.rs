//! Status entries: what a client may ask for, and the `credentialStatus` that it becomes (Bitstring Status List §2.1).

use crate::store::{ListUse, Position};
use chop_credential::status::NewEntry;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

/// One status position that a client asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StatusRequest {
    list_use: ListUse,
    messages: Vec<String>,
    reference: Option<String>,
}

/// Why a status cannot be assigned as asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StatusError {
    /// The JSON is not what a status option looks like.
    #[error("credentialStatus cannot be read: {reason}")]
    Shape {
        /// What is wrong.
        reason: String,
    },
    /// The type is another one.
    #[error("status type `{found}` is not BitstringStatusListEntry")]
    Type {
        /// The type asked for.
        found: String,
    },
    /// The purpose is none of the four.
    #[error("status purpose `{found}` is none of revocation, suspension, message and refresh")]
    Purpose {
        /// The purpose asked for.
        found: String,
    },
    /// The size is out of range.
    #[error("status size {found} is not between 1 and 8 bits")]
    Size {
        /// The size asked for.
        found: u64,
    },
    /// The number of messages does not fit the size.
    #[error("a status of {bits} bits needs {needed} messages, not {found}")]
    Messages {
        /// Bits per entry.
        bits: u8,
        /// As many as there are values.
        needed: usize,
        /// As many as were given.
        found: usize,
    },
    /// More statuses than a credential carries.
    #[error("{found} statuses were asked for, a credential carries at most {most}")]
    TooMany {
        /// As many as were asked for.
        found: usize,
        /// As many as there may be.
        most: usize,
    },
}

const MOST: usize = 4;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Raw {
    #[serde(rename = "type")]
    kind: Option<String>,
    status_purpose: String,
    status_size: Option<u64>,
    status_message: Option<Vec<Message>>,
    status_reference: Option<String>,
}

/// A message: its words alone, or with the value that its place gives it anyway.
#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Words(String),
    Named { message: String },
}

impl Message {
    fn words(self) -> String {
        match self {
            Self::Words(message) | Self::Named { message } => message,
        }
    }
}

impl StatusRequest {
    /// Reads what a client asked for: nothing, one status, or a list of them.
    pub(crate) fn parse_all(value: Option<&Value>) -> Result<Vec<Self>, StatusError> {
        let wanted = match value {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(wanted)) => wanted.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        if wanted.len() > MOST {
            return Err(StatusError::TooMany {
                found: wanted.len(),
                most: MOST,
            });
        }
        wanted.iter().map(Self::parse).collect()
    }

    fn parse(value: &Value) -> Result<Self, StatusError> {
        let raw = Raw::deserialize(value).map_err(|error| StatusError::Shape {
            reason: error.to_string(),
        })?;
        if let Some(found) = raw.kind.filter(|kind| kind != "BitstringStatusListEntry") {
            return Err(StatusError::Type { found });
        }
        if !matches!(
            raw.status_purpose.as_str(),
            "revocation" | "suspension" | "message" | "refresh"
        ) {
            return Err(StatusError::Purpose {
                found: raw.status_purpose,
            });
        }
        let size = raw.status_size.unwrap_or(1);
        let Some(bits) = u8::try_from(size)
            .ok()
            .filter(|bits| (1..=8).contains(bits))
        else {
            return Err(StatusError::Size { found: size });
        };
        check_messages(bits, &raw.status_purpose, raw.status_message.as_deref())?;
        let messages = raw
            .status_message
            .unwrap_or_default()
            .into_iter()
            .map(Message::words)
            .collect();
        Ok(Self {
            list_use: ListUse {
                purpose: raw.status_purpose,
                bits,
            },
            messages,
            reference: raw.status_reference,
        })
    }

    /// What kind of list holds it.
    pub(crate) fn list_use(&self) -> &ListUse {
        &self.list_use
    }

    /// The `credentialStatus` entry for a position in the list at `list_url`.
    pub(crate) fn entry(&self, list_url: &str, position: &Position) -> Result<Value, StatusError> {
        let messages: Vec<&str> = self.messages.iter().map(String::as_str).collect();
        let entry = NewEntry {
            list: list_url,
            index: position.index,
            purpose: &self.list_use.purpose,
            messages: &messages,
            reference: self.reference.as_deref(),
        };
        entry.to_json().map_err(|error| StatusError::Shape {
            reason: error.to_string(),
        })
    }
}

/// More than one bit means nothing without messages, and every value has one.
fn check_messages(
    bits: u8,
    purpose: &str,
    messages: Option<&[Message]>,
) -> Result<(), StatusError> {
    let needed = 1_usize << bits;
    let found = messages.map(<[Message]>::len);
    match found {
        None if bits == 1 && purpose != "message" => Ok(()),
        Some(found) if found == needed => Ok(()),
        found => Err(StatusError::Messages {
            bits,
            needed,
            found: found.unwrap_or(0),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_entry_names_its_list_and_a_decimal_index() {
        let wanted =
            StatusRequest::parse_all(Some(&json!({"statusPurpose": "revocation"}))).unwrap();
        let entry = wanted[0]
            .entry(
                "https://a.example/statuslists/x",
                &Position {
                    list: "x".to_owned(),
                    index: 42,
                },
            )
            .unwrap();
        assert_eq!(
            entry,
            json!({
                "id": "https://a.example/statuslists/x#42",
                "type": "BitstringStatusListEntry",
                "statusPurpose": "revocation",
                "statusListIndex": "42",
                "statusListCredential": "https://a.example/statuslists/x",
            })
        );
    }

    #[test]
    fn a_wide_status_carries_a_message_for_every_value() {
        let messages = json!(["sown", "picked", "packed", "sold"]);
        let wanted = StatusRequest::parse_all(Some(
            &json!([{"statusPurpose": "message", "statusSize": 2, "statusMessage": messages}]),
        ))
        .unwrap();
        let entry = wanted[0]
            .entry(
                "https://a.example/statuslists/x",
                &Position {
                    list: "x".to_owned(),
                    index: 0,
                },
            )
            .unwrap();
        assert_eq!(entry["statusSize"], 2);
        assert_eq!(
            entry["statusMessage"][3],
            json!({"status": "0x3", "message": "sold"})
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let cases = [
            json!({"statusPurpose": "message"}),
            json!({"statusPurpose": "message", "statusSize": 2, "statusMessage": ["a", "b"]}),
            json!({"statusPurpose": "revocation", "statusSize": 0}),
            json!({"statusPurpose": "revocation", "statusSize": 9}),
            json!({"statusPurpose": "gossip"}),
            json!({"statusPurpose": "revocation", "type": "StatusList2021Entry"}),
            json!({"statusPurpose": "revocation", "statusListIndex": "7"}),
            json!("revocation"),
            json!([{"statusPurpose": "refresh"}, 1]),
        ];
        for case in cases {
            assert!(StatusRequest::parse_all(Some(&case)).is_err(), "{case}");
        }
    }
}
