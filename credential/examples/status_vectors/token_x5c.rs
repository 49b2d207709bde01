//! Token Status Lists whose key is certified: `x5c` (RFC 7515 §4.1.6) and `x5chain` (RFC 9360 §2).

use super::certificates::Authority;
use super::token::{jwt_under, payload_of, vector};
use super::token_cwt::{ISS, bare_header, claims_of, cwt, refused, served};
use super::{Case, did, key};
use chop_keys::Signer as _;
use coset::cbor::Value as Cbor;
use data_encoding::BASE64;
use rcgen::Certificate;
use serde_json::{Value, json};

/// The anchor's key, and an authority's that nobody trusts.
const ANCHOR: u8 = 11;
const ATTACKER: u8 = 12;

fn with(list: impl Into<Value>, anchors: &[Certificate]) -> Value {
    let mut vector = vector(7, list);
    let pem: String = anchors.iter().map(Certificate::pem).collect();
    vector["anchors"] = json!(pem);
    vector
}

/// A list under these certificates, signed with the key of a seed; `iss` names somebody, or nobody.
fn in_json(chain: &[&Certificate], issuer: Option<String>, seed: u8) -> String {
    let mut payload = payload_of(0);
    match issuer {
        Some(issuer) => payload["iss"] = json!(issuer),
        None => drop(payload.as_object_mut().unwrap().remove("iss")),
    }
    let header = json!({"alg": "EdDSA", "typ": "statuslist+jwt", "x5c": x5c(chain)});
    jwt_under(&header, &payload, seed)
}

fn in_cbor(chain: Cbor, issuer: Option<String>, seed: u8) -> Value {
    let mut claims = claims_of(0);
    claims.retain(|(label, _)| *label != ISS);
    claims.extend(issuer.map(|issuer| (ISS, Cbor::Text(issuer))));
    served(&cwt(claims, bare_header().value(33, chain), seed))
}

fn bytes(certificate: &Certificate) -> Cbor {
    Cbor::Bytes(certificate.der().to_vec())
}

/// The members of `x5c`.
fn x5c(chain: &[&Certificate]) -> Vec<String> {
    chain
        .iter()
        .map(|certificate| BASE64.encode(certificate.der()))
        .collect()
}

fn own(authority: &Authority, seed: u8) -> Certificate {
    authority.certify(key(seed).public_key(), &[&did(seed)])
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = accepted();
    cases.extend(strangers());
    cases.extend(chains());
    cases
}

fn accepted() -> Vec<Case> {
    let anchor = Authority::new(ANCHOR);
    let trusted = [anchor.certificate()];
    let [issuers, delegate] = [1, 2].map(|seed| own(&anchor, seed));
    let delegated = |list: Value| {
        let mut vector = with(list, &trusted);
        vector["delegates"] = json!([did(2)]);
        vector
    };
    vec![
        Case::accepted(
            "token-list-x5c",
            "certificates lead from the list's key to an anchor, and are for its issuer",
            with(in_json(&[&issuers], Some(did(1)), 1), &trusted),
        ),
        Case::accepted(
            "token-list-x5c-without-iss",
            "the list names nobody; its certificate is for whoever issued the credential",
            with(in_json(&[&issuers], None, 1), &trusted),
        ),
        Case::accepted(
            "token-list-x5c-by-delegate",
            "the certificates are for a delegate that the verifier named",
            delegated(json!(in_json(&[&delegate], Some(did(2)), 2))),
        ),
        Case::accepted(
            "token-cwt-x5chain",
            "one certificate leads from the list's key to an anchor",
            with(in_cbor(bytes(&issuers), Some(did(1)), 1), &trusted),
        ),
        Case::accepted(
            "token-cwt-x5chain-by-delegate",
            "the certificate is for a delegate that the verifier named, and the list names nobody",
            delegated(in_cbor(bytes(&delegate), None, 2)),
        ),
    ]
}

