//! Key history: what a new document owes to the one before it (SPEC §5).

use super::Document;
use chop_integrity::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Says which rule of key history a new document breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum History {
    /// A published method is missing.
    Removed { id: String },
    /// A published method's key or expiry changed.
    Altered { id: String },
    /// A `revoked` mark was taken off or moved.
    Unretired { id: String },
    /// A new `revoked` mark reaches behind the version before.
    Backdated { id: String },
    /// A `compromised` mark was taken off or moved to a later time.
    Uncompromised { id: String },
}

/// Who speaks: the recovery set alone may undo marks, since a thief of update keys may have set them (SPEC §5.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// Update keys or a controller.
    Ordinary,
    /// The recovery set.
    Recovery,
}

/// Checks a new document against the one before it, whose header time is `before_time`.
pub(crate) fn check_history(
    before: &Document,
    after: &Document,
    before_time: Timestamp,
    voice: Voice,
) -> Result<(), History> {
    let id_of = |method: &Map<String, Value>| {
        method
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let now: BTreeMap<String, &Map<String, Value>> = after
        .methods()
        .map(|method| (id_of(method), method))
        .collect();
    for old in before.methods() {
        let id = id_of(old);
        // SPEC §5.1: a verification method once published stays.
        let Some(new) = now.get(&id) else {
            return Err(History::Removed { id });
        };
        if ["type", "publicKeyMultibase", "publicKeyJwk", "expires"]
            .into_iter()
            .any(|member| old.get(member) != new.get(member))
        {
            return Err(History::Altered { id });
        }
        if voice == Voice::Ordinary {
            check_marks(id, old, new, before_time)?;
        }
    }
    Ok(())
}

fn check_marks(
    id: String,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    before_time: Timestamp,
) -> Result<(), History> {
    match (mark(old, "revoked"), mark(new, "revoked")) {
        // SPEC §5.2: retirement is stated once, and does not reach behind the version before.
        (Some(was), is) if is != Some(was) => return Err(History::Unretired { id }),
        (None, Some(is)) if is < before_time => return Err(History::Backdated { id }),
        _ => {}
    }
    match (mark(old, "compromised"), mark(new, "compromised")) {
        // SPEC §5.3: compromise may turn out to be earlier, never later, never undone.
        (Some(was), is) if is.is_none_or(|is| is > was) => Err(History::Uncompromised { id }),
        _ => Ok(()),
    }
}

fn mark(method: &Map<String, Value>, member: &str) -> Option<Timestamp> {
    method
        .get(member)
        .and_then(Value::as_str)
        .and_then(|text| Timestamp::parse(text).ok())
}
