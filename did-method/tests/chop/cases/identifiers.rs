//! DIDs, DID URLs and geneses.

use super::{Case, invalid, valid};
use crate::common::{commitment, document, ledger, organisation, product, update_keys};
use chop_did::Class;
use chop_did::build::GenesisDraft;
use serde_json::{Value, json};

pub(super) fn all() -> Vec<Case> {
    let mut cases = dids();
    cases.extend(did_urls());
    cases.extend(geneses());
    cases.extend(other_methods());
    cases
}

fn dids() -> Vec<Case> {
    let genesis = organisation(10).build(&ledger("one")).unwrap();
    let did = genesis.did().to_string();
    let (head, scid) = did.rsplit_once(':').unwrap();
    let good = |name: &str, did: String| valid(name, json!({"kind": "did", "did": did}));
    let bad = |name: &str, did: String| {
        invalid(
            name,
            json!({"kind": "did", "did": did, "error": "INVALID_DID"}),
        )
    };
    let digest = &scid[1..];
    let last = digest.chars().last().unwrap();
    let twin = if last == 'a' { 'b' } else { 'r' };
    vec![
        good("did-own-genesis", did.clone()),
        good("did-batch-item", format!("{head}:b{digest}")),
        bad("did-upper-case", format!("{head}:{}", scid.to_uppercase())),
        bad(
            "did-trailing-bits",
            format!("{head}:a{}{twin}", &digest[..51]),
        ),
        bad("did-unknown-version-letter", format!("{head}:c{digest}")),
        bad("did-short-scid", format!("{head}:a{}", &digest[..51])),
        bad(
            "did-long-ledger",
            format!("did:chop:{}a:{scid}", genesis.did().ledger()),
        ),
        bad(
            "did-digit-outside-base32",
            format!("{head}:a1{}", &digest[1..]),
        ),
        bad("did-three-parts", format!("{did}:x")),
        bad("did-without-ledger", format!("did:chop:{scid}")),
        bad("did-padded", format!("{did}=")),
        bad("did-percent-encoded", did.replace(":a", ":%61")),
    ]
}

fn did_urls() -> Vec<Case> {
    let did = organisation(10)
        .build(&ledger("one"))
        .unwrap()
        .did()
        .to_string();
    let good = |name: &str, tail: &str| {
        valid(
            name,
            json!({"kind": "didUrl", "didUrl": format!("{did}{tail}")}),
        )
    };
    let bad = |name: &str, tail: &str, error: &str| {
        invalid(
            name,
            json!({"kind": "didUrl", "didUrl": format!("{did}{tail}"), "error": error}),
        )
    };
    vec![
        good("did-url-fragment", "#key-1"),
        good(
            "did-url-service-relative-ref",
            "?service=files&relativeRef=%2Fa%2Fb%3Fv%3D1",
        ),
        bad(
            "did-url-duplicate-query-parameter",
            "?service=a&service=b",
            "INVALID_DID_URL",
        ),
        bad(
            "did-url-duplicate-encoded-parameter",
            "?service=a&%73ervice=b",
            "INVALID_DID_URL",
        ),
        bad(
            "did-url-traversal",
            "?service=files&relativeRef=/../secret",
            "INVALID_DID_URL",
        ),
        bad(
            "did-url-traversal-encoded",
            "?service=files&relativeRef=%2F%2e%2e%2Fsecret",
            "INVALID_DID_URL",
        ),
        bad(
            "did-url-traversal-double-encoded",
            "?service=files&relativeRef=%2F%252e%252e%252Fsecret",
            "INVALID_DID_URL",
        ),
        bad(
            "did-url-traversal-behind-encoded-query",
            "?service=files&relativeRef=/a%253F%252f..%252fsecret",
            "INVALID_DID_URL",
        ),
        bad(
            "did-url-traversal-backslash",
            "?service=files&relativeRef=%5C..%5Csecret",
            "INVALID_DID_URL",
        ),
        bad(
            "did-url-relative-ref-to-other-host",
            "?service=files&relativeRef=%2F%2Fevil.example%2F",
            "INVALID_DID_URL",
        ),
        bad(
            "did-url-relative-ref-with-scheme",
            "?service=files&relativeRef=https%3A%2F%2Fevil.example",
            "INVALID_DID_URL",
        ),
        bad("did-url-path-traversal", "/a/%2e%2e/b", "INVALID_DID_URL"),
        bad(
            "did-url-two-versions",
            "?versionId=0-x&versionTime=2026-01-01T00:00:00Z",
            "INVALID_OPTIONS",
        ),
        bad("did-url-bad-escape", "?service=%zz", "INVALID_DID_URL"),
        bad("did-url-space", "#a b", "INVALID_DID_URL"),
    ]
}

