//! SD-JWTs, key bindings and chains of certificates.

use chop_credential::AnyCredential;
use chop_credential::sd_jwt_vc::SdJwtVc;
use chop_credential::securing::sd_jwt::SdJwt;
use chop_credential::securing::x5c::{Chain, TrustAnchor};
use data_encoding::{BASE64, BASE64URL_NOPAD};

/// Text as it stands: what parses is disclosed again to the same claims.
pub(super) fn sd_jwt(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    drop(AnyCredential::from_token(&text));
    drop(SdJwtVc::parse(&text));
    let Ok((parsed, claims)) = SdJwt::parse(&text) else {
        return;
    };
    let again = SdJwt::parse(parsed.without_key_binding()).map(|(_, claims)| claims);
    assert_eq!(again.ok(), Some(claims), "the key binding changes no claim");
    let nothing = parsed
        .disclose(&[])
        .ok()
        .map(|text| SdJwt::parse(&text).is_ok());
    assert_eq!(nothing, Some(true), "what discloses nothing is an SD-JWT");
}

/// The payload of a key binding JWT behind an SD-JWT that binds nothing.
pub(super) fn kb_jwt(input: &[u8]) {
    let part = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let jwt = format!("{}.{}.AA", part(br#"{"alg":"ES256"}"#), part(b"{}"));
    let header = part(br#"{"alg":"ES256","typ":"kb+jwt"}"#);
    let text = format!("{jwt}~{header}.{}.AA", part(input));
    if let Ok((parsed, _)) = SdJwt::parse(&text) {
        assert!(
            parsed.key_binding().is_some(),
            "what stands last is the key binding"
        );
    }
}

/// The bytes of a certificate, as a signer's and as an anchor.
pub(super) fn x5c(input: &[u8]) {
    drop(TrustAnchor::from_pem(&String::from_utf8_lossy(input)));
    let anchor = TrustAnchor::from_der(input);
    if let Ok(chain) = Chain::parse(&[BASE64.encode(input)]) {
        let anchors: Vec<TrustAnchor> = anchor.into_iter().collect();
        assert!(
            chain.anchor(&anchors).is_err(),
            "nobody vouches for themselves"
        );
    }
}
