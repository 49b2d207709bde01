//! Tests, with the specification's own arrays among them.

use super::super::StatusError;
use super::*;
use crate::securing::{Keys, SigningKey};
use crate::verdict::{Finding, KeyFact, KeyHistory};
use chop_integrity::Timestamp;
use chop_keys::{JwsSigningInput, KeyType, PrivateKey, Signer as _};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const URI: &str = "https://issuer.example/statuslists/1";

fn at(minute: i64) -> Timestamp {
    Timestamp::parse("2026-11-01T00:00:00.000Z")
        .unwrap()
        .plus_ms(minute * 60_000)
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(KeyType::P256, &[seed; 32]).unwrap()
}

fn keys(seed: u8) -> Keys {
    let public = key(seed).public_key().clone();
    let fact = KeyFact {
        id: public.did_key_url(),
        controller: public.did_key(),
        key: public.clone(),
        relationships: vec!["assertionMethod".to_owned()],
        history: KeyHistory::default(),
    };
    [(public.did_key_url(), Finding::Found(fact))].into()
}

fn issuer() -> String {
    key(1).public_key().did_key()
}

fn payload() -> Value {
    json!({
        "iss": issuer(), "sub": URI, "iat": at(0).unix_ms() / 1_000, "exp": at(60).unix_ms() / 1_000, "ttl": 600,
        "status_list": {"bits": 2, "lst": StatusArray::zeros(16, 2).unwrap().encode().unwrap()},
    })
}

fn signed(payload: &Value, typ: Option<&str>) -> String {
    let key = key(1);
    let mut header = json!({"alg": "ES256", "kid": key.public_key().did_key_url()});
    if let Some(typ) = typ {
        header["typ"] = json!(typ);
    }
    let [header, payload] =
        [&header, payload].map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()));
    let input = JwsSigningInput::new(format!("{header}.{payload}")).unwrap();
    let signature = key.sign_jws(&input).unwrap();
    format!(
        "{}.{}",
        input.as_str(),
        BASE64URL_NOPAD.encode(signature.as_bytes())
    )
}

fn verified(payload: &Value) -> Result<VerifiedTokenList, StatusError> {
    TokenList::parse(signed(payload, Some("statuslist+jwt")).as_bytes())?.verify(
        &issuer(),
        &keys(1),
        &[],
        at(1),
    )
}

fn entry(index: u64) -> TokenEntry {
    TokenEntry {
        index,
        uri: URI.to_owned(),
    }
}

fn status(payload: &Value, index: u64, minute: i64) -> Result<TokenStatus, StatusError> {
    verified(payload)?.status(&entry(index), &issuer(), &BTreeSet::new(), at(minute))
}

#[test]
fn the_arrays_of_the_specification_are_read_and_written() {
    let cases: [(u8, &[u8], &str); 2] = [
        (
            1,
            &[1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1],
            "78dadbb918000217015d",
        ),
        (
            2,
            &[1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3],
            "78da3be9f2130003df0207",
        ),
    ];
    for (bits, values, packed) in cases {
        let mut array = StatusArray::zeros(values.len() as u64, bits).unwrap();
        for (index, value) in values.iter().enumerate() {
            array.set(index as u64, *value).unwrap();
        }
        assert_eq!(HEXLOWER.encode(&array.fold().unwrap()), packed);
        let read = StatusArray::unfold(&HEXLOWER.decode(packed.as_bytes()).unwrap(), bits).unwrap();
        assert_eq!(read, array);
        for (index, value) in values.iter().enumerate() {
            assert_eq!(read.entry(index as u64), Ok(*value));
        }
    }
}

