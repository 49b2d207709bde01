//! Status entries: what a client may ask for, and the `credentialStatus` (Bitstring Status List §2.1) or `status` claim
//! (draft-ietf-oauth-status-list-20 §6.2) that it becomes.

use crate::store::{ListKind, ListUse, Position, TOKEN_PURPOSE};
use chop_credential::status::{NewEntry, TokenEntry};
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
    #[error("status type `{found}` is neither BitstringStatusListEntry nor TokenStatusList")]
    Type {
        /// The type asked for.
        found: String,
    },
    /// The purpose is left out.
    #[error("statusPurpose is missing")]
    NoPurpose,
    /// A Token Status List is asked for with what it has not.
    #[error("a TokenStatusList has one status for all purposes, without {member}")]
    TokenMember {
        /// What it has not.
        member: &'static str,
    },
    /// The bits are none of those of a Token Status List.
    #[error("a TokenStatusList has 1, 2, 4 or 8 bits per entry, not {found}")]
    TokenSize {
        /// The bits asked for.
        found: u64,
    },
    /// More than one Token Status List.
    #[error("a token has one status claim, {found} were asked for")]
    TokenTwice {
        /// As many as were asked for.
        found: usize,
    },
    /// The instance issues no tokens.
    #[error("{mechanism} makes no token that could carry a status claim")]
    NoToken {
        /// How the instance secures credentials.
        mechanism: &'static str,
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
/// Bits per entry of a Token Status List when nobody says: valid, invalid and suspended take two.
const TOKEN_BITS: u64 = 2;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Raw {
    #[serde(rename = "type")]
    kind: Option<String>,
    status_purpose: Option<String>,
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
        let wanted: Vec<Self> = wanted.iter().map(Self::parse).collect::<Result<_, _>>()?;
        let found = wanted.iter().filter(|wanted| wanted.is_token()).count();
        if found > 1 {
            return Err(StatusError::TokenTwice { found });
        }
        Ok(wanted)
    }

    /// Whether it becomes a `status` claim.
    pub(crate) fn is_token(&self) -> bool {
        self.list_use.kind == ListKind::Token
    }

    fn parse(value: &Value) -> Result<Self, StatusError> {
        let raw = Raw::deserialize(value).map_err(|error| StatusError::Shape {
            reason: error.to_string(),
        })?;
        match raw.kind.as_deref() {
            None | Some("BitstringStatusListEntry") => Self::bitstring(raw),
            Some("TokenStatusList") => Self::token(&raw),
            Some(other) => Err(StatusError::Type {
                found: other.to_owned(),
            }),
        }
    }

    fn token(raw: &Raw) -> Result<Self, StatusError> {
        for (member, is_there) in [
            ("statusPurpose", raw.status_purpose.is_some()),
            ("statusMessage", raw.status_message.is_some()),
            ("statusReference", raw.status_reference.is_some()),
        ] {
            if is_there {
                return Err(StatusError::TokenMember { member });
            }
        }
        let found = raw.status_size.unwrap_or(TOKEN_BITS);
        let Some(bits) = u8::try_from(found)
            .ok()
            .filter(|bits| matches!(bits, 1 | 2 | 4 | 8))
        else {
            return Err(StatusError::TokenSize { found });
        };
        Ok(Self {
            list_use: ListUse {
                kind: ListKind::Token,
                purpose: TOKEN_PURPOSE.to_owned(),
                bits,
            },
            messages: Vec::new(),
            reference: None,
        })
    }

    fn bitstring(raw: Raw) -> Result<Self, StatusError> {
        let purpose = raw.status_purpose.ok_or(StatusError::NoPurpose)?;
        if !matches!(
            purpose.as_str(),
            "revocation" | "suspension" | "message" | "refresh"
        ) {
            return Err(StatusError::Purpose { found: purpose });
        }
        let size = raw.status_size.unwrap_or(1);
        let Some(bits) = u8::try_from(size)
            .ok()
            .filter(|bits| (1..=8).contains(bits))
        else {
            return Err(StatusError::Size { found: size });
        };
        check_messages(bits, &purpose, raw.status_message.as_deref())?;
        let messages = raw
            .status_message
            .unwrap_or_default()
            .into_iter()
            .map(Message::words)
            .collect();
        Ok(Self {
            list_use: ListUse {
                kind: ListKind::Bitstring,
                purpose,
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

/// The entry of a Token Status List at `list_url`, for a `status` claim.
pub(crate) fn token_entry(list_url: String, position: &Position) -> TokenEntry {
    TokenEntry {
        index: position.index,
        uri: list_url,
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
    fn a_token_status_has_two_bits_when_nobody_says() {
        let wanted = StatusRequest::parse_all(Some(&json!({"type": "TokenStatusList"}))).unwrap();
        assert!(wanted[0].is_token());
        assert_eq!(wanted[0].list_use().bits, 2);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let cases = [
            json!({"statusPurpose": "message"}),
            json!({"type": "BitstringStatusListEntry"}),
            json!({"type": "TokenStatusList", "statusPurpose": "revocation"}),
            json!({"type": "TokenStatusList", "statusSize": 3}),
            json!([{"type": "TokenStatusList"}, {"type": "TokenStatusList"}]),
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
