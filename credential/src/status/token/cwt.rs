//! Status lists as CBOR Web Tokens (draft-ietf-oauth-status-list-20 §4.3, §5.2).
//!
//! ```text
//! d2 84                    COSE_Sign1, tagged
//!   bstr                   protected header: alg, kid or x5chain, typ "application/statuslist+cwt"
//!   map                    unprotected header: empty, as it is issued here
//!   bstr                   claims: 1 iss, 2 sub, 4 exp, 6 iat, 65533 status list, 65534 ttl
//!   bstr                   signature
//! ```

use super::super::StatusError;
use super::array::check_bits;
use super::content::Content;
use crate::securing::Claims;
use crate::securing::cose::cbor::{CborError, Entry, Item, Label, Reader, Writer};
use crate::securing::cose::{CoseKind, Sign1, read_claims};

const ISS: i64 = 1;
const SUB: i64 = 2;
const EXP: i64 = 4;
const IAT: i64 = 6;
/// `status_list` (draft-ietf-oauth-status-list-20 §5.2).
const STATUS_LIST: i64 = 65_533;
/// `ttl` (draft-ietf-oauth-status-list-20 §5.2).
const TTL: i64 = 65_534;

/// Parses a `statuslist+cwt`.
pub(super) fn parse(bytes: &[u8]) -> Result<(Sign1, Claims, Content), StatusError> {
    let parse = |reason: String| StatusError::Parse { reason };
    let (message, _, payload) =
        Sign1::open(bytes, CoseKind::StatusList).map_err(|error| parse(error.to_string()))?;
    let mut reader = Reader::new(payload);
    let entries = reader.map().map_err(malformed)?;
    reader.end().map_err(malformed)?;
    let claims = read_claims(payload).map_err(|error| parse(error.to_string()))?;
    let content = content(&entries)?;
    Ok((message, claims, content))
}

fn content(entries: &[Entry<'_>]) -> Result<Content, StatusError> {
    let shape = |reason| StatusError::Shape { reason };
    let uri = match find(entries, &Label::Integer(SUB)) {
        Some(Item::Text(uri)) => uri.to_owned(),
        _ => return Err(shape("sub is not a string")),
    };
    let ttl_ms = match find(entries, &Label::Integer(TTL)) {
        None => None,
        Some(Item::Unsigned(seconds)) if seconds > 0 => Some(
            i64::try_from(seconds)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000),
        ),
        Some(_) => return Err(shape("ttl is no positive number of seconds")),
    };
    let list = entries
        .iter()
        .find(|(label, _)| *label == Label::Integer(STATUS_LIST))
        .map(|(_, value)| Reader::new(value).map())
        .ok_or(shape("status_list is no object"))?
        .map_err(|_| shape("status_list is no object"))?;
    let bits = match find(&list, &Label::Text("bits")) {
        Some(Item::Unsigned(bits)) => check_bits(bits)?,
        _ => return Err(shape("bits is none of 1, 2, 4 and 8")),
    };
    let packed = match find(&list, &Label::Text("lst")) {
        Some(Item::Bytes(packed)) => packed.to_vec(),
        _ => return Err(shape("lst is not a byte string")),
    };
    let aggregation = match find(&list, &Label::Text("aggregation_uri")) {
        None => None,
        Some(Item::Text(uri)) => Some(uri.to_owned()),
        Some(_) => return Err(shape("aggregation_uri is not a string")),
    };
    Ok(Content {
        uri,
        ttl_ms,
        bits,
        packed,
        aggregation,
    })
}

/// Finds a scalar of a map; what holds further items is given as its head.
fn find<'a>(entries: &[Entry<'a>], label: &Label<'_>) -> Option<Item<'a>> {
    let (_, value) = entries.iter().find(|(found, _)| found == label)?;
    Item::read(value).ok()
}

fn malformed(error: CborError) -> StatusError {
    StatusError::Parse {
        reason: error.to_string(),
    }
}

/// The claims of a list that is about to be issued.
pub(super) struct NewClaims<'a> {
    pub(super) issuer: &'a str,
    pub(super) uri: &'a str,
    pub(super) issued_s: i64,
    pub(super) expires_s: Option<i64>,
    pub(super) ttl_s: Option<u64>,
    pub(super) bits: u8,
    pub(super) packed: &'a [u8],
    pub(super) aggregation: Option<&'a str>,
}

