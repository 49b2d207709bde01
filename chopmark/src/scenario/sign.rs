//! Signs a credential with a key at hand, outside any issuing service: what a cheat, or a careless clerk, does.

use anyhow::Context as _;
use chop_integrity::Timestamp;
use chop_integrity::proof::{self, JcsSuite, ProofOptions};
use chop_keys::Signer;
use serde_json::{Map, Value};

/// Secures the credential with a Data Integrity proof that claims to be of `at`, without any validation before.
///
/// # Errors
/// When it has no canonical form or the key does not sign.
pub(super) fn with_key(
    credential: &Map<String, Value>,
    signer: &dyn Signer,
    method: &str,
    at: Timestamp,
) -> anyhow::Result<Value> {
    let key = signer.public_key();
    let mut options = ProofOptions::new(
        JcsSuite::for_key(key.key_type())
            .context("the key signs no credentials")?
            .name(),
        method,
        "assertionMethod",
    );
    options.created = Some(at.to_seconds_text());
    let proof = proof::sign(credential, &options, key, |input| {
        signer.sign_credential(input)
    })?;
    let mut secured = credential.clone();
    secured.insert("proof".to_owned(), Value::Object(proof));
    Ok(Value::Object(secured))
}
