//! Token Status List, draft-ietf-oauth-status-list-20.

use super::{Case, did, key, sign, time, unsigned};
use chop_credential::Contexts;
use chop_credential::issuing::issue_jwt_with_status;
use chop_credential::status::{StatusArray, TokenEntry};
use chop_keys::{JwsSigningInput, Signer as _};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use std::io::Write as _;

pub(super) const URI: &str = "https://issuer.example/tokens/1";

/// A `vc+jwt` that refers to an entry, and the list as it is served.
pub(super) fn vector(index: u64, list: impl Into<Value>) -> Value {
    let (key, contexts) = (key(1), Contexts::embedded());
    let entry = TokenEntry {
        index,
        uri: URI.to_owned(),
    };
    let method = key.public_key().did_key_url();
    let token = issue_jwt_with_status(unsigned(), &contexts, Some(&entry), &method, &key).unwrap();
    json!({"text": token, "tokenLists": {URI: list.into()}})
}

/// A `vc+jwt` whose status claim is this, whatever it is.
fn claimed(status: Value) -> Value {
    let mut payload = unsigned();
    payload["status"] = status;
    let list = jwt(&payload_of(0), "statuslist+jwt", 1);
    json!({"text": jwt(&payload, "vc+jwt", 1), "tokenLists": {URI: list}})
}

/// The claims of a list of two-bit entries, of which entry 7 has a value.
pub(super) fn payload_of(value: u8) -> Value {
    let mut array = StatusArray::zeros(131_072, 2).unwrap();
    array.set(7, value).unwrap();
    json!({
        "iss": did(1),
        "sub": URI,
        "iat": time("2026-11-21T08:00:00.000Z").unix_ms() / 1_000,
        "exp": time("2026-11-22T08:00:00.000Z").unix_ms() / 1_000,
        "ttl": 300,
        "status_list": {"bits": 2, "lst": array.encode().unwrap()},
    })
}

fn jwt(payload: &Value, typ: &str, seed: u8) -> String {
    let kid = key(seed).public_key().did_key_url();
    jwt_under(
        &json!({"alg": "EdDSA", "typ": typ, "kid": kid}),
        payload,
        seed,
    )
}

pub(super) fn jwt_under(header: &Value, payload: &Value, seed: u8) -> String {
    let key = key(seed);
    let [header, payload] =
        [header, payload].map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()));
    let input = JwsSigningInput::new(format!("{header}.{payload}")).unwrap();
    let signature = key.sign_jws(&input).unwrap();
    format!(
        "{}.{}",
        input.as_str(),
        BASE64URL_NOPAD.encode(signature.as_bytes())
    )
}

fn value(value: u8) -> Value {
    vector(7, jwt(&payload_of(value), "statuslist+jwt", 1))
}

/// A clear list whose claims are changed.
fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut payload = payload_of(0);
    change(&mut payload);
    vector(7, jwt(&payload, "statuslist+jwt", 1))
}

fn without(name: &'static str) -> Value {
    changed(|payload| {
        payload.as_object_mut().unwrap().remove(name);
    })
}

pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(bytes).unwrap();
    zlib.finish().unwrap()
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = values();
    cases.extend(lists());
    cases.extend(forms());
    cases.extend(claims());
    cases
}

