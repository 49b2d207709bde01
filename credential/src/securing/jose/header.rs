//! The protected header of a token.

use super::{JoseError, TokenKind};
use chop_integrity::json::{self, Limits};
use chop_keys::KeyType;
use serde_json::{Map, Value};

/// How a header may be written: it names an algorithm and a key, or a short chain of certificates.
const LIMITS: Limits = Limits {
    max_bytes: 32 * 1024,
    max_depth: 8,
};

/// Is a signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `EdDSA` or `Ed25519`, with Ed25519 keys.
    EdDsa,
    /// `ES256`, with P-256 keys.
    Es256,
    /// `ES384`, with P-384 keys.
    Es384,
    /// `ES512`, with P-521 keys.
    Es512,
}

impl Algorithm {
    /// Finds the algorithm that goes with a key.
    pub fn for_key(key_type: KeyType) -> Option<Self> {
        match key_type {
            KeyType::Ed25519 => Some(Self::EdDsa),
            KeyType::P256 => Some(Self::Es256),
            KeyType::P384 => Some(Self::Es384),
            KeyType::P521 => Some(Self::Es512),
            _ => None,
        }
    }

    /// Returns the name under which tokens are issued.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
        }
    }

    /// Returns the type of key that it uses.
    pub const fn key_type(self) -> KeyType {
        match self {
            Self::EdDsa => KeyType::Ed25519,
            Self::Es256 => KeyType::P256,
            Self::Es384 => KeyType::P384,
            Self::Es512 => KeyType::P521,
        }
    }

    /// Returns the identifier under which COSE messages are issued (RFC 9053 §2).
    pub(in crate::securing) const fn cose(self) -> i64 {
        match self {
            Self::EdDsa => -8,
            Self::Es256 => -7,
            Self::Es384 => -35,
            Self::Es512 => -36,
        }
    }

    /// Finds the algorithm of a COSE identifier, the fully specified ones of RFC 9864 §2 included.
    pub(in crate::securing) const fn from_cose(identifier: i64) -> Option<Self> {
        match identifier {
            -8 | -19 => Some(Self::EdDsa),
            -7 | -9 => Some(Self::Es256),
            -35 | -51 => Some(Self::Es384),
            -36 | -52 => Some(Self::Es512),
            _ => None,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            "ES256" => Some(Self::Es256),
            "ES384" => Some(Self::Es384),
            "ES512" => Some(Self::Es512),
            _ => None,
        }
    }
}

/// Is a token's protected header: what of it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`.
    pub kid: Option<String>,
    /// `typ`.
    pub typ: Option<String>,
    /// `cty`.
    pub cty: Option<String>,
    /// `x5c`: certificates in base64, the signer's first (RFC 7515 §4.1.6).
    pub x5c: Vec<String>,
}

impl Header {
    /// Parses a header.
    ///
    /// `jwk`, `jku` and `x5u` are not used: a token does not bring its own key. `x5c` counts for SD-JWT VC and status lists alone, by a chain to
    /// an anchor that the verifier chose.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, JoseError> {
        Self::of_texts(bytes).map_or_else(|| Self::of_json(bytes), Ok)
    }

    /// Reads a header of nothing but `alg`, `kid`, `typ` and `cty`, written without white space and escapes as nearly every one
    /// is; `None` where that is not so, or anything is wrong with it.
    fn of_texts(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok();
        let mut rest = text
            .filter(|text| text.len() <= LIMITS.max_bytes)?
            .strip_prefix('{')?;
        let (mut algorithm, mut kid, mut typ, mut cty) = (None, None, None, None);
        loop {
            let (name, after) = quoted(rest)?;
            let (value, after) = quoted(after.strip_prefix(':')?)?;
            let place = match name {
                "alg" => &mut algorithm,
                "kid" => &mut kid,
                "typ" => &mut typ,
                "cty" => &mut cty,
                _ => return None,
            };
            if place.replace(value).is_some() {
                return None;
            }
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None if after == "}" => break,
                None => return None,
            }
        }
        Some(Self {
            algorithm: Algorithm::from_name(algorithm?)?,
            kid: kid.map(str::to_owned),
            typ: typ.map(str::to_owned),
            cty: cty.map(str::to_owned),
            x5c: Vec::new(),
        })
    }

    fn of_json(bytes: &[u8]) -> Result<Self, JoseError> {
        let header = match json::parse(bytes, &LIMITS) {
            Ok(Value::Object(header)) => header,
            Ok(_) => {
                return Err(JoseError::Compact {
                    reason: "its header is no object",
                });
            }
            Err(error) => {
                return Err(JoseError::Json {
                    part: "header",
                    error,
                });
            }
        };
        // RFC 7515 §4.1.11, RFC 7797: extensions that are not understood must not be passed over; none is understood here.
        for member in ["crit", "b64"] {
            if header.contains_key(member) {
                return Err(JoseError::Header {
                    member: member.to_owned(),
                    reason: "is not supported",
                });
            }
        }
        let name = text(&header, "alg")?.ok_or(JoseError::Header {
            member: "alg".to_owned(),
            reason: "is missing",
        })?;
        let algorithm = Algorithm::from_name(name).ok_or_else(|| JoseError::Algorithm {
            found: name.to_owned(),
        })?;
        Ok(Self {
            algorithm,
            kid: text(&header, "kid")?.map(str::to_owned),
            typ: text(&header, "typ")?.map(str::to_owned),
            cty: text(&header, "cty")?.map(str::to_owned),
            x5c: certificates(&header)?,
        })
    }

    /// Checks the header for the kind of token: RFC 8725 §3.11, no token passes for one of another kind.
    pub(crate) fn check(&self, kind: TokenKind) -> Result<(), JoseError> {
        let refused = |member: &str, reason| JoseError::Header {
            member: member.to_owned(),
            reason,
        };
        match self.typ.as_deref() {
            Some(typ) if !names(typ, kind.typ()) => {
                return Err(refused("typ", "is not that of this kind of token"));
            }
            None if kind.needs_typ() => return Err(refused("typ", "is missing")),
            _ => {}
        }
        match (self.cty.as_deref(), kind.cty()) {
            (Some(cty), Some(wanted)) if !names(cty, wanted) => {
                Err(refused("cty", "is not that of this kind of token"))
            }
            _ => Ok(()),
        }
    }
}

