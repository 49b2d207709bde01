//! What a measurement says: a figure beside its floor, and whether it keeps its budget.

use serde::Serialize;

use super::growth::Growth;
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
    /// Bytes.
    Bytes(f64),
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
    /// What else a consortium's figures take to be read.
    #[serde(flatten)]
    pub beside: Option<Beside>,
    /// What a figure of many is put beside.
    #[serde(flatten)]
    pub growth: Option<Growth>,
}

/// The load that a service was under while it was measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Load {
    /// Requests answered per second, the load generator on the same cores.
    pub per_second: f64,
    /// The part of all cores' time that the load generator took, which `us` leaves out.
    pub generator_share: f64,
}

/// What a consortium's measurement shared the machine with, and its floor under the same.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Beside {
    /// The machine's cores, for four validators and the load generator.
    pub cores: f64,
    /// Transactions or requests that were under way at once.
    pub in_flight: usize,
    /// Transactions that were offered per second; as many as were answered when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offered_per_second: Option<f64>,
    /// What took longer than ten seconds and is not counted, over all runs.
    pub late: usize,
    /// What the floor answered per second.
    pub floor_per_second: f64,
    /// What was under way at once at the floor.
    pub floor_in_flight: usize,
    /// The load generator's part of all cores' time at the floor.
    pub floor_generator_share: f64,
}

impl Budget {
    /// Says for people whether it is kept.
    pub(super) fn verdict(self, met: bool) -> String {
        let most = match self {
            Self::Times(most) => format!("× {most:.2}"),
            Self::Us(most) => format!("{most} µs"),
            Self::Bytes(most) => format!("{most} bytes"),
        };
        let word = if met { "met" } else { "MISSED" };
        format!("   budget {most:>7}  {word}")
    }
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
            met: budget.and_then(|budget| match budget {
                Budget::Times(most) => Some(figures.ratio <= most),
                Budget::Us(most) => Some(figures.us <= most),
                // A cost has no length.
                Budget::Bytes(_) => None,
            }),
            load: None,
            batch: None,
            beside: None,
            growth: None,
        }
    }

    /// Says from how many to how many it grew.
    pub(crate) fn growing(mut self, growth: Growth) -> Self {
        self.growth = Some(growth);
        self
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

    /// Says what it shared the machine with.
    pub(crate) fn beside(mut self, beside: Beside) -> Self {
        self.beside = Some(beside);
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
            (Some(budget), Some(met)) => budget.verdict(met),
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
        let beside = self.beside.map_or_else(String::new, |beside| {
            let offered = beside
                .offered_per_second
                .map_or_else(String::new, |rate| format!(", offered {rate:.0}/s"));
            let late = match beside.late {
                0 => String::new(),
                late => format!(", {late} late"),
            };
            format!(
                ", {} in flight{offered}{late}; floor {:.0}/s, load generator {:.0} %, {} in flight; {:.0} cores",
                beside.in_flight,
                beside.floor_per_second,
                100.0 * beside.floor_generator_share,
                beside.floor_in_flight,
                beside.cores
            )
        });
        let growth = self.growth.map_or_else(String::new, |growth| {
            format!(
                "   of {}, the floor of {}, {} of them hot",
                growth.to, growth.from, growth.hot
            )
        });
        format!(
            "{name:<32} {us:>9.1} µs   floor {raw_us:>9.1} µs   × {ratio:<6.2}{verdict}{load}{beside}{batch}{growth}"
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
    #[test]
    fn a_line_of_a_consortium_names_cores_load_and_what_was_late() {
        let row = Row::new("cluster/submit", FIGURES, Some(Budget::Times(1.5)))
            .under(Load {
                per_second: 310.4,
                generator_share: 0.11,
            })
            .beside(Beside {
                cores: 2.0,
                in_flight: 256,
                offered_per_second: Some(155.0),
                late: 3,
                floor_per_second: 480.0,
                floor_in_flight: 512,
                floor_generator_share: 0.2,
            });
        let line = row.line();
        for part in [
            "met   310/s, load generator 11 %, 256 in flight, offered 155/s, 3 late;",
            "floor 480/s, load generator 20 %, 512 in flight; 2 cores",
        ] {
            assert!(line.contains(part), "{line}");
        }
        let json = serde_json::to_value(&row).unwrap();
        assert_eq!(json["floor_in_flight"], 512);
        assert_eq!(json["per_second"], 310.4);
    }

    #[test]
    fn a_row_of_growth_says_from_how_many_to_how_many() {
        let growth = Growth {
            from: 10_000,
            to: 1_000_000,
            hot: 5_000,
        };
        let row = Row::new("resolve/growth", FIGURES, Some(Budget::Times(1.3))).growing(growth);
        let line = row.line();
        assert!(
            line.ends_with("of 1000000, the floor of 10000, 5000 of them hot"),
            "{line}"
        );
        let json = serde_json::to_value(&row).unwrap();
        assert_eq!(
            (&json["from"], &json["to"]),
            (&10_000.into(), &1_000_000.into())
        );
        assert_eq!(json["met"], false);
        assert_eq!(json["budget"]["times"], 1.3);
    }
}