#[test]
fn a_list_is_issued_as_it_is_verified() {
    let mut array = StatusArray::zeros(131_072, 2).unwrap();
    array.set(7, 2).unwrap();
    let (id, key) = (issuer(), key(1));
    let new = NewTokenList {
        uri: URI,
        issuer: &id,
        array: &array,
        issued: at(0),
        expires: Some(at(60)),
        ttl_s: Some(600),
        aggregation: Some("https://issuer.example/statuslists"),
    };
    let method = key.public_key().did_key_url();
    let token = new.sign_jwt(SigningKey::Method(&method), &key).unwrap();
    let list = TokenList::parse(token.as_bytes()).unwrap();
    assert_eq!(
        list.verification_method("did:example:referrer"),
        Some(key.public_key().did_key_url())
    );
    let list = list
        .verify("did:example:referrer", &keys(1), &[], at(1))
        .unwrap();
    assert_eq!(
        list.aggregation(),
        Some("https://issuer.example/statuslists")
    );
    assert_eq!(list.keep_until(), Some(at(11)));
    let read = |index| list.status(&entry(index), &id, &BTreeSet::new(), at(2));
    assert_eq!(read(7), Ok(TokenStatus::Suspended));
    assert_eq!(read(8), Ok(TokenStatus::Valid));
    assert!(matches!(read(131_072), Err(StatusError::Index { .. })));
    assert!(matches!(read(u64::MAX), Err(StatusError::Index { .. })));
}

#[test]
fn only_a_token_that_says_it_is_a_list_is_one() {
    for typ in [None, Some("vc+jwt"), Some("JWT"), Some("statuslist+cwt")] {
        let token = signed(&payload(), typ);
        assert!(
            matches!(
                TokenList::parse(token.as_bytes()),
                Err(StatusError::Parse { .. })
            ),
            "{typ:?}"
        );
    }
}

#[test]
fn a_claim_that_is_missing_or_malformed_is_refused() {
    let cases = [
        ("/sub", Value::Null),
        ("/sub", json!(7)),
        ("/iat", Value::Null),
        ("/iat", json!("now")),
        ("/ttl", json!(0)),
        ("/ttl", json!(-1)),
        ("/ttl", json!("600")),
        ("/status_list", Value::Null),
        ("/status_list/bits", json!(3)),
        ("/status_list/bits", json!(0)),
        ("/status_list/bits", json!("1")),
        ("/status_list/lst", json!(7)),
        ("/status_list/lst", json!("eNrbuRgAAhcBXQ==")),
        ("/status_list/lst", json!("AAAA")),
        ("/status_list/aggregation_uri", json!(7)),
        ("/aud", json!("https://somebody.else")),
    ];
    for (pointer, value) in cases {
        let mut payload = payload();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let members = payload
            .pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap();
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.to_owned(), value.clone());
        }
        assert!(verified(&payload).is_err(), "{pointer} = {value}");
    }
}

#[test]
fn what_unfolds_to_too_much_or_goes_on_is_refused() {
    use std::io::Write as _;
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(&vec![0; super::super::MAX_BYTES + 1])
        .unwrap();
    let bomb = zlib.finish().unwrap();
    assert!(matches!(
        StatusArray::unfold(&bomb, 1),
        Err(StatusError::TooLarge { .. })
    ));
    let mut trailing = StatusArray::zeros(8, 1).unwrap().fold().unwrap();
    trailing.push(0);
    assert!(matches!(
        StatusArray::unfold(&trailing, 1),
        Err(StatusError::Encoding { .. })
    ));
    trailing.truncate(4);
    assert!(matches!(
        StatusArray::unfold(&trailing, 1),
        Err(StatusError::Encoding { .. })
    ));
}

#[test]
fn a_list_counts_for_its_own_time_only() {
    assert_eq!(status(&payload(), 3, 2), Ok(TokenStatus::Valid));
    assert!(matches!(
        status(&payload(), 3, 12),
        Err(StatusError::Stale { .. })
    ));
    assert!(matches!(
        status(&payload(), 3, -30),
        Err(StatusError::Validity { .. })
    ));
    let mut ended = payload();
    ended["exp"] = json!(at(1).unix_ms() / 1_000);
    assert!(matches!(
        verified(&ended),
        Err(StatusError::Validity { .. })
    ));
    let mut early = payload();
    early["iat"] = json!(at(30).unix_ms() / 1_000);
    assert!(verified(&early).is_err());
}

