//! How many yeses decide.

use serde::{Deserialize, Serialize};

use super::change::Change;
use crate::genesis::LedgerGenesisError;
use crate::keys::DAY_MS;

/// What share of those who may vote must say yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Threshold {
    /// More than half.
    Majority,
    /// More than two thirds.
    TwoThirds,
    /// Everybody.
    All,
}

/// What votes say about a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may still go either way.
    Open,
    /// Enough said yes.
    Accepted,
    /// So many said no that there can never be enough yeses.
    Rejected,
}

impl Threshold {
    /// Says whether `yes` of `voters` are enough; nobody is never enough.
    pub const fn is_met(self, yes: u64, voters: u64) -> bool {
        match self {
            Self::Majority => yes.saturating_mul(2) > voters,
            Self::TwoThirds => yes.saturating_mul(3) > voters.saturating_mul(2),
            Self::All => yes > 0 && yes >= voters,
        }
    }

    /// Decides as soon as the votes that are missing cannot change the answer.
    pub const fn verdict(self, yes: u64, no: u64, voters: u64) -> Verdict {
        if self.is_met(yes, voters) {
            Verdict::Accepted
        } else if self.is_met(voters.saturating_sub(no), voters) {
            Verdict::Open
        } else {
            Verdict::Rejected
        }
    }
}

/// How members decide; stored under [`crate::keys::GOVERNANCE`] once it differs from the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Governance {
    /// Who must agree to a new member.
    pub admission: Threshold,
    /// Who must agree to a suspension, a reinstatement or a removal.
    pub membership: Threshold,
    /// Who must agree to another set of validators.
    pub validators: Threshold,
    /// Who must agree to another parameter.
    pub parameters: Threshold,
    /// How long votes may be cast, in milliseconds of header time; from a minute to 90 days.
    pub ballot_life_ms: i64,
}

impl Default for Governance {
    fn default() -> Self {
        Self {
            admission: Threshold::All,
            membership: Threshold::TwoThirds,
            validators: Threshold::TwoThirds,
            parameters: Threshold::TwoThirds,
            ballot_life_ms: 7 * DAY_MS,
        }
    }
}

impl Governance {
    /// Checks that a ballot lasts long enough to be voted on and ends in time.
    ///
    /// # Errors
    /// Returns [`LedgerGenesisError::Parameter`] with the name of the number that does not fit.
    pub const fn check(&self) -> Result<(), LedgerGenesisError> {
        if self.ballot_life_ms < 60_000 || self.ballot_life_ms > 90 * DAY_MS {
            let name = "ballotLifeMs";
            return Err(LedgerGenesisError::Parameter { name });
        }
        Ok(())
    }

    /// Returns what a change takes.
    ///
    /// A threshold is lowered or raised only by those whom it asks for itself, or by those who change parameters when
    /// that is stricter: otherwise few could do by two steps what takes all in one.
    pub fn threshold(&self, change: &Change) -> Threshold {
        match change {
            Change::Admit(_) => self.admission,
            Change::Suspend(_) | Change::Reinstate(_) | Change::Remove(_) => self.membership,
            // Whoever does not follow stops: it takes as many as blocks do.
            Change::SetValidators(_) | Change::SetRules(_) => self.validators,
            // Its members are taken in by those whom any admission asks for.
            Change::Promote(promotion) if promotion.admit.is_empty() => self.validators,
            Change::Promote(_) => self.validators.max(self.admission),
            Change::SetParameter(setting) => setting
                .threshold(self)
                .map_or(self.parameters, |own| own.max(self.parameters)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::Setting;
    use super::*;

    const ALL: [Threshold; 3] = [Threshold::Majority, Threshold::TwoThirds, Threshold::All];

    #[test]
    fn a_threshold_takes_more_than_its_share() {
        let least = |threshold: Threshold, voters| {
            (0..=voters)
                .find(|yes| threshold.is_met(*yes, voters))
                .unwrap()
        };
        for (voters, expected) in [
            (1, [1, 1, 1]),
            (2, [2, 2, 2]),
            (3, [2, 3, 3]),
            (4, [3, 3, 4]),
            (7, [4, 5, 7]),
            (10, [6, 7, 10]),
        ] {
            assert_eq!(
                ALL.map(|threshold| least(threshold, voters)),
                expected,
                "{voters}"
            );
        }
    }

    #[test]
    fn nobody_decides_nothing() {
        for threshold in ALL {
            assert_eq!(threshold.verdict(0, 0, 0), Verdict::Rejected);
        }
    }

    #[test]
    fn a_verdict_waits_only_while_the_missing_votes_can_change_it() {
        for threshold in ALL {
            for voters in 1..12_u64 {
                for yes in 0..=voters {
                    for no in 0..=voters - yes {
                        let expected = if threshold.is_met(yes, voters) {
                            Verdict::Accepted
                        } else if (0..=voters - yes - no)
                            .any(|more| threshold.is_met(yes + more, voters))
                        {
                            Verdict::Open
                        } else {
                            Verdict::Rejected
                        };
                        assert_eq!(threshold.verdict(yes, no, voters), expected);
                    }
                }
            }
        }
    }

    #[test]
    fn a_threshold_protects_itself() {
        let governance = Governance::default();
        let change = |setting| governance.threshold(&Change::SetParameter(setting));
        assert_eq!(
            change(Setting::Admission(Threshold::Majority)),
            Threshold::All
        );
        assert_eq!(
            change(Setting::Membership(Threshold::Majority)),
            Threshold::TwoThirds
        );
        assert_eq!(change(Setting::HeartbeatMs(1_000)), Threshold::TwoThirds);
    }
}
