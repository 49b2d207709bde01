//! Token Status Lists in CBOR, draft-ietf-oauth-status-list-20 §4.3 and §5.2; written by another COSE library.

use super::token::{URI, vector, zlib};
use super::{Case, did, key, time, unsigned};
use chop_credential::Contexts;
use chop_credential::issuing::{issue_cose, issue_cose_with_status};
use chop_credential::status::{StatusArray, TokenEntry};
use chop_keys::{CoseSigStructure, Signer as _};
use coset::cbor::Value as Cbor;
use coset::{CborSerializable as _, CoseSign1, CoseSign1Builder, HeaderBuilder, iana};
use data_encoding::BASE64;
use serde_json::{Value, json};

/// The labels of the claims.
pub(super) const ISS: i64 = 1;
const SUB: i64 = 2;
const AUD: i64 = 3;
const EXP: i64 = 4;
pub(super) const IAT: i64 = 6;
const LIST: i64 = 65_533;
const TTL: i64 = 65_534;

/// The claims of a list of two-bit entries, of which entry 7 has a value.
pub(super) fn claims_of(value: u8) -> Vec<(i64, Cbor)> {
    let mut array = StatusArray::zeros(131_072, 2).unwrap();
    array.set(7, value).unwrap();
    vec![
        (ISS, Cbor::Text(did(1))),
        (SUB, Cbor::Text(URI.to_owned())),
        (EXP, seconds("2026-11-22T08:00:00.000Z")),
        (IAT, seconds("2026-11-21T08:00:00.000Z")),
        (LIST, list(2, array.fold().unwrap())),
        (TTL, Cbor::from(300)),
    ]
}

pub(super) fn seconds(text: &str) -> Cbor {
    Cbor::from(time(text).unix_ms() / 1_000)
}

fn list(bits: u8, packed: Vec<u8>) -> Cbor {
    Cbor::Map(vec![
        (Cbor::Text("bits".to_owned()), Cbor::from(bits)),
        (Cbor::Text("lst".to_owned()), Cbor::Bytes(packed)),
    ])
}

pub(super) fn header() -> HeaderBuilder {
    let method = key(1).public_key().did_key_url();
    bare_header().key_id(method.into_bytes())
}

/// A header that names no key.
pub(super) fn bare_header() -> HeaderBuilder {
    HeaderBuilder::new()
        .algorithm(iana::Algorithm::EdDSA)
        .value(16, Cbor::Text("application/statuslist+cwt".to_owned()))
}

pub(super) fn map(claims: Vec<(i64, Cbor)>) -> Vec<u8> {
    let claims = claims
        .into_iter()
        .map(|(label, value)| (Cbor::from(label), value));
    Cbor::Map(claims.collect()).to_vec().unwrap()
}

fn sign1(payload: Vec<u8>, protected: HeaderBuilder, seed: u8) -> CoseSign1 {
    let mut message = CoseSign1Builder::new()
        .protected(protected.build())
        .payload(payload)
        .build();
    let protected = message.protected.clone().cbor_bstr().unwrap();
    let signed = CoseSigStructure::new(
        protected.as_bytes().unwrap(),
        message.payload.as_ref().unwrap(),
    );
    let signature = key(seed).sign_cose(&signed.unwrap()).unwrap();
    message.signature = signature.as_bytes().to_vec();
    message
}

fn tagged(message: CoseSign1, tag: u8) -> Vec<u8> {
    [vec![0xc0 | tag], message.to_vec().unwrap()].concat()
}

pub(super) fn cwt(claims: Vec<(i64, Cbor)>, protected: HeaderBuilder, seed: u8) -> Vec<u8> {
    tagged(sign1(map(claims), protected, seed), 18)
}

pub(super) fn served(bytes: &[u8]) -> Value {
    json!({"base64": BASE64.encode(bytes)})
}

fn with(bytes: &[u8]) -> Value {
    vector(7, served(bytes))
}

fn value(value: u8) -> Value {
    with(&cwt(claims_of(value), header(), 1))
}

/// A clear list whose claims are changed.
fn changed(change: impl FnOnce(&mut Vec<(i64, Cbor)>)) -> Value {
    let mut claims = claims_of(0);
    change(&mut claims);
    with(&cwt(claims, header(), 1))
}

fn set(label: i64, value: Cbor) -> Value {
    changed(|claims| {
        claims.retain(|(found, _)| *found != label);
        claims.push((label, value));
    })
}

fn without(label: i64) -> Value {
    changed(|claims| claims.retain(|(found, _)| *found != label))
}

fn under(protected: HeaderBuilder) -> Value {
    with(&cwt(claims_of(0), protected, 1))
}

pub(super) fn refused(
    name: &'static str,
    description: &'static str,
    vector: Value,
    words: &'static str,
) -> Case {
    Case::refused(name, description, vector, ("check.status", words))
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = values();
    cases.extend(messages());
    cases.extend(headers());
    cases.extend(claims());
    cases.extend(lists());
    cases
}

