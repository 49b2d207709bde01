//! Whether reading gets dearer as the ledger grows: the same hot set's size among few and among many.

use serde::Serialize;

use super::reads::Reads;
use super::row::{Budget, Row};

/// How many there are at first.
const FEW: usize = 10_000;
/// Reading without a proof stays flat.
pub(super) const FLAT: Budget = Budget::Times(1.3);
/// A proof's path grows with the logarithm.
pub(super) const PROVEN: Budget = Budget::Times(2.0);

/// From how many to how many.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Growth {
    /// How many there were when the floor of the row was measured.
    pub from: usize,
    /// How many there were when the figure of the row was.
    pub to: usize,
    /// How many of them were asked for, both times.
    pub hot: usize,
}

impl Growth {
    /// The growth to `to` with a hot set of `hot`; `None` when it is none.
    pub(super) fn to(to: usize, hot: usize) -> Option<Self> {
        let from = FEW.max(hot);
        (to > from).then_some(Self { from, to, hot })
    }

    /// Puts what was measured of many beside what was measured of few.
    pub(super) fn row(
        self,
        name: &'static str,
        before: &Reads,
        now: &Reads,
        budget: Budget,
    ) -> Row {
        Row::new(name, now.grown_from(before), Some(budget))
            .under(now.load())
            .growing(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_begins_at_ten_thousand_or_where_the_hot_set_fits() {
        let growth = |to, hot| Growth::to(to, hot).map(|growth| growth.from);
        assert_eq!(growth(10_000, 10_000), None);
        assert_eq!(growth(10_001, 10_000), Some(10_000));
        assert_eq!(growth(1_000_000, 500), Some(10_000));
        assert_eq!(growth(1_000_000, 50_000), Some(50_000));
        assert_eq!(growth(50_000, 50_000), None);
    }
}
