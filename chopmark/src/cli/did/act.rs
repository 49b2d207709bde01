//! Sending an operation in an envelope; ending a DID; stopping a change of its recovery set.

use super::keys::{self, Held};
use super::{Target, named_chop};
use crate::cli::keyring::Keyring;
use crate::cli::stack::Stack;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::anyhow;
use chop_did::build::{self, Draft};
use chop_did::{ChopDid, Control, DidState, SignedOperation};
use chop_http::{clock, random};
use chop_integrity::Timestamp;
use chop_keys::Signer;
use chop_protocol::{Action, Envelope, ItemProof, MaterialiseItem, Nonce};
use serde_json::json;
use std::io::IsTerminal as _;

/// An envelope lives five minutes: long enough for a slow ledger, short enough to give up on.
pub(crate) const LIFE_MS: i64 = 5 * 60 * 1000;

/// Arguments of a command that needs no more than the DID.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
}

/// Arguments of `chopmark did deactivate`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  chopmark did deactivate orchard --yes\n\nDeactivation is final. The history stays resolvable."
)]
pub(super) struct DeactivateArgs {
    #[command(flatten)]
    target: Target,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// A DID opened for an operation: its proven state, the keys at hand, the service.
pub(super) struct Session {
    pub(super) stack: Stack,
    pub(super) keyring: Keyring,
    pub(super) did: ChopDid,
    pub(super) state: DidState,
    /// What gives an item of a batch a state of its own, before its first operation.
    item: Option<ItemProof>,
}

impl Session {
    /// Reads the state of the DID with its proof and opens the keys.
    pub(super) async fn open(target: &Target, terminal: &Terminal) -> Result<Self, Failure> {
        let did = named_chop(&target.did, &target.keyring)?;
        let stack = target.stack.connect(terminal)?;
        let (state, item) = stack.state_or_item(&did).await?;
        if state.deactivated() {
            return Err(Failure::refused(anyhow!(
                "{did} was deactivated; that is final"
            )));
        }
        let keyring = target.keyring.open(terminal)?;
        Ok(Self {
            stack,
            keyring,
            did,
            state,
            item,
        })
    }

    /// Signs a draft with what controls the DID: its update keys, or its controller's key.
    pub(super) async fn authorise(&self, draft: Draft) -> Result<SignedOperation, Failure> {
        let held = match self.state.control() {
            Control::Keys(keys) => {
                let held = keys::updating(&self.keyring, keys)?;
                return draft
                    .signed_by(&held.signers(usize::from(keys.current.threshold())))
                    .map_err(Failure::usage);
            }
            Control::Controller(controller) => self.controller_key(controller).await?,
        };
        draft.signed_by(&held.signers(1)).map_err(Failure::usage)
    }

    /// Sends an operation in an envelope of the DID, or of its controller; answers the height.
    ///
    /// With no key of its document at hand the operation still counts, since its own signatures authorise it: the
    /// service's operator carries it then.
    pub(super) async fn send(&self, operation: SignedOperation) -> Result<u64, Failure> {
        let (actor, held) = match self.state.control() {
            Control::Keys(_) => (
                self.did,
                keys::invoking(&self.keyring, &self.state, clock::now_ms())?,
            ),
            Control::Controller(controller) => {
                (*controller, self.controller_key(controller).await?)
            }
        };
        let item = self.item.clone().map(|proof| MaterialiseItem { proof });
        let mut actions: Vec<Action> = item
            .map(|item| Action::Materialise(Box::new(item)))
            .into_iter()
            .collect();
        actions.push(Action::Did(Box::new(operation)));
        submit(&self.stack, actor, actions, &held.signers(1)).await
    }

    async fn controller_key(&self, controller: &ChopDid) -> Result<Held, Failure> {
        let state = self.stack.state(controller).await?;
        keys::invoking(&self.keyring, &state, clock::now_ms())?
            .at_least(1, &format!("acting for {controller}"))
    }
}

/// Puts actions into an envelope, signs it for the actor and sends it; the ledger's operator sponsors it.
///
/// Without signers the operator is the actor too.
pub(super) async fn submit(
    stack: &Stack,
    actor: ChopDid,
    actions: Vec<Action>,
    signers: &[&dyn Signer],
) -> Result<u64, Failure> {
    let genesis = stack.genesis().await?;
    let sponsor = stack.operator().await?;
    let envelope = Envelope {
        ledger: genesis.id(),
        actor: if signers.is_empty() { sponsor } else { actor },
        sponsor,
        nonce: Nonce::new(random::bytes()),
        valid_until: Timestamp::from_unix_ms(clock::now_ms() + LIFE_MS),
        actions,
    };
    if signers.is_empty() {
        let (_, height) = stack.submit_for_operator(&envelope).await?;
        return Ok(height);
    }
    let envelope = envelope.sign(signers).map_err(Failure::usage)?;
    stack.submit(&envelope).await
}

pub(super) async fn veto(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let session = Session::open(&args.target, terminal).await?;
    let now = Timestamp::from_unix_ms(clock::now_ms());
    let pending = session.state.pending_recovery_at(now);
    let pending = pending.ok_or_else(|| {
        Failure::refused(anyhow!(
            "no change of the recovery set of {} waits",
            session.did
        ))
    })?;
    let operation = session
        .authorise(build::veto(&session.state, pending))
        .await?;
    finish(
        &session,
        operation,
        "stopped the change of the recovery set of",
    )
    .await
}

pub(super) async fn deactivate(args: DeactivateArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let session = Session::open(&args.target, terminal).await?;
    if !args.yes {
        confirm(&session.did)?;
    }
    let operation = session.authorise(build::deactivate(&session.state)).await?;
    finish(&session, operation, "deactivated").await
}

fn confirm(did: &ChopDid) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(anyhow!(
            "deactivation is final; --yes says that you mean it"
        )));
    }
    eprint!("End {did} for ever? Type yes: ");
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(Failure::usage)?;
    if line.trim() == "yes" {
        Ok(())
    } else {
        Err(Failure::usage(anyhow!("nothing was changed")))
    }
}

/// Sends the operation and says what it did.
pub(super) async fn finish(
    session: &Session,
    operation: SignedOperation,
    did_what: &str,
) -> Result<Done, Failure> {
    let (seq, hash, kind) = (
        operation.operation().seq(),
        operation.operation().hash(),
        operation.operation().kind(),
    );
    let height = session.send(operation).await?;
    let did = session.did.to_string();
    let version = format!("{seq}-{hash}");
    let page = Page::new()
        .heading(Mark::Good, format!("{did_what} {did}"))
        .field("version", &version)
        .field("height", height);
    Ok(Done::new(
        json!({"did": did, "operation": kind.to_string(), "versionId": version, "height": height}),
        page,
    ))
}
