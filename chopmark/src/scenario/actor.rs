//! Somebody in the story: a DID with keys of its own, held by the runner.

use anyhow::Context as _;
use chop_did::build::{self, GenesisDraft};
use chop_did::control::{KeySet, UpdateKeys};
use chop_did::document::Relationship;
use chop_did::{ApplyContext, ChopDid, Class, DidState, Document, Genesis, SignedOperation};
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer as _};
use chop_protocol::Action;

use super::stack::Stack;

/// The recovery delay does not matter here: no actor of a story changes its recovery set.
const NO_DELAY_MS: i64 = 0;

/// A DID that the runner holds the keys of.
pub(crate) struct Actor {
    /// Its DID.
    pub did: ChopDid,
    /// Its present state, as the runner computed it from its own operations.
    state: DidState,
    update: PrivateKey,
    /// Acts on the ledger.
    pub invoke: PrivateKey,
    /// Signs credentials outside the issuing service.
    pub assert: PrivateKey,
    /// The name of its issuing instance, once there is one.
    pub instance: Option<String>,
}

impl Actor {
    /// Creates a DID with keys of its own.
    ///
    /// # Errors
    /// When the ledger refuses it.
    pub(crate) async fn create(stack: &Stack, class: Class) -> anyhow::Result<Self> {
        let (update, next, recovery) = (fresh()?, fresh()?, fresh()?);
        let (invoke, assert) = (fresh()?, fresh()?);
        let document = Document::empty()
            .with_key(
                "#act",
                invoke.public_key(),
                &[
                    Relationship::Authentication,
                    Relationship::CapabilityInvocation,
                ],
            )?
            .with_key(
                "#assert",
                assert.public_key(),
                &[Relationship::AssertionMethod],
            )?;
        let keys = UpdateKeys {
            current: one(update.public_key())?,
            next: Some(one(next.public_key())?.commitment()),
        };
        let genesis = GenesisDraft::own_keys(class, keys, chop_http::random::bytes())
            .with_recovery(one(recovery.public_key())?.commitment())
            .with_document(document)
            .build(stack.ledger())?;
        let operation = build::create(&genesis).signed_by(&[&update])?;
        let state = applied(stack, None, &operation)?;
        let did = genesis.did();
        stack
            .submit(&did, vec![Action::Did(Box::new(operation))], &[&update])
            .await?;
        Ok(Self {
            did,
            state,
            update,
            invoke,
            assert,
            instance: None,
        })
    }

    /// Publishes another assertion key in its document.
    ///
    /// # Errors
    /// When the ledger refuses the update.
    pub(crate) async fn publish(
        &mut self,
        stack: &Stack,
        id: &str,
        key: &PublicKey,
    ) -> anyhow::Result<()> {
        let document = self
            .state
            .document()
            .with_key(id, key, &[Relationship::AssertionMethod])?;
        let operation = build::update(&self.state, &document).signed_by(&[&self.update])?;
        let state = applied(stack, Some(&self.state), &operation)?;
        stack
            .submit(
                &self.did,
                vec![Action::Did(Box::new(operation))],
                &[&self.invoke],
            )
            .await?;
        self.state = state;
        Ok(())
    }

    /// The genesis of a DID that this actor controls, and its signed create.
    ///
    /// # Errors
    /// When the document breaks the method's rules.
    pub(crate) fn controlled(
        &self,
        stack: &Stack,
        class: Class,
        document: Document,
    ) -> anyhow::Result<(Genesis, Action)> {
        let genesis = GenesisDraft::controlled(class, self.did, chop_http::random::bytes())
            .with_document(document)
            .build(stack.ledger())?;
        let operation = build::create(&genesis).signed_by(&[&self.invoke])?;
        Ok((genesis, Action::Did(Box::new(operation))))
    }
}

/// A fresh Ed25519 key.
///
/// # Errors
/// Never in practice: every seed is an Ed25519 key.
pub(crate) fn fresh() -> anyhow::Result<PrivateKey> {
    Ok(PrivateKey::from_seed(
        KeyType::Ed25519,
        &chop_http::random::bytes::<32>(),
    )?)
}

fn one(key: &PublicKey) -> anyhow::Result<KeySet> {
    Ok(KeySet::new([key.clone()], 1)?)
}

fn applied(
    stack: &Stack,
    state: Option<&DidState>,
    operation: &SignedOperation,
) -> anyhow::Result<DidState> {
    let context = ApplyContext {
        ledger: stack.ledger(),
        time: Timestamp::from_unix_ms(chop_http::clock::now_ms()),
        recovery_delay_ms: NO_DELAY_MS,
        controller: None,
        new_controller: None,
    };
    let (state, _) = chop_did::apply(state, operation.operation(), &context)
        .context("the operation breaks a rule")?;
    Ok(state)
}
