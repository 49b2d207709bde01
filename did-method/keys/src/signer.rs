//! The Signer trait: one method for each purpose, each with an input type of its own.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;

use crate::bbs::BbsInput;
use crate::{ClaimInput, KeyType, PublicKey, ReceiptInput, SelectiveBaseInput};

/// Signs with one private key, wherever it is held.
pub trait Signer: Send + Sync {
    /// Gives the public key that verifies what this signer signs.
    fn public_key(&self) -> &PublicKey;

    /// Signs a DID operation (purpose `assertionMethod`, a did:key as verification method).
    ///
    /// # Errors
    /// When the key's holder cannot or will not sign.
    fn sign_operation(&self, input: &DataIntegrityInput) -> Result<Signature, SignError>;

    /// Signs a ledger envelope (purpose `capabilityInvocation`, a did:key as verification method).
    ///
    /// # Errors
    /// When the key's holder cannot or will not sign.
    fn sign_envelope(&self, input: &DataIntegrityInput) -> Result<Signature, SignError>;

    /// Signs the binding of a TLS key to a DID (purpose `authentication`, a did:key as verification method).
    ///
    /// # Errors
    /// When the key's holder cannot or will not sign.
    fn sign_binding(&self, input: &DataIntegrityInput) -> Result<Signature, SignError>;

    /// Signs a credential or presentation with a Data Integrity proof.
    ///
    /// # Errors
    /// When the key's holder cannot or will not sign.
    fn sign_credential(&self, input: &DataIntegrityInput) -> Result<Signature, SignError>;

    /// Signs a JWS with the key type's algorithm ([`KeyType::algorithm`]).
    ///
    /// # Errors
    /// When the key's holder cannot or will not sign.
    fn sign_jws(&self, input: &JwsSigningInput) -> Result<Signature, SignError>;

    /// Signs a `COSE_Sign1` (RFC 9052 §4.4) with the key type's algorithm.
    ///
    /// # Errors
    /// When the key's holder cannot or will not sign.
    fn sign_cose(&self, input: &CoseSigStructure) -> Result<Signature, SignError>;

    /// Signs a vote for a block header; Ed25519 only.
    ///
    /// # Errors
    /// When the key is not Ed25519, or its holder cannot or will not sign.
    fn sign_header(&self, vote: &VoteSignBytes) -> Result<Signature, SignError>;

    /// Signs that the key's holder takes part in a ledger as one of its validators; Ed25519 only.
    ///
    /// # Errors
    /// When the key is not Ed25519, or its holder cannot or will not sign.
    fn sign_possession(&self, input: &PossessionInput) -> Result<Signature, SignError>;

    /// Signs a validator's receipt for the leaves of a batch; Ed25519 only.
    ///
    /// # Errors
    /// When the key is not Ed25519, or its holder cannot or will not sign.
    fn sign_receipt(&self, input: &ReceiptInput) -> Result<Signature, SignError>;

    /// Signs the claim of a code; Ed25519 only.
    ///
    /// # Errors
    /// When the key is not Ed25519, or its holder cannot or will not sign.
    fn sign_claim(&self, input: &ClaimInput) -> Result<Signature, SignError>;

    /// Signs the base of an `ecdsa-sd-2023` proof; P-256 only.
    ///
    /// # Errors
    /// When the key is not P-256, or its holder cannot or will not sign.
    fn sign_selective_base(&self, input: &SelectiveBaseInput) -> Result<Signature, SignError>;

    /// Signs the statements of a `bbs-2023` proof with BBS; BLS12-381 only.
    ///
    /// # Errors
    /// When the key is not BLS12-381, or its holder cannot or will not sign.
    fn sign_bbs(&self, input: &BbsInput<'_>) -> Result<Signature, SignError>;
}

/// A signature: 64 bytes of Ed25519, r‖s of 64 (P-256), 96 (P-384) or 132 bytes (P-521) with low s, or 80 bytes of BBS.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// Wraps the bytes that a key's holder returned.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Gives the signature's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = data_encoding::HEXLOWER.encode(&self.0);
        write!(f, "Signature({hex})")
    }
}

