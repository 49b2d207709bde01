//! What a measurement says: a figure beside its floor, and whether it keeps its budget.

use serde::Serialize;

use super::items::Batch;
use super::measure::Figures;

/// The most that something may cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Budget {
    /// Times the raw floor.
    Times(f64),
    /// Microseconds.
    Us(f64),
}

/// One measurement.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// What was measured, such as `verify/eddsa-jcs-2022`.
    pub name: &'static str,
    /// Microseconds per operation; of services, wall time per answered request.
    pub us: f64,
    /// Microseconds of the raw floor in the same run.
    pub raw_us: f64,
    /// How many times the floor: the median over rounds that measured both, so it may differ a little from `us / raw_us`.
    pub ratio: f64,
    /// What it may cost; none where no budget was set.
    pub budget: Option<Budget>,
    /// Whether it costs no more than that.
    pub met: Option<bool>,
    /// The load that a service was under.
    #[serde(flatten)]
    pub load: Option<Load>,
    /// What a batch took beside its time.
    #[serde(flatten)]
    pub batch: Option<Batch>,
}

/// The load that a service was under while it was measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Load {
    /// Requests answered per second, the load generator on the same cores.
    pub per_second: f64,
    /// The part of all cores' time that the load generator took, which `us` leaves out.
    pub generator_share: f64,
}

impl Row {
    /// Puts a measurement beside its floor and its budget.
    pub(crate) fn new(name: &'static str, figures: Figures, budget: Option<Budget>) -> Self {
        let round = |value: f64| (value * 1_000.0).round() / 1_000.0;
        Self {
            name,
            us: round(figures.us),
            raw_us: round(figures.raw_us),
            ratio: round(figures.ratio),
            budget,
            met: budget.map(|budget| match budget {
                Budget::Times(most) => figures.ratio <= most,
                Budget::Us(most) => figures.us <= most,
            }),
            load: None,
            batch: None,
        }
    }

    /// Says what the batch took.
    pub(crate) fn of_batch(mut self, batch: Batch) -> Self {
        self.batch = Some(batch);
        self
    }

    /// Says which load it was measured under.
    pub(crate) fn under(mut self, load: Load) -> Self {
        self.load = Some(load);
        self
    }

    /// Writes it as a line for people.
    pub(crate) fn line(&self) -> String {
        let Self {
            name,
            us,
            raw_us,
            ratio,
            ..
        } = self;
        let verdict = match (self.budget, self.met) {
            (Some(budget), Some(met)) => {
                let most = match budget {
                    Budget::Times(most) => format!("× {most:.2}"),
                    Budget::Us(most) => format!("{most} µs"),
                };
                let word = if met { "met" } else { "MISSED" };
                format!("   budget {most:>7}  {word}")
            }
            _ => String::new(),
        };
        let load = self.load.map_or_else(String::new, |load| {
            format!(
                "   {:.0}/s, load generator {:.0} %",
                load.per_second,
                100.0 * load.generator_share
            )
        });
        let batch = self.batch.map_or_else(String::new, |batch| {
            format!(
                "   {} items in {:.1} s, {} MiB, proof {} bytes, {} bytes of disk each",
                batch.items, batch.seconds, batch.peak_mib, batch.proof_bytes, batch.disk_per_item
            )
        });
        format!(
            "{name:<32} {us:>9.1} µs   floor {raw_us:>9.1} µs   × {ratio:<6.2}{verdict}{load}{batch}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURES: Figures = Figures {
        us: 41.0,
        raw_us: 30.0,
        ratio: 1.37,
    };

    #[test]
    fn a_budget_in_times_is_kept_by_the_ratio_and_one_in_microseconds_by_the_figure() {
        let met = |budget| Row::new("a", FIGURES, Some(budget)).met;
        assert_eq!(met(Budget::Times(1.5)), Some(true));
        assert_eq!(met(Budget::Times(1.3)), Some(false));
        assert_eq!(met(Budget::Us(41.0)), Some(true));
        assert_eq!(met(Budget::Us(40.0)), Some(false));
        assert_eq!(Row::new("a", FIGURES, None).met, None);
    }

    #[test]
    fn a_line_says_whether_the_budget_is_met() {
        let line = |budget| Row::new("a", FIGURES, budget).line();
        assert!(line(Some(Budget::Times(1.3))).ends_with("MISSED"));
        assert!(line(Some(Budget::Us(50.0))).ends_with("met"));
        assert!(!line(None).contains("budget"));
    }
}
