//! `chopmark node use-key`: the node goes by another key.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use chop_keystore::{KeyName, Keystore};
use chop_protocol::spki_hash;
use clap::Args;
use serde_json::json;

use crate::cli::keyring::purpose;
use crate::cli::{Done, Failure, Mark, Page};
use crate::up::{Candidate, Folder, Mode};

#[derive(Debug, Args)]
#[command(after_help = "\
Example, while the node runs, and then while it is stopped:
  chopmark key new node-2 --keys DIR/keys
  chopmark member bind node-2 --as DID --keys DIR/keys
  chopmark node use-key node-2 --data DIR
  chopmark node --data DIR …
  chopmark member unbind SPKI --as DID --keys DIR/keys      the old one, which use-key printed

member.json holds the new address then: the others take it with `chopmark node join` when they like. Until then the node
dials them.")]
pub(super) struct UseKey {
    /// The key's name in the folder's keystore
    key: String,
    /// The data folder, which no process uses
    #[arg(long, default_value = "chopmark-data")]
    data: PathBuf,
}

impl UseKey {
    /// Changes the folder's candidacy.
    pub(super) fn run(&self) -> Result<Done, Failure> {
        if let Some(purpose) = purpose(&self.key) {
            return Err(Failure::usage(anyhow!(
                "{} is {purpose} by its name, expected one that was made for the node: CometBFT reads it in the clear, and once it \
                 is bound it signs nothing else",
                self.key
            )));
        }
        let folder = Folder::open(&self.data, Mode::Standard).map_err(Failure::usage)?;
        let name = KeyName::parse(&self.key).map_err(Failure::usage)?;
        let held = Keystore::list_public(&folder.join("keys")).map_err(Failure::usage)?;
        let public = |wanted: &dyn Fn(&chop_keystore::KeyEntry) -> bool| {
            held.iter()
                .find(|entry| wanted(entry))
                .map(|entry| entry.public_key.clone())
        };
        let key = public(&|entry| entry.name == name)
            .with_context(|| format!("the folder's keystore holds no key {name}"))
            .map_err(Failure::not_found)?;
        let before = Candidate::read(&folder).map_err(Failure::usage)?;
        let old = public(&|entry| before.is_node_key(&entry.public_key));
        let now = Candidate::with_node_key(&folder, &self.key, &key).map_err(Failure::usage)?;
        let (old, new) = (old.as_ref().and_then(spki_hash), spki_hash(&key));
        let mut page = Page::new()
            .heading(
                Mark::Good,
                format!("the node goes by {} from its next start", self.key),
            )
            .field("before", &before.peer)
            .field("from now on", &now.peer);
        for (what, spki) in [("spki before", old), ("spki from now on", new)] {
            if let Some(spki) = spki {
                page = page.field(what, spki);
            }
        }
        Ok(Done::new(
            json!({"before": before.peer, "peer": now.peer, "spkiBefore": old, "spki": new}),
            page.dim("Bind the new key before the start, unbind the old one after it: chopmark member bind, unbind"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::keystore;

    #[test]
    fn refuses_a_key_that_has_another_purpose() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path(), Mode::Standard).unwrap();
        let keystore = keystore(&folder, None).unwrap();
        let before = Candidate::of(&folder, &keystore, "a.example:1").unwrap();
        drop(folder);
        let goes_by = |key: &str| {
            let data = root.path().to_owned();
            let key = key.to_owned();
            UseKey { key, data }.run()
        };
        for key in ["operator", "operator-update", "operator-next", "validator"] {
            let refused = goes_by(key).err().unwrap().chain().concat();
            assert!(refused.contains("by its name"), "{key}: {refused}");
        }
        goes_by("node").unwrap();
        let folder = Folder::open(root.path(), Mode::Standard).unwrap();
        assert_eq!(Candidate::read(&folder).unwrap().peer, before.peer);
    }
}
