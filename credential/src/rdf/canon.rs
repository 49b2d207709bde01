//! RDF Dataset Canonicalization (RDFC-1.0 §4), with counted work.
//!
//! Blank nodes that differ in their own quads are told apart by one hash each. Those that do not are compared by paths
//! through the graph, which takes factorial time on a graph made for it; every hash and every step on a path is counted,
//! and the count, not a clock, says when to stop.

mod issuer;
mod permutation;

use super::error::RdfError;
use super::term::{Dataset, Quad};
use data_encoding::HEXLOWER;
use issuer::Issuer;
use permutation::advance;
use sha2::{Digest, Sha256, Sha384};
use std::collections::{BTreeMap, HashMap};

/// How deep paths through a graph are followed.
const MAX_DEPTH: usize = 200;

/// Is a hash function of RDFC-1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RdfHash {
    /// SHA-256, the default.
    Sha256,
    /// SHA-384.
    Sha384,
}

impl RdfHash {
    /// Hashes bytes.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
        }
    }

    fn hex(self, text: &str) -> String {
        HEXLOWER.encode(&self.digest(text.as_bytes()))
    }
}

/// Bounds the work on blank nodes that are alike; the rest is linear in the size of the dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The most steps: a hash along a path, or a node tried at one place of a path.
    pub steps: u64,
}

impl Budget {
    /// Is the budget for one credential or presentation: the hardest graph of W3C's cases takes 6,168 steps, a credential
    /// with a hundred blank nodes that are all alike a few hundred; a step takes less than a microsecond.
    pub const CREDENTIAL: Self = Self { steps: 10_000 };
}

/// Is a dataset in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonical {
    lines: Vec<String>,
    labels: BTreeMap<String, String>,
    steps: u64,
}

impl Canonical {
    /// Lists the canonical N-Quads lines with their line feeds, sorted by code point.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Maps each blank node's label to its canonical label, such as `c14n0`.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// Returns the canonical document: all lines together.
    pub fn nquads(&self) -> String {
        self.lines.concat()
    }

    /// Counts the steps of the budget that it took.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

/// Names the blank nodes of a dataset canonically and sorts its quads (RDFC-1.0 §4.4).
///
/// # Errors
/// When the blank nodes are too alike to be told apart within the budget.
pub fn canonicalize(
    dataset: &Dataset,
    hash: RdfHash,
    budget: Budget,
) -> Result<Canonical, RdfError> {
    let mut state = State::of(dataset, hash, budget);
    state.label()?;
    let labels: HashMap<&str, String> = state
        .canonical
        .issued()
        .filter_map(|(node, number)| Some((state.nodes.get(node)?.label, format!("c14n{number}"))))
        .collect();
    let mut lines: Vec<String> = dataset
        .quads()
        .iter()
        .map(|quad| {
            let mut line = String::with_capacity(160);
            quad.write(&mut line, &|label| {
                labels.get(label).map_or(label, String::as_str)
            });
            line
        })
        .collect();
    lines.sort_unstable();
    Ok(Canonical {
        lines,
        labels: labels
            .into_iter()
            .map(|(label, new)| (label.to_owned(), new))
            .collect(),
        steps: state.steps,
    })
}

/// Is a blank node: its label, the quads that it stands in, and its hash by them alone.
struct Node<'d> {
    label: &'d str,
    quads: Vec<usize>,
    first: String,
}

/// Is a quad with its blank nodes by number.
struct Edge<'d> {
    quad: &'d Quad,
    blanks: [(char, Option<usize>); 3],
}

/// Is the state of RDFC-1.0 §4.2.
struct State<'d> {
    edges: Vec<Edge<'d>>,
    nodes: Vec<Node<'d>>,
    canonical: Issuer,
    hash: RdfHash,
    steps: u64,
    budget: Budget,
}

impl<'d> State<'d> {
    fn of(dataset: &'d Dataset, hash: RdfHash, budget: Budget) -> Self {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut nodes: Vec<Node<'d>> = Vec::new();
        let mut edges = Vec::with_capacity(dataset.quads().len());
        for (index, quad) in dataset.quads().iter().enumerate() {
            let blanks = quad.places().map(|(position, term)| {
                let number = term.and_then(|term| term.blank()).map(|label| {
                    *numbers.entry(label).or_insert_with(|| {
                        nodes.push(Node {
                            label,
                            quads: Vec::new(),
                            first: String::new(),
                        });
                        nodes.len() - 1
                    })
                });
                if let Some(node) = number.and_then(|number| nodes.get_mut(number))
                    && node.quads.last() != Some(&index)
                {
                    node.quads.push(index);
                }
                (position, number)
            });
            edges.push(Edge { quad, blanks });
        }
        Self {
            edges,
            nodes,
            canonical: Issuer::default(),
            hash,
            steps: 0,
            budget,
        }
    }

    /// Issues a canonical label to every blank node (RDFC-1.0 §4.4.3 steps 3 to 5).
    fn label(&mut self) -> Result<(), RdfError> {
        if self.nodes.len() == 1 {
            // One node alone is the first, whatever its hash.
            self.canonical.issue(0);
            return Ok(());
        }
        let mut by_hash: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for number in 0..self.nodes.len() {
            let first = self.first_degree(number);
            by_hash.entry(first.clone()).or_default().push(number);
            if let Some(node) = self.nodes.get_mut(number) {
                node.first = first;
            }
        }
        for alike in by_hash.values() {
            if let [only] = alike.as_slice() {
                self.canonical.issue(*only);
            }
        }
        for alike in by_hash.values().filter(|alike| alike.len() > 1) {
            let mut paths = Vec::new();
            for number in alike {
                if self.canonical.number(*number).is_some() {
                    continue;
                }
                let mut issuer = Issuer::default();
                issuer.issue(*number);
                paths.push(self.n_degree(*number, issuer, 0)?);
            }
            paths.sort_by(|(left, _), (right, _)| left.cmp(right));
            for (_, issuer) in paths {
                for (number, _) in issuer.issued() {
                    self.canonical.issue(number);
                }
            }
        }
        Ok(())
    }

