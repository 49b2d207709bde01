//! Going on with a batch: what is done, and whether it still is what was asked for.

use super::journal::{Batch, Entry, Journal};
use super::outlet::Outlet;
use super::source::{FileDigest, Row, Rows, Source};
use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;

/// Is where a batch goes on.
pub(super) struct Progress {
    /// The rows that are left.
    pub(super) rows: Rows,
    /// Rows that are issued.
    pub(super) issued: u64,
    /// Rows that were refused and passed over.
    pub(super) refused: u64,
    /// What the journal knows the CSV file as.
    pub(super) known: FileDigest,
}

/// Goes through the journal and the rows side by side, gives back what files the outlet lacks, and cuts off a line that is not
/// whole.
///
/// # Errors
/// When a row that is done has changed since or is gone, or something cannot be read or written.
pub(super) fn resume(
    journal: &mut Journal,
    batch: &Batch,
    source: &Source,
    places: &[usize],
    outlet: &mut Outlet,
) -> anyhow::Result<Progress> {
    let mut progress = Progress {
        rows: source.rows()?,
        issued: 0,
        refused: 0,
        known: batch.rows.clone(),
    };
    journal.replay(|entry| {
        match entry {
            Entry::Issued {
                row,
                sha256,
                credential,
            } => {
                next(&mut progress.rows, row, sha256, places)?;
                outlet.restore(row, credential)?;
                progress.issued += 1;
            }
            Entry::Refused {
                row,
                sha256,
                refused,
            } => {
                let found = next(&mut progress.rows, row, sha256, places)?;
                outlet.refused(&found, &refused.reason)?;
                progress.refused += 1;
            }
            Entry::Amended(rows) => progress.known = rows,
        }
        Ok(())
    })?;
    Ok(progress)
}

/// Reads the row that a line of the journal is about.
fn next(rows: &mut Rows, number: u64, sha256: &str, places: &[usize]) -> anyhow::Result<Row> {
    let row = rows
        .next()?
        .with_context(|| format!("the journal has row {number}, the CSV file ends before it"))?;
    if row.number != number {
        bail!(
            "the journal goes on with row {number} where row {} is due",
            row.number
        );
    }
    if row.hash(places) != sha256 {
        bail!(
            "row {number} is not what it was when it was done; issue changed rows as a batch of their own"
        );
    }
    Ok(row)
}

/// Compares the batch that a journal is of with the one that is asked for; the rows are compared one by one later.
///
/// # Errors
/// When they differ, naming the first difference.
pub(super) fn same(known: &Batch, asked: &Batch) -> anyhow::Result<()> {
    let members = [
        ("the issuer", &known.issuer, &asked.issuer),
        (
            "the verification method",
            &known.verification_method,
            &asked.verification_method,
        ),
        ("the form", &known.form, &asked.form),
    ];
    for (what, known, asked) in members {
        if known != asked {
            bail!("{what} was {known}, and is {asked} now");
        }
    }
    let (was, is) = (
        Value::Object(known.template.clone()),
        Value::Object(asked.template.clone()),
    );
    match difference(&was, &is, String::new()) {
        Some(at) => {
            let shown = |whole: &Value| {
                let part = whole
                    .pointer(&at)
                    .map_or("absent".to_owned(), Value::to_string);
                part.chars().take(80).collect::<String>()
            };
            Err(anyhow!(
                "the template changed at {at}: it was {}, and is {} now",
                shown(&was),
                shown(&is)
            ))
        }
        None => Ok(()),
    }
}

/// Finds the first place where two values differ, as a JSON pointer.
fn difference(one: &Value, other: &Value, at: String) -> Option<String> {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            names.into_iter().find_map(|name| {
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => difference(a, b, at),
                    _ => Some(at),
                }
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(index, (a, b))| difference(a, b, format!("{at}/{index}"))),
        _ => (one != other).then_some(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_place_that_differs_is_found() {
        for (one, other, at) in [
            (json!({"a": 1}), json!({"a": 1}), None),
            (
                json!({"a": [1, {"b/c": 2}]}),
                json!({"a": [1, {"b/c": 3}]}),
                Some("/a/1/b~1c"),
            ),
            (json!({"a": 1}), json!({"a": 1, "b": 2}), Some("/b")),
            (json!({"a": [1]}), json!({"a": [1, 2]}), Some("/a")),
        ] {
            assert_eq!(difference(&one, &other, String::new()).as_deref(), at);
        }
    }
}