fn values() -> Vec<Case> {
    vec![
        Case::accepted("token-status-valid", "the entry says VALID", value(0)),
        Case::refused(
            "token-status-invalid",
            "the entry says INVALID",
            value(1),
            ("check.status", "has revoked it"),
        ),
        Case::refused(
            "token-status-suspended",
            "the entry says SUSPENDED",
            value(2),
            ("check.status", "has suspended it"),
        ),
        Case::undecided(
            "token-status-application-specific",
            "the entry says what only an application knows",
            value(3),
            ("check.status", "an application says"),
        ),
        Case::undecided(
            "token-status-reserved",
            "the entry has a value that nobody registered",
            {
                let mut array = StatusArray::zeros(131_072, 8).unwrap();
                array.set(7, 0x20).unwrap();
                changed(|payload| {
                    payload["status_list"] = json!({"bits": 8, "lst": array.encode().unwrap()});
                })
            },
            ("check.status", "no registered meaning"),
        ),
        Case::refused(
            "token-status-index-outside",
            "the index lies outside the list: the token is to be rejected",
            vector(131_072, jwt(&payload_of(0), "statuslist+jwt", 1)),
            ("check.status", "lies outside the list"),
        ),
        Case::refused(
            "token-status-index-huge",
            "the index is the greatest that JSON can say everywhere",
            vector((1 << 53) - 1, jwt(&payload_of(0), "statuslist+jwt", 1)),
            ("check.status", "lies outside the list"),
        ),
    ]
}

fn lists() -> Vec<Case> {
    let by_other = |delegates: &[String]| {
        let mut payload = payload_of(0);
        payload["iss"] = json!(did(2));
        let mut vector = vector(7, jwt(&payload, "statuslist+jwt", 2));
        vector["delegates"] = json!(delegates);
        vector
    };
    vec![
        Case::accepted(
            "token-list-by-delegate",
            "the list is signed by a delegate that the verifier named",
            by_other(&[did(2)]),
        ),
        Case::refused(
            "token-list-by-stranger",
            "the list is signed by somebody else",
            by_other(&[]),
            ("check.status", "the credential is by"),
        ),
        Case::refused(
            "token-list-key-of-stranger",
            "the list names its issuer, and is signed by a stranger's key",
            vector(7, jwt(&payload_of(0), "statuslist+jwt", 2)),
            ("check.status", "is not its issuer's"),
        ),
        Case::refused(
            "token-list-under-other-sub",
            "the list is another one than the token names",
            changed(|payload| payload["sub"] = json!("https://issuer.example/tokens/2")),
            ("check.status", "the entry names"),
        ),
        Case::undecided(
            "token-list-expired",
            "the list has expired",
            changed(|payload| {
                payload["exp"] = json!(time("2026-11-21T08:30:00.000Z").unix_ms() / 1_000);
            }),
            ("check.status", "status list is valid from"),
        ),
        Case::undecided(
            "token-list-issued-later",
            "the list says that it is issued tomorrow",
            changed(|payload| {
                payload["iat"] = json!(time("2026-11-22T07:00:00.000Z").unix_ms() / 1_000);
            }),
            ("check.status", "status list is valid from"),
        ),
        Case::undecided(
            "token-list-ttl-elapsed",
            "the list was fetched six minutes ago and may be kept five",
            {
                let mut vector = value(0);
                vector["fetched"] = json!("2026-11-21T08:54:00.000Z");
                vector
            },
            ("check.status", "may be kept 300000 ms"),
        ),
        Case::refused(
            "token-list-tampered",
            "the list's signature is another list's",
            {
                let [clear, revoked] =
                    [0, 1].map(|value| jwt(&payload_of(value), "statuslist+jwt", 1));
                let (signed, _) = clear.rsplit_once('.').unwrap();
                let (_, signature) = revoked.rsplit_once('.').unwrap();
                vector(7, format!("{signed}.{signature}"))
            },
            ("check.status", "is not verified"),
        ),
        Case::refused(
            "token-list-is-credential",
            "a credential of the issuer's, served as its list",
            {
                let (key, contexts) = (key(1), Contexts::embedded());
                let method = key.public_key().did_key_url();
                let token =
                    issue_jwt_with_status(unsigned(), &contexts, None, &method, &key).unwrap();
                vector(7, token)
            },
            ("check.status", "typ is not that of this kind of token"),
        ),
        Case::refused(
            "token-list-without-typ-of-list",
            "the claims of a list under the type of any JWT",
            vector(7, jwt(&payload_of(0), "JWT", 1)),
            ("check.status", "typ is not that of this kind of token"),
        ),
        Case::refused(
            "token-list-is-bitstring",
            "a Bitstring Status List is served where a token is asked for",
            vector(7, sign(unsigned(), 1).to_string()),
            ("check.status", "token is no compact JWS"),
        ),
    ]
}

