//! `vc+cose`.

use anyhow::Context as _;
use chop_credential::issuing;
use chop_credential::securing::cose::{CoseKind, Sign1};
use chop_keys::{KeyType, Signer as _};

use super::workbench::{Workbench, key};
use crate::bench::measure::Case;

pub(super) fn verify(bench: &Workbench, key_type: KeyType) -> anyhow::Result<Case<'_>> {
    let key = key(key_type)?;
    let method = key.public_key().did_key_url();
    let credential = bench.credential(&key.public_key().did_key());
    let bytes = issuing::issue_cose(credential, &bench.contexts, &method, &key)?;
    let (message, ..) =
        Sign1::parse(&bytes, CoseKind::Credential).context("the sample is no COSE message")?;
    let (signed, signature) = (message.signed().to_vec(), message.signature().to_vec());
    bench.verifying_over(bytes, &key, signed, signature)
}
