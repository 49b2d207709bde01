//! A proof of any cryptosuite, read into types.

use chop_keys::{KeyType, VerifyError};
use serde_json::{Map, Value};

use super::{ED25519_SIGNATURE_2020, PROOF_TYPE, ProofError, base58};
use crate::Timestamp;

/// A Data Integrity proof of any cryptosuite, with its members checked for shape and borrowed from the JSON.
#[derive(Clone, Debug)]
pub struct Proof<'a> {
    members: &'a Map<String, Value>,
    kind: &'a str,
    cryptosuite: &'a str,
    verification_method: &'a str,
    purpose: &'a str,
    created: Option<Timestamp>,
    expires: Option<Timestamp>,
}

/// The members that vc-data-integrity §2.1 defines.
const KNOWN: [&str; 13] = [
    "@context",
    "challenge",
    "created",
    "cryptosuite",
    "domain",
    "expires",
    "id",
    "nonce",
    "previousProof",
    "proofPurpose",
    "proofValue",
    "type",
    "verificationMethod",
];

impl<'a> Proof<'a> {
    /// Reads a proof, with or without its `proofValue` (vc-data-integrity §2.1).
    ///
    /// # Errors
    /// When `type` is neither `DataIntegrityProof` nor `Ed25519Signature2020`, a required member is missing, or one has the
    /// wrong JSON type or syntax.
    pub fn parse(members: &'a Map<String, Value>) -> Result<Self, ProofError> {
        let proof_type = required(members, "type")?;
        let cryptosuite = match proof_type {
            PROOF_TYPE => required(members, "cryptosuite")?,
            ED25519_SIGNATURE_2020 if members.contains_key("cryptosuite") => {
                return Err(ProofError::Unknown {
                    member: "cryptosuite".to_owned(),
                });
            }
            ED25519_SIGNATURE_2020 => proof_type,
            found => {
                return Err(ProofError::Type {
                    found: found.to_owned(),
                });
            }
        };
        for member in ["id", "challenge", "nonce", "proofValue"] {
            optional(members, member)?;
        }
        for member in ["domain", "previousProof"] {
            check_texts(members, member)?;
        }
        Ok(Self {
            members,
            kind: proof_type,
            cryptosuite,
            verification_method: required(members, "verificationMethod")?,
            purpose: required(members, "proofPurpose")?,
            created: time(members, "created")?,
            expires: time(members, "expires")?,
        })
    }

    /// Gives the members as they are in the JSON.
    pub fn members(&self) -> &'a Map<String, Value> {
        self.members
    }

    /// Names the proof's type.
    pub fn proof_type(&self) -> &'a str {
        self.kind
    }

    /// Names the cryptosuite; a proof type from before cryptosuites stands for itself.
    pub fn cryptosuite(&self) -> &'a str {
        self.cryptosuite
    }

    /// Gives the URL of the verification method.
    pub fn verification_method(&self) -> &'a str {
        self.verification_method
    }

    /// Names the verification relationship under which the proof was made.
    pub fn proof_purpose(&self) -> &'a str {
        self.purpose
    }

    /// Tells when the proof says it was made; nobody vouches for it.
    pub fn created(&self) -> Option<Timestamp> {
        self.created
    }

    /// Tells when the proof ends.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Gives the proof's own id.
    pub fn id(&self) -> Option<&'a str> {
        self.text("id")
    }

    /// Gives the challenge that was signed.
    pub fn challenge(&self) -> Option<&'a str> {
        self.text("challenge")
    }

    /// Gives the nonce.
    pub fn nonce(&self) -> Option<&'a str> {
        self.text("nonce")
    }

    /// Lists the security domains.
    pub fn domain(&self) -> Vec<&'a str> {
        texts(self.members.get("domain"))
    }

    /// Lists the ids of the previous proofs.
    pub fn previous_proof(&self) -> Vec<&'a str> {
        texts(self.members.get("previousProof"))
    }

    /// Gives the proof's `@context`.
    pub fn context(&self) -> Option<&'a Value> {
        self.members.get("@context")
    }

    /// Gives the multibase text of the proof value.
    pub fn proof_value(&self) -> Option<&'a str> {
        self.text("proofValue")
    }

    /// Decodes a base58btc `proofValue` into a signature of the key type's length.
    ///
    /// # Errors
    /// When it is missing, not base58btc, or of another length.
    pub fn signature(&self, key_type: KeyType) -> Result<Vec<u8>, ProofError> {
        let expected = key_type.signature_len();
        let text = self.proof_value().ok_or(ProofError::Missing {
            member: "proofValue",
        })?;
        let malformed = ProofError::Shape {
            member: "proofValue",
            expected: "base58btc multibase text",
        };
        let Some(encoded) = text.strip_prefix('z') else {
            return Err(malformed);
        };
        // A byte takes at most 1.37 characters; longer text is not decoded.
        if encoded.len() > expected * 7 / 5 {
            return Err(malformed);
        }
        let signature = base58::decode(encoded).ok_or(malformed)?;
        if signature.len() != expected {
            return Err(VerifyError::Length {
                expected,
                found: signature.len(),
            }
            .into());
        }
        Ok(signature)
    }

    /// Refuses members that vc-data-integrity does not define.
    pub(super) fn refuse_unknown_members(&self) -> Result<(), ProofError> {
        match self
            .members
            .keys()
            .find(|member| !KNOWN.contains(&member.as_str()))
        {
            Some(member) => Err(ProofError::Unknown {
                member: member.clone(),
            }),
            None => Ok(()),
        }
    }

    fn text(&self, member: &str) -> Option<&'a str> {
        self.members.get(member).and_then(Value::as_str)
    }
}

fn required<'a>(
    members: &'a Map<String, Value>,
    member: &'static str,
) -> Result<&'a str, ProofError> {
    optional(members, member)?.ok_or(ProofError::Missing { member })
}

fn optional<'a>(
    members: &'a Map<String, Value>,
    member: &'static str,
) -> Result<Option<&'a str>, ProofError> {
    match members.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ProofError::Shape {
            member,
            expected: "a string",
        }),
    }
}

fn time(
    members: &Map<String, Value>,
    member: &'static str,
) -> Result<Option<Timestamp>, ProofError> {
    optional(members, member)?
        .map(|text| {
            Timestamp::parse_xml(text).map_err(|reason| ProofError::Time { member, reason })
        })
        .transpose()
}

fn check_texts(members: &Map<String, Value>, member: &'static str) -> Result<(), ProofError> {
    match members.get(member) {
        None | Some(Value::String(_)) => Ok(()),
        Some(Value::Array(values)) if values.iter().all(Value::is_string) => Ok(()),
        Some(_) => Err(ProofError::Shape {
            member,
            expected: "a string or an array of strings",
        }),
    }
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
