//! Names for the cells of lists, so that the whole and a part of a document call them alike.

use super::super::SelectiveError;
use crate::rdf::{Dataset, Quad, Term};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

const FIRST: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#first";
const REST: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#rest";

/// Gives each cell a name made of the statement that its list stands in, what the list says, and the cell's place.
///
/// # Errors
/// When a node that JSON-LD made up is no cell, a list stands in a list, or one statement has the same list twice.
pub(super) fn named(dataset: &Dataset) -> Result<Dataset, SelectiveError> {
    let made_up: HashSet<&str> = dataset
        .blank_nodes()
        .into_iter()
        .filter(|label| label.starts_with('b'))
        .collect();
    if made_up.is_empty() {
        return Ok(dataset.clone());
    }
    let mut cells: HashMap<&str, Cell<'_>> = HashMap::new();
    let mut heads: Vec<(&Quad, &str)> = Vec::new();
    for quad in dataset.quads() {
        if quad.graph.is_some() {
            return Err(unsupported("a graph within the document"));
        }
        let subject = quad.subject.blank().filter(|label| made_up.contains(label));
        let object = quad.object.blank().filter(|label| made_up.contains(label));
        match (subject, quad.predicate.as_ref()) {
            (Some(cell), FIRST) if object.is_none() => {
                cells.entry(cell).or_default().first = Some(&quad.object);
            }
            (Some(cell), REST) => cells.entry(cell).or_default().rest = object,
            (Some(_), _) => {
                return Err(unsupported(
                    "a list within a list, or a node without a name",
                ));
            }
            (None, _) => heads.extend(object.map(|head| (quad, head))),
        }
    }
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut lists: HashSet<String> = HashSet::new();
    for (quad, head) in heads {
        let chain = chain(head, &cells)?;
        let list = name(quad, &chain);
        for (place, (cell, _)) in chain.iter().enumerate() {
            names.insert((*cell).to_owned(), format!("l{list}.{place}x"));
        }
        if !lists.insert(list) {
            return Err(unsupported("the same list twice"));
        }
    }
    if names.len() != made_up.len() {
        return Err(unsupported("a node without a name"));
    }
    Ok(dataset.relabelled(&names))
}

#[derive(Default)]
struct Cell<'d> {
    first: Option<&'d Term>,
    rest: Option<&'d str>,
}

/// Follows a list from its head; each cell with its item.
fn chain<'d>(
    head: &'d str,
    cells: &HashMap<&'d str, Cell<'d>>,
) -> Result<Vec<(&'d str, &'d Term)>, SelectiveError> {
    let mut chain = Vec::new();
    let mut next = Some(head);
    while let Some(label) = next {
        let cell = cells.get(label).filter(|_| chain.len() < cells.len());
        let item = cell.and_then(|cell| Some((cell.first?, cell.rest)));
        let (first, rest) = item.ok_or(unsupported("a node without a name"))?;
        chain.push((label, first));
        next = rest;
    }
    Ok(chain)
}

fn name(quad: &Quad, chain: &[(&str, &Term)]) -> String {
    let mut text = String::new();
    let statement = Quad {
        object: Term::Iri(Arc::clone(&quad.predicate)),
        ..quad.clone()
    };
    statement.write(&mut text, &|label| label);
    for (_, item) in chain {
        item.write(&mut text, &|label| label);
        text.push('\n');
    }
    let digest: [u8; 32] = Sha256::digest(text).into();
    HEXLOWER.encode(&digest)
}

fn unsupported(what: &'static str) -> SelectiveError {
    SelectiveError::Unsupported { what }
}
