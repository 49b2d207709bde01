//! The vectors under `conformance/vectors/{valid,invalid}/did-chop/`, made from fixed seeds.
//!
//! Each case is one JSON file. `CHOP_WRITE_VECTORS=1 cargo test -p chop-did` writes them; every other run compares.

mod identifiers;
mod logs;
mod webvh;

use serde_json::Value;

/// A vector: its file name without extension, whether it is valid, and its content.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) valid: bool,
    pub(crate) content: Value,
}

pub(crate) fn all() -> Vec<Case> {
    let mut cases = identifiers::all();
    cases.extend(logs::all());
    cases.extend(webvh::all());
    cases
}

fn valid(name: &str, content: Value) -> Case {
    Case {
        name: name.to_owned(),
        valid: true,
        content,
    }
}

fn invalid(name: &str, content: Value) -> Case {
    Case {
        name: name.to_owned(),
        valid: false,
        content,
    }
}
