//! The running stack that a story is played against, as any client sees it: over HTTP, every ledger answer proven.

use std::time::Duration;

use anyhow::{Context as _, bail};
use chop_client::submit::submit_and_wait;
use chop_client::{Answer, Service, Submission};
use chop_did::{ChopDid, LedgerId};
use chop_http::outbound::{Guarded, Settings, TrustedOrigin};
use chop_integrity::{Hash, Timestamp};
use chop_keys::Signer;
use chop_proof::TrustRoot;
use chop_protocol::http::{Status, Transaction};
use chop_protocol::terms::Nonce;
use chop_protocol::{Action, Envelope, LedgerGenesis, UnsignedEnvelope};
use serde_json::Value;
use url::Url;

/// How long an envelope of the story may wait for its block, in milliseconds.
const ENVELOPE_LIFE_MS: i64 = 10 * 60 * 1_000;

/// How long the story waits for an envelope's block.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection to a stack.
pub(crate) struct Stack {
    service: Service,
    token: String,
    ledger: LedgerId,
    operator: ChopDid,
    root: TrustRoot,
}

impl Stack {
    /// Connects to the stack at `base` and learns its ledger and operator.
    ///
    /// # Errors
    /// When it cannot be reached, or its trust root does not belong to its genesis.
    pub(crate) async fn connect(base: Url, token: String) -> anyhow::Result<Self> {
        let trusted = vec![TrustedOrigin::new(base.clone())];
        let service = Service::new(
            base,
            Guarded::new(Settings {
                trusted,
                ..Settings::default()
            })?,
        )?;
        let genesis = service
            .get(service.url(&["v1", "genesis"]))
            .await?
            .success()?;
        let genesis = LedgerGenesis::parse(&serde_json::to_vec(&genesis)?)
            .context("the stack's genesis is malformed")?;
        let root = service
            .get(service.url(&["v1", "trust-root"]))
            .await?
            .success()?;
        let root: TrustRoot =
            serde_json::from_value(root).context("the stack's trust root is malformed")?;
        let ledger = genesis.id();
        if root.genesis() != ledger.to_string() {
            bail!(
                "the trust root is of ledger {}, the genesis of {ledger}",
                root.genesis()
            );
        }
        let status = service
            .get(service.url(&["v1", "status"]))
            .await?
            .success()?;
        let status: Status =
            serde_json::from_value(status).context("the stack's status is malformed")?;
        let operator = status.operator;
        Ok(Self {
            service,
            token,
            ledger,
            operator,
            root,
        })
    }

    /// The service behind it.
    pub(crate) fn service(&self) -> &Service {
        &self.service
    }

    /// What authorises writes.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The ledger's id.
    pub(crate) fn ledger(&self) -> &LedgerId {
        &self.ledger
    }

    /// The founder that runs the stack and sponsors the story's envelopes.
    pub(crate) fn operator(&self) -> &ChopDid {
        &self.operator
    }

    /// What proofs are checked against.
    pub(crate) fn root(&self) -> &TrustRoot {
        &self.root
    }

    /// GETs what lies under the path segments; it must be a success.
    ///
    /// # Errors
    /// When the stack does not answer, or refuses.
    pub(crate) async fn get(&self, segments: &[&str]) -> anyhow::Result<Value> {
        Ok(self
            .service
            .get(self.service.url(segments))
            .await?
            .success()?)
    }

    /// GETs a state value with its proof, unchecked.
    ///
    /// # Errors
    /// When the stack does not answer, or refuses.
    pub(crate) async fn get_proven(&self, key: &str) -> anyhow::Result<Value> {
        let mut url = self.service.url(&["v1", "state", key]);
        url.set_query(Some("proof=true"));
        Ok(self.service.get(url).await?.success()?)
    }

    /// POSTs JSON under the admin token; the answer must be a success.
    ///
    /// # Errors
    /// When the stack does not answer, or refuses: then with its words.
    pub(crate) async fn post(&self, segments: &[&str], body: &Value) -> anyhow::Result<Value> {
        let (url, body) = (self.service.url(segments), serde_json::to_vec(body)?);
        accepted(
            segments,
            self.service.post(url, body, Some(&self.token)).await?,
        )
    }

    /// PUTs JSON under the admin token; the answer must be a success.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub(crate) async fn put(&self, segments: &[&str], body: &Value) -> anyhow::Result<Value> {
        let (url, body) = (self.service.url(segments), serde_json::to_vec(body)?);
        accepted(
            segments,
            self.service.put(url, body, Some(&self.token)).await?,
        )
    }

    /// Signs an envelope with `signers`, leaves the sponsor's proof to the node and waits until it is committed; the
    /// envelope's hash. Without signers the actor is the operator, whose key the node holds.
    ///
    /// # Errors
    /// When it is refused, with the rule.
    pub(crate) async fn submit(
        &self,
        actor: &ChopDid,
        actions: Vec<Action>,
        signers: &[&dyn Signer],
    ) -> anyhow::Result<Hash> {
        let envelope = Envelope {
            ledger: self.ledger,
            actor: *actor,
            sponsor: self.operator,
            nonce: Nonce::new(chop_http::random::bytes()),
            valid_until: Timestamp::from_unix_ms(chop_http::clock::now_ms())
                .plus_ms(ENVELOPE_LIFE_MS),
            actions,
        };
        if signers.is_empty() {
            let unsigned = UnsignedEnvelope::new(&envelope)?.to_value();
            let transaction: Transaction =
                serde_json::from_value(self.post(&["v1", "transactions"], &unsigned).await?)?;
            return Ok(transaction.hash);
        }
        match submit_and_wait(
            &self.service,
            &envelope.sign(signers)?,
            Some(&self.token),
            PATIENCE,
        )
        .await?
        {
            Submission::Committed { hash, .. } => Ok(hash),
            other => bail!("the ledger did not commit the envelope: {other:?}"),
        }
    }
}

/// The body of a success; a refusal is an error in the stack's own words.
fn accepted(segments: &[&str], answer: Answer) -> anyhow::Result<Value> {
    if !(200..300).contains(&answer.status) {
        bail!(
            "{} was refused ({}): {}",
            segments.join("/"),
            answer.status,
            answer.body
        );
    }
    Ok(answer.body)
}
