//! Rows of what the state holds: DIDs, members, proposals, accreditations, schemas.

use chop_did::{Class, DidState, MAX_ALSO_KNOWN_AS};
use chop_protocol::{Accreditation, Change, Member, Proposal, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ProjectionError;
use super::table::{ACCREDITATIONS, DIDS, PROPOSALS, Rows, TERMS};
use super::words::{label, words};

/// Where what is projected stands in the state, each prefix with its end.
pub(super) const PREFIXES: [&str; 5] =
    ["accreditation/", "did/", "member/", "proposal/", "schema/"];

/// Adds the rows of one entry of the state as of `height`; entries of other kinds add none.
pub(super) fn project(
    rows: &mut Rows,
    key: &str,
    value: &[u8],
    height: u64,
) -> Result<(), ProjectionError> {
    let Some((prefix, name)) = key.split_once('/') else {
        return Ok(());
    };
    match prefix {
        // `did/{scid}/{seq}` are versions, which the DID's log tells.
        "did" if !name.contains('/') => did(rows, &read(value, "DID", height)?),
        "accreditation" => accreditation(rows, &read(value, "accreditation", height)?)?,
        "proposal" => proposal(rows, &read(value, "proposal", height)?)?,
        "member" => member(rows, &read(value, "member", height)?),
        "schema" => schema(rows, &read(value, "schema", height)?),
        _ => {}
    }
    Ok(())
}

fn did(rows: &mut Rows, state: &DidState) {
    let did = state.did().to_string();
    let controller = state.controller().map(ToString::to_string);
    rows.put(
        &DIDS,
        [
            did.as_str().into(),
            class_name(state.class()).into(),
            controller.unwrap_or_default().into(),
            state.seq().saturating_add(1).into(),
            state.created().unix_ms().into(),
            state.updated().unix_ms().into(),
            i64::from(state.deactivated()).into(),
        ],
    );
    rows.reword("did", &did);
    let names = state.document().members().get("alsoKnownAs");
    let names = names.and_then(Value::as_array).into_iter().flatten();
    for name in names.filter_map(Value::as_str).take(MAX_ALSO_KNOWN_AS) {
        name_it(rows, name, "did", &did);
    }
}

fn member(rows: &mut Rows, member: &Member) {
    let did = member.did.to_string();
    rows.reword("member", &did);
    if let Some(name) = &member.name {
        name_it(rows, &String::from(name.clone()), "member", &did);
    }
}

fn proposal(rows: &mut Rows, proposal: &Proposal) -> Result<(), ProjectionError> {
    let id = proposal.id.to_string();
    rows.put(
        &PROPOSALS,
        [
            id.as_str().into(),
            proposal.height.into(),
            proposal.proposer.to_string().into(),
            json("proposal", proposal)?.into(),
        ],
    );
    if let Change::Admit(admission) = &proposal.change {
        name_it(rows, &String::from(admission.name.clone()), "proposal", &id);
    }
    Ok(())
}

fn accreditation(rows: &mut Rows, found: &Accreditation) -> Result<(), ProjectionError> {
    let credential_type = found.credential_type.as_str();
    rows.put(
        &ACCREDITATIONS,
        [
            found.id.to_string().into(),
            found.height.into(),
            found.accreditor.to_string().into(),
            found.subject.to_string().into(),
            credential_type.into(),
            json("accreditation", found)?.into(),
        ],
    );
    name_it(rows, credential_type, "type", credential_type);
    Ok(())
}

fn schema(rows: &mut Rows, schema: &Schema) {
    let name = schema.name.as_str();
    name_it(rows, name, "schema", name);
}

fn name_it(rows: &mut Rows, name: &str, kind: &'static str, id: &str) {
    for word in words(name) {
        rows.put(
            &TERMS,
            [word.into(), kind.into(), id.into(), label(name).into()],
        );
    }
}

/// The word of the protocol for a class.
pub(super) fn class_name(class: Class) -> String {
    match serde_json::to_value(class) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}

pub(super) fn json(what: &'static str, value: &impl Serialize) -> Result<String, ProjectionError> {
    serde_json::to_string(value).map_err(|error| ProjectionError::Row {
        what,
        reason: error.to_string(),
    })
}

pub(super) fn read<T: DeserializeOwned>(
    bytes: &[u8],
    what: &'static str,
    height: u64,
) -> Result<T, ProjectionError> {
    serde_json::from_slice(bytes).map_err(|error| ProjectionError::Unreadable {
        what,
        height,
        reason: error.to_string(),
    })
}
