//! The CWT claims in a message's protected header (RFC 8392 §3.1, RFC 9597 §2).

use super::CoseError;
use super::cbor::{CborError, Entry, Item, Label, Reader, Writer};
use crate::securing::Claims;
use crate::securing::confirmation::Confirmation;
use crate::status::{StatusClaim, TokenEntry};
use chop_integrity::Timestamp;

const ISS: i64 = 1;
const SUB: i64 = 2;
const AUD: i64 = 3;
const EXP: i64 = 4;
const NBF: i64 = 5;
const IAT: i64 = 6;
const CTI: i64 = 7;
/// `cnf` (RFC 8747 §3.1).
const CNF: i64 = 8;
/// `Nonce` (RFC 9711 §4.1).
const NONCE: i64 = 10;

/// `status` (draft-ietf-oauth-status-list §6.3).
const STATUS: i64 = 65_535;

/// How many bytes a nonce may have (RFC 9711 §4.1).
const NONCE_BYTES: std::ops::RangeInclusive<usize> = 8..=64;

/// The seconds of the years 1 to 9999.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Reads the claims set; claims that are not understood are passed over.
pub(crate) fn read(bytes: &[u8]) -> Result<Claims, CoseError> {
    let entries = Reader::new(bytes).map().map_err(malformed)?;
    let entries = Entries(&entries);
    entries.text(SUB, "sub")?;
    if let Some(item) = entries.find(CTI)?
        && !matches!(item, Item::Bytes(_))
    {
        return Err(wrong("cti", "it is not a byte string"));
    }
    Ok(Claims {
        issuer: entries.text(ISS, "iss")?,
        audience: entries.audience()?,
        expires: entries.time(EXP, "exp")?,
        not_before: entries.time(NBF, "nbf")?,
        issued_at: entries.time(IAT, "iat")?,
        nonce: entries.nonce()?,
        confirmation: entries.value(CNF).map(|_| Confirmation::Unusable {
            reason: "a COSE_Key in cnf is not used here".to_owned(),
        }),
        status: entries.status()?,
    })
}

/// Writes the claims in a message's header; none if there is nothing to claim.
///
/// # Errors
/// When the nonce is shorter or longer than a nonce may be.
pub(super) fn write(
    audience: Option<&str>,
    nonce: Option<&str>,
    status: Option<&TokenEntry>,
) -> Result<Option<Vec<u8>>, CoseError> {
    if nonce.is_some_and(|nonce| !NONCE_BYTES.contains(&nonce.len())) {
        return Err(wrong("nonce", "it has not 8 to 64 bytes"));
    }
    let count = [audience.is_some(), nonce.is_some(), status.is_some()]
        .into_iter()
        .map(u64::from)
        .sum();
    if count == 0 {
        return Ok(None);
    }
    let mut writer = Writer::default();
    writer.map(count);
    if let Some(audience) = audience {
        writer.integer(AUD);
        writer.text(audience);
    }
    if let Some(nonce) = nonce {
        writer.integer(NONCE);
        writer.bytes(nonce.as_bytes());
    }
    if let Some(entry) = status {
        writer.integer(STATUS);
        writer.map(1);
        writer.text("status_list");
        writer.map(2);
        writer.text("idx");
        writer.unsigned(entry.index);
        writer.text("uri");
        writer.text(&entry.uri);
    }
    Ok(Some(writer.into_bytes()))
}

struct Entries<'a>(&'a [Entry<'a>]);

impl<'a> Entries<'a> {
    fn value(&self, claim: i64) -> Option<&'a [u8]> {
        self.0
            .iter()
            .find(|(label, _)| *label == Label::Integer(claim))
            .map(|(_, value)| *value)
    }

    fn find(&self, claim: i64) -> Result<Option<Item<'a>>, CoseError> {
        self.value(claim)
            .map(|value| Item::read(value).map_err(malformed))
            .transpose()
    }

    fn text(&self, claim: i64, name: &'static str) -> Result<Option<String>, CoseError> {
        match self.find(claim)? {
            None => Ok(None),
            Some(Item::Text(text)) => Ok(Some(text.to_owned())),
            Some(_) => Err(wrong(name, "it is not a text")),
        }
    }

    /// Reads one audience, or several as JWTs have them.
    fn audience(&self) -> Result<Vec<String>, CoseError> {
        let not_text = wrong("aud", "it is neither a text nor an array of texts");
        let Some(value) = self.value(AUD) else {
            return Ok(Vec::new());
        };
        let mut reader = Reader::new(value);
        match reader.item().map_err(malformed)? {
            Item::Text(one) => Ok(vec![one.to_owned()]),
            Item::Array(length) => (0..length)
                .map(|_| match reader.item().map_err(malformed)? {
                    Item::Text(one) => Ok(one.to_owned()),
                    _ => Err(not_text.clone()),
                })
                .collect(),
            _ => Err(not_text),
        }
    }

    /// Reads a `NumericDate` in whole seconds; a fraction of one decides nothing here and is refused with its float.
    fn time(&self, claim: i64, name: &'static str) -> Result<Option<Timestamp>, CoseError> {
        match self.find(claim)? {
            None => Ok(None),
            Some(item) => item
                .integer()
                .filter(|seconds| SECONDS.contains(seconds))
                .map(|seconds| Some(Timestamp::from_unix_ms(seconds * 1_000)))
                .ok_or_else(|| wrong(name, "it is no integer within the years 1 to 9999")),
        }
    }

    /// Reads `status`, which has the same members as in a JWT.
    fn status(&self) -> Result<Option<StatusClaim>, CoseError> {
        let Some(value) = self.value(STATUS) else {
            return Ok(None);
        };
        let json = Reader::new(value).json().map_err(malformed)?;
        StatusClaim::parse(&json)
            .map(Some)
            .map_err(|reason| wrong("status", reason))
    }

    fn nonce(&self) -> Result<Option<String>, CoseError> {
        match self.find(NONCE)? {
            None => Ok(None),
            Some(Item::Bytes(bytes)) => String::from_utf8(bytes.to_vec()).map(Some).map_err(|_| {
                wrong(
                    "nonce",
                    "it is no text that a verifier could have asked for",
                )
            }),
            Some(_) => Err(wrong("nonce", "it is not one byte string")),
        }
    }
}

fn wrong(claim: &'static str, reason: &'static str) -> CoseError {
    CoseError::Claim { claim, reason }
}

fn malformed(error: CborError) -> CoseError {
    CoseError::Cbor {
        part: "CWT claims",
        error,
    }
}
