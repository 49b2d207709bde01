//! What an exchange came to, as JSON and as a table for people.

use super::case::{Check, Roles, Side};
use super::vectors::Sample;
use chop_keys::KeyType;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Counts what came out as it should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many came out as they should.
    pub agreed: usize,
    /// How many there were.
    pub total: usize,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, agreed: bool) {
        self.total += 1;
        self.agreed += usize::from(agreed);
    }

    fn add(&mut self, other: Self) {
        self.total += other.total;
        self.agreed += other.agreed;
    }
}

/// Is one case in which the parties do not agree, or agree on what is wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Disagreement {
    /// Which document of the run.
    pub document: usize,
    /// Who says what.
    pub what: String,
    /// Why.
    pub reason: String,
    /// What was secured, or asked.
    pub input: Value,
}

/// Is the outcome of one suite, key type, peer and direction.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The suite's name.
    pub suite: &'static str,
    /// The type of the issuer's key.
    #[serde(serialize_with = "curve")]
    pub key_type: KeyType,
    /// The peer's name.
    pub peer: &'static str,
    /// Who issues, derives or presents, and verifies.
    pub direction: String,
    /// What was secured honestly, and accepted.
    pub accepted: Tally,
    /// What was changed, and refused by both.
    pub refused: Tally,
    /// What the peer does not make, or made and does not accept itself: how often, by reason.
    pub set_aside: BTreeMap<String, usize>,
    /// How many disagreements there were.
    pub disagreements: usize,
    /// The first ones.
    pub first: Vec<Disagreement>,
    /// What the peer alone made and we accepted, the first ones, as vectors.
    #[serde(skip)]
    pub samples: Vec<Sample>,
}

/// How many disagreements of a row are kept.
const KEPT_DISAGREEMENTS: usize = 20;
/// How a reason begins that is known of the peer.
const KNOWN: &str = "known of the peer: ";
/// How many samples of a row are kept.
const KEPT_SAMPLES: usize = 3;

impl Row {
    /// Begins a row.
    pub fn new(suite: &'static str, key_type: KeyType, peer: &'static str, roles: Roles) -> Self {
        let name = |side| match side {
            Side::Ours => "chopmark",
            Side::Peer => "peer",
        };
        let direction: Vec<&str> = [Some(roles.issuer), roles.holder, Some(roles.verifier)]
            .into_iter()
            .flatten()
            .map(name)
            .collect();
        Self {
            suite,
            key_type,
            peer,
            direction: direction.join(" → "),
            accepted: Tally::default(),
            refused: Tally::default(),
            set_aside: BTreeMap::new(),
            disagreements: 0,
            first: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Says whether everything came out as it should.
    pub fn agrees(&self) -> bool {
        self.disagreements == 0
            && (self.accepted.total > 0 || self.all_is_known())
            && self.accepted.agreed == self.accepted.total
            && self.refused.agreed == self.refused.total
    }

    pub(super) fn disagree(&mut self, disagreement: Disagreement) {
        self.disagreements += 1;
        if self.first.len() < KEPT_DISAGREEMENTS {
            self.first.push(disagreement);
        }
    }

    pub(super) fn sample(&mut self, check: &Check<'_>, expected: Option<&Value>) {
        if self.samples.len() < KEPT_SAMPLES {
            self.samples.push(Sample::new(check, expected));
        }
    }

    /// Says whether something was set aside, and all of it for what is known of the peer.
    fn all_is_known(&self) -> bool {
        !self.set_aside.is_empty()
            && self
                .set_aside
                .keys()
                .all(|reason| reason.starts_with(KNOWN))
    }

    pub(super) fn known(&mut self, finding: &str) {
        self.set_aside(format!("{KNOWN}{finding}"));
    }

    pub(super) fn set_aside(&mut self, reason: String) {
        *self.set_aside.entry(reason).or_default() += 1;
    }
}

/// Sums up the rows of one suite and peer.
fn line(first: &Row, rows: &[Row]) -> String {
    let mut keys: Vec<&str> = rows.iter().map(|row| row.key_type.curve()).collect();
    keys.dedup();
    let directions = rows.len() / keys.len().max(1);
    let mut accepted = Tally::default();
    let mut refused = Tally::default();
    let mut aside = 0;
    for row in rows {
        accepted.add(row.accepted);
        refused.add(row.refused);
        aside += row.set_aside.values().sum::<usize>();
    }
    format!(
        "| {} | {} | {} | {directions} | {}/{} | {}/{} | {aside} |\n",
        first.suite,
        first.peer,
        keys.join(", "),
        accepted.agreed,
        accepted.total,
        refused.agreed,
        refused.total
    )
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn curve<S: serde::Serializer>(key_type: &KeyType, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key_type.curve())
}

/// Is the outcome of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The seed from which every document can be generated again.
    pub seed: u64,
    /// As of when everything was judged.
    pub judged: String,
    /// How many documents each row saw.
    pub documents: usize,
    /// The versions of what each peer is made of.
    pub versions: BTreeMap<&'static str, Vec<String>>,
    /// The outcomes.
    pub rows: Vec<Row>,
}

impl Report {
    /// Says whether everything came out as it should.
    pub fn agrees(&self) -> bool {
        self.rows.iter().all(Row::agrees)
    }

    /// Writes the table: a line for each suite and peer, over all keys and directions.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "{} documents for each key and direction, seed {}.\n\n| suite | peer | keys | directions | accepted | changed copies refused | set aside |\n|---|---|---|---|---|---|---|\n",
            self.documents, self.seed
        );
        let mut rows = self.rows.as_slice();
        while let [first, ..] = rows {
            let alike = |row: &Row| row.suite == first.suite && row.peer == first.peer;
            let length = rows.iter().take_while(|row| alike(row)).count();
            let (group, rest) = rows.split_at(length);
            text.push_str(&line(first, group));
            rows = rest;
        }
        text.push_str("\nPeers: ");
        let peers: Vec<String> = self
            .versions
            .iter()
            .map(|(peer, versions)| format!("{peer} ({})", versions.join(", ")))
            .collect();
        text.push_str(&peers.join("; "));
        text.push_str(".\n");
        text
    }

    /// Writes what did not come out as it should, and what was set aside.
    pub fn remarks(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let place = format!(
                "{} {} {} {}",
                row.suite, row.key_type, row.peer, row.direction
            );
            for Disagreement {
                document,
                what,
                reason,
                ..
            } in &row.first
            {
                let _ = writeln!(text, "{place}: document {document}: {what}: {reason}");
            }
            if row.disagreements > row.first.len() {
                let _ = writeln!(text, "{place}: {} disagreements in all", row.disagreements);
            }
            for (reason, count) in &row.set_aside {
                let _ = writeln!(text, "{place}: set aside {count} times: {reason}");
            }
        }
        text
    }
}
