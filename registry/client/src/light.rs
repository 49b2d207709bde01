//! The light client: from the pinned validators to those of now, over as few headers as that takes.

use std::time::Duration;

use chop_proof::{
    BatchProof, Checkpoint, EncodedLightBlock, Evidence, Fork, Handover, LightBlock, ProofError,
    TrustRoot, TrustRootError, TrustedHeader,
};

use crate::service::{Service, ServiceError};

mod walk;

use walk::{Walk, across, untrusted};

/// How often, and how far apart, a witness that lags is asked again.
const WITNESS_TRIES: u32 = 10;
const WITNESS_PAUSE: Duration = Duration::from_millis(500);

/// Headers of one ledger, from nodes that nobody has to trust.
#[derive(Debug, Clone)]
pub struct LightClient {
    node: Service,
    root: TrustRoot,
}

/// Verified headers, each leading to the next; the last one is the goal.
#[derive(Debug, Clone)]
pub struct Trail {
    /// What leads across the promotion of a solo ledger; the first of the blocks is then the one after it.
    pub handover: Option<Handover>,
    /// The headers, oldest first; never empty.
    pub blocks: Vec<LightBlock>,
    /// The last header, verified.
    pub reached: TrustedHeader,
}

/// What leads from the pinned validators to those of a height, as evidence carries it.
#[derive(Debug, Clone, Default)]
pub struct Way {
    /// What leads across the promotion of a solo ledger.
    pub handover: Option<Handover>,
    /// The headers that hand over to other validators, oldest first.
    pub headers: Vec<EncodedLightBlock>,
}

impl Way {
    /// Makes evidence of what is proven under the header at its end; no checkpoint and no timestamp stand beside it.
    pub fn evidence(self, proof: BatchProof) -> Evidence {
        Evidence {
            handover: self.handover,
            headers: self.headers,
            proof,
            checkpoint: None,
            timestamp: None,
        }
    }
}

/// Which header to ask a node for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The oldest that the node keeps.
    First,
    /// The newest.
    Latest,
    /// The first one after the promotion of a solo ledger.
    Handover,
    /// The one at this height.
    Height(u64),
}

/// How a walk may get on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Over any distance, as long as a third of the trusted power has signed the farther header too.
    Skip,
    /// Only from validators to those that they hand over to, so that the walk passes every change.
    Change,
}

/// Says why there is no trusted header.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LightError {
    /// The node gave no header.
    #[error("the node gives no header {place}")]
    Service {
        /// Which one was asked for.
        place: Place,
        /// What happened.
        source: ServiceError,
    },
    /// The node's answer is no header.
    #[error("the node's answer for header {place} is none")]
    NotAHeader {
        /// Which one was asked for.
        place: Place,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The node answered with another height.
    #[error("the node was asked for header {asked} and answered with {found}")]
    OtherHeight {
        /// The height asked for.
        asked: u64,
        /// The height found.
        found: u64,
    },
    /// A header does not hold, or does not follow.
    #[error("header {height} is not trusted")]
    Untrusted {
        /// Its height.
        height: u64,
        /// What does not hold.
        source: ProofError,
    },
    /// The pinned validators signed neither the goal nor the node's first header.
    #[error(
        "the node's first header, {height}, is not by the pinned validators: a newer trust root is needed, or a node that keeps older headers"
    )]
    NoBeginning {
        /// Height of the node's first header.
        height: u64,
    },
    /// The walk takes more headers than any honest ledger needs.
    #[error("no trusted header was reached after {requests} requests")]
    TooFar {
        /// How many headers were asked for.
        requests: usize,
    },
    /// The witness gave no header to compare with.
    #[error("the witness {witness} does not confirm header {height}")]
    NoWitness {
        /// Its base URL.
        witness: String,
        /// The height.
        height: u64,
        /// What happened.
        source: Box<Self>,
    },
    /// Two nodes show two histories, and validators signed both.
    #[error("there are two headers of height {height}, and both are signed: the ledger has forked")]
    Forked {
        /// The height.
        height: u64,
        /// What proves it to anybody with the trust root.
        evidence: Box<Fork>,
    },
}

impl LightClient {
    /// Asks the node at `node`, trusting `root` alone.
    pub fn new(node: Service, root: TrustRoot) -> Self {
        Self { node, root }
    }

