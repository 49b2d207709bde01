//! The header parameters of a `COSE_Sign1` (RFC 9052 §3, RFC 9596, RFC 9597).

use super::cbor::{CborError, Entry, Item, Label, Reader, Writer};
use super::{CoseError, CoseKind, claims};
use crate::securing::jose::Algorithm;
use crate::securing::{Claims, SigningKey};

/// `alg` (RFC 9052 §3.1).
const ALG: i64 = 1;
/// `crit` (RFC 9052 §3.1).
const CRIT: i64 = 2;
/// `content type` (RFC 9052 §3.1).
const CONTENT_TYPE: i64 = 3;
/// `kid` (RFC 9052 §3.1).
const KID: i64 = 4;
/// `CWT Claims` (RFC 9597 §2).
const CWT_CLAIMS: i64 = 15;
/// `typ` (RFC 9596 §2).
const TYP: i64 = 16;
/// `x5chain` (RFC 9360 §2).
const X5CHAIN: i64 = 33;

/// What encryption and counter signatures use (RFC 9052 §3.1, RFC 8152 §4.5): it has no meaning beside one signature.
const OUT_OF_PLACE: [(i64, &str); 3] = [(5, "IV"), (6, "Partial IV"), (7, "counter signature")];
/// What says how the message is to be read, and therefore counts only where it is signed.
const PROTECTED_ONLY: [(i64, &str); 5] = [
    (ALG, "alg"),
    (CRIT, "crit"),
    (CONTENT_TYPE, "content type"),
    (CWT_CLAIMS, "CWT Claims"),
    (TYP, "typ"),
];

