//! COSE messages, and JWTs of version 1.1.

use super::credential::{changed, is_accepted, unsigned};
use super::did::key;
use chop_credential::{Contexts, SecuredCredential, SecuredPresentation, issuing};
use chop_integrity::canonicalize;
use chop_keys::{JwsSigningInput, Signer};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// A first byte of a CBOR array or tag: a message as it stands. Else the first two bytes say where a good message is cut, and the
/// rest stands there instead of as many bytes.
pub(super) fn cose_sign1(input: &[u8]) {
    let Some(good) = MESSAGE.as_ref() else {
        return;
    };
    let message = match input {
        [0x80..=0x9f | 0xc0..=0xdb, ..] => input.to_vec(),
        [high, low, rest @ ..] => {
            let place = (usize::from(*high) << 8 | usize::from(*low)) % good.len();
            let (before, after) = good.split_at(place);
            let after = after.get(rest.len()..).unwrap_or_default();
            [before, rest, after].concat()
        }
        _ => return,
    };
    drop(SecuredPresentation::from_cose(&message));
    let Ok(credential) = SecuredCredential::from_cose(&message) else {
        return;
    };
    if is_accepted(&credential) {
        // Whether the tag stands before it, and what stands in the unprotected header, the signature does not say.
        let found = credential.credential().json();
        assert_eq!(
            unsigned().as_ref().and_then(Value::as_object),
            Some(found),
            "exactly the signed credential is accepted"
        );
    }
}

/// As the `jwt` target, with the claim `vc` around the credential.
pub(super) fn vc_jwt_1_1(input: &[u8]) {
    let Some([header, payload, signature]) = TOKEN.as_ref() else {
        return;
    };
    let good = format!("{header}.{payload}.{signature}");
    let token = match input.split_first() {
        None => return,
        Some((b'e', _)) => String::from_utf8_lossy(input).into_owned(),
        Some((part, changes)) => match part % 3 {
            0 => format!("{}.{payload}.{signature}", changed(header, changes)),
            1 => format!("{header}.{}.{signature}", changed(payload, changes)),
            _ => format!("{header}.{payload}.{}", BASE64URL_NOPAD.encode(changes)),
        },
    };
    drop(SecuredPresentation::from_token(&token));
    let Ok(credential) = SecuredCredential::from_token(&token) else {
        return;
    };
    if is_accepted(&credential) {
        assert_eq!(token, good, "exactly the signed token is accepted");
    }
}

static MESSAGE: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| {
    let key = key(3)?;
    let method = key.public_key().did_key_url();
    issuing::issue_cose(unsigned()?, &Contexts::embedded(), &method, &key).ok()
});

/// Header, payload and signature of a good token.
static TOKEN: LazyLock<Option<[String; 3]>> = LazyLock::new(|| {
    let key = key(3)?;
    let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": key.public_key().did_key_url()});
    let payload = json!({
        "iss": key.public_key().did_key(),
        "sub": "did:example:coin",
        "jti": "urn:example:stamp",
        "nbf": 1_767_225_600,
        "vc": {
            "@context": ["https://www.w3.org/2018/credentials/v1"],
            "type": ["VerifiableCredential"],
            "credentialSubject": {},
        },
    });
    let [header, payload] = [header, payload]
        .map(|part| BASE64URL_NOPAD.encode(&canonicalize(&part).unwrap_or_default()));
    let signature = key
        .sign_jws(&JwsSigningInput::new(format!("{header}.{payload}")).ok()?)
        .ok()?;
    Some([
        header,
        payload,
        BASE64URL_NOPAD.encode(signature.as_bytes()),
    ])
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unchanged_templates_are_accepted() {
        let message = MESSAGE.as_ref().unwrap();
        assert!(is_accepted(&SecuredCredential::from_cose(message).unwrap()));
        let token = TOKEN.as_ref().unwrap().join(".");
        assert!(is_accepted(&SecuredCredential::from_token(&token).unwrap()));
    }
}
