//! Multikey, did:key and JWK: known answers, and one text for one key.

use serde_json::json;

use super::hex;
use crate::{Jwk, JwkError, KeyError, KeyType, PrivateJwk, PrivateKey, PublicKey, Signer};

/// Multikey and JWK of the examples in the did:key specification §5.
fn did_key_examples() -> [(KeyType, &'static str, serde_json::Value); 4] {
    [
        (
            KeyType::Ed25519,
            "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
            json!({"kty": "OKP", "crv": "Ed25519", "x": "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik"}),
        ),
        (
            KeyType::P256,
            "zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169",
            json!({"kty": "EC", "crv": "P-256",
                "x": "fyNYMN0976ci7xqiSdag3buk-ZCwgXU4kz9XNkBlNUI",
                "y": "hW2ojTNfH7Jbi8--CJUo3OCbH3y5n91g-IMA9MLMbTU"}),
        ),
        (
            KeyType::P256,
            "zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv",
            json!({"kty": "EC", "crv": "P-256",
                "x": "igrFmi0whuihKnj9R3Om1SoMph72wUGeFaBbzG2vzns",
                "y": "efsX5b10x8yjyrj4ny3pGfLcY7Xby1KzgqOdqnsrJIM"}),
        ),
        (
            KeyType::P384,
            "z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau9",
            json!({"kty": "EC", "crv": "P-384",
                "x": "lInTxl8fjLKp_UCrxI0WDklahi-7-_6JbtiHjiRvMvhedhKVdHBfi2HCY8t_QJyc",
                "y": "y6N1IC-2mXxHreETBW7K3mBcw0qGr3CWHCs-yl09yCQRLcyfGv7XhqAngHOu51Zv"}),
        ),
    ]
}

fn jwk(value: serde_json::Value) -> Jwk {
    serde_json::from_value(value).unwrap()
}

fn p256_jwk() -> serde_json::Value {
    did_key_examples()[1].2.clone()
}

#[test]
fn reads_and_writes_the_examples_of_the_did_key_specification() {
    for (key_type, multikey, members) in did_key_examples() {
        let key = PublicKey::from_multikey(multikey).unwrap();

        assert_eq!(key.key_type(), key_type);
        assert_eq!(key.multikey(), multikey);
        assert_eq!(serde_json::to_value(key.jwk().unwrap()).unwrap(), members);
        assert_eq!(PublicKey::from_jwk(&jwk(members)), Ok(key.clone()));
        assert_eq!(key.did_key(), format!("did:key:{multikey}"));
        assert_eq!(PublicKey::from_did_key_url(&key.did_key_url()), Ok(key));
    }
}

#[test]
fn makes_the_first_example_from_a_seed_of_zeros() {
    let key = PrivateKey::from_seed(KeyType::Ed25519, &[0; 32]).unwrap();

    assert_eq!(key.public_key().multikey(), did_key_examples()[0].1);
}

#[test]
fn refuses_multikeys_that_are_not_canonical_or_not_known() {
    let base58 = |bytes: &[u8]| format!("z{}", bs58::encode(bytes).into_string());
    let zero_seed = hex("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29");
    let with = |codec: &[u8]| base58(&[codec, &zero_seed].concat());
    assert!(PublicKey::from_multikey(&with(&[0xed, 0x01])).is_ok());

    assert_eq!(PublicKey::from_multikey(""), Err(KeyError::NotBase58btc));
    assert_eq!(PublicKey::from_multikey("z"), Err(KeyError::UnknownCodec));
    // X25519, secp256k1, a varint that is longer than needed, no prefix, a leading zero byte.
    for codec in [
        &[0xec, 0x01][..],
        &[0xe7, 0x01],
        &[0xed, 0x81, 0x00],
        &[],
        &[0x00, 0xed, 0x01],
    ] {
        assert!(PublicKey::from_multikey(&with(codec)).is_err(), "{codec:?}");
    }
    let multikey = with(&[0xed, 0x01]);
    for text in [
        multikey[1..].to_owned(),
        format!("u{}", &multikey[1..]),
        format!("z1{}", &multikey[1..]),
        format!("{multikey} "),
        format!(" {multikey}"),
        multikey.replacen('M', "0", 1),
        multikey.replacen('M', "é", 1),
        base58(&[&[0xed, 0x01], &zero_seed[..31]].concat()),
        base58(&[&[0xed, 0x01], &zero_seed[..], &[0]].concat()),
        format!("z{}", "2".repeat(100_000)),
    ] {
        assert!(PublicKey::from_multikey(&text).is_err(), "{text:.80}");
    }
}

#[test]
fn refuses_did_key_urls_that_name_two_keys_or_none() {
    let [(_, a, _), (_, b, _), ..] = did_key_examples();

    assert_eq!(
        PublicKey::from_did_key_url(&format!("did:key:{a}#{b}")),
        Err(KeyError::FragmentMismatch)
    );
    for url in [
        format!("did:key:{a}"),
        format!("did:web:{a}#{a}"),
        format!("{a}#{a}"),
        format!("DID:key:{a}#{a}"),
    ] {
        assert_eq!(PublicKey::from_did_key_url(&url), Err(KeyError::NotDidKey));
    }
    for url in [
        format!("did:key:{a}?x#{a}"),
        format!("did:key:{a}#{a}#{a}"),
        format!("did:key:1.1:{a}#{a}"),
    ] {
        assert!(PublicKey::from_did_key_url(&url).is_err());
    }
}

#[test]
fn refuses_private_members_in_public_jwks() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
        for value in [json!("AA"), json!(null), json!({})] {
            let mut members = p256_jwk();
            members[member] = value;

            let refused = serde_json::from_value::<Jwk>(members).unwrap_err();

            assert!(refused.to_string().contains("private member"), "{refused}");
        }
    }
}