/// Reads a JSON string without escapes, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let (content, after) = inner.split_at_checked(memchr::memchr(b'"', inner.as_bytes())?)?;
    // Every byte is looked at, so that many are at once.
    let seen = |seen, byte: u8| seen | u8::from(byte < 0x20 || byte == b'\\');
    if content.bytes().fold(0, seen) != 0 {
        return None;
    }
    Some((content, after.strip_prefix('"')?))
}

fn certificates(header: &Map<String, Value>) -> Result<Vec<String>, JoseError> {
    let refused = || JoseError::Header {
        member: "x5c".to_owned(),
        reason: "is no array of strings",
    };
    match header.get("x5c") {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) if !items.is_empty() => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(refused))
            .collect(),
        Some(_) => Err(refused()),
    }
}

/// Compares a media type; `application/` may be left out (RFC 7515 §4.1.9).
fn names(found: &str, wanted: &str) -> bool {
    let short = match found.get(..12) {
        Some(prefix) if prefix.eq_ignore_ascii_case("application/") => {
            found.get(12..).unwrap_or_default()
        }
        _ => found,
    };
    short.eq_ignore_ascii_case(wanted)
}

fn text<'a>(header: &'a Map<String, Value>, member: &str) -> Result<Option<&'a str>, JoseError> {
    match header.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JoseError::Header {
            member: member.to_owned(),
            reason: "is not a string",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::select;

    #[test]
    fn a_plain_header_is_read_without_its_json() {
        let text = br#"{"alg":"EdDSA","cty":"vc","kid":"did:example:a#b","typ":"vc+jwt"}"#;
        assert_eq!(Header::of_texts(text), Header::of_json(text).ok());
        assert!(Header::of_texts(text).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_header_is_read_as_its_json_is(
            members in prop::collection::vec(
                (
                    select(vec!["\"alg\"", "\"kid\"", "\"typ\"", "\"cty\"", "\"crit\"", "\"x5c\"", "\"a\\u006cg\"", " \"kid\"", "alg"]),
                    select(vec![
                        "\"EdDSA\"", "\"ES256\"", "\"none\"", "\"\"", "\"a\\\"b\"", "\"\t\"", "\"é\"", "1", "null", " \"x\"", "\"x\" ", "\"", "[\"a\"]",
                    ]),
                ),
                0..4,
            ),
            begin in select(vec!["{", "{ ", ""]),
            end in select(vec!["}", "}", "}", "", ",}", "}}", "} "]),
        ) {
            let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
            let text = format!("{begin}{}{end}", members.join(","));
            if let Some(header) = Header::of_texts(text.as_bytes()) {
                prop_assert_eq!(Header::of_json(text.as_bytes()), Ok(header));
            }
            prop_assert_eq!(Header::parse(text.as_bytes()), Header::of_json(text.as_bytes()));
        }
    }
}
