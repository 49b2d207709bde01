//! Acting as a member: who signs, and what became of a proposal.

use crate::cli::did::{act, keys, named_chop};
use crate::cli::keyring::KeyringArgs;
use crate::cli::stack::{MAX_AGE_MS, Stack, StackArgs, read_failure, read_trust_root, trust_root};
use crate::cli::{Failure, Mark, Page, Terminal};
use anyhow::anyhow;
use chop_client::{HttpRegistry, governance};
use chop_did::ChopDid;
use chop_http::{clock, random};
use chop_integrity::{Hash, Timestamp};
use chop_proof::TrustRoot;
use chop_protocol::{
    Action, DecisionKind, Envelope, LedgerGenesis, Nonce, Proposal, ProposalStanding,
};
use std::path::PathBuf;

/// The ledger that is asked, and what its answers are checked against.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct LedgerArgs {
    #[command(flatten)]
    pub(in crate::cli) stack: StackArgs,
    /// The pinned trust root [default: trust-root.json in the data folder; without one, what the service's genesis makes]
    #[arg(long, value_name = "FILE")]
    trust_root: Option<PathBuf>,
}

/// Who acts, and where.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ActorArgs {
    /// The member that acts, by DID or name in the key folder [default: the operator of the service]
    #[arg(long = "as", value_name = "DID|NAME")]
    actor: Option<String>,
    #[command(flatten)]
    pub(super) keyring: KeyringArgs,
    #[command(flatten)]
    ledger: LedgerArgs,
}

/// The ledger, with every answer proved.
pub(in crate::cli) struct Council {
    pub(super) stack: Stack,
    pub(super) genesis: LedgerGenesis,
    pub(in crate::cli) registry: HttpRegistry,
}

impl Council {
    /// Reads the ledger's genesis; its answers are checked from the pinned validators on, over every change of them since.
    pub(in crate::cli) async fn open(
        args: &LedgerArgs,
        terminal: &Terminal,
    ) -> Result<Self, Failure> {
        let stack = args.stack.connect(terminal)?;
        let genesis = stack.genesis().await?;
        let registry = stack.registry(args.root(&genesis)?, MAX_AGE_MS);
        Ok(Self {
            stack,
            genesis,
            registry,
        })
    }

    /// Reads a proposal, proved, and checks the signatures that its record keeps.
    pub(super) async fn proposal(&self, id: &Hash) -> Result<Proposal, Failure> {
        let read = governance::proposal(&self.registry, id)
            .await
            .map_err(read_failure)?;
        let proposal = read.value.ok_or_else(|| {
            Failure::not_found(anyhow!("the ledger proves that there is no proposal {id}"))
        })?;
        proposal.check_signed().map_err(Failure::refused)?;
        Ok(proposal)
    }
}

impl LedgerArgs {
    /// The trust root of the ledger that has this genesis.
    fn root(&self, genesis: &LedgerGenesis) -> Result<TrustRoot, Failure> {
        let file = match &self.trust_root {
            Some(file) => file.clone(),
            None => self.stack.data.join("trust-root.json"),
        };
        if self.trust_root.is_none() && !file.is_file() {
            return trust_root(genesis);
        }
        let root = read_trust_root(&file)?;
        if root.genesis() != genesis.id().to_string() {
            return Err(Failure::refused(anyhow!(
                "{} pins ledger {}, the service runs {}; --trust-root names another file",
                file.display(),
                root.genesis(),
                genesis.id()
            )));
        }
        Ok(root)
    }
}

impl ActorArgs {
    pub(super) async fn open(&self, terminal: &Terminal) -> Result<Council, Failure> {
        Council::open(&self.ledger, terminal).await
    }

    /// The member that `--as` names.
    pub(super) fn named(&self) -> Result<ChopDid, Failure> {
        let given = self.actor.as_ref().ok_or_else(|| {
            Failure::usage(anyhow!("its own keys sign this: name the member with --as"))
        })?;
        named_chop(given, &self.keyring)
    }

    /// Sends one action of the member; answers its envelope's hash and the height.
    pub(super) async fn send(
        &self,
        council: &Council,
        action: Action,
        terminal: &Terminal,
    ) -> Result<(Hash, u64), Failure> {
        let actor = match &self.actor {
            Some(given) => named_chop(given, &self.keyring)?,
            None => council.stack.operator().await?,
        };
        let envelope = envelope(council, actor, action);
        if self.actor.is_none() {
            return council.stack.submit_for_operator(&envelope).await;
        }
        let state = council.stack.state(&actor).await?;
        let keyring = self.keyring.open(terminal)?;
        let held = keys::invoking(&keyring, &state, clock::now_ms())?
            .at_least(1, &format!("acting for {actor}"))?;
        let signed = envelope.sign(&held.signers(1)).map_err(Failure::usage)?;
        let height = council.stack.submit(&signed).await?;
        Ok((signed.hash(), height))
    }
}

fn envelope(council: &Council, actor: ChopDid, action: Action) -> Envelope {
    Envelope {
        ledger: council.genesis.id(),
        actor,
        sponsor: actor,
        nonce: Nonce::new(random::bytes()),
        valid_until: Timestamp::from_unix_ms(clock::now_ms() + act::LIFE_MS),
        actions: vec![action],
    }
}

/// Says where a proposal stands, under a heading.
pub(super) fn standing_page(proposal: &Proposal, now: Timestamp) -> Page {
    let standing = proposal.standing_at(now);
    let (mark, words) = match standing {
        ProposalStanding::Accepted => (Mark::Good, "accepted"),
        ProposalStanding::Rejected => (Mark::Bad, "rejected"),
        ProposalStanding::Failed => (Mark::Bad, "agreed to, but a rule stands against it"),
        ProposalStanding::Expired => (Mark::Bad, "expired"),
        ProposalStanding::Open => (Mark::Note, "open"),
    };
    let mut page = Page::new()
        .heading(mark, format!("proposal {}: {words}", proposal.id))
        .field("proposer", proposal.proposer)
        .field("made", proposal.time);
    match &proposal.decision {
        Some(decision) => {
            let tally = decision.tally;
            page = page.field("decided", decision.time).field(
                "votes",
                format!(
                    "{} yes, {} no, of {} members",
                    tally.yes, tally.no, tally.voters
                ),
            );
            if let (DecisionKind::Failed, Some(rule)) = (decision.kind, &decision.rule) {
                page = page.field("rule", rule);
            }
        }
        None => page = page.field("expires", proposal.expires),
    }
    page
}