fn geneses() -> Vec<Case> {
    let home = ledger("one");
    let base = organisation(10).build(&home).unwrap();
    let owner = base.did();
    let good = |name: &str, draft: &GenesisDraft| {
        let genesis = draft.build(&home).unwrap();
        valid(
            name,
            json!({"kind": "genesis", "genesis": genesis.value(), "did": genesis.did()}),
        )
    };
    let bad = |name: &str, rule: &str, change: &dyn Fn(&mut Value)| {
        let mut genesis = Value::Object(base.value().clone());
        change(&mut genesis);
        invalid(
            name,
            json!({"kind": "genesis", "genesis": genesis, "rule": rule}),
        )
    };
    let device = GenesisDraft::own_keys(Class::Device, update_keys(10, None), [2; 16])
        .with_document(document(13));
    let own = commitment(&[10], 1);
    vec![
        good("genesis-organisation", &organisation(10)),
        good("genesis-controlled-product", &product(&owner, 1)),
        good("genesis-device-with-own-key", &device),
        bad(
            "genesis-organisation-without-next-keys",
            "did.genesis",
            &|g| {
                let members = g.as_object_mut().unwrap();
                members.remove("nextKeyHashes");
                members.remove("nextThreshold");
            },
        ),
        bad("genesis-keys-and-controller", "did.control", &|g| {
            g["controller"] = json!(owner);
        }),
        bad("genesis-threshold-zero", "did.control", &|g| {
            g["threshold"] = json!(0);
        }),
        bad("genesis-threshold-above-keys", "did.control", &|g| {
            g["threshold"] = json!(2);
        }),
        bad("genesis-key-twice", "did.control", &|g| {
            let key = g["updateKeys"][0].clone();
            g["updateKeys"].as_array_mut().unwrap().push(key);
        }),
        bad("genesis-key-that-signs-no-operation", "did.control", &|g| {
            g["updateKeys"] = json!([concat!(
                "zUC7DerdEmfZ8f4pFajXgGwJoMkV1ofMTmEG5UoNvnWiPiLuGKNeqgRpLH2TV4Xe5mJ2cXV76gRN7",
                "LFQwapF1VFu6x2yrr5ci1mXqC1WNUrnHnLgvfZfMH7h6xP6qsf9EKRQrPQ"
            )]);
        }),
        bad("genesis-update-key-as-recovery-key", "did.control", &|g| {
            g["recovery"] = json!(own);
        }),
        bad("genesis-unknown-member", "did.shape", &|g| {
            g["comment"] = json!("hello");
        }),
        bad("genesis-null-member", "did.shape", &|g| {
            g["recovery"] = Value::Null;
        }),
        bad("genesis-float", "did.profile", &|g| {
            g["threshold"] = json!(1.5);
        }),
        bad("genesis-short-nonce", "did.genesis", &|g| {
            g["nonce"] = json!("00");
        }),
        bad("genesis-document-with-id", "did.document", &|g| {
            g["document"]["id"] = json!(owner);
        }),
        bad("genesis-document-with-proof", "did.document", &|g| {
            g["document"]["proof"] = json!({});
        }),
        bad("genesis-absolute-method-id", "did.document", &|g| {
            g["document"]["verificationMethod"][0]["id"] = json!(format!("{owner}#key-1"));
        }),
        bad("genesis-dangling-relationship", "did.document", &|g| {
            g["document"]["authentication"] = json!(["#key-9"]);
        }),
        bad("genesis-private-jwk", "did.document", &|g| {
            let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "AA"});
            g["document"]["verificationMethod"][0] =
                json!({"id": "#key-1", "type": "JsonWebKey", "publicKeyJwk": jwk});
        }),
        bad(
            "genesis-controller-on-another-ledger",
            "did.genesis",
            &|g| {
                *g = Value::Object(product(&owner, 1).build(&home).unwrap().value().clone());
                g["ledger"] = json!(ledger("two"));
            },
        ),
    ]
}

fn other_methods() -> Vec<Case> {
    let web = |name: &str, did: &str, url: &str| {
        valid(name, json!({"kind": "web", "did": did, "url": url}))
    };
    let bad = |name: &str, did: &str| {
        invalid(
            name,
            json!({"kind": "web", "did": did, "error": "INVALID_DID"}),
        )
    };
    let key = |name: &str, did: &str, error: &str| {
        invalid(name, json!({"kind": "key", "did": did, "error": error}))
    };
    vec![
        web(
            "web-domain",
            "did:web:example.com",
            "https://example.com/.well-known/did.json",
        ),
        web(
            "web-port-and-path",
            "did:web:example.com%3A8443:a:b",
            "https://example.com:8443/a/b/did.json",
        ),
        bad("web-ssrf-ipv4", "did:web:127.0.0.1"),
        bad("web-ssrf-decimal-ipv4", "did:web:2130706433"),
        bad("web-ssrf-hex-ipv4", "did:web:0x7f.1"),
        bad("web-ssrf-ipv6", "did:web:%5B%3A%3A1%5D"),
        bad(
            "web-ssrf-user-information",
            "did:web:good.example%40evil.example",
        ),
        bad("web-traversal", "did:web:example.com:..:secret"),
        bad("web-traversal-encoded", "did:web:example.com:%2e%2e:secret"),
        bad("web-encoded-slash", "did:web:example.com:a%2F..%2Fb"),
        bad("web-port-zero", "did:web:example.com%3A0"),
        key(
            "key-too-short",
            &did_key(&[0xed, 0x01], 31),
            "invalidPublicKeyLength",
        ),
        key(
            "key-secp256k1",
            &did_key(&[0xe7, 0x01], 33),
            "unsupportedPublicKeyType",
        ),
        key("key-not-base58", "did:key:z0OIl", "INVALID_DID"),
        key("key-not-multibase-z", "did:key:m7QHh", "INVALID_DID"),
    ]
}

fn did_key(prefix: &[u8], length: usize) -> String {
    let bytes: Vec<u8> = prefix
        .iter()
        .copied()
        .chain(std::iter::repeat_n(2, length))
        .collect();
    format!("did:key:z{}", bs58::encode(bytes).into_string())
}
