//! SD-JWTs: issued, disclosed and bound.

use super::super::InteropError;
use super::super::act::Options;
use super::super::keys::Key;
use super::{Answer, Ours, keys};
use chop_credential::issuing::{self, BindingTerms, SdJwtRequest, SdJwtVcRequest};
use chop_credential::sd_jwt_vc::SdJwtVc;
use chop_credential::securing::sd_jwt::SdJwt;
use chop_credential::verdict::{Evidence, Outcome, judge_sd_jwt_vc};
use chop_integrity::Timestamp;
use chop_keys::{Jwk, PublicKey};
use serde_json::{Value, json};

/// Issues a W3C credential or, as `dc+sd-jwt`, the claims of an SD-JWT VC; `cnf` in the document is the holder's key.
pub(super) fn issue(
    ours: &mut Ours,
    suite: &str,
    document: &Value,
    key: &Key,
    options: &Options<'_>,
) -> Answer {
    let mut claims = document.as_object().cloned().unwrap_or_default();
    let confirmed = claims.remove("cnf");
    let holder = confirmed.as_ref().map(confirmed_key).transpose()?;
    let disclosable = options.disclosable.unwrap_or_default();
    let decoys = options.decoys.unwrap_or_default();
    let Ours {
        contexts, salts, ..
    } = ours;
    let mut draw = || salts.bytes();
    let issued = if suite == "dc+sd-jwt" {
        let request = SdJwtVcRequest {
            key_id: Some(&key.id),
            chain: None,
            disclosable,
            decoys,
            holder: holder.as_ref(),
        };
        issuing::issue_sd_jwt_vc(&claims, &request, &mut draw, &key.signer)
    } else {
        let request = SdJwtRequest {
            verification_method: &key.id,
            status: None,
            disclosable,
            decoys,
            holder: holder.as_ref(),
        };
        let credential = Value::Object(claims);
        issuing::issue_sd_jwt(credential, contexts, &request, &mut draw, &key.signer)
    };
    issued.map(Value::from).map_err(InteropError::refused)
}

/// Judges an SD-JWT VC and returns its claims.
pub(super) fn verify_vc(ours: &Ours, secured: &Value, options: &Options<'_>) -> Answer {
    let credential =
        SdJwtVc::parse(secured.as_str().unwrap_or_default()).map_err(InteropError::refused)?;
    let evidence = Evidence {
        keys: keys(&credential.verification_methods().into_iter().collect()),
        ..Evidence::default()
    };
    let verdict = judge_sd_jwt_vc(&credential, &evidence, &ours.policy(options));
    if verdict.outcome == Outcome::Accepted {
        claims(secured)
    } else {
        Err(InteropError::refused(json!(verdict.checks)))
    }
}

fn confirmed_key(confirmation: &Value) -> Result<PublicKey, InteropError> {
    let jwk: Jwk = serde_json::from_value(confirmation.get("jwk").cloned().unwrap_or_default())?;
    Ok(PublicKey::from_jwk(&jwk)?)
}

/// Discloses what the options say and binds it to the key.
pub(super) fn present(issued: &Value, key: &Key, options: &Options<'_>) -> Answer {
    let (sd_jwt, _) =
        SdJwt::parse(issued.as_str().unwrap_or_default()).map_err(InteropError::refused)?;
    let disclosed = sd_jwt
        .disclose(options.disclose.unwrap_or_default())
        .map_err(InteropError::refused)?;
    let terms = BindingTerms {
        audience: options.audience.unwrap_or_default(),
        nonce: options.nonce.unwrap_or_default(),
        issued_at: Timestamp::from_unix_ms(options.issued_at.unwrap_or_default() * 1_000),
    };
    issuing::bind_key(&disclosed, sd_jwt.hash(), &terms, &key.signer)
        .map(Value::from)
        .map_err(InteropError::refused)
}

/// Returns the claims as they are disclosed.
pub(super) fn claims(secured: &Value) -> Answer {
    SdJwt::parse(secured.as_str().unwrap_or_default())
        .map(|(_, claims)| Value::Object(claims))
        .map_err(InteropError::refused)
}