/// What a Data Integrity proof signs: hash(proof configuration) ‖ hash(document), 64 or 96 bytes.
///
/// ```text
/// SHA-256  | config 32 | document 32 |    Ed25519, P-256   (vc-di-eddsa §3.3.4, vc-di-ecdsa §3.3.4)
/// SHA-384  | config 48 | document 48 |    P-384
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataIntegrityInput {
    bytes: [u8; 96],
    len: usize,
}

impl DataIntegrityInput {
    /// Joins two hashes of one length, 32 or 48 bytes each.
    ///
    /// # Errors
    /// When the lengths differ or are neither 32 nor 48.
    pub fn new(config_hash: &[u8], document_hash: &[u8]) -> Result<Self, InputError> {
        let half = config_hash.len();
        if (half != 32 && half != 48) || document_hash.len() != half {
            return Err(InputError::HashLengths {
                config: half,
                document: document_hash.len(),
            });
        }
        let mut bytes = [0; 96];
        let (config, rest) = bytes.split_at_mut(half);
        config.copy_from_slice(config_hash);
        rest.split_at_mut(half).0.copy_from_slice(document_hash);
        Ok(Self {
            bytes,
            len: 2 * half,
        })
    }

    /// Gives the 64 or 96 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&self.bytes)
    }
}

/// The ASCII text `header.payload` that a JWS signs (RFC 7515 §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwsSigningInput(String);

impl JwsSigningInput {
    /// Takes `header.payload`: two non-empty runs of base64url characters and one dot.
    ///
    /// # Errors
    /// When the text has another shape.
    pub fn new(text: impl Into<String>) -> Result<Self, InputError> {
        let text = text.into();
        match text.split_once('.') {
            Some((header, payload)) if is_header(header) && is_base64url(payload) => Ok(Self(text)),
            _ => Err(InputError::NotJws),
        }
    }

    /// Joins an encoded header, base64url characters, and a payload of at least one byte, which is encoded here.
    ///
    /// # Errors
    /// When the header has another shape, or there is no payload.
    pub fn of_payload(header: &str, payload: &[u8]) -> Result<Self, InputError> {
        if !is_header(header) || payload.is_empty() {
            return Err(InputError::NotJws);
        }
        // Room for the signature, which whoever writes the token adds.
        let encoded = BASE64URL_NOPAD.encode_len(payload.len());
        let mut text = String::with_capacity(header.len() + encoded + 192);
        text.push_str(header);
        text.push('.');
        BASE64URL_NOPAD.encode_append(payload, &mut text);
        Ok(Self(text))
    }

    /// Completes the token, `header.payload.signature` (RFC 7515 §7.1).
    pub fn into_token(self, signature: &Signature) -> String {
        let mut token = self.0;
        token.push('.');
        BASE64URL_NOPAD.encode_append(signature.as_bytes(), &mut token);
        token
    }

