//! A document's statements: canonical N-Quads under the labels that were signed, and which of them pointers select
//! (vc-di-ecdsa §3.4.16).
//!
//! A selection is turned into statements by itself and each is looked up in the whole. The two name a blank node alike because
//! every node without a name gets one first; cells of lists, which JSON-LD makes up, are named by what their list says.

mod lists;

use super::SelectiveError;
use super::pointer::Pointer;
use super::selection::Selection;
use crate::contexts::Contexts;
use crate::rdf::{
    Budget, Canonical, Dataset, Quad, RdfHash, canonicalize, name_blank_nodes, to_rdf,
};
use crate::securing::configuration;
use data_encoding::HEXLOWER;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Holds what a document says, its blank nodes named so that its parts name them alike.
pub(super) struct Statements<'a> {
    document: &'a Map<String, Value>,
    contexts: &'a Contexts,
    named: Map<String, Value>,
    dataset: Dataset,
    numbers: HashMap<String, usize>,
}

/// Holds the lines that are signed, in their order.
pub(super) struct Signed<'s> {
    lines: Vec<String>,
    places: HashMap<&'s Quad, usize>,
}

/// Is what one group of pointers selects.
pub(super) struct Selected {
    selection: Selection,
    /// The places of its lines among all that are signed.
    pub(super) places: BTreeSet<usize>,
}

/// Is what a holder shows.
pub(super) struct Shown {
    /// The document that is shown, without proof.
    pub(super) document: Map<String, Value>,
    pub(super) mandatory: Selected,
    selective: Selected,
    combined: BTreeSet<usize>,
    dataset: Dataset,
}

/// Holds the lines of a document that was shown, in their order.
pub(super) struct Presented {
    lines: Vec<String>,
}

impl<'a> Statements<'a> {
    /// Turns a document without proof into statements.
    pub(super) fn of(
        document: &'a Map<String, Value>,
        contexts: &'a Contexts,
    ) -> Result<Self, SelectiveError> {
        let named = name_blank_nodes(document, contexts, &prefix(document))?;
        let dataset = lists::named(&to_rdf(&named, contexts)?)?;
        let canonical = canonical(&dataset)?;
        let numbers = canonical
            .labels()
            .iter()
            .filter_map(|(name, label)| Some((name.clone(), number(label)?)))
            .collect();
        Ok(Self {
            document,
            contexts,
            named,
            dataset,
            numbers,
        })
    }

    /// Counts the blank nodes.
    pub(super) fn nodes(&self) -> usize {
        self.numbers.len()
    }

    /// Writes the lines that are signed, with a label for each canonical number.
    pub(super) fn labelled<'s>(&'s self, labels: &'s [String]) -> Signed<'s> {
        let label = |name: &'s str| self.label(name, labels).map_or(name, String::as_str);
        let mut lines: Vec<(String, &Quad)> = self
            .dataset
            .quads()
            .iter()
            .map(|quad| (line(quad, &label), quad))
            .collect();
        lines.sort_unstable();
        let places = lines.iter().map(|(_, quad)| *quad).zip(0..).collect();
        let lines = lines.into_iter().map(|(line, _)| line).collect();
        Signed { lines, places }
    }

    /// Finds the statements that pointers select.
    ///
    /// # Errors
    /// When a pointer points to nothing or into a literal or list.
    pub(super) fn select(
        &self,
        pointers: &[String],
        signed: &Signed<'_>,
    ) -> Result<Selected, SelectiveError> {
        let pointers = Pointer::parse_all(pointers)?;
        let selection = Selection::of(self.document, &pointers)?;
        let mut places = BTreeSet::new();
        if !pointers.is_empty() {
            let part = lists::named(&to_rdf(&selection.apply(&self.named), self.contexts)?)?;
            for quad in part.quads() {
                let place = signed.places.get(quad);
                places.insert(*place.ok_or(SelectiveError::CutsStatement)?);
            }
        }
        Ok(Selected { selection, places })
    }

    fn label<'l, T>(&self, name: &str, labels: &'l [T]) -> Option<&'l T> {
        labels.get(*self.numbers.get(name)?)
    }
}

impl Signed<'_> {
    /// Counts the lines.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Lists the lines at some places.
    pub(super) fn at<'s>(&'s self, places: &BTreeSet<usize>) -> impl Iterator<Item = &'s str> {
        self.split(places, true)
    }

    /// Lists the lines at all other places.
    pub(super) fn others<'s>(&'s self, places: &BTreeSet<usize>) -> impl Iterator<Item = &'s str> {
        self.split(places, false)
    }

    fn split<'s>(
        &'s self,
        places: &BTreeSet<usize>,
        among: bool,
    ) -> impl Iterator<Item = &'s str> + use<'s> {
        let chosen: Vec<&str> = (0..)
            .zip(&self.lines)
            .filter(|(place, _)| places.contains(place) == among)
            .map(|(_, line)| line.as_str())
            .collect();
        chosen.into_iter()
    }
}