fn values() -> Vec<Case> {
    let mut by_delegate = claims_of(0);
    by_delegate[0].1 = Cbor::Text(did(2));
    let method = key(2).public_key().did_key_url().into_bytes();
    let message = cwt(by_delegate, bare_header().key_id(method), 2);
    let mut delegated = with(&message);
    delegated["delegates"] = json!([did(2)]);
    vec![
        Case::accepted("token-cwt-valid", "the entry says VALID", value(0)),
        refused(
            "token-cwt-invalid",
            "the entry says INVALID",
            value(1),
            "has revoked it",
        ),
        refused(
            "token-cwt-suspended",
            "the entry says SUSPENDED",
            value(2),
            "has suspended it",
        ),
        refused(
            "token-cwt-index-outside",
            "the index lies outside the list: the token is to be rejected",
            vector(131_072, served(&cwt(claims_of(0), header(), 1))),
            "lies outside the list",
        ),
        Case::accepted(
            "token-cwt-by-delegate",
            "the list is signed by a delegate that the verifier named",
            delegated,
        ),
        refused(
            "token-cwt-by-stranger",
            "the list is signed by somebody else",
            with(&message),
            "the credential is by",
        ),
        refused(
            "token-cwt-key-of-stranger",
            "the list names its issuer, and is signed by a stranger's key",
            {
                let method = key(2).public_key().did_key_url().into_bytes();
                with(&cwt(claims_of(0), bare_header().key_id(method), 2))
            },
            "is not its issuer's",
        ),
        Case::accepted(
            "token-cwt-of-message",
            "a vc+cose whose header's claims name an entry",
            referred(0),
        ),
        refused(
            "token-cwt-of-message-revoked",
            "a vc+cose whose header's claims name an entry that says INVALID",
            referred(1),
            "has revoked it",
        ),
    ]
}

/// A `vc+cose` that refers to an entry.
fn referred(value: u8) -> Value {
    let entry = TokenEntry {
        index: 7,
        uri: URI.to_owned(),
    };
    let (key, contexts) = (key(1), Contexts::embedded());
    let method = key.public_key().did_key_url();
    let message =
        issue_cose_with_status(unsigned(), &contexts, Some(&entry), method.as_str(), &key).unwrap();
    let list = served(&cwt(claims_of(value), header(), 1));
    json!({"base64": BASE64.encode(&message), "tokenLists": {URI: list}})
}

fn messages() -> Vec<Case> {
    let good = || sign1(map(claims_of(0)), header(), 1);
    vec![
        refused(
            "token-cwt-untagged",
            "the message has no tag",
            with(&good().to_vec().unwrap()),
            "it is not tagged",
        ),
        refused(
            "token-cwt-under-cwt-tag",
            "the tag of a CWT stands before the message",
            with(&[vec![0xd8, 61], tagged(good(), 18)].concat()),
            "its tag is not 18",
        ),
        refused(
            "token-cwt-mac",
            "the message says that it is protected by a MAC",
            with(&tagged(good(), 17)),
            "its tag is not 18",
        ),
        refused(
            "token-cwt-tampered",
            "the list's signature is another list's",
            {
                let mut message = good();
                message.signature = sign1(map(claims_of(1)), header(), 1).signature;
                with(&tagged(message, 18))
            },
            "is not verified",
        ),
    ]
}

fn headers() -> Vec<Case> {
    vec![
        refused(
            "token-cwt-without-typ",
            "the header does not say that it is a list",
            under(
                HeaderBuilder::new()
                    .algorithm(iana::Algorithm::EdDSA)
                    .key_id(key(1).public_key().did_key_url().into_bytes()),
            ),
            "typ is missing",
        ),
        refused(
            "token-cwt-of-other-typ",
            "the claims of a list under the type of another token",
            under(
                HeaderBuilder::new()
                    .algorithm(iana::Algorithm::EdDSA)
                    .key_id(key(1).public_key().did_key_url().into_bytes())
                    .value(16, Cbor::Text("application/cwt".to_owned())),
            ),
            "typ is not that of this kind of message",
        ),
        refused(
            "token-cwt-typ-unprotected",
            "the type stands where nobody has signed it",
            {
                let mut message = sign1(map(claims_of(0)), header(), 1);
                message.unprotected = HeaderBuilder::new()
                    .value(16, Cbor::Text("application/statuslist+cwt".to_owned()))
                    .build();
                with(&tagged(message, 18))
            },
            "typ stands in the unprotected header",
        ),
        refused(
            "token-cwt-crit",
            "the header has a critical extension",
            under(header().add_critical(iana::HeaderParameter::Alg)),
            "crit is not supported",
        ),
        refused(
            "token-cwt-claims-in-header",
            "claims stand in the header, and others in the payload",
            under(header().value(15, Cbor::Map(vec![(Cbor::from(EXP), Cbor::from(1))]))),
            "stands beside a payload",
        ),
        refused(
            "token-cwt-is-credential",
            "a credential of the issuer's, served as its list",
            {
                let (key, contexts) = (key(1), Contexts::embedded());
                let method = key.public_key().did_key_url();
                with(&issue_cose(unsigned(), &contexts, method.as_str(), &key).unwrap())
            },
            "typ is not that of this kind of message",
        ),
        refused(
            "token-cwt-payload-goes-on",
            "bytes follow the claims, and are signed with them",
            {
                let payload = [map(claims_of(0)), vec![0]].concat();
                with(&tagged(sign1(payload, header(), 1), 18))
            },
            "bytes follow the item",
        ),
        refused(
            "token-cwt-payload-json",
            "the payload is the JSON of a list",
            {
                let payload = super::token::payload_of(0).to_string().into_bytes();
                with(&tagged(sign1(payload, header(), 1), 18))
            },
            "it ends inside an item",
        ),
    ]
}

