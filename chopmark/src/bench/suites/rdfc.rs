//! The cryptosuites that canonicalise RDF.

use chop_credential::issuing::{self, ProofRequest};
use chop_keys::{KeyType, Signer as _};

use super::workbench::{Workbench, key, signing_input};
use crate::bench::measure::Case;

pub(super) fn verify(bench: &Workbench, key_type: KeyType) -> anyhow::Result<Case<'_>> {
    let key = key(key_type)?;
    let method = key.public_key().did_key_url();
    let credential = bench.credential(&key.public_key().did_key());
    let mut request = ProofRequest::new(&method, bench.now);
    request.cryptosuite = Some(suite(key_type));
    let secured = issuing::issue(credential, &bench.contexts, &request, &key)?;
    bench.verifying(serde_json::to_vec(&secured)?, &key)
}

pub(super) fn issue(bench: &Workbench, key_type: KeyType) -> anyhow::Result<Case<'_>> {
    let key = std::sync::Arc::new(key(key_type)?);
    let (method, signer) = (key.public_key().did_key_url(), key.clone());
    let credential = bench.credential(&key.public_key().did_key());
    let input = signing_input(key_type)?;
    let issue = move || {
        let mut request = ProofRequest::new(&method, bench.now);
        request.cryptosuite = Some(suite(key_type));
        let issued = issuing::issue(credential.clone(), &bench.contexts, &request, &*signer)?;
        anyhow::Ok(serde_json::to_vec(&issued)?)
    };
    issue()?;
    Ok(Case::new(issue, move || key.sign_credential(&input)))
}

fn suite(key_type: KeyType) -> &'static str {
    match key_type {
        KeyType::Ed25519 => "eddsa-rdfc-2022",
        _ => "ecdsa-rdfc-2019",
    }
}
