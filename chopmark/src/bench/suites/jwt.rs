//! `vc+jwt`.

use anyhow::Context as _;
use chop_credential::issuing;
use chop_keys::{KeyType, Signer as _};
use data_encoding::BASE64URL_NOPAD;

use super::workbench::{Workbench, key, signing_input};
use crate::bench::measure::Case;

pub(super) fn verify(bench: &Workbench, key_type: KeyType) -> anyhow::Result<Case<'_>> {
    let key = key(key_type)?;
    let method = key.public_key().did_key_url();
    let credential = bench.credential(&key.public_key().did_key());
    let token = issuing::issue_jwt(credential, &bench.contexts, &method, &key)?;
    // The floor hashes what the token signs, as whoever checks the signature must.
    let (signed, signature) = token.rsplit_once('.').context("the sample is no token")?;
    let signed = signed.as_bytes().to_vec();
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes())?;
    bench.verifying_over(token.into_bytes(), &key, signed, signature)
}

pub(super) fn issue(bench: &Workbench, key_type: KeyType) -> anyhow::Result<Case<'_>> {
    let key = std::sync::Arc::new(key(key_type)?);
    let (method, signer) = (key.public_key().did_key_url(), key.clone());
    let credential = bench.credential(&key.public_key().did_key());
    let input = signing_input(key_type)?;
    let issue = move || issuing::issue_jwt(credential.clone(), &bench.contexts, &method, &*signer);
    issue()?;
    Ok(Case::new(issue, move || key.sign_credential(&input)))
}
