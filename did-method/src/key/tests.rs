use super::*;

// An example key of the did:key specification.
const ED25519: &str = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";

fn with(format: Option<&str>, derive: bool) -> KeyOptions {
    KeyOptions {
        public_key_format: format.map(str::to_owned),
        enable_encryption_key_derivation: derive,
    }
}

fn expand(did: &str, options: &KeyOptions) -> Result<Value, ErrorKind> {
    resolve(&Did::parse(did).unwrap(), options)
        .map(|resolved| resolved.document.unwrap())
        .map_err(|e| e.kind())
}

#[test]
fn expands_an_ed25519_key_into_four_relationships() {
    let document = expand(ED25519, &with(None, false)).unwrap();
    let multibase = &ED25519["did:key:".len()..];
    let id = format!("{ED25519}#{multibase}");
    assert_eq!(
        document,
        json!({
            "@context": [DID_V1, MULTIKEY_V1],
            "id": ED25519,
            "verificationMethod": [{"id": id, "type": "Multikey", "controller": ED25519, "publicKeyMultibase": multibase}],
            "authentication": [id], "assertionMethod": [id], "capabilityInvocation": [id], "capabilityDelegation": [id],
        })
    );
}

#[test]
fn derives_the_x25519_keys_that_the_specification_prints() {
    let pairs = [
        (ED25519, "z6LSj72tK8brWgZja8NLRwPigth2T9QRiG1uH9oKZuKjdh9p"),
        (
            "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
            "z6LShs9GGnqk85isEBzzshkuVWrVKsRp24GnDuHk8QWkARMW",
        ),
    ];
    for (did, derived) in pairs {
        let document = expand(did, &with(None, true)).unwrap();
        let id = format!("{did}#{derived}");
        assert_eq!(document["keyAgreement"], json!([id]));
        assert_eq!(document["verificationMethod"][1]["id"], json!(id));
    }
}

#[test]
fn writes_keys_as_jwk_when_asked() {
    let document = expand(ED25519, &with(Some("JsonWebKey"), true)).unwrap();
    assert_eq!(document["verificationMethod"][0]["type"], "JsonWebKey");
    assert_eq!(
        document["verificationMethod"][0]["publicKeyJwk"]["crv"],
        "Ed25519"
    );
    assert_eq!(
        document["verificationMethod"][1]["publicKeyJwk"]["crv"],
        "X25519"
    );
}

#[test]
fn expands_p256_and_p384_keys() {
    let keys = [
        "did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv",
        "did:key:z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau9",
    ];
    for did in keys {
        assert!(
            expand(did, &with(None, true))
                .unwrap()
                .get("keyAgreement")
                .is_none(),
            "{did}"
        );
        let kind = expand(did, &with(Some("Ed25519VerificationKey2020"), false));
        assert_eq!(kind, Err(ErrorKind::InvalidPublicKeyType), "{did}");
    }
}

#[test]
fn tells_an_unknown_format_from_an_experimental_one() {
    assert_eq!(
        expand(ED25519, &with(Some("PgpKey"), false)),
        Err(ErrorKind::UnsupportedPublicKeyType)
    );
    assert_eq!(
        expand(ED25519, &with(Some("JsonWebKey2020"), false)),
        Err(ErrorKind::InvalidPublicKeyType)
    );
}

#[test]
fn tells_a_wrong_length_from_a_wrong_type_and_a_wrong_point() {
    let of = |prefix: &[u8], key: &[u8]| {
        let bytes: Vec<u8> = prefix.iter().chain(key).copied().collect();
        format!("did:key:z{}", bs58::encode(bytes).into_string())
    };
    let verdict = |did: String| expand(&did, &with(None, false)).unwrap_err();
    assert_eq!(
        verdict(of(&[0xed, 0x01], &[1; 31])),
        ErrorKind::InvalidPublicKeyLength
    );
    assert_eq!(
        verdict(of(&[0x80, 0x24], &[2; 34])),
        ErrorKind::InvalidPublicKeyLength
    );
    assert_eq!(
        verdict(of(&[0xe7, 0x01], &[2; 33])),
        ErrorKind::UnsupportedPublicKeyType
    );
    assert_eq!(
        verdict(of(&[0x80, 0x24], &[5; 33])),
        ErrorKind::InvalidPublicKey
    );
}

#[test]
fn refuses_a_version_that_is_no_positive_integer() {
    let multibase = &ED25519["did:key:".len()..];
    assert!(expand(&format!("did:key:1:{multibase}"), &with(None, false)).is_ok());
    assert_eq!(
        expand(&format!("did:key:0:{multibase}"), &with(None, false)),
        Err(ErrorKind::InvalidDid)
    );
    assert_eq!(
        expand(&format!("did:key:x:{multibase}"), &with(None, false)),
        Err(ErrorKind::InvalidDid)
    );
}

#[test]
fn expands_a_bls_key_and_refuses_what_is_no_point() {
    // vc-di-bbs, appendix A.
    let did = "did:key:zUC7DerdEmfZ8f4pFajXgGwJoMkV1ofMTmEG5UoNvnWiPiLuGKNeqgRpLH2TV4Xe5mJ2cXV76gRN7LFQwapF1VFu6x2yrr5ci1mXqC1WNUrnHnLgvfZfMH7h6xP6qsf9EKRQrPQ";
    assert_eq!(
        expand(did, &with(None, false)).unwrap()["verificationMethod"][0]["type"],
        "Multikey"
    );
    let bytes: Vec<u8> = [0xeb, 0x01, 0x80].into_iter().chain([3; 95]).collect();
    let no_point = format!("did:key:z{}", bs58::encode(bytes).into_string());
    assert_eq!(
        expand(&no_point, &with(None, false)),
        Err(ErrorKind::InvalidPublicKey)
    );
}
