//! `vc+cose` and `vp+cose`: a `COSE_Sign1` whose payload is the document itself (VC-JOSE-COSE §3.3, RFC 9052 §4.2); and the
//! `COSE_Sign1` of a `statuslist+cwt`, whose payload is a claims set.
//!
//! ```text
//! [d2]                   tag 18, which may be left out where the media type says what it is
//! 84                     array of 4
//!   bstr                 protected header, a serialised map
//!   map                  unprotected header
//!   bstr                 payload: JSON
//!   bstr                 signature
//! ```

pub(crate) mod cbor;
mod claims;
mod error;
mod header;
#[cfg(test)]
mod tests;

pub use cbor::CborError;
pub(crate) use claims::read as read_claims;
pub use error::CoseError;
pub use header::CoseHeader;

use super::jose::Algorithm;
use super::{Claims, Keys, ProofReport, ProofTerms, SecuringError, SigningKey, absolute, usable};
use crate::status::TokenEntry;
use cbor::{Item, Reader, Writer};
use chop_integrity::json::{self, Limits};
use chop_keys::{CoseSigStructure, InputError, PublicKey, SignError, Signer};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD};
use serde_json::{Map, Value};

/// The most bytes of a message: a document, and headers around it.
const MAX_BYTES: usize = Limits::CREDENTIAL.max_bytes + 32 * 1024;

/// The tag of a `COSE_Sign1` (RFC 9052 §2).
const TAG: u64 = 18;

/// Says what a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoseKind {
    /// A credential, `vc+cose`.
    Credential,
    /// A presentation, `vp+cose`.
    Presentation,
    /// A Token Status List, `statuslist+cwt`.
    StatusList,
}

impl CoseKind {
    /// The value of the header's `typ`, which is the media type.
    pub const fn typ(self) -> &'static str {
        match self {
            Self::Credential => "application/vc+cose",
            Self::Presentation => "application/vp+cose",
            Self::StatusList => "application/statuslist+cwt",
        }
    }

    /// The value of the header's `content type`; none if it has no meaning there.
    pub const fn content_type(self) -> Option<&'static str> {
        match self {
            Self::Credential => Some("application/vc"),
            Self::Presentation => Some("application/vp"),
            Self::StatusList => None,
        }
    }

    /// Says whether the message is a CBOR Web Token: tagged as a `COSE_Sign1`, typed, its claims the payload
    /// (draft-ietf-oauth-status-list-20 §5.2).
    const fn is_cwt(self) -> bool {
        matches!(self, Self::StatusList)
    }
}

/// Is a message whose headers are allowed and whose signature is not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign1 {
    bytes: Vec<u8>,
    header: CoseHeader,
    signed: CoseSigStructure,
    signature: Vec<u8>,
}

impl Sign1 {
    /// Says whether bytes begin with a CBOR array or tag; no JSON and no compact token begins like this.
    pub(crate) fn begins(bytes: &[u8]) -> bool {
        matches!(bytes, [0x80..=0x9f | 0xc0..=0xdb, ..])
    }

    /// Parses a message, its claims and its payload.
    ///
    /// # Errors
    /// When it is not strict CBOR of this structure, its headers are not allowed for the kind, or its payload is not there or
    /// no strict JSON object.
    pub fn parse(
        bytes: &[u8],
        kind: CoseKind,
    ) -> Result<(Self, Claims, Map<String, Value>), CoseError> {
        let (message, claims, payload) = Self::open(bytes, kind)?;
        match json::parse(payload, &Limits::CREDENTIAL) {
            Ok(Value::Object(document)) => Ok((message, claims, document)),
            Ok(_) => Err(CoseError::NotObject),
            Err(error) => Err(CoseError::Payload { error }),
        }
    }

    /// Parses a message, the claims in its header, and finds its payload, whatever that is.
    ///
    /// # Errors
    /// When it is not strict CBOR of this structure, its headers are not allowed for the kind, or its payload is not there.
    pub(crate) fn open(bytes: &[u8], kind: CoseKind) -> Result<(Self, Claims, &[u8]), CoseError> {
        if bytes.len() > MAX_BYTES {
            return Err(CoseError::TooLarge {
                max: MAX_BYTES,
                found: bytes.len(),
            });
        }
        let mut reader = Reader::new(bytes);
        open(&mut reader, kind)?;
        let protected = reader.bytes().map_err(in_message)?;
        let unprotected = reader.map().map_err(|error| CoseError::Cbor {
            part: "unprotected header",
            error,
        })?;
        let payload = match reader.item().map_err(in_message)? {
            Item::Bytes(payload) => payload,
            Item::Null => return Err(CoseError::Detached),
            other => return Err(in_message(other.instead_of("a payload in a byte string"))),
        };
        let signature = reader.bytes().map_err(in_message)?;
        reader.end().map_err(in_message)?;
        let (header, claims) = header::read(protected, &unprotected, kind)?;
        let signed =
            CoseSigStructure::new(protected, payload).map_err(|_| CoseError::Structure {
                reason: "its protected header has more than 23 entries",
            })?;
        let message = Self {
            bytes: bytes.to_vec(),
            header,
            signed,
            signature: signature.to_vec(),
        };
        Ok((message, claims, payload))
    }

    /// Returns the message's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns what of its headers counts.
    pub fn header(&self) -> &CoseHeader {
        &self.header
    }

