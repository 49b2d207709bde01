use super::*;
use crate::ca::key_pair;
use chop_keys::{PrivateKey, Signer as _};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType};

const DID: &str = "did:chop:aaaaaaaaaaaaaaaa:aaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq";

fn key(key_type: KeyType, byte: u8) -> PrivateKey {
    PrivateKey::from_seed(key_type, &vec![byte; key_type.secret_len()]).unwrap()
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.to_owned().try_into().unwrap())
}

fn naming(names: Vec<SanType>) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.subject_alt_names = names;
    parameters
}

fn der(parameters: &CertificateParams, key: &PrivateKey) -> Vec<u8> {
    let pair = key_pair(key).unwrap();
    parameters.serialize_request(&pair).unwrap().der().to_vec()
}

fn refusal(parameters: &CertificateParams) -> RequestError {
    Request::parse(&der(parameters, &key(KeyType::P256, 7))).unwrap_err()
}

#[test]
fn reads_the_did_and_the_key_of_requests_of_every_type() {
    for key_type in [KeyType::Ed25519, KeyType::P256, KeyType::P384] {
        let key = key(key_type, 7);
        let request = Request::parse(&der(&naming(vec![uri(DID)]), &key)).unwrap();
        assert_eq!(request.did.to_string(), DID);
        assert_eq!(&request.key, key.public_key());
        assert_eq!(Some(request.spki), spki_hash(key.public_key()));
    }
}

#[test]
fn refuses_every_request_whose_signature_does_not_hold() {
    for key_type in [KeyType::Ed25519, KeyType::P256, KeyType::P384] {
        let whole = der(&naming(vec![uri(DID)]), &key(key_type, 7));
        // The last byte is the signature's; one of the DID's letters is signed.
        let letter = whole
            .windows(8)
            .position(|window| window == b"did:chop")
            .unwrap()
            + 12;
        for (place, bit) in [(whole.len() - 1, 1), (letter, 3)] {
            let mut altered = whole.clone();
            altered[place] ^= bit;
            let refused = Request::parse(&altered).unwrap_err();
            assert!(
                matches!(refused, RequestError::Signature),
                "{key_type} {place}: {refused}"
            );
        }
    }
}

#[test]
fn refuses_a_request_that_somebody_else_signed() {
    let own = der(&naming(vec![uri(DID)]), &key(KeyType::Ed25519, 7));
    let other = der(&naming(vec![uri(DID)]), &key(KeyType::Ed25519, 8));
    let signature = other.len() - 64;
    let mixed = [&own[..signature], &other[signature..]].concat();
    assert!(matches!(
        Request::parse(&mixed),
        Err(RequestError::Signature)
    ));
}

#[test]
fn refuses_no_name_two_names_and_names_that_are_no_dids() {
    for names in [vec![], vec![uri(DID), uri(DID)]] {
        let found = names.len();
        let refused = refusal(&naming(names));
        assert!(matches!(refused, RequestError::Names { found: f } if f == found));
    }
    for text in [
        "did:web:a.example",
        "https://a.example",
        &DID.to_uppercase(),
    ] {
        let refused = refusal(&naming(vec![uri(text)]));
        assert!(matches!(refused, RequestError::NotADid { .. }), "{text}");
    }
    let host = SanType::DnsName("a.example".to_owned().try_into().unwrap());
    for names in [vec![host.clone()], vec![uri(DID), host]] {
        assert!(matches!(
            refusal(&naming(names)),
            RequestError::Unwanted { .. }
        ));
    }
}

#[test]
fn refuses_a_request_for_more_than_a_name() {
    let mut usage = naming(vec![uri(DID)]);
    usage.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let mut server = naming(vec![uri(DID)]);
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    for parameters in [usage, server] {
        let refused = refusal(&parameters);
        assert!(
            matches!(refused, RequestError::Unwanted { .. }),
            "{refused}"
        );
    }
}

#[test]
fn refuses_what_is_no_request() {
    let whole = der(&naming(vec![uri(DID)]), &key(KeyType::P256, 7));
    let longer = [whole.as_slice(), &[0]].concat();
    for bytes in [&[], &whole[..whole.len() - 1], &longer] {
        assert!(matches!(
            Request::parse(bytes),
            Err(RequestError::Shape { .. })
        ));
    }
}

#[test]
fn a_file_holds_one_block_of_the_right_kind() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("it.pem");
    let key = key(KeyType::P256, 7);
    let pair = key_pair(&key).unwrap();
    let request = naming(vec![uri(DID)]).serialize_request(&pair).unwrap();
    let request = request.pem().unwrap();
    let certificate = naming(vec![uri(DID)]).self_signed(&pair).unwrap().pem();
    std::fs::write(&file, &request).unwrap();
    assert_eq!(Request::read(&file).unwrap().did.to_string(), DID);
    assert_eq!(&public_key_of(&file).unwrap(), key.public_key());
    std::fs::write(&file, &certificate).unwrap();
    assert_eq!(&public_key_of(&file).unwrap(), key.public_key());
    for text in [
        certificate,
        format!("{request}{request}"),
        format!("{request}more"),
        "nothing".to_owned(),
        " ".repeat(70_000),
    ] {
        std::fs::write(&file, text).unwrap();
        assert!(Request::read(&file).is_err());
    }
}
