//! Interoperation: documents exchanged with other implementations, in both directions.
//!
//! A peer is a process under `conformance/peers` that speaks a line protocol. For every suite that both have, generated documents go
//! each way: what one secures the other verifies, and a changed copy is refused by both.

pub mod act;
pub mod bench;
pub mod case;
pub mod claims;
pub mod documents;
mod error;
mod flows;
pub mod keys;
mod known;
pub mod ours;
pub mod peer;
pub mod random;
pub mod report;
pub mod suites;
mod tamper;
mod values;
pub mod vectors;

pub use error::InteropError;
pub use report::Report;

use act::Party as _;
use case::{Case, Pair, Roles};
use chop_keys::KeyType;
use keys::Key;
use ours::Ours;
use peer::{Kind, Peer};
use random::Random;
use report::Row;
use suites::{Flow, SUITES, Suite};

/// Says how much is exchanged.
#[derive(Clone, Debug)]
pub struct Extent {
    /// From which every document is generated.
    pub seed: u64,
    /// How many documents for each row.
    pub documents: usize,
    /// The suites, by name; empty: every one that both have.
    pub suites: Vec<String>,
}

/// Exchanges documents with a peer and adds the outcome to the report.
///
/// # Errors
/// When the peer is not installed or gives no answer.
pub fn run(kind: Kind, extent: &Extent, report: &mut Report) -> Result<(), InteropError> {
    let mut ours = Ours::new()?;
    let mut peer = Peer::start(kind)?;
    report.versions.insert(kind.folder, peer.versions.clone());
    for suite in SUITES {
        let asked = extent.suites.is_empty() || extent.suites.iter().any(|name| name == suite.name);
        if !(asked && ours.has(suite.name) && peer.has(suite.name)) {
            continue;
        }
        let mut pair = Pair {
            ours: &mut ours,
            peer: &mut peer,
        };
        for &key_type in suite.key_types {
            for roles in Roles::all(suite.flow.has_holder()) {
                let mut row = Row::new(suite.name, key_type, kind.folder, roles);
                exchange(suite, extent, roles, &mut pair, &mut row)?;
                report.rows.push(row);
            }
        }
    }
    Ok(())
}

/// Fills one row.
fn exchange(
    suite: &Suite,
    extent: &Extent,
    roles: Roles,
    pair: &mut Pair<'_>,
    row: &mut Row,
) -> Result<(), InteropError> {
    let key_type = row.key_type;
    let issuer = Key::fixed(key_type, 1)?;
    // The Python peer verifies key bindings by P-256 only.
    let holder_type = match suite.flow {
        Flow::SdJwt => KeyType::P256,
        _ => key_type,
    };
    let holder = Key::fixed(holder_type, 101)?;
    let mut seeds = Random::new(extent.seed);
    for number in 0..extent.documents {
        let mut case = Case {
            number,
            random: Random::new(seeds.bits()),
            issuer: &issuer,
            holder: &holder,
            roles,
            pair,
            row,
        };
        flows::exchange(suite, &mut case)?;
    }
    Ok(())
}
