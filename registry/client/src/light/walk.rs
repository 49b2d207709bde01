//! One walk from a trusted header to another, over headers that are asked for where the way does not hold.

use std::time::Duration;

use chop_http::clock;
use chop_proof::{Handover, LightBlock, ProofError, TrustedHeader};

use super::{LightError, Step};

/// How long after it was made a header may serve to skip from: 30 days. An older one is followed from change to change.
const TRUSTING_PERIOD: Duration = Duration::from_hours(30 * 24);
/// The most headers that one walk asks for: enough for a hundred changes in a billion blocks.
const MAX_REQUESTS: usize = 4_096;

/// Begins a walk at the first header after a promotion.
pub(super) fn across(
    handover: Handover,
    first: TrustedHeader,
    goal: LightBlock,
) -> Result<Walk, LightError> {
    let block = handover
        .first_block()
        .map_err(|source| untrusted(&goal, source))?;
    let is_goal = goal == block;
    let mut walk = Walk::from(first, goal);
    if is_goal {
        walk.ahead.clear();
    }
    walk.handover = Some(handover);
    walk.passed.push(block);
    Ok(walk)
}

/// A walk under way.
pub(super) struct Walk {
    pub(super) handover: Option<Handover>,
    pub(super) trusted: TrustedHeader,
    pub(super) passed: Vec<LightBlock>,
    /// What is to be reached, farthest first: the goal, and headers between that may bridge the way.
    ahead: Vec<LightBlock>,
    requests: usize,
}

impl Walk {
    pub(super) fn from(trusted: TrustedHeader, goal: LightBlock) -> Self {
        Self {
            handover: None,
            trusted,
            passed: Vec::new(),
            ahead: vec![goal],
            requests: 0,
        }
    }

    /// Gets on as far as the headers at hand allow; asks for the one in the middle of a gap, or for none at the goal.
    pub(super) fn advance(&mut self, step: Step) -> Result<Option<u64>, LightError> {
        while let Some(next) = self.ahead.pop() {
            match self.step_to(&next, step) {
                Ok(trusted) => {
                    self.trusted = trusted;
                    self.passed.push(next);
                }
                Err(source) => {
                    let (from, to) = (self.trusted.height(), next.height());
                    let gap = to.saturating_sub(from);
                    if gap < 2 || !is_about_trust(&source) {
                        return Err(untrusted(&next, source));
                    }
                    self.ahead.push(next);
                    return Ok(Some(from + gap / 2));
                }
            }
        }
        Ok(None)
    }

    fn step_to(&self, next: &LightBlock, step: Step) -> Result<TrustedHeader, ProofError> {
        match (self.trusted.follow(next), step) {
            (Err(error), Step::Skip) if is_about_trust(&error) => {
                self.trusted.advance(next, clock::now_ms(), TRUSTING_PERIOD)
            }
            (followed, _) => followed,
        }
    }

    pub(super) fn insert(&mut self, block: LightBlock) -> Result<(), LightError> {
        self.requests += 1;
        if self.requests > MAX_REQUESTS {
            return Err(LightError::TooFar {
                requests: self.requests,
            });
        }
        self.ahead.push(block);
        Ok(())
    }
}

/// Whether a nearer header may help: this one is by validators of whom too little is known, or too old to skip from.
fn is_about_trust(error: &ProofError) -> bool {
    matches!(
        error,
        ProofError::UntrustedValidators { .. }
            | ProofError::TooLittleTrust { .. }
            | ProofError::NotAdvancing { .. }
    )
}

pub(super) fn untrusted(block: &LightBlock, source: ProofError) -> LightError {
    LightError::Untrusted {
        height: block.height(),
        source,
    }
}