#[test]
fn drops_members_of_public_jwks_that_it_does_not_know() {
    let mut members = p256_jwk();
    members["x5t"] = json!("AA");
    members["kid"] = json!("key-1");

    let read = jwk(members);

    assert_eq!(read.kid.as_deref(), Some("key-1"));
    assert!(PublicKey::from_jwk(&read).is_ok());
    assert!(serde_json::to_value(&read).unwrap().get("x5t").is_none());
}

#[test]
fn refuses_coordinates_that_are_not_canonical_base64url_of_full_length() {
    let x = p256_jwk()["x"].as_str().unwrap().to_owned();
    let trailing_bits = format!("{}J", &x[..42]);
    for bad in [
        format!("{x}="),
        trailing_bits,
        x.replace('-', "+"),
        x[..42].to_owned(),
        format!("AA{x}"),
        String::new(),
    ] {
        let mut members = p256_jwk();
        members["x"] = json!(bad);

        assert_eq!(
            PublicKey::from_jwk(&jwk(members)),
            Err(JwkError::Coordinate {
                member: "x",
                key_type: KeyType::P256
            }
            .into()),
            "{bad}"
        );
    }
}

#[test]
fn refuses_jwks_whose_members_contradict_each_other() {
    let examples = did_key_examples();
    let change = |of: usize, member: &str, value: serde_json::Value| {
        let mut members = examples[of].2.clone();
        members[member] = value;
        PublicKey::from_jwk(&jwk(members))
    };
    let x = examples[0].2["x"].clone();

    assert!(change(0, "y", x.clone()).is_err(), "Ed25519 has no y");
    assert!(change(0, "kty", json!("EC")).is_err());
    assert!(change(0, "crv", json!("X25519")).is_err());
    assert!(change(1, "crv", json!("P-384")).is_err());
    assert!(change(1, "crv", json!("secp256k1")).is_err());
    assert!(change(1, "y", json!(null)).is_err());
    assert!(change(1, "y", x).is_err(), "not on the curve");
    assert!(change(0, "alg", json!("ES256")).is_err());
    assert!(change(1, "alg", json!("ES384")).is_err());
    assert!(change(1, "use", json!("enc")).is_err());
    assert!(change(1, "key_ops", json!(["sign"])).is_err());
    assert!(change(1, "key_ops", json!(["verify", "verify"])).is_err());
    assert!(change(1, "key_ops", json!([])).is_err());

    assert!(change(0, "alg", json!("EdDSA")).is_ok());
    assert!(change(0, "alg", json!("Ed25519")).is_ok());
    assert!(change(3, "alg", json!("ES384")).is_ok());
    assert!(change(1, "use", json!("sig")).is_ok());
    assert!(change(1, "key_ops", json!(["verify"])).is_ok());
}

#[test]
fn computes_the_thumbprint_of_rfc_8037() {
    let key = jwk(json!({
        "kty": "OKP", "crv": "Ed25519", "kid": "ignored",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    }));

    assert_eq!(
        key.thumbprint(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
}

#[test]
fn imports_the_private_jwk_of_rfc_8037_and_exports_it_again() {
    let text = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;
    let jwk: PrivateJwk = serde_json::from_str(text).unwrap();

    let key = PrivateKey::from_jwk(&jwk).unwrap();

    assert_eq!(key.jwk().unwrap().as_str(), text);
    assert_eq!(
        key.public_key().raw(),
        hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    );
}

#[test]
fn refuses_a_private_jwk_whose_secret_is_of_another_key() {
    for (key_type, length) in [
        (KeyType::Ed25519, 32),
        (KeyType::P256, 32),
        (KeyType::P384, 48),
        (KeyType::P521, 66),
    ] {
        let of = |byte| {
            let mut seed = vec![byte; length];
            seed[0] = 1;
            PrivateKey::from_seed(key_type, &seed).unwrap()
        };
        let (one, other) = (of(1), of(2));
        let mut members: serde_json::Value = serde_json::from_str(&one.jwk().unwrap()).unwrap();
        let foreign: serde_json::Value = serde_json::from_str(&other.jwk().unwrap()).unwrap();
        members["d"] = foreign["d"].clone();
        let jwk: PrivateJwk = serde_json::from_value(members).unwrap();

        assert_eq!(
            PrivateKey::from_jwk(&jwk).err(),
            Some(JwkError::Inconsistent.into())
        );
    }
}

#[test]
fn reads_p521_keys_from_jwks_alone() {
    let key = PrivateKey::from_seed(KeyType::P521, &[1; 66]).unwrap();
    let public = key.public_key();
    let private: PrivateJwk = serde_json::from_str(&key.jwk().unwrap()).unwrap();

    assert_eq!(
        PublicKey::from_jwk(&public.jwk().unwrap()),
        Ok(public.clone())
    );
    assert_eq!(PrivateKey::from_jwk(&private).unwrap().public_key(), public);
    assert!(PublicKey::from_multikey(&public.multikey()).is_err());
}

#[test]
fn reads_and_writes_itself_as_a_json_string() {
    let key = PublicKey::from_multikey(did_key_examples()[1].1).unwrap();
    let text = serde_json::to_string(&key).unwrap();

    assert_eq!(text, format!("\"{}\"", key.multikey()));
    assert_eq!(serde_json::from_str::<PublicKey>(&text).unwrap(), key);
    assert_eq!(format!("{key:?}"), key.multikey());
}