    /// Hashes a node by its own quads (RDFC-1.0 §4.6).
    fn first_degree(&self, number: usize) -> String {
        let Some(node) = self.nodes.get(number) else {
            return String::new();
        };
        let mut lines: Vec<String> = node
            .quads
            .iter()
            .filter_map(|index| self.edges.get(*index))
            .map(|edge| {
                let mut line = String::with_capacity(128);
                edge.quad.write(&mut line, &|label| {
                    if label == node.label { "a" } else { "z" }
                });
                line
            })
            .collect();
        lines.sort_unstable();
        self.hash.hex(&lines.concat())
    }

    /// Hashes a node as it is related to another (RDFC-1.0 §4.7).
    fn related(
        &mut self,
        number: usize,
        position: char,
        predicate: &str,
        issuer: &Issuer,
    ) -> Result<String, RdfError> {
        self.spend(1)?;
        let mut input = String::with_capacity(160);
        input.push(position);
        if position != 'g' {
            input.push('<');
            input.push_str(predicate);
            input.push('>');
        }
        match self.name(number, issuer) {
            Some(name) => input.push_str(&name),
            None => input.push_str(
                self.nodes
                    .get(number)
                    .map_or("", |node| node.first.as_str()),
            ),
        }
        Ok(self.hash.hex(&input))
    }

    /// Returns a node's canonical label, or the one that this path gave it.
    fn name(&self, number: usize, issuer: &Issuer) -> Option<String> {
        match self.canonical.number(number) {
            Some(canonical) => Some(format!("_:c14n{canonical}")),
            None => issuer.number(number).map(|own| format!("_:b{own}")),
        }
    }

    /// Groups the nodes that stand in a quad with this one, by how they are related to it (RDFC-1.0 §4.8.3 steps 1 to 3).
    fn neighbours(
        &mut self,
        number: usize,
        issuer: &Issuer,
    ) -> Result<BTreeMap<String, Vec<usize>>, RdfError> {
        let mut found = Vec::new();
        for index in self.nodes.get(number).map_or(&[][..], |node| &node.quads) {
            let Some(edge) = self.edges.get(*index) else {
                continue;
            };
            for (position, other) in edge.blanks {
                if let Some(other) = other.filter(|other| *other != number) {
                    found.push((other, position, edge.quad));
                }
            }
        }
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (other, position, quad) in found {
            let hash = self.related(other, position, &quad.predicate, issuer)?;
            groups.entry(hash).or_default().push(other);
        }
        Ok(groups)
    }

    /// Hashes a node by the paths that lead from it (RDFC-1.0 §4.8).
    fn n_degree(
        &mut self,
        number: usize,
        mut issuer: Issuer,
        depth: usize,
    ) -> Result<(String, Issuer), RdfError> {
        if depth >= MAX_DEPTH {
            return Err(self.exhausted());
        }
        let mut data = String::new();
        for (hash, mut group) in self.neighbours(number, &issuer)? {
            data.push_str(&hash);
            group.sort_unstable();
            let mut chosen: Option<(String, Issuer)> = None;
            loop {
                let shortest = chosen.as_ref().map(|(path, _)| path.as_str());
                if let Some(found) = self.path(&group, &issuer, shortest, depth)? {
                    chosen = Some(found);
                }
                if !advance(&mut group) {
                    break;
                }
            }
            if let Some((path, after)) = chosen {
                data.push_str(&path);
                issuer = after;
            }
        }
        Ok((self.hash.hex(&data), issuer))
    }

    /// Follows one order of alike neighbours (RDFC-1.0 §4.8.3 step 5.4); none: its path comes after the one that is known.
    fn path(
        &mut self,
        order: &[usize],
        issuer: &Issuer,
        shortest: Option<&str>,
        depth: usize,
    ) -> Result<Option<(String, Issuer)>, RdfError> {
        let later = |path: &str| {
            shortest.is_some_and(|shortest| path.len() >= shortest.len() && path > shortest)
        };
        self.spend(issuer.len() as u64 / 16)?;
        let mut issuer = issuer.clone();
        let mut path = String::new();
        let mut onward = Vec::new();
        for number in order {
            self.spend(1)?;
            if self.canonical.number(*number).is_none() && issuer.number(*number).is_none() {
                onward.push(*number);
                issuer.issue(*number);
            }
            path.push_str(&self.name(*number, &issuer).unwrap_or_default());
            if later(&path) {
                return Ok(None);
            }
        }
        for number in onward {
            let (hash, after) = self.n_degree(number, issuer.clone(), depth + 1)?;
            path.push_str(&self.name(number, &issuer).unwrap_or_default());
            path.push('<');
            path.push_str(&hash);
            path.push('>');
            issuer = after;
            if later(&path) {
                return Ok(None);
            }
        }
        let better = shortest.is_none_or(|shortest| path.as_str() < shortest);
        Ok(better.then_some((path, issuer)))
    }

    fn spend(&mut self, steps: u64) -> Result<(), RdfError> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > self.budget.steps {
            return Err(self.exhausted());
        }
        Ok(())
    }

    fn exhausted(&self) -> RdfError {
        RdfError::Budget {
            max: self.budget.steps,
        }
    }
}