    /// Walks to a header from the pinned validators, or from a header reached before.
    ///
    /// # Errors
    /// When the node gives no header that the walk leads to.
    pub async fn walk(
        &self,
        from: Option<&TrustedHeader>,
        goal: Place,
        step: Step,
    ) -> Result<Trail, LightError> {
        let goal = self.fetch(goal).await?;
        let mut walk = match from {
            Some(trusted) => self.onward(trusted.clone(), goal).await?,
            None => match TrustedHeader::first(&self.root, &goal) {
                Ok(reached) => {
                    return Ok(Trail {
                        handover: None,
                        blocks: vec![goal],
                        reached,
                    });
                }
                // Other validators signed it: the way there begins where the pinned ones did.
                Err(ProofError::UntrustedValidators { .. }) => self.beginning(goal).await?,
                Err(source) => return Err(untrusted(&goal, source)),
            },
        };
        while let Some(missing) = walk.advance(step)? {
            let block = self.fetch(Place::Height(missing)).await?;
            walk.insert(block)?;
        }
        Ok(Trail {
            handover: walk.handover,
            blocks: walk.passed,
            reached: walk.trusted,
        })
    }

    /// Compares a verified header with what a second node has at its height.
    ///
    /// # Errors
    /// [`LightError::Forked`] when the second node shows another header and validators signed that too;
    /// [`LightError::NoWitness`] when it shows none that counts.
    pub async fn confirm(
        &self,
        witness: &Service,
        height: u64,
        hash: [u8; 32],
    ) -> Result<(), LightError> {
        let other = Self::new(witness.clone(), self.root.clone());
        let no_witness = |source| LightError::NoWitness {
            witness: witness.base().to_string(),
            height,
            source: Box::new(source),
        };
        let seen = other.fetch_patiently(height).await.map_err(no_witness)?;
        if seen.hash() == Some(hash) {
            return Ok(());
        }
        let place = Place::Height(height);
        let mut theirs = other
            .walk(None, place, Step::Skip)
            .await
            .map_err(no_witness)?;
        let mut ours = self.walk(None, place, Step::Skip).await?;
        let mut height = height;
        // Evidence crosses one promotion. Where there are two, the solo ledger forked: at the earlier of its ends, at the latest.
        if let Some(end) = earlier_end(&ours, &theirs) {
            height = end;
            let place = Place::Height(end);
            let walked = other.walk(None, place, Step::Skip).await;
            theirs = walked.map_err(no_witness)?;
            ours = self.walk(None, place, Step::Skip).await?;
        }
        let encode = |trail: &Trail| trail.blocks.iter().map(EncodedLightBlock::from).collect();
        let evidence = Fork {
            ledger: self.root.ledger().to_owned(),
            handover: ours.handover.clone().or_else(|| theirs.handover.clone()),
            first: encode(&ours),
            second: encode(&theirs),
        };
        // Nobody is accused of what the evidence does not show.
        evidence
            .verify(&self.root)
            .map_err(|source| LightError::Untrusted { height, source })?;
        Err(LightError::Forked {
            height,
            evidence: Box::new(evidence),
        })
    }

    /// Confirms a header by a later one: the newest, or the farthest that a checkpoint reaches.
    ///
    /// Returns the way to the later one too. `None` when there is no later header yet. A header of a solo ledger that was
    /// promoted is confirmed by the last one of that ledger at most: what comes after names no parent.
    ///
    /// # Errors
    /// When the node does not give the headers.
    pub async fn checkpoint(&self, height: u64) -> Result<Option<(Way, Checkpoint)>, LightError> {
        let reach = u64::try_from(Evidence::MAX_LINKS).unwrap_or(u64::MAX);
        let last = self.fetch(Place::Latest).await?.height();
        let mut top = last.min(height.saturating_add(reach).saturating_add(1));
        if let Some(end) = self.end_of_solo().await?.filter(|end| *end >= height) {
            top = top.min(end);
        }
        if top <= height {
            return Ok(None);
        }
        let trail = self.walk(None, Place::Height(top), Step::Change).await?;
        let way = trail.way_below(top);
        let mut links = Vec::new();
        for between in height + 1..top {
            let block = self.fetch(Place::Height(between)).await?;
            links.push(block.signed_header.header);
        }
        let head = trail.blocks.last();
        Ok(head.map(|head| (way, Checkpoint::new(&links, head))))
    }

    /// A second node may be a block behind.
    async fn fetch_patiently(&self, height: u64) -> Result<LightBlock, LightError> {
        let mut tries = 1;
        loop {
            match self.fetch(Place::Height(height)).await {
                Err(LightError::Service {
                    source: ServiceError::Refused { answer },
                    ..
                }) if answer.status == 404 && tries < WITNESS_TRIES => {
                    tries += 1;
                    tokio::time::sleep(WITNESS_PAUSE).await;
                }
                fetched => return fetched,
            }
        }
    }

