//! From JSON to [`Operation`]: profile, size, shape, then signatures.

use super::{
    Body, Link, MAX_OPERATION_BYTES, OPERATION_TAG, Operation, OperationError, OperationKind, proof,
};
use crate::chop::ChopDid;
use crate::control::{KeyCommitment, RawControl, UpdateKeys, parse_keys};
use crate::document::Document;
use crate::genesis::Genesis;
use chop_integrity::Hash;
use chop_integrity::json::{self, JsonError, Limits};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Bounds on a signed operation in canonical form (SPEC §4.6).
const BOUNDS: Limits = Limits {
    max_bytes: MAX_OPERATION_BYTES,
    max_depth: Limits::OPERATION.max_depth,
};

/// Members that one kind or another has; [`RawOperation::take`] checks which.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawOperation {
    #[serde(rename = "type")]
    kind: OperationKind,
    did: ChopDid,
    seq: u64,
    previous: Option<Hash>,
    genesis: Option<Value>,
    document: Option<Value>,
    recovery: Option<KeyCommitment>,
    update_keys: Option<Vec<String>>,
    threshold: Option<u8>,
    next_key_hashes: Option<Vec<Hash>>,
    next_threshold: Option<u8>,
    recovery_keys: Option<Vec<String>>,
    vetoes: Option<Hash>,
    controller: Option<ChopDid>,
}

pub(super) fn parse(value: &Value) -> Result<Operation, OperationError> {
    check_bounds(value)?;
    let (unsigned, proof) = split_proof(value)?;
    let raw: RawOperation =
        serde_json::from_value(Value::Object(unsigned.clone())).map_err(shape)?;
    check_members(raw.kind, &unsigned)?;
    let (did, seq, previous) = (raw.did, raw.seq, raw.previous);
    let body = read_body(raw)?;
    if let Body::Create { genesis } = &body {
        // SPEC §6.2: the identifier is the hash of the genesis, or it is nobody's.
        if genesis.did() != did {
            return Err(OperationError::Scid {
                named: did.to_string(),
                made: genesis.did().to_string(),
            });
        }
    }
    if (seq == 0) != matches!(body, Body::Create { .. }) {
        return Err(OperationError::Shape {
            reason: "a create has seq 0, every other operation a later one".to_owned(),
        });
    }
    let signers = proof::verify_all(&unsigned, proof)?;
    let hash = hash(&unsigned)?;
    Ok(Operation {
        did,
        seq,
        previous,
        hash,
        signers,
        body,
    })
}

pub(super) fn link(value: &Value) -> Result<Link, OperationError> {
    #[derive(Deserialize)]
    struct Named {
        previous: Option<Hash>,
        controller: Option<ChopDid>,
        genesis: Option<Controlled>,
    }
    #[derive(Deserialize)]
    struct Controlled {
        controller: Option<ChopDid>,
    }
    check_bounds(value)?;
    let (unsigned, _) = split_proof(value)?;
    let hash = hash(&unsigned)?;
    let named: Named = serde_json::from_value(Value::Object(unsigned)).map_err(shape)?;
    let of_genesis = named.genesis.and_then(|genesis| genesis.controller);
    Ok(Link {
        hash,
        previous: named.previous,
        controller: named.controller.or(of_genesis),
    })
}

fn check_bounds(value: &Value) -> Result<(), OperationError> {
    json::check_restricted(value, &BOUNDS).map_err(|error| match error {
        JsonError::TooLarge { found, .. } => OperationError::Size { bytes: found },
        other => OperationError::Profile {
            reason: other.to_string(),
        },
    })
}

fn hash(unsigned: &Map<String, Value>) -> Result<Hash, OperationError> {
    Hash::of_json(OPERATION_TAG, unsigned).map_err(|error| OperationError::Profile {
        reason: error.to_string(),
    })
}

/// Separates what is signed from the proofs.
fn split_proof(value: &Value) -> Result<(Map<String, Value>, &Value), OperationError> {
    let members = value.as_object().ok_or_else(|| OperationError::Shape {
        reason: "not an object".to_owned(),
    })?;
    let proof = members.get("proof").ok_or(OperationError::ProofCount {
        count: 0,
        max: proof::MAX_PROOFS,
    })?;
    let unsigned = members
        .iter()
        .filter(|(name, _)| *name != "proof")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok((unsigned, proof))
}

/// Refuses members that this kind of operation does not have, and nulls (SPEC §4.6).
fn check_members(kind: OperationKind, members: &Map<String, Value>) -> Result<(), OperationError> {
    let own: &[&str] = match kind {
        OperationKind::Create => &["genesis"],
        OperationKind::Update => &["previous", "document", "recovery"],
        OperationKind::Rotate => &[
            "previous",
            "document",
            "updateKeys",
            "threshold",
            "nextKeyHashes",
            "nextThreshold",
            "recovery",
        ],
        OperationKind::Recover => &[
            "previous",
            "document",
            "recoveryKeys",
            "updateKeys",
            "threshold",
            "nextKeyHashes",
            "nextThreshold",
            "recovery",
        ],
        OperationKind::Veto => &["previous", "document", "vetoes"],
        OperationKind::Deactivate => &["previous", "document"],
        OperationKind::Transfer => &["previous", "document", "controller"],
    };
    for (name, value) in members {
        if !matches!(name.as_str(), "type" | "did" | "seq") && !own.contains(&name.as_str()) {
            return Err(OperationError::Shape {
                reason: format!("a {kind} has no member {name}"),
            });
        }
        if value.is_null() {
            return Err(OperationError::Shape {
                reason: format!("{name} is null; an absent member is left out"),
            });
        }
    }
    if kind != OperationKind::Create && !members.contains_key("previous") {
        return Err(missing("previous"));
    }
    Ok(())
}

fn read_body(raw: RawOperation) -> Result<Body, OperationError> {
    if raw.kind == OperationKind::Create {
        let genesis = Genesis::parse(raw.genesis.ok_or_else(|| missing("genesis"))?)?;
        return Ok(Body::Create {
            genesis: Box::new(genesis),
        });
    }
    let document = Document::parse(raw.document.ok_or_else(|| missing("document"))?)?;
    let keys = RawControl {
        update_keys: raw.update_keys,
        threshold: raw.threshold,
        next_key_hashes: raw.next_key_hashes,
        next_threshold: raw.next_threshold,
        controller: None,
    };
    Ok(match raw.kind {
        OperationKind::Create | OperationKind::Update => Body::Update {
            document,
            recovery: raw.recovery,
        },
        OperationKind::Rotate => Body::Rotate {
            document,
            keys: UpdateKeys::try_from(keys)?,
            recovery: raw.recovery,
        },
        OperationKind::Recover => Body::Recover {
            document,
            revealed: parse_keys(
                "recoveryKeys",
                &raw.recovery_keys.ok_or_else(|| missing("recoveryKeys"))?,
            )?,
            keys: UpdateKeys::try_from(keys)?,
            recovery: raw.recovery.ok_or_else(|| missing("recovery"))?,
        },
        OperationKind::Veto => Body::Veto {
            document,
            vetoed: raw.vetoes.ok_or_else(|| missing("vetoes"))?,
        },
        OperationKind::Deactivate => Body::Deactivate { document },
        OperationKind::Transfer => Body::Transfer {
            document,
            controller: raw.controller.ok_or_else(|| missing("controller"))?,
        },
    })
}

fn missing(member: &str) -> OperationError {
    OperationError::Shape {
        reason: format!("{member} is missing"),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that map_err asks for"
)]
fn shape(error: serde_json::Error) -> OperationError {
    OperationError::Shape {
        reason: error.to_string(),
    }
}
