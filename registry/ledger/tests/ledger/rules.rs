//! RULES.md stays true: its codes are the program's, its files decide them, its tests exist and name them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Where error variants are given their codes.
const CODED: [&str; 8] = [
    "registry/ledger/src/refusal.rs",
    "registry/ledger/src/refusal/binding.rs",
    "registry/ledger/src/refusal/batch.rs",
    "registry/ledger/src/refusal/governance.rs",
    "registry/protocol/src/envelope.rs",
    "did-method/src/apply/rejection.rs",
    "did-method/src/operation/error.rs",
    "did-method/src/genesis.rs",
];
/// The one rule that no input can break: it turns a library's error into a refusal.
const UNREACHABLE: [&str; 1] = ["did.canonical"];

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of every table row with so many columns, headings left out.
fn rows(columns: usize) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    file("RULES.md")
        .lines()
        .filter(|line| line.starts_with("| ") && !line.contains("| decided in |"))
        .map(cells)
        .filter(|cells| cells.len() == columns)
        .collect()
}

fn code(cell: &str) -> &str {
    cell.trim_matches('`')
}

/// Reads `Self::Name { .. } => "code"` arms: the names that carry each code.
fn variants() -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in CODED {
        let text = file(path);
        let mut pending = vec![];
        for line in text.lines() {
            pending.extend(line.split("Self::").skip(1).map(|rest| {
                rest.chars()
                    .take_while(char::is_ascii_alphanumeric)
                    .collect::<String>()
            }));
            if let Some((_, rest)) = line.split_once("=> \"") {
                let code = rest.split('"').next().unwrap().to_owned();
                found.entry(code).or_default().append(&mut pending);
            } else if line.contains("=>") || line.contains(';') {
                pending.clear();
            }
        }
    }
    found
}

/// The text of a test function, up to the next one.
fn test_body(path: &str, name: &str) -> String {
    let text = file(path);
    let start = text
        .find(&format!("fn {name}("))
        .unwrap_or_else(|| panic!("{path} has no test {name}"));
    assert!(
        text[..start].trim_end().ends_with(']'),
        "{name} in {path} is no test"
    );
    let body = &text[start..];
    body[..body.find("#[test]").unwrap_or(body.len())].to_owned()
}

#[test]
fn rules_md_lists_exactly_the_codes_of_the_program() {
    let listed: Vec<_> = rows(4).iter().map(|row| code(&row[0]).to_owned()).collect();
    let program: BTreeSet<_> = chop_ledger::RULES
        .iter()
        .chain(chop_protocol::envelope::RULES)
        .chain(chop_did::RULES)
        .map(|code| (*code).to_owned())
        .collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), program);
    assert_eq!(listed.len(), program.len(), "a code is listed twice");
}

#[test]
fn every_rule_is_decided_where_rules_md_says() {
    let variants = variants();
    for row in rows(4) {
        let names = variants
            .get(code(&row[0]))
            .unwrap_or_else(|| panic!("{} has no variant", row[0]));
        let text = file(&row[2]);
        assert!(
            names.iter().any(|name| text.contains(name)),
            "{} is not decided in {}",
            row[0],
            row[2]
        );
    }
}

#[test]
fn every_rule_is_shown_by_a_test_or_vector_that_names_it() {
    for row in rows(4) {
        let (rule, shown) = (code(&row[0]), &row[3]);
        let quoted = format!("\"{rule}\"");
        match shown.split_once("::") {
            Some((path, name)) => assert!(
                test_body(path, name).contains(&quoted),
                "{shown} does not name {rule}"
            ),
            None if UNREACHABLE.contains(&rule) => assert_eq!(shown, "unreachable"),
            None => assert!(
                file(shown).contains(&quoted),
                "{shown} does not name {rule}"
            ),
        }
    }
}

#[test]
fn what_holds_for_every_block_is_shown_too() {
    let rows = rows(3);
    assert!(rows.len() >= 12);
    for row in rows {
        file(&row[1]);
        let (path, name) = row[2].split_once("::").unwrap();
        test_body(path, name);
    }
}