    async fn beginning(&self, goal: LightBlock) -> Result<Walk, LightError> {
        if let Some(handover) = self.handover().await? {
            match handover.verify(&self.root) {
                Ok(verified) if verified.first.height() <= goal.height() => {
                    return across(handover, verified.first, goal);
                }
                // The pinned validators are those after the promotion, or the goal lies before it.
                Ok(_) | Err(ProofError::UntrustedValidators { .. }) => {}
                Err(source) => {
                    let height = handover.last_height().unwrap_or_default();
                    return Err(LightError::Untrusted { height, source });
                }
            }
        }
        let first = self.fetch(Place::First).await?;
        match TrustedHeader::first(&self.root, &first) {
            Ok(trusted) => {
                let mut walk = Walk::from(trusted, goal);
                walk.passed.push(first);
                Ok(walk)
            }
            Err(ProofError::UntrustedValidators { .. }) => Err(LightError::NoBeginning {
                height: first.height(),
            }),
            Err(source) => Err(untrusted(&first, source)),
        }
    }

    /// Goes on from a header reached before; across the promotion of its ledger when that came since.
    async fn onward(&self, trusted: TrustedHeader, goal: LightBlock) -> Result<Walk, LightError> {
        if !trusted.is_solo() || !matches!(trusted.follow(&goal), Err(ref e) if crosses(e)) {
            return Ok(Walk::from(trusted, goal));
        }
        let Some(handover) = self.handover().await? else {
            return Ok(Walk::from(trusted, goal));
        };
        let height = handover.last_height().unwrap_or_default();
        let refused = |source| LightError::Untrusted { height, source };
        let root = trusted
            .own_trust_root()
            .map_err(|error| refused(not_a_set(&error)))?;
        let verified = handover.verify(&root).map_err(refused)?;
        // Whoever trusts a header of the solo ledger above its end has seen a fork.
        verified.check_reached(&trusted).map_err(refused)?;
        across(handover, verified.first, goal)
    }

    /// The height of the last header of the solo ledger, when there was a promotion; only as the node says.
    async fn end_of_solo(&self) -> Result<Option<u64>, LightError> {
        let handover = self.handover().await?;
        Ok(handover.and_then(|handover| handover.last_height().ok()))
    }

    /// What leads across the ledger's promotion; `None` when the node knows of none.
    async fn handover(&self) -> Result<Option<Handover>, LightError> {
        let place = Place::Handover;
        let url = self.node.url(&["v1", "handover"]);
        let answer = self.node.get(url).await;
        let answer = answer.map_err(|source| LightError::Service { place, source })?;
        if answer.status == 404 {
            return Ok(None);
        }
        let body = answer.success();
        let body = body.map_err(|source| LightError::Service { place, source })?;
        serde_json::from_value(body)
            .map(Some)
            .map_err(|source| LightError::NotAHeader { place, source })
    }

    async fn fetch(&self, place: Place) -> Result<LightBlock, LightError> {
        let url = self.node.url(&["v1", "headers", &place.to_string()]);
        let answer = self.node.get(url).await;
        let body = answer
            .and_then(crate::Answer::success)
            .map_err(|source| LightError::Service { place, source })?;
        let encoded: EncodedLightBlock = serde_json::from_value(body)
            .map_err(|source| LightError::NotAHeader { place, source })?;
        let block = encoded.decode().map_err(|source| LightError::Untrusted {
            height: if let Place::Height(height) = place {
                height
            } else {
                0
            },
            source,
        })?;
        match place {
            Place::Height(asked) if block.height() != asked => Err(LightError::OtherHeight {
                asked,
                found: block.height(),
            }),
            _ => Ok(block),
        }
    }
}

/// The lower of the heights at which a solo ledger ended, when two histories have it end differently.
fn earlier_end(ours: &Trail, theirs: &Trail) -> Option<u64> {
    let (one, two) = (ours.handover.as_ref()?, theirs.handover.as_ref()?);
    let (one_end, two_end) = (one.last_height().ok()?, two.last_height().ok()?);
    let hash = |handover: &Handover| handover.last.decode().ok()?.hash();
    (hash(one) != hash(two)).then_some(one_end.min(two_end))
}

/// Whether a refusal may come of a promotion between.
fn crosses(error: &ProofError) -> bool {
    matches!(
        error,
        ProofError::UntrustedValidators { .. } | ProofError::Handover { .. }
    )
}

fn not_a_set(error: &TrustRootError) -> ProofError {
    ProofError::Malformed {
        part: "validator set",
        reason: error.to_string(),
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::First => f.write_str("first"),
            Self::Latest => f.write_str("latest"),
            Self::Handover => f.write_str("after the promotion"),
            Self::Height(height) => height.fmt(f),
        }
    }
}

impl Trail {
    /// What hands over to other validators, below a height.
    pub fn way_below(&self, height: u64) -> Way {
        let changes = self
            .blocks
            .iter()
            .filter(|block| block.changes_validators() && block.height() < height);
        Way {
            handover: self.handover.clone(),
            headers: changes.map(EncodedLightBlock::from).collect(),
        }
    }
}
