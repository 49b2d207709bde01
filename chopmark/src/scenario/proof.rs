//! Proven answers: checked against the pinned trust root, and refused when a single bit is altered.

use anyhow::{Context as _, bail, ensure};
use chop_did::ChopDid;
use chop_proof::{Freshness, VerifiedHeader, verify_inclusion};
use chop_protocol::http::ProvenValue;
use chop_protocol::keys;
use serde_json::Value;

use super::stack::Stack;

/// How old a header may be, in milliseconds.
const MAX_AGE_MS: i64 = 5 * 60 * 1_000;

/// Asks for a DID's state and checks its proof.
///
/// # Errors
/// When the answer is not proven, or not about this DID.
pub(super) async fn check(stack: &Stack, did: &ChopDid) -> anyhow::Result<VerifiedHeader> {
    let (key, answer) = ask(stack, did).await?;
    judge(stack, &key, &answer)
}

/// Asks for a DID's state, alters one bit at a time in `flips` places spread over the answer, and demands that no altered
/// answer is believed.
///
/// # Errors
/// When one is believed.
pub(super) async fn refuse_altered(
    stack: &Stack,
    did: &ChopDid,
    flips: usize,
) -> anyhow::Result<()> {
    let (key, answer) = ask(stack, did).await?;
    judge(stack, &key, &answer)?;
    let text = serde_json::to_vec(&answer)?;
    for flip in 0..flips {
        let place = (2 * flip + 1) * text.len() / (2 * flips);
        let mut altered = text.clone();
        let byte = altered.get_mut(place).context("nothing to alter")?;
        *byte ^= 1 << (flip % 7);
        if serde_json::from_slice::<Value>(&altered)
            .is_ok_and(|altered| judge(stack, &key, &altered).is_ok())
        {
            bail!(
                "the answer about {did} was believed with bit {} of byte {place} altered",
                flip % 7
            );
        }
    }
    Ok(())
}

async fn ask(stack: &Stack, did: &ChopDid) -> anyhow::Result<(String, Value)> {
    let key = keys::did(&did.scid());
    let answer = stack.get_proven(&key).await?;
    Ok((key, answer))
}

fn judge(stack: &Stack, key: &str, answer: &Value) -> anyhow::Result<VerifiedHeader> {
    let proven: ProvenValue = serde_json::from_value(answer.clone())?;
    ensure!(
        proven.key == key,
        "expected an answer about {key}, got one about {}",
        proven.key
    );
    let value = proven
        .value_bytes()?
        .context("the ledger holds nothing under the key")?;
    let proof = proven.proof.context("the answer has no proof")?;
    let freshness = Freshness::within(chop_http::clock::now_ms(), MAX_AGE_MS);
    Ok(verify_inclusion(
        stack.root(),
        &proof,
        key,
        &value,
        &freshness,
    )?)
}