fn forms() -> Vec<Case> {
    let packed = |bytes: Vec<u8>| {
        changed(move |payload| {
            payload["status_list"]["lst"] = json!(BASE64URL_NOPAD.encode(&bytes));
        })
    };
    let refused = |name, description, vector, words| {
        Case::refused(name, description, vector, ("check.status", words))
    };
    vec![
        refused(
            "token-list-zlib-bomb",
            "the list unfolds to more than is read",
            packed(zlib(&vec![0; 9 * 1024 * 1024])),
            "unfolds to more than",
        ),
        refused(
            "token-list-zlib-breaks-off",
            "the compressed list ends before its end",
            packed({
                let mut bytes = zlib(&[0; 32_768]);
                bytes.truncate(bytes.len() - 5);
                bytes
            }),
            "it breaks off",
        ),
        refused(
            "token-list-zlib-goes-on",
            "bytes follow the compressed list",
            packed([zlib(&[0; 32_768]), vec![0; 4]].concat()),
            "bytes follow the compressed list",
        ),
        refused(
            "token-list-gzip",
            "the list is compressed as a Bitstring Status List is",
            packed({
                let mut gzip =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                gzip.write_all(&[0; 32_768]).unwrap();
                gzip.finish().unwrap()
            }),
            "it is not zlib",
        ),
        refused(
            "token-list-padded-base64",
            "lst is base64url with padding",
            changed(|payload| payload["status_list"]["lst"] = json!("eNrbuRgAAhcBXQ==")),
            "without padding",
        ),
        refused(
            "token-list-of-three-bits",
            "entries of three bits do not exist",
            changed(|payload| payload["status_list"]["bits"] = json!(3)),
            "bits is none of",
        ),
        refused(
            "token-list-without-sub",
            "the list does not say which it is",
            without("sub"),
            "sub is not a string",
        ),
        refused(
            "token-list-without-iat",
            "the list does not say when it was issued",
            without("iat"),
            "iat is missing",
        ),
        refused(
            "token-list-without-list",
            "the token holds no list",
            without("status_list"),
            "status_list is no object",
        ),
        refused(
            "token-list-ttl-zero",
            "ttl is not positive",
            changed(|payload| payload["ttl"] = json!(0)),
            "ttl is no positive number",
        ),
        refused(
            "token-list-for-audience",
            "the list is for somebody else",
            changed(|payload| payload["aud"] = json!("https://somebody.example")),
            "is for an audience",
        ),
        Case::accepted(
            "token-list-without-end",
            "exp and ttl are recommended, not required",
            changed(|payload| {
                for name in ["exp", "ttl"] {
                    payload.as_object_mut().unwrap().remove(name);
                }
            }),
        ),
    ]
}

fn claims() -> Vec<Case> {
    let refused = |name, description, status| {
        Case::refused(name, description, claimed(status), ("jose.claim", ""))
    };
    vec![
        refused(
            "token-claim-no-object",
            "the status claim is a word",
            json!("valid"),
        ),
        refused(
            "token-claim-empty",
            "the status claim names no mechanism",
            json!({}),
        ),
        refused(
            "token-claim-index-negative",
            "the index is negative",
            json!({"status_list": {"idx": -1, "uri": URI}}),
        ),
        refused(
            "token-claim-index-text",
            "the index is a text",
            json!({"status_list": {"idx": "7", "uri": URI}}),
        ),
        refused(
            "token-claim-without-uri",
            "the claim names no list",
            json!({"status_list": {"idx": 7}}),
        ),
        Case::undecided(
            "token-claim-other-mechanism",
            "the claim names a mechanism that is not known here",
            claimed(json!({"identifier_list": {"id": "x", "uri": URI}})),
            ("check.status", "mechanism identifier_list is not supported"),
        ),
    ]
}