fn claims() -> Vec<Case> {
    vec![
        refused(
            "token-cwt-under-other-sub",
            "the list is another one than the token names",
            set(
                SUB,
                Cbor::Text("https://issuer.example/tokens/2".to_owned()),
            ),
            "the entry names",
        ),
        refused(
            "token-cwt-without-sub",
            "the list does not say which it is",
            without(SUB),
            "sub is not a string",
        ),
        refused(
            "token-cwt-without-iat",
            "the list does not say when it was issued",
            without(IAT),
            "iat is missing",
        ),
        refused(
            "token-cwt-without-list",
            "the token holds no list",
            without(LIST),
            "status_list is no object",
        ),
        Case::accepted(
            "token-cwt-without-end",
            "exp and ttl are recommended, not required",
            changed(|claims| claims.retain(|(label, _)| ![EXP, TTL].contains(label))),
        ),
        Case::undecided(
            "token-cwt-expired",
            "the list has expired",
            set(EXP, seconds("2026-11-21T08:30:00.000Z")),
            ("check.status", "status list is valid from"),
        ),
        refused(
            "token-cwt-iat-float",
            "the time of issuing is a float",
            set(IAT, Cbor::Float(1.75)),
            "it is no integer",
        ),
        Case::undecided(
            "token-cwt-ttl-elapsed",
            "the list was fetched six minutes ago and may be kept five",
            {
                let mut vector = value(0);
                vector["fetched"] = json!("2026-11-21T08:54:00.000Z");
                vector
            },
            ("check.status", "may be kept 300000 ms"),
        ),
        refused(
            "token-cwt-ttl-zero",
            "ttl is not positive",
            set(TTL, Cbor::from(0)),
            "ttl is no positive number",
        ),
        refused(
            "token-cwt-ttl-negative",
            "ttl is negative",
            set(TTL, Cbor::from(-300)),
            "ttl is no positive number",
        ),
        refused(
            "token-cwt-for-audience",
            "the list is for somebody else",
            set(AUD, Cbor::Text("https://somebody.example".to_owned())),
            "is for an audience",
        ),
        refused(
            "token-cwt-claim-twice",
            "sub stands twice",
            changed(|claims| claims.push((SUB, Cbor::Text(URI.to_owned())))),
            "a map holds a key twice",
        ),
    ]
}

fn lists() -> Vec<Case> {
    let packed = |bytes: Vec<u8>| set(LIST, list(2, bytes));
    vec![
        refused(
            "token-cwt-of-three-bits",
            "entries of three bits do not exist",
            set(
                LIST,
                list(3, StatusArray::zeros(64, 2).unwrap().fold().unwrap()),
            ),
            "bits is none of",
        ),
        refused(
            "token-cwt-lst-text",
            "lst is the text that JSON would have",
            set(
                LIST,
                Cbor::Map(vec![
                    (Cbor::Text("bits".to_owned()), Cbor::from(1)),
                    (
                        Cbor::Text("lst".to_owned()),
                        Cbor::Text("eNrbuRgAAhcBXQ".to_owned()),
                    ),
                ]),
            ),
            "lst is not a byte string",
        ),
        refused(
            "token-cwt-zlib-bomb",
            "the list unfolds to more than is read",
            packed(zlib(&vec![0; 9 * 1024 * 1024])),
            "unfolds to more than",
        ),
        refused(
            "token-cwt-zlib-goes-on",
            "bytes follow the compressed list",
            packed([zlib(&vec![0; 32_768]), vec![0; 4]].concat()),
            "bytes follow the compressed list",
        ),
        refused(
            "token-cwt-zlib-breaks-off",
            "the compressed list ends before its end",
            packed({
                let mut bytes = zlib(&vec![0; 32_768]);
                bytes.truncate(bytes.len() - 5);
                bytes
            }),
            "it breaks off",
        ),
        refused(
            "token-cwt-not-compressed",
            "the list is not compressed",
            packed(vec![0; 1024]),
            "it is not zlib",
        ),
    ]
}
