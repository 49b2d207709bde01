use super::*;
use chop_keys::{KeyType, PrivateKey, Signer};

fn of(jwk: &Value) -> Did {
    Did::parse(&format!(
        "did:jwk:{}",
        BASE64URL_NOPAD.encode(jwk.to_string().as_bytes())
    ))
    .unwrap()
}

fn p256() -> Value {
    let key = PrivateKey::from_seed(KeyType::P256, &[7; 32]).unwrap();
    serde_json::to_value(key.public_key().jwk().unwrap()).unwrap()
}

fn document(jwk: &Value) -> Result<Value, ErrorKind> {
    resolve(&of(jwk))
        .map(|resolved| resolved.document.unwrap())
        .map_err(|e| e.kind())
}

#[test]
fn expands_a_key_under_fragment_zero() {
    let did = of(&p256());
    let document = resolve(&did).unwrap().document.unwrap();
    assert_eq!(
        document["verificationMethod"][0]["id"],
        json!(format!("{did}#0"))
    );
    assert_eq!(document["verificationMethod"][0]["publicKeyJwk"], p256());
    assert_eq!(document["keyAgreement"], document["assertionMethod"]);
}

#[test]
fn expands_a_p521_key_and_finds_it_again() {
    let key = PrivateKey::from_seed(KeyType::P521, &[1; 66]).unwrap();
    let did = of_key(key.public_key()).unwrap();
    let document = resolve(&did).unwrap().document.unwrap();
    let method = crate::verification_method(&document, &format!("{did}#0")).unwrap();
    assert_eq!(method.key(), key.public_key());
}

#[test]
fn use_sig_excludes_key_agreement_and_use_enc_all_else() {
    let mut jwk = p256();
    jwk["use"] = json!("sig");
    assert!(document(&jwk).unwrap().get("keyAgreement").is_none());
    jwk["use"] = json!("enc");
    assert!(document(&jwk).unwrap().get("assertionMethod").is_none());
}

#[test]
fn an_ed25519_key_agrees_on_nothing_and_an_x25519_key_signs_nothing() {
    let key = PrivateKey::from_seed(KeyType::Ed25519, &[7; 32]).unwrap();
    let did = of_key(key.public_key()).unwrap();
    assert!(
        resolve(&did)
            .unwrap()
            .document
            .unwrap()
            .get("keyAgreement")
            .is_none()
    );
    let jwk = json!({"kty": "OKP", "crv": "X25519", "x": BASE64URL_NOPAD.encode(&[9; 32])});
    assert!(document(&jwk).unwrap().get("authentication").is_none());
}

#[test]
fn refuses_private_keys_padding_duplicates_and_unknown_types() {
    let mut jwk = p256();
    jwk["d"] = json!("AAAA");
    assert_eq!(document(&jwk), Err(ErrorKind::InvalidDid));
    assert_eq!(
        document(&json!({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"})),
        Err(ErrorKind::UnsupportedPublicKeyType)
    );
    assert_eq!(document(&json!([1])), Err(ErrorKind::InvalidDid));
    let twice = BASE64URL_NOPAD.encode(br#"{"kty":"OKP","kty":"OKP"}"#);
    assert!(resolve(&Did::parse(&format!("did:jwk:{twice}")).unwrap()).is_err());
}

#[test]
fn refuses_a_point_off_the_curve() {
    let mut jwk = p256();
    jwk["y"] = jwk["x"].clone();
    assert_eq!(document(&jwk), Err(ErrorKind::InvalidDid));
}
