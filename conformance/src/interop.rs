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
mod explain;
mod flows;
pub mod keys;
mod known;
pub mod ours;
pub mod peer;
pub mod random;
pub mod report;
mod spared;
pub mod suites;
mod tamper;
mod values;
pub mod vectors;

pub use error::InteropError;
pub use report::Report;

use act::Party as _;
use case::{Case, Pair, Roles};
use chop_integrity::Timestamp;
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
    /// When everything is made.
    pub now: Timestamp,
    /// How many documents for each row.
    pub documents: usize,
    /// The suites, by name; empty: every one that both have.
    pub suites: Vec<String>,
}

/// How much later everything is judged, in milliseconds: some peers date what they make by their own clocks.
const LATER_MS: i64 = 3_600_000;

impl Extent {
    /// Says as of when everything is judged.
    pub fn judged(&self) -> Timestamp {
        self.now.plus_ms(LATER_MS)
    }
}

/// Exchanges documents with a peer and adds the outcome to the report.
///
/// # Errors
/// When the peer is not installed or gives no answer.
pub fn run(kind: Kind, extent: &Extent, report: &mut Report) -> Result<(), InteropError> {
    let mut ours = Ours::at(extent.judged())?;
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
            for roles in roles(suite.flow) {
                let mut row = Row::new(suite.name, key_type, kind.folder, roles);
                exchange(suite, extent, roles, &mut pair, &mut row)?;
                report.rows.push(row);
            }
        }
    }
    Ok(())
}

fn roles(flow: Flow) -> Vec<Roles> {
    let mut all = Roles::all(flow.has_holder());
    if flow == Flow::Canonical {
        all.truncate(1);
    }
    all
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
            now: extent.now,
            shape: suite.shape(),
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