impl Shown {
    /// Selects what the issuer made mandatory and what the holder discloses beside it.
    ///
    /// # Errors
    /// When a pointer points to nothing or into a literal or list, or nothing is selected.
    pub(super) fn of(
        statements: &Statements<'_>,
        signed: &Signed<'_>,
        mandatory: &[String],
        selective: &[String],
    ) -> Result<Self, SelectiveError> {
        if mandatory.is_empty() && selective.is_empty() {
            return Err(SelectiveError::NothingSelected);
        }
        let mandatory = statements.select(mandatory, signed)?;
        let selective = statements.select(selective, signed)?;
        let combined: BTreeSet<usize> =
            mandatory.places.union(&selective.places).copied().collect();
        let selection = mandatory.selection.clone().or(selective.selection.clone());
        let dataset = signed
            .places
            .iter()
            .filter(|(_, place)| combined.contains(place))
            .map(|(quad, _)| (*quad).clone())
            .collect();
        Ok(Self {
            document: selection.apply(statements.document),
            mandatory,
            selective,
            combined,
            dataset,
        })
    }

    /// Lists the places of the mandatory lines among those that are shown.
    pub(super) fn mandatory_indexes(&self) -> Vec<usize> {
        (0..)
            .zip(&self.combined)
            .filter(|(_, place)| self.mandatory.places.contains(place))
            .map(|(index, _)| index)
            .collect()
    }

    /// Lists the places of the lines that the holder discloses among those that are not mandatory.
    pub(super) fn selective_indexes(&self, all: usize) -> Vec<usize> {
        let others = (0..all).filter(|place| !self.mandatory.places.contains(place));
        (0..)
            .zip(others)
            .filter(|(_, place)| self.selective.places.contains(place))
            .map(|(index, _)| index)
            .collect()
    }

    /// Lists the signed labels in the order in which a verifier numbers the nodes that are shown.
    pub(super) fn labels<T: Clone>(
        &self,
        statements: &Statements<'_>,
        labels: &[T],
    ) -> Result<Vec<T>, SelectiveError> {
        let numbered: BTreeMap<usize, &T> = canonical(&self.dataset)?
            .labels()
            .iter()
            .filter_map(|(name, label)| Some((number(label)?, statements.label(name, labels)?)))
            .collect();
        Ok(numbered.into_values().cloned().collect())
    }
}

impl Presented {
    /// Writes the lines of a document that is shown, with the labels that its proof gives.
    ///
    /// # Errors
    /// When there are more or fewer labels than blank nodes.
    pub(super) fn of(
        document: &Map<String, Value>,
        contexts: &Contexts,
        labels: &[String],
    ) -> Result<Self, SelectiveError> {
        let dataset = to_rdf(document, contexts)?;
        let canonical = canonical(&dataset)?;
        let expected = canonical.labels().len();
        if labels.len() != expected {
            let found = labels.len();
            return Err(SelectiveError::Labels { found, expected });
        }
        let label = |name| {
            let number = canonical.labels().get(name).and_then(|label| number(label));
            number
                .and_then(|number| labels.get(number))
                .map_or(name, String::as_str)
        };
        let mut lines: Vec<String> = dataset
            .quads()
            .iter()
            .map(|quad| line(quad, &label))
            .collect();
        lines.sort_unstable();
        Ok(Self { lines })
    }

    /// Splits into mandatory lines and others.
    ///
    /// # Errors
    /// When an index is past the end.
    pub(super) fn split(
        &self,
        mandatory: &[usize],
    ) -> Result<(Vec<&str>, Vec<&str>), SelectiveError> {
        let statements = self.lines.len();
        if let Some(index) = mandatory.iter().find(|index| **index >= statements) {
            let index = *index;
            return Err(SelectiveError::MandatoryIndex { index, statements });
        }
        let (mut chosen, mut others) = (Vec::new(), Vec::new());
        for (place, line) in self.lines.iter().enumerate() {
            if mandatory.binary_search(&place).is_ok() {
                chosen.push(line.as_str());
            } else {
                others.push(line.as_str());
            }
        }
        Ok((chosen, others))
    }
}

/// Hashes the mandatory lines (§3.4.17).
pub(super) fn mandatory_hash<'a>(lines: impl IntoIterator<Item = &'a str>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line.as_bytes());
    }
    hash.finalize().into()
}

/// Hashes a proof's configuration: the proof without its value, under the document's contexts (§3.6.4).
pub(super) fn proof_hash(
    proof: &Map<String, Value>,
    document: &Map<String, Value>,
    contexts: &Contexts,
) -> Result<[u8; 32], SelectiveError> {
    let configuration = configuration(document, proof)?;
    let canonical = canonical(&to_rdf(&configuration, contexts)?)?;
    Ok(Sha256::digest(canonical.nquads()).into())
}

fn canonical(dataset: &Dataset) -> Result<Canonical, SelectiveError> {
    Ok(canonicalize(dataset, RdfHash::Sha256, Budget::CREDENTIAL)?)
}

fn line<'a>(quad: &'a Quad, label: &impl Fn(&'a str) -> &'a str) -> String {
    let mut line = String::with_capacity(160);
    quad.write(&mut line, label);
    line
}

/// Reads the number in a canonical label.
fn number(label: &str) -> Option<usize> {
    label.strip_prefix("c14n")?.parse().ok()
}

/// Chooses what the names of blank nodes begin with: no document can hold its own hash.
fn prefix(document: &Map<String, Value>) -> String {
    let mut hash = Sha256::new();
    // Writing to a hash does not fail.
    let _ = serde_json::to_writer(&mut hash, document);
    let digest = HEXLOWER.encode(&hash.finalize());
    format!("n{}n", digest.get(..16).unwrap_or(&digest))
}