/// Is what of a message's headers counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoseHeader {
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`, as text.
    pub kid: Option<String>,
    /// `x5chain`: certificates in DER, the signer's first; read for a status list alone.
    pub x5chain: Vec<Vec<u8>>,
}

/// Reads both headers and checks them for the kind of message.
///
/// Keys that a message brings (`x5u`, `COSE_Key`) are not used, and what is not understood is passed over (VC-JOSE-COSE
/// §3.3.3). Certificates (`x5chain`) count for a status list alone, by a chain to an anchor that the verifier chose.
pub(super) fn read(
    protected: &[u8],
    unprotected: &[Entry<'_>],
    kind: CoseKind,
) -> Result<(CoseHeader, Claims), CoseError> {
    let signed = entries(protected)?;
    well_placed(&signed, unprotected)?;
    let algorithm = algorithm(find(&signed, ALG))?;
    let typ = find(&signed, TYP);
    if typ.is_none() && kind.is_cwt() {
        return Err(CoseError::Header {
            parameter: "typ",
            reason: "is missing",
        });
    }
    media_type(typ, "typ", kind.typ())?;
    if let Some(wanted) = kind.content_type() {
        media_type(find(&signed, CONTENT_TYPE), "content type", wanted)?;
    }
    let claims = match find(&signed, CWT_CLAIMS) {
        None => Claims::default(),
        // RFC 9597 §2: claims of the payload that are repeated must be the same; they are not needed twice.
        Some(_) if kind.is_cwt() => {
            return Err(CoseError::Header {
                parameter: "CWT Claims",
                reason: "stands beside a payload that is a claims set",
            });
        }
        Some(value) => claims::read(value)?,
    };
    let named = find(&signed, KID)
        .or_else(|| find(unprotected, KID))
        .map(key_id)
        .transpose()?;
    let x5chain = match find(&signed, X5CHAIN).or_else(|| find(unprotected, X5CHAIN)) {
        Some(value) if kind.is_cwt() => certificates(value)?,
        _ => Vec::new(),
    };
    let header = CoseHeader {
        algorithm,
        kid: named,
        x5chain,
    };
    Ok((header, claims))
}

/// Checks that every parameter stands where it counts, and none that would have to be understood is not.
fn well_placed(signed: &[Entry<'_>], unprotected: &[Entry<'_>]) -> Result<(), CoseError> {
    for (label, parameter) in PROTECTED_ONLY {
        if find(unprotected, label).is_some() {
            return Err(CoseError::Header {
                parameter,
                reason: "stands in the unprotected header",
            });
        }
    }
    for (label, parameter) in OUT_OF_PLACE {
        if find(signed, label)
            .or_else(|| find(unprotected, label))
            .is_some()
        {
            return Err(CoseError::Header {
                parameter,
                reason: "has no place beside one signature",
            });
        }
    }
    let both = |(label, _): &Entry<'_>| signed.iter().any(|(other, _)| other == label);
    if unprotected.iter().any(both) {
        return Err(CoseError::Header {
            parameter: "label",
            reason: "stands in both headers",
        });
    }
    // RFC 9052 §3.1: what is critical and not understood must not be passed over; no extension is understood here.
    if find(signed, CRIT).is_some() {
        return Err(CoseError::Header {
            parameter: "crit",
            reason: "is not supported",
        });
    }
    Ok(())
}

/// Writes the protected header in deterministic order (RFC 8949 §4.2.1).
pub(super) fn write(
    algorithm: Algorithm,
    kind: CoseKind,
    key: SigningKey<'_>,
    claims: Option<&[u8]>,
) -> Vec<u8> {
    let mut writer = Writer::default();
    let content_type = kind.content_type();
    writer.map(3 + u64::from(content_type.is_some()) + u64::from(claims.is_some()));
    writer.integer(ALG);
    writer.integer(algorithm.cose());
    if let Some(content_type) = content_type {
        writer.integer(CONTENT_TYPE);
        writer.text(content_type);
    }
    if let SigningKey::Method(method) = key {
        writer.integer(KID);
        writer.bytes(method.as_bytes());
    }
    if let Some(claims) = claims {
        writer.integer(CWT_CLAIMS);
        writer.raw(claims);
    }
    writer.integer(TYP);
    writer.text(kind.typ());
    if let SigningKey::Chain(chain) = key {
        writer.integer(X5CHAIN);
        write_certificates(&mut writer, &chain.to_der());
    }
    writer.into_bytes()
}

/// Reads the serialised protected header; zero bytes stand for an empty one (RFC 9052 §3).
fn entries(protected: &[u8]) -> Result<Vec<Entry<'_>>, CoseError> {
    if protected.is_empty() {
        return Ok(Vec::new());
    }
    let mut reader = Reader::new(protected);
    reader
        .map()
        .and_then(|entries| reader.end().map(|()| entries))
        .map_err(|error| CoseError::Cbor {
            part: "protected header",
            error,
        })
}

fn find<'a>(entries: &[Entry<'a>], label: i64) -> Option<&'a [u8]> {
    entries
        .iter()
        .find(|(found, _)| *found == Label::Integer(label))
        .map(|(_, value)| *value)
}

fn algorithm(value: Option<&[u8]>) -> Result<Algorithm, CoseError> {
    let value = value.ok_or(CoseError::Header {
        parameter: "alg",
        reason: "is missing from the protected header",
    })?;
    let unknown = |found: String| CoseError::Algorithm { found };
    match Item::read(value).map_err(in_header)? {
        Item::Text(name) => Err(unknown(format!("{name:?}"))),
        item => {
            let found = item.integer().ok_or(CoseError::Header {
                parameter: "alg",
                reason: "is neither an integer of 64 bits nor a text",
            })?;
            Algorithm::from_cose(found).ok_or_else(|| unknown(found.to_string()))
        }
    }
}

/// Checks a media type that may be left out; the content formats that have numbers are none of ours.
fn media_type(
    value: Option<&[u8]>,
    parameter: &'static str,
    wanted: &str,
) -> Result<(), CoseError> {
    let Some(value) = value else {
        return Ok(());
    };
    match Item::read(value).map_err(in_header)? {
        Item::Text(found) if found.eq_ignore_ascii_case(wanted) => Ok(()),
        _ => Err(CoseError::Header {
            parameter,
            reason: "is not that of this kind of message",
        }),
    }
}

/// Writes `x5chain`: one certificate alone, or an array of several (RFC 9360 §2).
fn write_certificates(writer: &mut Writer, certificates: &[&[u8]]) {
    if certificates.len() != 1 {
        writer.array(certificates.len() as u64);
    }
    for certificate in certificates {
        writer.bytes(certificate);
    }
}

/// Reads `x5chain`: one certificate alone, or an array of two and more (RFC 9360 §2).
fn certificates(value: &[u8]) -> Result<Vec<Vec<u8>>, CoseError> {
    let refused = CoseError::Header {
        parameter: "x5chain",
        reason: "is neither a byte string nor an array of two and more",
    };
    let mut reader = Reader::new(value);
    match reader.item().map_err(in_header)? {
        Item::Bytes(one) => Ok(vec![one.to_vec()]),
        Item::Array(length) if length >= 2 => (0..length)
            .map(|_| match reader.item().map_err(in_header)? {
                Item::Bytes(one) => Ok(one.to_vec()),
                _ => Err(refused.clone()),
            })
            .collect(),
        _ => Err(refused),
    }
}

fn key_id(value: &[u8]) -> Result<String, CoseError> {
    match Item::read(value).map_err(in_header)? {
        Item::Bytes(bytes) => String::from_utf8(bytes.to_vec()).map_err(|_| CoseError::Header {
            parameter: "kid",
            reason: "is no text",
        }),
        _ => Err(CoseError::Header {
            parameter: "kid",
            reason: "is not a byte string",
        }),
    }
}

fn in_header(error: CborError) -> CoseError {
    CoseError::Cbor {
        part: "protected header",
        error,
    }
}