    /// Gives the text's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Every JOSE header is a JSON object, and `{` begins base64url text with `e`.
fn is_header(text: &str) -> bool {
    text.starts_with('e') && is_base64url(text)
}

fn is_base64url(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// The `Sig_structure` of a `COSE_Sign1` (RFC 9052 §4.4), in deterministic CBOR.
///
/// ```text
/// 84                     array of 4
///   6a "Signature1"      context
///   bstr                 the protected header as it was received
///   40                   external_aad, empty
///   bstr                 payload
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoseSigStructure(Vec<u8>);

impl CoseSigStructure {
    /// Joins a serialised protected header, which must be a map that is not empty, and a payload.
    ///
    /// # Errors
    /// When the header does not begin as a CBOR map of one to 23 entries.
    pub fn new(protected: &[u8], payload: &[u8]) -> Result<Self, InputError> {
        if !matches!(protected.first(), Some(0xa1..=0xb7)) {
            return Err(InputError::NotCose);
        }
        let mut bytes = Vec::with_capacity(32 + protected.len() + payload.len());
        bytes.extend_from_slice(b"\x84\x6aSignature1");
        push_bstr(&mut bytes, protected);
        push_bstr(&mut bytes, &[]);
        push_bstr(&mut bytes, payload);
        Ok(Self(bytes))
    }

    /// Gives the bytes to sign.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Writes a byte string with the shortest length (RFC 8949 §4.2.1).
fn push_bstr(to: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len() as u64;
    let wide = length.to_be_bytes();
    let [.., low] = wide;
    // Major type 2; 24 to 27 say that the length follows in 1, 2, 4 or 8 bytes.
    let (first, follows) = match length {
        0..24 => (0x40 | low, 8),
        24..0x100 => (0x58, 7),
        0x100..0x1_0000 => (0x59, 6),
        0x1_0000..0x1_0000_0000 => (0x5a, 4),
        _ => (0x5b, 0),
    };
    to.push(first);
    to.extend(wide.into_iter().skip(follows));
    to.extend_from_slice(bytes);
}

/// The length-delimited protobuf `CanonicalVote` that a validator signs (Tendermint, `Vote::into_signable_vec`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteSignBytes(Vec<u8>);

impl VoteSignBytes {
    /// Longest canonical vote taken, in bytes; real ones have about 120.
    const MAX: usize = 256;

    /// Takes the bytes of one canonical prevote or precommit.
    ///
    /// # Errors
    /// When the length prefix or the vote type is not that of a canonical vote.
    pub fn new(bytes: Vec<u8>) -> Result<Self, InputError> {
        let body = match bytes.as_slice() {
            [short, body @ ..] if *short < 0x80 && usize::from(*short) == body.len() => body,
            [low, high, body @ ..]
                if *low >= 0x80
                    && (1..0x80).contains(high)
                    && usize::from(*low & 0x7f) + (usize::from(*high) << 7) == body.len() =>
            {
                body
            }
            _ => return Err(InputError::NotVote),
        };
        // Field 1, varint: SIGNED_MSG_TYPE_PREVOTE = 1 or SIGNED_MSG_TYPE_PRECOMMIT = 2; field 2, sfixed64: height.
        match body {
            [0x08, 1 | 2, 0x11, ..] if bytes.len() <= Self::MAX => Ok(Self(bytes)),
            _ => Err(InputError::NotVote),
        }
    }

    /// Gives the bytes to sign.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a validator's key signs to show that somebody holds it, before it signs any header.
///
/// ```text
/// "chop/possession/v1" | SHA-256 of the statement 32       50 bytes: no vote, no proof input, no JWS and no COSE structure
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PossessionInput([u8; 50]);

impl PossessionInput {
    /// Takes the hash of the statement: which ledger, which member, which key.
    pub fn new(statement: &[u8; 32]) -> Self {
        let mut bytes = [0; 50];
        let from = b"chop/possession/v1".iter().chain(statement);
        for (to, from) in bytes.iter_mut().zip(from) {
            *to = *from;
        }
        Self(bytes)
    }

    /// Gives the bytes to sign.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Says why bytes are not the input of any signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The two hashes of a proof do not fit together.
    #[error("hashes of {config} and {document} bytes are no pair of 32 or 48")]
    HashLengths {
        /// Length of the proof configuration's hash.
        config: usize,
        /// Length of the document's hash.
        document: usize,
    },
    /// The text is not `header.payload` in base64url.
    #[error("text is not a JWS signing input")]
    NotJws,
    /// The protected header is not a CBOR map with entries.
    #[error("protected header is not a CBOR map with entries")]
    NotCose,
    /// The bytes are not a length-delimited canonical vote.
    #[error("bytes are not a canonical vote")]
    NotVote,
}

/// Says why no signature was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The purpose needs another key type.
    #[error("{purpose} needs a key of type {needed}, this one is {found}")]
    KeyType {
        /// What was to be signed.
        purpose: &'static str,
        /// The key type needed.
        needed: KeyType,
        /// The key type held.
        found: KeyType,
    },
    /// Keys of this type do not sign for the purpose.
    #[error("{found} keys do not sign {purpose}")]
    Purpose {
        /// What was to be signed.
        purpose: &'static str,
        /// The key type held.
        found: KeyType,
    },
    /// The input hashes do not belong to the key type: 64 bytes for Ed25519 and P-256, 96 for P-384.
    #[error("{key_type} key was given {found} bytes of hashes instead of {expected}")]
    InputLength {
        /// The key type held.
        key_type: KeyType,
        /// The bytes it signs.
        expected: usize,
        /// The bytes given.
        found: usize,
    },
    /// The input is not what the method signs.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The key's holder failed or refused.
    #[error("signing failed: {reason}")]
    Holder {
        /// What the holder said.
        reason: String,
    },
}