fn strangers() -> Vec<Case> {
    let (anchor, attacker) = (Authority::new(ANCHOR), Authority::new(ATTACKER));
    let trusted = [anchor.certificate()];
    let forged = attacker.certify(key(2).public_key(), &[&did(1)]);
    let strange = own(&anchor, 2);
    vec![
        refused(
            "token-list-x5c-other-anchor",
            "the certificate names the issuer, and leads to an authority that nobody trusts",
            with(in_json(&[&forged], Some(did(1)), 2), &trusted),
            "who is no trust anchor here",
        ),
        refused(
            "token-cwt-x5chain-other-anchor",
            "the certificate names the issuer, and leads to an authority that nobody trusts",
            with(in_cbor(bytes(&forged), Some(did(1)), 2), &trusted),
            "who is no trust anchor here",
        ),
        refused(
            "token-list-x5c-no-anchors",
            "the verifier trusts no authority",
            vector(7, in_json(&[&own(&anchor, 1)], Some(did(1)), 1)),
            "who is no trust anchor here",
        ),
        refused(
            "token-list-x5c-for-stranger",
            "the list names the issuer, and the certificate a stranger",
            with(in_json(&[&strange], Some(did(1)), 2), &trusted),
            "does not name the issuer",
        ),
        refused(
            "token-list-x5c-by-stranger",
            "the list and its certificate are a stranger's",
            with(in_json(&[&strange], Some(did(2)), 2), &trusted),
            "the credential is by",
        ),
        refused(
            "token-list-x5c-by-stranger-without-iss",
            "the list names nobody, and its certificate a stranger",
            with(in_json(&[&strange], None, 2), &trusted),
            "the credential is by",
        ),
        refused(
            "token-cwt-x5chain-by-stranger",
            "the list names nobody, and its certificate a stranger",
            with(in_cbor(bytes(&strange), None, 2), &trusted),
            "the credential is by",
        ),
        refused(
            "token-list-x5c-key-of-stranger",
            "the certificate is the issuer's own, and the signature a stranger's",
            with(in_json(&[&own(&anchor, 1)], Some(did(1)), 2), &trusted),
            "is not verified",
        ),
        refused(
            "token-list-x5c-beside-kid",
            "a key id that would verify stands beside certificates that nobody trusts: the certificates count",
            {
                let kid = key(1).public_key().did_key_url();
                let chain = x5c(&[&own(&attacker, 1)]);
                let header =
                    json!({"alg": "EdDSA", "typ": "statuslist+jwt", "kid": kid, "x5c": chain});
                with(jwt_under(&header, &payload_of(0), 1), &trusted)
            },
            "who is no trust anchor here",
        ),
    ]
}

fn chains() -> Vec<Case> {
    let anchor = Authority::new(ANCHOR);
    let trusted = [anchor.certificate()];
    let issuers = own(&anchor, 1);
    vec![
        refused(
            "token-list-x5c-anchor-inside",
            "the list brings the anchor along",
            with(in_json(&[&issuers, &trusted[0]], Some(did(1)), 1), &trusted),
            "vouches for itself",
        ),
        refused(
            "token-cwt-x5chain-anchor-inside",
            "the list brings the anchor along",
            with(
                in_cbor(
                    Cbor::Array(vec![bytes(&issuers), bytes(&trusted[0])]),
                    Some(did(1)),
                    1,
                ),
                &trusted,
            ),
            "vouches for itself",
        ),
        refused(
            "token-list-x5c-expired",
            "the certificate is out of its term",
            with(
                in_json(
                    &[&anchor.certify_until(2026, key(1).public_key(), &[&did(1)])],
                    Some(did(1)),
                    1,
                ),
                &trusted,
            ),
            "it is judged as of",
        ),
        refused(
            "token-cwt-x5chain-array-of-one",
            "one certificate stands in an array",
            with(
                in_cbor(Cbor::Array(vec![bytes(&issuers)]), Some(did(1)), 1),
                &trusted,
            ),
            "x5chain is neither",
        ),
        refused(
            "token-cwt-x5chain-garbage",
            "what stands there is no certificate",
            with(
                in_cbor(Cbor::Bytes(vec![0x30, 0x00]), Some(did(1)), 1),
                &trusted,
            ),
            "it is no X.509 certificate",
        ),
    ]
}