#[test]
fn a_list_of_another_name_or_signer_does_not_count() {
    let list = verified(&payload()).unwrap();
    let other = TokenEntry {
        index: 0,
        uri: "https://issuer.example/statuslists/2".to_owned(),
    };
    assert!(matches!(
        list.status(&other, &issuer(), &BTreeSet::new(), at(2)),
        Err(StatusError::Id { .. })
    ));
    let stranger = "did:example:stranger";
    assert!(matches!(
        list.status(&entry(0), stranger, &BTreeSet::new(), at(2)),
        Err(StatusError::Issuer { .. })
    ));
    assert_eq!(
        list.status(&entry(0), stranger, &BTreeSet::from([issuer()]), at(2)),
        Ok(TokenStatus::Valid)
    );
}

#[test]
fn a_list_whose_key_is_not_its_issuers_is_refused() {
    let mut payload = payload();
    payload["iss"] = json!("did:example:somebody");
    assert!(matches!(
        verified(&payload),
        Err(StatusError::Unverified { .. })
    ));
}

#[test]
fn a_relative_key_is_one_of_whoever_refers_to_the_list() {
    let key = key(1);
    let header = json!({"alg": "ES256", "typ": "statuslist+jwt", "kid": "#key-1"});
    let mut payload = payload();
    payload.as_object_mut().unwrap().remove("iss");
    let [header, payload] =
        [&header, &payload].map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()));
    let input = JwsSigningInput::new(format!("{header}.{payload}")).unwrap();
    let signature = key.sign_jws(&input).unwrap();
    let token = format!(
        "{}.{}",
        input.as_str(),
        BASE64URL_NOPAD.encode(signature.as_bytes())
    );
    let list = TokenList::parse(token.as_bytes()).unwrap();
    assert_eq!(
        list.verification_method("did:example:issuer").as_deref(),
        Some("did:example:issuer#key-1")
    );
}

#[test]
fn a_claim_names_its_entry_and_whatever_else() {
    let claim = json!({"status_list": {"idx": 4, "uri": URI}, "identifier_list": {"id": "x"}});
    let read = StatusClaim::read(&claim).unwrap();
    assert_eq!(read.list, Some(entry(4)));
    assert_eq!(read.others, ["identifier_list"]);
    assert_eq!(
        Value::Object(entry(4).to_claim()),
        json!({"status_list": {"idx": 4, "uri": URI}})
    );
    for wrong in [
        json!("valid"),
        json!({}),
        json!({"status_list": 7}),
        json!({"status_list": {"uri": URI}}),
        json!({"status_list": {"idx": -1, "uri": URI}}),
        json!({"status_list": {"idx": "4", "uri": URI}}),
        json!({"status_list": {"idx": 4.5, "uri": URI}}),
        json!({"status_list": {"idx": 4, "uri": "not a uri"}}),
        json!({"status_list": {"idx": 4}}),
    ] {
        assert!(StatusClaim::read(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_value_says_what_it_is_registered_for() {
    assert_eq!(TokenStatus::from(0), TokenStatus::Valid);
    assert_eq!(TokenStatus::from(1), TokenStatus::Invalid);
    assert_eq!(TokenStatus::from(2), TokenStatus::Suspended);
    for value in [3, 0x0c, 0x0f] {
        assert_eq!(
            TokenStatus::from(value),
            TokenStatus::ApplicationSpecific(value)
        );
    }
    for value in [4, 0x0b, 0x10, 0xff] {
        assert_eq!(TokenStatus::from(value), TokenStatus::Reserved(value));
        assert_eq!(TokenStatus::from(value).value(), value);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_set_is_read(index in 1_u64..800, power in 0_u32..4, value: u8) {
        let bits = 1_u8 << power;
        let value = value & (u8::MAX >> (8 - bits));
        let mut array = StatusArray::zeros(802, bits).unwrap();
        array.set(index, value).unwrap();
        let array = StatusArray::decode(&array.encode().unwrap(), bits).unwrap();
        prop_assert_eq!(array.entry(index), Ok(value));
        prop_assert_eq!(array.entry(index - 1), Ok(0));
        prop_assert_eq!(array.entry(index + 1), Ok(0));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), bits: u8) {
        let _ = StatusArray::unfold(&bytes, bits);
        let _ = TokenList::parse(&bytes);
    }
}
