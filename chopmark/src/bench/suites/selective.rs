//! The selective cryptosuites: issuing the base proof, deriving from it, verifying what was derived.
//!
//! The floor of `bbs-2023` is the library's own operation on as many statements. That of `ecdsa-sd-2023` is the P-256 operations
//! that its statements take: as many signatures, or checks, as there are, and one for the base; deriving takes none, so its floor
//! is one check, for scale.

use anyhow::{Context as _, ensure};
use chop_credential::issuing::{self, ProofRequest};
use chop_credential::selective::{Reveal, Seed, derive as derived_from, disclosed};
use chop_keys::KeyType::{Bls12381G2, P256};
use chop_keys::bbs::{BbsInput, BbsProof, Disclosure};
use chop_keys::{PrivateKey, Signer as _, StatementKey};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::workbench::{Workbench, key};
use crate::bench::measure::Case;

/// What the issuer makes mandatory: two pointers.
const MANDATORY: [&str; 2] = ["/issuer", "/validFrom"];
/// What the holder shows beside it: three claims, one of them of a node within the subject.
const REVEALED: [&str; 3] = [
    "/credentialSubject/variety",
    "/credentialSubject/division",
    "/credentialSubject/indication/indicationName",
];

/// Which suite, and which stage of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Issue,
    Derive,
    Verify,
}

/// Measures a stage of `ecdsa-sd-2023`.
pub(super) fn ecdsa_sd(bench: &Workbench, stage: Stage) -> anyhow::Result<Case<'_>> {
    let sample = Sample::new(bench, "ecdsa-sd-2023", key(P256)?)?;
    let floor = StatementKey::from_seed(&Zeroizing::new([9; 32]))?;
    let statement = format!(
        "_:b0 <https://example.org/{}> \"value\" .\n",
        "term".repeat(8)
    );
    let signature = floor.sign_statement(&statement)?;
    let (signed, shown) = (sample.signed, sample.shown);
    let check = move |times: usize| {
        let public = floor.public_key();
        (0..times)
            .filter(|_| {
                public
                    .verify(statement.as_bytes(), signature.as_bytes())
                    .is_ok()
            })
            .count()
    };
    ensure!(check(1) == 1, "the floor does not verify");
    Ok(match stage {
        Stage::Issue => {
            let floor = StatementKey::from_seed(&Zeroizing::new([9; 32]))?;
            let sign = move || {
                (0..=signed)
                    .filter(|_| floor.sign_statement("_:b0 <a:b> <c:d> .\n").is_ok())
                    .count()
            };
            Case::new(move || sample.issue(), sign)
        }
        Stage::Derive => Case::new(move || sample.derive(&REVEALED), move || check(1)),
        Stage::Verify => {
            let judge = bench.judging(sample.shown_bytes()?, sample.key.public_key())?;
            Case::new(judge, move || check(shown + 1))
        }
    })
}

/// Measures a stage of `bbs-2023`.
pub(super) fn bbs(bench: &Workbench, stage: Stage) -> anyhow::Result<Case<'_>> {
    const HEADER: [u8; 64] = [5; 64];
    let sample = Sample::new(bench, "bbs-2023", key(Bls12381G2)?)?;
    let key = key(Bls12381G2)?;
    let messages: Vec<Vec<u8>> = (0..sample.signed)
        .map(|number| {
            format!("_:b0 <https://example.org/term> \"value {number}\" .\n").into_bytes()
        })
        .collect();
    let shown: Vec<Vec<u8>> = messages.iter().take(sample.shown).cloned().collect();
    let places: Vec<usize> = (0..sample.shown).collect();
    let signature = key.sign_bbs(&BbsInput::new(&HEADER, &messages)?)?;
    let derive = move |key: &PrivateKey, messages: &[Vec<u8>], places: &[usize]| {
        key.public_key().derive_bbs_proof(&Disclosure {
            signature: signature.as_bytes(),
            header: &HEADER,
            presentation_header: &[],
            messages,
            disclosed: places,
            holder: None,
        })
    };
    let proof = derive(&key, &messages, &places)?;
    Ok(match stage {
        Stage::Issue => Case::new(
            move || sample.issue(),
            move || key.sign_bbs(&BbsInput::new(&HEADER, &messages).ok()?).ok(),
        ),
        Stage::Derive => Case::new(
            move || sample.derive(&REVEALED),
            move || derive(&key, &messages, &places),
        ),
        Stage::Verify => {
            let judge = bench.judging(sample.shown_bytes()?, sample.key.public_key())?;
            let check = move || {
                key.public_key().verify_bbs_proof(&BbsProof {
                    proof: &proof,
                    header: &HEADER,
                    presentation_header: &[],
                    messages: &shown,
                    places: &places,
                    bound: None,
                })
            };
            ensure!(check().is_ok(), "the floor does not verify");
            Case::new(judge, check)
        }
    })
}

/// A credential with its base proof.
struct Sample<'a> {
    bench: &'a Workbench,
    suite: &'static str,
    key: PrivateKey,
    document: Value,
    base: Map<String, Value>,
    /// How many statements are signed apart, and how many of them are shown.
    signed: usize,
    shown: usize,
}

impl<'a> Sample<'a> {
    fn new(bench: &'a Workbench, suite: &'static str, key: PrivateKey) -> anyhow::Result<Self> {
        let mut sample = Self {
            document: bench.credential(&key.public_key().did_key()),
            base: Map::new(),
            bench,
            suite,
            key,
            signed: 0,
            shown: 0,
        };
        if let Value::Object(base) = sample.issue()? {
            sample.base = base;
        }
        sample.signed = chosen(&sample.derive(&[""])?)?;
        sample.shown = chosen(&sample.derive(&REVEALED)?)?;
        Ok(sample)
    }

    fn issue(&self) -> anyhow::Result<Value> {
        let method = self.key.public_key().did_key_url();
        let mandatory = MANDATORY.map(str::to_owned);
        let seed = Seed::new(Zeroizing::new([42; 64]));
        let mut request = ProofRequest::new(&method, self.bench.now);
        request.cryptosuite = Some(self.suite);
        request.mandatory_pointers = &mandatory;
        request.seed = Some(&seed);
        let contexts = &self.bench.contexts;
        Ok(issuing::issue(
            self.document.clone(),
            contexts,
            &request,
            &self.key,
        )?)
    }

    fn derive(&self, pointers: &[&str]) -> anyhow::Result<Value> {
        let pointers: Vec<String> = pointers.iter().map(|text| (*text).to_owned()).collect();
        let reveal = Reveal {
            pointers: &pointers,
            ..Reveal::default()
        };
        Ok(derived_from(&self.base, &self.bench.contexts, &reveal)?)
    }

    fn shown_bytes(&self) -> anyhow::Result<Vec<u8>> {
        Ok(serde_json::to_vec(&self.derive(&REVEALED)?)?)
    }
}

/// Counts the statements that a holder chose to show.
fn chosen(derived: &Value) -> anyhow::Result<usize> {
    let proof = derived.get("proof").and_then(Value::as_object);
    let disclosed = proof.and_then(disclosed).context("nothing was derived")?;
    Ok(disclosed.chosen)
}
