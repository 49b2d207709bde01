//! `dc+sd-jwt`: an SD-JWT VC of which three claims are disclosed, with a key binding JWT.
//!
//! The floor is the two signature checks, the issuer's and the holder's, over the bytes that they signed.

use anyhow::{Context as _, ensure};
use chop_credential::issuing::{BindingTerms, SdJwtVcRequest, bind_key, issue_sd_jwt_vc};
use chop_credential::sd_jwt_vc::SdJwtVc;
use chop_credential::verdict::{CheckName, Policy};
use chop_keys::{KeyType, PrivateKey, Signer as _};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, json};

use super::workbench::{CHECKS, Workbench, key};
use crate::bench::measure::Case;

/// What the holder shows.
const SHOWN: [&str; 3] = ["/given_name", "/address/locality", "/birthdate"];
/// What the holder keeps.
const KEPT: [&str; 4] = ["/family_name", "/email", "/address/postal_code", "/gender"];
const AUDIENCE: &str = "https://verifier.example";
const NONCE: &str = "n-0S6_WzA2Mj";
/// What shows that the holder presents it, to this verifier, now.
const BINDING: [CheckName; 3] = [
    CheckName::Challenge,
    CheckName::Audience,
    CheckName::HolderBinding,
];

pub(super) fn verify(bench: &Workbench, key_type: KeyType) -> anyhow::Result<Case<'_>> {
    let (issuer, holder) = (
        key(key_type)?,
        PrivateKey::from_seed(key_type, &vec![11; key_type.secret_len()])?,
    );
    let presented = presented(bench, &issuer, &holder)?;
    let by_issuer = Signed::of(presented.split('~').next())?;
    let by_holder = Signed::of(presented.rsplit('~').next())?;
    let mut policy = Policy::only(bench.now, &[CHECKS.as_slice(), &BINDING].concat());
    policy.key_binding = true;
    policy.expected.audience = Some(AUDIENCE.to_owned());
    policy.expected.challenge = Some(NONCE.to_owned());
    let judge = bench.judging_under(presented.into_bytes(), issuer.public_key(), policy)?;
    let (issuer, holder) = (issuer.public_key().clone(), holder.public_key().clone());
    let check = move || {
        let first = issuer
            .verify(&by_issuer.bytes, &by_issuer.signature)
            .is_ok();
        first
            && holder
                .verify(&by_holder.bytes, &by_holder.signature)
                .is_ok()
    };
    ensure!(check(), "the floor does not verify");
    Ok(Case::new(judge, check))
}

/// Issues the credential and presents three of its claims.
fn presented(
    bench: &Workbench,
    issuer: &PrivateKey,
    holder: &PrivateKey,
) -> anyhow::Result<String> {
    let claims = json!({
        "iss": issuer.public_key().did_key(),
        "vct": "https://credentials.example/identity",
        "iat": bench.now.unix_ms().div_euclid(1_000),
        "given_name": "Erika",
        "family_name": "Mustermann",
        "email": "erika@example.org",
        "gender": "female",
        "birthdate": "1963-08-12",
        "address": {"locality": "Köln", "postal_code": "51147", "country": "DE"},
        "nationalities": ["DE"],
    });
    let claims: Map<_, _> = claims.as_object().cloned().context("no claims")?;
    let disclosable: Vec<String> = SHOWN
        .iter()
        .chain(&KEPT)
        .map(|text| (*text).to_owned())
        .collect();
    let method = issuer.public_key().did_key_url();
    let request = SdJwtVcRequest {
        key_id: Some(&method),
        chain: None,
        disclosable: &disclosable,
        decoys: 0,
        holder: Some(holder.public_key()),
    };
    let mut salt = [0_u8; 16];
    let mut randomness = || {
        salt = salt.map(|byte| byte.wrapping_add(1));
        salt
    };
    let compact = issue_sd_jwt_vc(&claims, &request, &mut randomness, issuer)?;
    let credential = SdJwtVc::parse(&compact)?;
    let shown = credential.sd_jwt().disclose(&SHOWN.map(str::to_owned))?;
    let terms = BindingTerms {
        audience: AUDIENCE,
        nonce: NONCE,
        issued_at: bench.now,
    };
    Ok(bind_key(
        &shown,
        credential.sd_jwt().hash(),
        &terms,
        holder,
    )?)
}

/// What a token signs, and its signature.
struct Signed {
    bytes: Vec<u8>,
    signature: Vec<u8>,
}

impl Signed {
    fn of(token: Option<&str>) -> anyhow::Result<Self> {
        let (signed, signature) = token
            .and_then(|token| token.rsplit_once('.'))
            .context("the sample is no token")?;
        Ok(Self {
            bytes: signed.as_bytes().to_vec(),
            signature: BASE64URL_NOPAD.decode(signature.as_bytes())?,
        })
    }
}