    /// Returns the bytes that the signature is over: the `Sig_structure` (RFC 9052 §4.4).
    pub fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// Returns the signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Returns the absolute URL of the verification method: `kid`, which may be relative to the signer.
    pub(crate) fn verification_method(&self, signer: Option<&str>) -> Option<String> {
        self.header
            .kid
            .as_deref()
            .and_then(|kid| absolute(kid, signer))
    }

    pub(super) fn verify(
        &self,
        claims: &Claims,
        signer: Option<&str>,
        keys: &Keys,
        terms: &ProofTerms<'_>,
    ) -> ProofReport {
        let method = self.verification_method(signer);
        ProofReport {
            suite: self.header.algorithm.name().to_owned(),
            result: self.check(claims, method.as_deref(), keys, terms),
            verification_method: method.unwrap_or_default(),
            created: claims.issued_at,
            disclosed: None,
        }
    }

    fn check(
        &self,
        claims: &Claims,
        method: Option<&str>,
        keys: &Keys,
        terms: &ProofTerms<'_>,
    ) -> Result<(), SecuringError> {
        claims.hold(terms)?;
        let fact = usable(keys, method.ok_or(CoseError::NoKeyId)?, terms.purpose)?;
        self.check_signature(&fact.key)?;
        Ok(())
    }

    /// Verifies the signature with a key.
    ///
    /// # Errors
    /// When the key is not of the algorithm's type, or the signature does not match.
    pub(crate) fn check_signature(&self, key: &PublicKey) -> Result<(), CoseError> {
        let algorithm = self.header.algorithm;
        if algorithm.key_type() != key.key_type() {
            return Err(CoseError::KeyType {
                algorithm: algorithm.name(),
                key_type: key.key_type(),
            });
        }
        Ok(key.verify(self.signed.as_bytes(), &self.signature)?)
    }
}

/// Reads the tag, if it is there or must be, and the array's head.
fn open(reader: &mut Reader<'_>, kind: CoseKind) -> Result<(), CoseError> {
    let mut first = reader.item().map_err(in_message)?;
    if let Item::Tag(tag) = first {
        if tag != TAG {
            return Err(CoseError::Structure {
                reason: "its tag is not 18",
            });
        }
        first = reader.item().map_err(in_message)?;
    } else if kind.is_cwt() {
        return Err(CoseError::Structure {
            reason: "it is not tagged",
        });
    }
    match first {
        Item::Array(4) => Ok(()),
        Item::Array(_) => Err(CoseError::Structure {
            reason: "it is no array of four",
        }),
        other => Err(in_message(other.instead_of("an array of four"))),
    }
}

fn in_message(error: CborError) -> CoseError {
    CoseError::Cbor {
        part: "message",
        error,
    }
}

/// Decodes the base64 of an envelope's `data:` URL (VC-JOSE-COSE §3.3.1, RFC 2397): with or without padding, in either
/// alphabet; the spare bits must be zero.
///
/// # Errors
/// When it is none of these.
pub(super) fn decode_base64(text: &str) -> Result<Vec<u8>, CoseError> {
    [BASE64, BASE64_NOPAD, BASE64URL_NOPAD]
        .iter()
        .find_map(|encoding| encoding.decode(text.as_bytes()).ok())
        .ok_or(CoseError::Encoding)
}

/// Says what is to be signed, and how the message names it.
pub(crate) struct NewSign1<'a> {
    /// What the message holds.
    pub(crate) kind: CoseKind,
    /// What names the key.
    pub(crate) key: SigningKey<'a>,
    /// `aud` among the CWT claims.
    pub(crate) audience: Option<&'a str>,
    /// `Nonce` among the CWT claims.
    pub(crate) nonce: Option<&'a str>,
    /// `status` among the CWT claims.
    pub(crate) status: Option<&'a TokenEntry>,
}

impl<'a> NewSign1<'a> {
    /// Names the key, and claims nothing.
    pub(crate) fn new(kind: CoseKind, key: SigningKey<'a>) -> Self {
        Self {
            kind,
            key,
            audience: None,
            nonce: None,
            status: None,
        }
    }
}

/// Says why no message was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NewSign1Error {
    #[error("no COSE algorithm is issued with {0} keys")]
    KeyType(chop_keys::KeyType),
    #[error(transparent)]
    Cose(#[from] CoseError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl NewSign1<'_> {
    /// Signs a payload as a tagged message.
    pub(crate) fn sign(
        &self,
        payload: &[u8],
        signer: &dyn Signer,
    ) -> Result<Vec<u8>, NewSign1Error> {
        let key_type = signer.public_key().key_type();
        let algorithm = Algorithm::for_key(key_type).ok_or(NewSign1Error::KeyType(key_type))?;
        let claims = claims::write(self.audience, self.nonce, self.status)?;
        let protected = header::write(algorithm, self.kind, self.key, claims.as_deref());
        let signature = signer.sign_cose(&CoseSigStructure::new(&protected, payload)?)?;
        let mut writer = Writer::default();
        writer.tag(TAG);
        writer.array(4);
        writer.bytes(&protected);
        writer.map(0);
        writer.bytes(payload);
        writer.bytes(signature.as_bytes());
        Ok(writer.into_bytes())
    }
}
