//! Attacks on derived proofs, each with the rule that refuses it.

mod bbs;
mod both;
mod pointers;
mod sd;

use super::{verify, write};
use chop_keys::PublicKey;
use serde_json::{Value, json};

pub(crate) use bbs::of_bbs;
pub(crate) use pointers::of_pointers;
pub(crate) use sd::of_sd;

fn refused(name: &str, input: &Value, rule: &str) {
    write("invalid", name, &verify(input, Some(rule)));
}

fn changed(credential: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut changed = credential.clone();
    change(&mut changed);
    changed
}

/// The credential under another issuer's key.
fn under(credential: &Value, key: &PublicKey) -> Value {
    changed(credential, |vc| {
        vc["proof"]["verificationMethod"] = json!(key.did_key_url());
    })
}
