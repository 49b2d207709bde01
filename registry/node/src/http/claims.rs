//! Claims: whoever has the secret under a scratch layer shows it by a signature over a fresh challenge, without an account.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chop_did::ChopDid;
use chop_http::{JsonBytes, Problem, clock, random};
use chop_integrity::Timestamp;
use chop_keys::PublicKey;
use chop_protocol::{
    Action, Claim, ClaimCode, ClaimTerms, CodeStanding, Envelope, Nonce, Segment, Signed, keys,
};
use serde::{Deserialize, Serialize};

use super::{NodeApp, batches, failed, leaves, transactions};
use crate::leaves::held::{held, record};

/// How long a challenge may be answered, in milliseconds.
const LIFE_MS: i64 = 5 * 60 * 1000;
/// The largest body, in bytes.
const BODY: usize = 4 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    did: String,
}

/// The items whose claims are under way: one of each, so that what the ledger will refuse is known before it is sent.
#[derive(Clone, Default)]
pub(super) struct UnderWay(Arc<Mutex<HashSet<ChopDid>>>);

/// The place of an item whose claim is under way; dropping it makes room for the next.
struct Turn {
    under_way: UnderWay,
    item: ChopDid,
}

impl UnderWay {
    /// Takes the item's place; `None` while a claim of it is under way.
    fn take(&self, item: ChopDid) -> Option<Turn> {
        let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        items.insert(item).then(|| Turn {
            under_way: self.clone(),
            item,
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let items = self.under_way.0.lock();
        let mut items = items.unwrap_or_else(PoisonError::into_inner);
        items.remove(&self.item);
    }
}

/// What a code's key signs, after the holder has been put in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Challenge {
    terms: ClaimTerms,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Answered {
    did: String,
    nonce: Nonce,
    valid_until: Timestamp,
    #[serde(default)]
    holder: Option<PublicKey>,
    signature: Signed,
}

#[utoipa::path(post, path = "/v1/claims/challenge", tag = "batches", summary = "Ask for a challenge that a code's key signs",
    description = "The secret itself is never sent: its key signs `\"chop/code-claim/v1\" ‖ SHA-256(\"chop/code-claim-terms/v1\" ‖ JCS(terms))`, where `holder` may be added to the terms.",
    request_body(content = Object, description = "`{\"did\"}`"),
    responses((status = 200, description = "The terms, good for five minutes", body = Object), (status = 404, description = "No such item is kept here"), (status = 422, description = "The item has no secret")))]
pub(super) async fn challenge(
    State(app): State<NodeApp>,
    JsonBytes(bytes): JsonBytes<BODY>,
) -> Result<Json<Challenge>, Problem> {
    let Asked { did } = body(&bytes)?;
    let did = batches::item_did(&app, &did)?;
    secret_key(&app, &did).await?;
    Ok(Json(Challenge {
        terms: ClaimTerms {
            ledger: app.engine().genesis().id(),
            item: did,
            actor: app.inner.operator.did,
            nonce: Nonce::new(random::bytes()),
            valid_until: Timestamp::from_unix_ms(clock::now_ms().saturating_add(LIFE_MS)),
            holder: None,
        },
    }))
}

#[utoipa::path(post, path = "/v1/claims", tag = "batches", summary = "Claim a code, and bind its item to a key",
    description = "The ledger remembers the first claim. The node's operator carries it; nobody else can use it, nor use it twice.",
    request_body(content = Object, description = "`{\"did\", \"nonce\", \"validUntil\", \"holder\"?, \"signature\"}`"),
    responses(
        (status = 201, description = "Claimed", body = Object),
        (status = 404, description = "No such item is kept here"),
        (status = 409, description = "Claimed before, or the code is not active"),
        (status = 422, description = "The item has no secret, or the signature is not by its key"),
        (status = 503, description = "Another claim of the item is under way; ask again")))]
