//! SD-JWTs: issued, disclosed and bound.

use super::super::InteropError;
use super::super::act::Options;
use super::super::keys::Key;
use super::{Answer, Ours};
use chop_credential::issuing::{self, BindingTerms, SdJwtRequest};
use chop_credential::securing::sd_jwt::SdJwt;
use chop_integrity::Timestamp;
use chop_keys::{Jwk, PublicKey};
use serde_json::Value;

/// Issues a credential; `cnf` in the document is the holder's key.
pub(super) fn issue(ours: &mut Ours, document: &Value, key: &Key, options: &Options<'_>) -> Answer {
    let mut credential = document.clone();
    let confirmed = credential
        .as_object_mut()
        .and_then(|members| members.remove("cnf"));
    let holder = confirmed.as_ref().map(confirmed_key).transpose()?;
    let request = SdJwtRequest {
        verification_method: &key.id,
        disclosable: options.disclosable.unwrap_or_default(),
        decoys: options.decoys.unwrap_or_default(),
        holder: holder.as_ref(),
        status: None,
    };
    let Ours {
        contexts, salts, ..
    } = ours;
    let mut draw = || {
        let mut salt = [0; 16];
        let drawn = [salts.bits(), salts.bits()].map(u64::to_be_bytes);
        for (to, from) in salt.iter_mut().zip(drawn.as_flattened()) {
            *to = *from;
        }
        salt
    };
    issuing::issue_sd_jwt(credential, contexts, &request, &mut draw, &key.signer)
        .map(Value::from)
        .map_err(InteropError::refused)
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
