//! The clause index names, for every MUST of a specification, the vectors that hold it: what it names exists, and the table in the book is
//! its sum.
//!
//! `CHOPMARK_WRITE_TABLE=1 cargo test -p chop-conformance --test clauses` writes the table anew.
#![expect(
    clippy::unwrap_used,
    reason = "what a test cannot read is a failure of the test"
)]

use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const BEGIN: &str = "<!-- clauses -->\n";
const END: &str = "<!-- /clauses -->\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    specification: String,
    address: String,
    clauses: Vec<Clause>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clause {
    section: String,
    must: String,
    /// Vectors that hold to it, under `valid/credential`.
    #[serde(default)]
    accepted: Vec<String>,
    /// Vectors that break it, under `invalid/credential`.
    #[serde(default)]
    refused: Vec<String>,
    /// Source files with tests of what no vector can show.
    #[serde(default)]
    tests: Vec<String>,
}

#[test]
fn every_clause_is_held_by_vectors_or_tests_that_exist() {
    let mut wrong = Vec::new();
    for Index {
        specification,
        clauses,
        ..
    } in specifications()
    {
        for clause in clauses {
            let place = format!("{specification} §{}: {}", clause.section, clause.must);
            if clause.tests.is_empty() && (clause.accepted.is_empty() || clause.refused.is_empty())
            {
                wrong.push(format!("{place}: needs a vector on either side, or a test"));
            }
            let vectors = |kind: &str, names: &[String]| -> Vec<PathBuf> {
                let folder = root().join("conformance/vectors").join(kind);
                let path = |name: &String| folder.join(format!("credential/{name}.json"));
                names.iter().map(path).collect()
            };
            let named = vectors("valid", &clause.accepted)
                .into_iter()
                .chain(vectors("invalid", &clause.refused))
                .chain(clause.tests.iter().map(|file| root().join(file)));
            for path in named.filter(|path| !path.is_file()) {
                wrong.push(format!("{place}: there is no {}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_in_the_book_is_the_sum_of_the_index() {
    let path = root().join("docs/src/conformance.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    let expected = table();
    if std::env::var_os("CHOPMARK_WRITE_TABLE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
    } else {
        assert_eq!(found, expected, "write it anew as this test's file says");
    }
}

fn table() -> String {
    let mut table = "| specification | clauses with MUST | accepted vectors | refused vectors | shown by tests only |\n|---|---|---|---|---|\n"
        .to_owned();
    for Index {
        specification,
        address,
        clauses,
    } in specifications()
    {
        let distinct = |names: fn(&Clause) -> &Vec<String>| {
            let names: BTreeSet<&String> = clauses.iter().flat_map(names).collect();
            names.len()
        };
        let by_tests = clauses
            .iter()
            .filter(|clause| clause.accepted.is_empty() && clause.refused.is_empty());
        writeln!(
            table,
            "| [{specification}]({address}) | {} | {} | {} | {} |",
            clauses.len(),
            distinct(|clause| &clause.accepted),
            distinct(|clause| &clause.refused),
            by_tests.count()
        )
        .unwrap();
    }
    table
}

fn specifications() -> Vec<Index> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("conformance/vectors/clauses"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 4, "only {} files", files.len());
    files
        .iter()
        .map(|file| serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
