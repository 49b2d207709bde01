//! The folder that exports are written into: each file whole, no list over a later one, no statement that was withdrawn.

use crate::cli::Failure;
use anyhow::{Context as _, anyhow, bail};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The signed list.
pub(super) const LIST_FILE: &str = "lote.jws";
/// Where the statements are.
pub(super) const STATEMENTS: &str = "federation/statements";

/// Writes files, each whole or not at all; answers their paths.
pub(super) fn write(out: &Path, files: &[(&str, &[u8])]) -> Result<Vec<String>, Failure> {
    let place = |name: &str, content: &[u8]| -> std::io::Result<PathBuf> {
        let file = out.join(name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let fresh = out.join(format!("{}.new", name.replace('/', "-")));
        fs::write(&fresh, content)?;
        fs::rename(&fresh, &file)?;
        Ok(file)
    };
    let mut written = Vec::new();
    for (name, content) in files {
        let file = place(name, content)
            .with_context(|| format!("cannot write {}", out.join(name).display()))
            .map_err(Failure::usage)?;
        written.push(file.display().to_string());
    }
    Ok(written)
}

/// Refuses a list that does not follow the one in the folder: readers take none with a smaller number, and expect what has
/// one number to be one list.
pub(super) fn follows(out: &Path, payload: &Value) -> Result<(), Failure> {
    let file = out.join(LIST_FILE);
    let text = match fs::read_to_string(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        read => read.map_err(anyhow::Error::from),
    };
    let kept = text.and_then(|text| {
        let payload = text.split('.').nth(1).context("it is no compact JWS")?;
        let payload = BASE64URL_NOPAD.decode(payload.as_bytes())?;
        Ok(serde_json::from_slice::<Value>(&payload)?)
    });
    let checked = kept.and_then(|kept| {
        let (before, after) = (number(&kept)?, number(payload)?);
        if before > after {
            bail!("it has number {before}, the new one {after}: the node that was asked is behind");
        }
        if before == after && kept != *payload {
            bail!(
                "it has number {before} too and says something else: the ledger's next header gives the next number"
            );
        }
        Ok(())
    });
    checked
        .with_context(|| format!("a list is not written over {}", file.display()))
        .map_err(Failure::refused)
}

fn number(payload: &Value) -> anyhow::Result<u64> {
    let number = payload.pointer("/LoTE/ListAndSchemeInformation/LoTESequenceNumber");
    number
        .and_then(Value::as_u64)
        .ok_or_else(|| anyhow!("it has no LoTESequenceNumber"))
}

/// Removes the statements of an earlier export that are not among those of this one; answers their paths.
pub(super) fn sweep(out: &Path, kept: &BTreeSet<String>) -> Result<Vec<String>, Failure> {
    let folder = out.join(STATEMENTS);
    let removed = || -> std::io::Result<Vec<String>> {
        let mut removed = Vec::new();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(removed),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| is_statement(name)) else {
                continue;
            };
            if !kept.contains(&format!("{STATEMENTS}/{name}")) && entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
                removed.push(entry.path().display().to_string());
            }
        }
        removed.sort();
        Ok(removed)
    };
    removed()
        .with_context(|| {
            let shown = folder.display();
            format!("cannot remove the statements that no longer hold from {shown}")
        })
        .map_err(Failure::usage)
}

/// Whether a file's name is that of a statement: a SHA-256 in lower-case hexadecimal.
fn is_statement(name: &str) -> bool {
    let digest = name.strip_suffix(".jwt").unwrap_or_default();
    digest.len() == 64
        && digest
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn list(number: u64, words: &str) -> Value {
        json!({"LoTE": {"ListAndSchemeInformation": {"LoTESequenceNumber": number, "words": words}}})
    }

    #[test]
    fn refuses_a_list_behind_the_one_that_is_there_or_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        assert!(follows(out, &list(7, "a")).is_ok());
        let payload = BASE64URL_NOPAD.encode(list(7, "a").to_string().as_bytes());
        fs::write(out.join(LIST_FILE), format!("e30.{payload}.AA")).unwrap();
        assert!(follows(out, &list(7, "a")).is_ok());
        assert!(follows(out, &list(8, "b")).is_ok());
        let told = |next: &Value| follows(out, next).unwrap_err().chain().join(": ");
        let behind = told(&list(6, "a"));
        assert!(behind.contains("number 7, the new one 6"), "{behind}");
        let beside = told(&list(7, "b"));
        assert!(beside.contains("says something else"), "{beside}");
        fs::write(out.join(LIST_FILE), "a list of another kind").unwrap();
        let odd = told(&list(9, "a"));
        assert!(odd.contains("no compact JWS"), "{odd}");
    }

    #[test]
    fn sweeps_statements_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join(STATEMENTS);
        fs::create_dir_all(&place).unwrap();
        let [kept, gone] = ["a", "b"].map(|digit| format!("{}.jwt", digit.repeat(64)));
        let odd = ["notes.jwt".to_owned(), format!("{}.jwt", "B".repeat(64))];
        for name in [&kept, &gone, &odd[0], &odd[1]] {
            fs::write(place.join(name), "x").unwrap();
        }
        let all = BTreeSet::from([format!("{STATEMENTS}/{kept}")]);
        let removed = sweep(folder.path(), &all).unwrap();
        assert_eq!(removed, [place.join(&gone).display().to_string()]);
        for name in [&kept, &odd[0], &odd[1]] {
            assert!(place.join(name).is_file(), "{name}");
        }
    }
}
