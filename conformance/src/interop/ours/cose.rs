//! COSE messages, which the line protocol carries in base64url.

use super::super::InteropError;
use super::super::keys::Key;
use super::{Answer, Ours};
use chop_credential::issuing::{self, TokenTerms};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

/// Issues a credential as `vc+cose`.
pub(super) fn issue(ours: &Ours, document: &Value, key: &Key) -> Answer {
    issuing::issue_cose(document.clone(), &ours.contexts, &key.id, &key.signer)
        .map(|message| encoded(&message))
        .map_err(InteropError::refused)
}

/// Presents as `vp+cose`, with the audience and nonce as CWT claims of the header (RFC 9597 §2).
pub(super) fn present(ours: &Ours, document: &Value, key: &Key, terms: &TokenTerms<'_>) -> Answer {
    issuing::present_cose(
        document.clone(),
        &ours.contexts,
        &key.id,
        terms,
        &key.signer,
    )
    .map(|message| encoded(&message))
    .map_err(InteropError::refused)
}

/// Returns the message's bytes.
pub(super) fn decoded(message: &str) -> Result<Vec<u8>, InteropError> {
    BASE64URL_NOPAD
        .decode(message.as_bytes())
        .map_err(InteropError::refused)
}

fn encoded(message: &[u8]) -> Value {
    Value::from(BASE64URL_NOPAD.encode(message))
}
