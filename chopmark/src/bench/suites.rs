//! What securing costs: one table, one line per measurement.
//!
//! A suite adds its lines to [`TABLE`] and a function each that makes the [`Case`]: `verify/…` with [`Workbench::verifying`],
//! bytes to verdict against the signature check alone; `issue/…` from JSON to bytes against the signature alone. A budget
//! stands in a line only where one was set.

mod cose;
mod jcs;
mod jwt;
mod rdfc;
mod sd_jwt;
mod selective;
mod workbench;

use chop_keys::KeyType::{Ed25519, P256, P384};

use super::figure::Figure;
use super::measure::Case;
use super::progress::Progress;
use super::row::{Budget, Row};
use selective::Stage;
pub(super) use workbench::{Workbench, key, signing_input};

/// A measurement of the table.
struct Entry {
    name: &'static str,
    budget: Option<Budget>,
    case: for<'a> fn(&'a Workbench) -> anyhow::Result<Case<'a>>,
}

/// Lists the measurements.
const TABLE: &[Entry] = &[
    Entry {
        name: "verify/eddsa-jcs-2022",
        budget: Some(Budget::Times(1.5)),
        case: |bench| jcs::verify(bench, Ed25519),
    },
    Entry {
        name: "verify/ecdsa-jcs-2019-p256",
        budget: None,
        case: |bench| jcs::verify(bench, P256),
    },
    Entry {
        name: "verify/ecdsa-jcs-2019-p384",
        budget: None,
        case: |bench| jcs::verify(bench, P384),
    },
    Entry {
        name: "verify/eddsa-rdfc-2022",
        budget: Some(Budget::Times(4.0)),
        case: |bench| rdfc::verify(bench, Ed25519),
    },
    Entry {
        name: "verify/ecdsa-rdfc-2019-p256",
        budget: Some(Budget::Times(4.0)),
        case: |bench| rdfc::verify(bench, P256),
    },
    Entry {
        name: "verify/ecdsa-rdfc-2019-p384",
        budget: None,
        case: |bench| rdfc::verify(bench, P384),
    },
    Entry {
        name: "verify/vc+jwt-eddsa",
        budget: Some(Budget::Times(1.15)),
        case: |bench| jwt::verify(bench, Ed25519),
    },
    Entry {
        name: "verify/vc+jwt-es256",
        budget: Some(Budget::Times(1.15)),
        case: |bench| jwt::verify(bench, P256),
    },
    Entry {
        name: "verify/vc+jwt-es384",
        budget: Some(Budget::Times(1.15)),
        case: |bench| jwt::verify(bench, P384),
    },
    Entry {
        name: "verify/vc+cose-eddsa",
        budget: None,
        case: |bench| cose::verify(bench, Ed25519),
    },
    Entry {
        name: "verify/vc+cose-es256",
        budget: None,
        case: |bench| cose::verify(bench, P256),
    },
    Entry {
        name: "verify/vc+cose-es384",
        budget: None,
        case: |bench| cose::verify(bench, P384),
    },
    Entry {
        name: "verify/dc+sd-jwt+kb-eddsa",
        budget: Some(Budget::Times(1.3)),
        case: |bench| sd_jwt::verify(bench, Ed25519),
    },
    Entry {
        name: "verify/dc+sd-jwt+kb-es256",
        budget: Some(Budget::Times(1.3)),
        case: |bench| sd_jwt::verify(bench, P256),
    },
    Entry {
        name: "issue/eddsa-jcs-2022",
        budget: None,
        case: |bench| jcs::issue(bench, Ed25519),
    },
    Entry {
        name: "issue/ecdsa-jcs-2019-p256",
        budget: None,
        case: |bench| jcs::issue(bench, P256),
    },
    Entry {
        name: "issue/ecdsa-jcs-2019-p384",
        budget: None,
        case: |bench| jcs::issue(bench, P384),
    },
    Entry {
        name: "issue/eddsa-rdfc-2022",
        budget: None,
        case: |bench| rdfc::issue(bench, Ed25519),
    },
    Entry {
        name: "issue/ecdsa-rdfc-2019-p256",
        budget: None,
        case: |bench| rdfc::issue(bench, P256),
    },
    Entry {
        name: "issue/vc+jwt-eddsa",
        budget: None,
        case: |bench| jwt::issue(bench, Ed25519),
    },
    Entry {
        name: "issue/vc+jwt-es256",
        budget: None,
        case: |bench| jwt::issue(bench, P256),
    },
    Entry {
        name: "issue/ecdsa-sd-2023",
        budget: Some(Budget::Us(400.0)),
        case: |bench| selective::ecdsa_sd(bench, Stage::Issue),
    },
    Entry {
        name: "derive/ecdsa-sd-2023",
        budget: Some(Budget::Us(300.0)),
        case: |bench| selective::ecdsa_sd(bench, Stage::Derive),
    },
    Entry {
        name: "verify/ecdsa-sd-2023",
        budget: Some(Budget::Us(300.0)),
        case: |bench| selective::ecdsa_sd(bench, Stage::Verify),
    },
    Entry {
        name: "issue/bbs-2023",
        budget: Some(Budget::Times(1.2)),
        case: |bench| selective::bbs(bench, Stage::Issue),
    },
    Entry {
        name: "derive/bbs-2023",
        budget: Some(Budget::Times(1.2)),
        case: |bench| selective::bbs(bench, Stage::Derive),
    },
    Entry {
        name: "verify/bbs-2023",
        budget: Some(Budget::Times(1.2)),
        case: |bench| selective::bbs(bench, Stage::Verify),
    },
];

/// Measures what is wanted of the table.
pub(super) fn figures(wanted: &dyn Fn(&str) -> bool, progress: &Progress<'_>) -> Vec<Figure> {
    let bench = Workbench::new();
    let figure = |entry: &Entry| {
        progress.say(entry.name);
        (entry.case)(&bench).map_or_else(
            |error| Figure::failed(entry.name, None, &error),
            |case| Row::new(entry.name, case.measure(), entry.budget).into(),
        )
    };
    let entries = TABLE.iter().filter(|entry| wanted(entry.name));
    entries.map(figure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measurement_has_a_name_of_its_own_and_a_case() {
        let bench = Workbench::new();
        let mut names = std::collections::BTreeSet::new();
        for entry in TABLE {
            assert!(names.insert(entry.name), "{}", entry.name);
            assert!((entry.case)(&bench).is_ok(), "{}", entry.name);
        }
    }
}