impl NewClaims<'_> {
    /// Writes the claims in deterministic order (RFC 8949 §4.2.1).
    pub(super) fn write(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        let optional = u64::from(self.expires_s.is_some()) + u64::from(self.ttl_s.is_some());
        writer.map(4 + optional);
        writer.integer(ISS);
        writer.text(self.issuer);
        writer.integer(SUB);
        writer.text(self.uri);
        if let Some(expires) = self.expires_s {
            writer.integer(EXP);
            writer.integer(expires);
        }
        writer.integer(IAT);
        writer.integer(self.issued_s);
        writer.integer(STATUS_LIST);
        writer.map(2 + u64::from(self.aggregation.is_some()));
        writer.text("lst");
        writer.bytes(self.packed);
        writer.text("bits");
        writer.integer(i64::from(self.bits));
        if let Some(uri) = self.aggregation {
            writer.text("aggregation_uri");
            writer.text(uri);
        }
        if let Some(ttl) = self.ttl_s {
            writer.integer(TTL);
            writer.unsigned(ttl);
        }
        writer.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NewTokenList, StatusArray, TokenEntry, TokenList, TokenStatus};
    use super::*;
    use crate::securing::x5c::Chain;
    use crate::securing::{Keys, SigningKey};
    use crate::verdict::{Finding, KeyFact, KeyHistory};
    use chop_integrity::Timestamp;
    use chop_keys::{Jwk, KeyType, PrivateKey, PublicKey, Signer as _};
    use coset::{CborSerializable as _, TaggedCborSerializable as _};
    use data_encoding::HEXLOWER;
    use serde_json::json;
    use std::collections::BTreeSet;

    /// The example of draft-ietf-oauth-status-list-20 §5.2, under the draft's key.
    const EXAMPLE: &str = "d2845820a2012610781a6170706c69636174696f6e2f7374617475736c6973742b637774a1044231325850a502782168747470733a2f2f6578616d706c652e636f6d2f7374617475736c697374732f31061a648c5bea041a8898dfea19fffe19a8c019fffda2646269747301636c73744a78dadbb918000217015d584093fa4d01032b18c35e2fe1101b77fd6cc9440022caa4694450c4e4e9feab4e99d1fa6d9772ce2bf3a12e0323ded7c982c5e101a5e67f0cbc1e2b6f57ce99c279";
    const EXAMPLE_URI: &str = "https://example.com/statuslists/1";

    fn example() -> Vec<u8> {
        HEXLOWER.decode(EXAMPLE.as_bytes()).unwrap()
    }

    fn keys(method: &str, controller: &str, key: PublicKey) -> Keys {
        let fact = KeyFact {
            id: format!("{controller}#{method}"),
            controller: controller.to_owned(),
            key,
            relationships: vec!["assertionMethod".to_owned()],
            history: KeyHistory::default(),
        };
        [(method.to_owned(), Finding::Found(fact))].into()
    }

    fn example_keys() -> Keys {
        let jwk: Jwk = serde_json::from_value(json!({
            "kty": "EC",
            "crv": "P-256",
            "x": "I3HWm_0Ds1dPMI-IWmf4mBmH-YaeAVbPVu7vB27CxXo",
            "y": "6N_d5Elj9bs1htgV3okJKIdbHEpkgTmAluYKJemzn1M",
        }))
        .unwrap();
        keys(
            "12",
            "did:example:issuer",
            PublicKey::from_jwk(&jwk).unwrap(),
        )
    }

    fn entry(index: u64) -> TokenEntry {
        TokenEntry {
            index,
            uri: EXAMPLE_URI.to_owned(),
        }
    }

    #[test]
    fn the_example_of_the_specification_is_verified_and_read() {
        let issuer = "did:example:issuer";
        let at = Timestamp::parse("2026-11-01T00:00:00.000Z").unwrap();
        let list = TokenList::parse(&example()).unwrap();
        assert_eq!(list.verification_method(issuer).as_deref(), Some("12"));

        let list = list.verify(issuer, &example_keys(), &[], at).unwrap();

        assert_eq!(list.uri(), EXAMPLE_URI);
        assert_eq!(list.issued().unix_ms(), 1_686_920_170_000);
        assert_eq!(list.keep_until(), Some(at.plus_ms(43_200_000)));
        let expected = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1];
        for (index, value) in (0..).zip(expected) {
            assert_eq!(
                list.status(&entry(index), issuer, &BTreeSet::new(), at),
                Ok(TokenStatus::from(value))
            );
        }
        assert!(
            list.status(&entry(16), issuer, &BTreeSet::new(), at)
                .is_err()
        );
    }

    #[test]
    fn no_signed_byte_of_the_example_can_change() {
        let (good, keys) = (example(), example_keys());
        let at = Timestamp::parse("2026-11-01T00:00:00.000Z").unwrap();
        for place in 0..good.len() {
            let mut bytes = good.clone();
            bytes[place] ^= 1;
            // The key's id is not signed; another one names no key that is at hand.
            let verified =
                TokenList::parse(&bytes).and_then(|list| list.verify("", &keys, &[], at));
            assert!(verified.is_err(), "byte {place}");
        }
    }

    #[test]
    fn a_list_is_issued_as_another_library_and_we_read_it() {
        let key = PrivateKey::from_seed(KeyType::P256, &[1; 32]).unwrap();
        let (issuer, method) = (key.public_key().did_key(), key.public_key().did_key_url());
        for bits in [1, 2, 4, 8] {
            let mut array = StatusArray::zeros(64, bits).unwrap();
            array.set(7, 1).unwrap();
            let at = Timestamp::parse("2026-11-01T00:00:00.000Z").unwrap();
            let new = NewTokenList {
                uri: EXAMPLE_URI,
                issuer: &issuer,
                array: &array,
                issued: at,
                expires: Some(at.plus_ms(3_600_000)),
                ttl_s: Some(600),
                aggregation: Some("https://example.com/statuslists"),
            };
            let bytes = new.sign_cwt(SigningKey::Method(&method), &key).unwrap();

            let other = coset::CoseSign1::from_tagged_slice(&bytes).unwrap();
            let claims = coset::cbor::Value::from_slice(&other.payload.clone().unwrap()).unwrap();
            let labels: Vec<i128> = claims
                .as_map()
                .unwrap()
                .iter()
                .map(|(label, _)| label.as_integer().unwrap().into())
                .collect();
            assert_eq!(labels, [1, 2, 4, 6, 65_533, 65_534]);

            let mut facts = keys(&method, &issuer, key.public_key().clone());
            if let Some(Finding::Found(fact)) = facts.get_mut(&method) {
                fact.id.clone_from(&method);
            }
            let list = TokenList::parse(&bytes).unwrap();
            let list = list.verify(&issuer, &facts, &[], at).unwrap();
            assert_eq!(list.aggregation(), Some("https://example.com/statuslists"));
            let read = |index| list.status(&entry(index), &issuer, &BTreeSet::new(), at);
            assert_eq!(read(7), Ok(TokenStatus::Invalid));
            assert_eq!(read(8), Ok(TokenStatus::Valid));
        }
    }

    #[test]
    fn the_lists_of_the_specification_in_cbor_are_read() {
        for (encoded, bits, first) in [
            ("a2646269747301636c73744a78dadbb918000217015d", 1, 1),
            ("a2646269747302636c73744b78da3be9f2130003df0207", 2, 1),
        ] {
            let list = HEXLOWER.decode(encoded.as_bytes()).unwrap();
            let mut writer = Writer::default();
            writer.map(2);
            writer.integer(SUB);
            writer.text(EXAMPLE_URI);
            writer.integer(STATUS_LIST);
            writer.raw(&list);
            let payload = writer.into_bytes();
            let content = content(&Reader::new(&payload).map().unwrap()).unwrap();
            assert_eq!(content.bits, bits);
            let array = StatusArray::unfold(&content.packed, bits).unwrap();
            assert_eq!(array.entry(0), Ok(first));
        }
    }

    #[test]
    fn a_chain_for_another_key_signs_no_list() {
        let key = PrivateKey::from_seed(KeyType::Ed25519, &[1; 32]).unwrap();
        let other = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["issuer.example".to_owned()]).unwrap();
        let chain = Chain::from_pem(&params.self_signed(&other).unwrap().pem()).unwrap();
        let array = StatusArray::zeros(64, 1).unwrap();
        let new = NewTokenList {
            uri: EXAMPLE_URI,
            issuer: "https://issuer.example",
            array: &array,
            issued: Timestamp::from_unix_ms(0),
            expires: None,
            ttl_s: None,
            aggregation: None,
        };
        for refused in [
            new.sign_cwt(SigningKey::Chain(&chain), &key).map(drop),
            new.sign_jwt(SigningKey::Chain(&chain), &key).map(drop),
        ] {
            assert_eq!(refused.unwrap_err().rule(), "x5c.key");
        }
    }
}