pub(super) async fn claim(
    State(app): State<NodeApp>,
    JsonBytes(bytes): JsonBytes<BODY>,
) -> Result<Response, Problem> {
    let answered: Answered = body(&bytes)?;
    let did = batches::item_did(&app, &answered.did)?;
    let (key, proof) = secret_key(&app, &did).await?;
    let operator = &app.inner.operator;
    let terms = ClaimTerms {
        ledger: app.engine().genesis().id(),
        item: did,
        actor: operator.did,
        nonce: answered.nonce,
        valid_until: answered.valid_until,
        holder: answered.holder.clone(),
    };
    // Asked here first, so that strangers cannot use up the operator's quota.
    if !terms.is_signed(&key, &answered.signature) {
        return Err(Problem::unprocessable(
            "claim-signature",
            "The signature is not by the key of the code",
            format_args!("over the terms of this challenge for {did}"),
        ));
    }
    let envelope = Envelope {
        ledger: terms.ledger,
        actor: operator.did,
        sponsor: operator.did,
        nonce: answered.nonce,
        valid_until: answered.valid_until,
        actions: vec![Action::Claim(Box::new(ClaimCode {
            proof,
            holder: answered.holder,
            signature: answered.signature,
        }))],
    };
    let signed = envelope
        .sign(&[&*operator.signer])
        .map_err(|error| Problem::internal(&error))?;
    // Whoever has one secret could else use up the operator's quota: what the ledger will refuse is not sent to it.
    let turn = app.inner.claims.take(did).ok_or_else(|| {
        Problem::unavailable(format!("another claim of {did} is under way: ask again"))
    })?;
    let view = app.engine().view();
    let known = view
        .outcome(&signed.hash())
        .map_err(|error| failed(&error))?;
    if known.is_none() {
        check_now(&app, &did, terms.holder.is_some()).await?;
    }
    // The turn ends with the claim, not with who hangs up.
    let execution = tokio::spawn(async move {
        let executed = transactions::execute(&app, signed).await;
        drop(turn);
        executed
    });
    execution.await.map_err(|error| Problem::internal(&error))?
}

/// Refuses a claim that the ledger would refuse now: the code is not active, or claimed and nothing is to be added.
async fn check_now(app: &NodeApp, did: &ChopDid, binds: bool) -> Result<(), Problem> {
    let refused = |rule: &str, detail: String| {
        let title = "The ledger would refuse the claim";
        Problem::new(StatusCode::CONFLICT, "refused", title)
            .detail(detail)
            .with("rule", rule)
    };
    let view = app.engine().view();
    let held = held(leaves::keeper(app)?, &view, did.scid()).await;
    let held = held.map_err(|error| failed(&error))?;
    let segment: Option<Segment> = match held {
        Some(held) => record(&view, &held.segment).map_err(|error| failed(&error))?,
        None => None,
    };
    if let Some(segment) = segment.filter(|segment| segment.standing != CodeStanding::Active) {
        let standing = segment.standing.as_str();
        return Err(refused("code.standing", format!("the code is {standing}")));
    }
    let claim: Option<Claim> =
        record(&view, &keys::claim(&did.scid())).map_err(|error| failed(&error))?;
    match claim {
        Some(claim) if claim.holder.is_some() || !binds => {
            let detail = format!("the code of {did} was claimed at {}", claim.time);
            Err(refused("claim.exists", detail))
        }
        _ => Ok(()),
    }
}

/// The key of an item's secret, and the item's proof.
async fn secret_key(
    app: &NodeApp,
    did: &ChopDid,
) -> Result<(PublicKey, chop_protocol::ItemProof), Problem> {
    let held = held(leaves::keeper(app)?, &app.engine().view(), did.scid()).await;
    let held = held.map_err(|error| failed(&error))?;
    let held = held.ok_or_else(|| Problem::not_found(format!("no item {did} is kept here")))?;
    let proof = held.found.proof;
    let key = proof.item.key.clone().ok_or_else(|| {
        Problem::unprocessable("no-secret", "The item has no secret", format_args!("{did}"))
    })?;
    Ok((key, proof))
}

fn body<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::bad_request(format!("the body is not of the shape: {error}")))
}
