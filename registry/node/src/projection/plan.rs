//! From blocks to rows. Reads snapshots, writes nothing.

use std::collections::BTreeSet;

use chop_did::{ChopDid, LedgerId};
use chop_integrity::{Hash, Timestamp};
use chop_keys::PublicKey;
use chop_protocol::certificate::spki_hash;
use chop_protocol::http::listed::{ListedAction, ListedResult, ListedTransaction};
use chop_protocol::{
    Accreditation, Anchor, Batch, Change, CreateBatch, ExecutionResult, ItemProof, Outcome,
    Proposal, accreditation_id, keys,
};
use data_encoding::HEXUPPER;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tendermint::block::Header;

use super::entity::{self, json, project};
use super::table::{BLOCKS, FACETS, Rows, TRANSACTIONS};
use super::{Moment, ProjectionError};
use crate::store::BlockRecord;

/// Most blocks of one SQL transaction.
const MAX_BLOCKS: u64 = 256;
/// Most envelopes after which it takes no further block.
const MAX_ENVELOPES: u64 = 2_000;

/// The rows of some blocks, and of what they touched.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) rows: Rows,
    /// The last of the blocks.
    pub(super) height: u64,
    /// SHA-256 of its header.
    pub(super) hash: [u8; 32],
    /// Whether entries of the state were read.
    pub(super) reads_state: bool,
}

/// Plans the blocks from `from` on, as far as their headers are there; entries of the state count for blocks above `seeded`.
/// `None` when the next block is not there yet.
pub(super) fn plan(
    moment: &Moment,
    from: u64,
    seeded: u64,
) -> Result<Option<Plan>, ProjectionError> {
    let first = moment.blocks.first_height()?.unwrap_or(from);
    if from < first {
        return Err(ProjectionError::Gap { next: from, first });
    }
    let mut plan = Plan::default();
    let mut touched = BTreeSet::new();
    let mut envelopes = 0;
    for height in from..=moment.height.min(from.saturating_add(MAX_BLOCKS - 1)) {
        let record = moment.blocks.block(height)?;
        let Some(record) = record.filter(|record| !record.signed_header.is_empty()) else {
            break;
        };
        let header = record.decode_header()?.header;
        let mut block = Reading {
            moment,
            rows: &mut plan.rows,
            touched: &mut touched,
            height,
            time: Timestamp::from_unix_ms(chop_proof::build::time_ms(&header)),
            touches: height > seeded,
        };
        let (all, refused) = block.transactions(&record)?;
        envelopes += all;
        plan.hash = block.header(&header, all, refused)?;
        plan.height = height;
        if envelopes >= MAX_ENVELOPES {
            break;
        }
    }
    if plan.height == 0 {
        return Ok(None);
    }
    plan.reads_state = !touched.is_empty();
    for key in touched {
        if let Some(value) = moment.state.value(&key)? {
            project(&mut plan.rows, &key, &value, moment.height)?;
        }
    }
    Ok(Some(plan))
}

/// What is listed of an envelope.
#[derive(Deserialize)]
struct Told {
    ledger: LedgerId,
    actor: ChopDid,
    sponsor: ChopDid,
    actions: Vec<Value>,
}

/// One block being read.
struct Reading<'a> {
    moment: &'a Moment,
    rows: &'a mut Rows,
    /// Keys of the state whose rows are written anew.
    touched: &'a mut BTreeSet<String>,
    height: u64,
    time: Timestamp,
    touches: bool,
}

impl Reading<'_> {
    fn header(
        &mut self,
        header: &Header,
        envelopes: u64,
        refused: u64,
    ) -> Result<[u8; 32], ProjectionError> {
        let hash = chop_proof::build::hash_bytes(header.hash());
        let hash = hash.ok_or_else(|| self.unreadable("header", "it has no hash"))?;
        self.rows.put(
            &BLOCKS,
            [
                self.height.into(),
                self.time.unix_ms().into(),
                HEXUPPER.encode(&hash).into(),
                HEXUPPER.encode(header.app_hash.as_bytes()).into(),
                header.proposer_address.to_string().into(),
                envelopes.into(),
                refused.into(),
            ],
        );
        Ok(hash)
    }

    /// Adds the transactions; how many envelopes there are, and how many of them were refused.
    fn transactions(&mut self, record: &BlockRecord) -> Result<(u64, u64), ProjectionError> {
        let (mut index, mut refused) = (0, 0);
        for (tx, result) in record.txs.iter().zip(&record.results) {
            let outcomes = result.outcomes()?;
            // These bytes were verified before they were executed, so they are only read here.
            let envelopes: Vec<Told> = match tx.first() {
                // What is no transaction has no outcome; nothing in it happened.
                _ if outcomes.is_empty() => continue,
                Some(b'[') => entity::read(tx, "transaction", self.height)?,
                _ => vec![entity::read(tx, "transaction", self.height)?],
            };
            for (envelope, outcome) in envelopes.iter().zip(&outcomes) {
                self.envelope(envelope, outcome, index)?;
                index += 1;
                refused += u64::from(!outcome.is_committed());
            }
        }
        Ok((index, refused))
    }

    fn envelope(
        &mut self,
        envelope: &Told,
        outcome: &Outcome,
        index: u64,
    ) -> Result<(), ProjectionError> {
        let mut listed = Vec::new();
        for (place, action) in envelope.actions.iter().enumerate() {
            let place = u16::try_from(place).unwrap_or(u16::MAX);
            listed.push(self.action((envelope, action, place), outcome)?);
        }
        let result = match &outcome.result {
            ExecutionResult::Committed => ListedResult::Committed,
            ExecutionResult::Refused { rule, detail, .. } => ListedResult::Refused {
                rule: rule.clone(),
                detail: detail.clone(),
            },
        };
        let transaction = ListedTransaction {
            hash: outcome.hash,
            height: self.height,
            index,
            time: self.time,
            actor: envelope.actor,
            sponsor: envelope.sponsor,
            result,
            actions: listed,
        };
        self.put(&transaction)
    }

    fn put(&mut self, transaction: &ListedTransaction) -> Result<(), ProjectionError> {
        let committed = transaction.result == ListedResult::Committed;
        let (height, index) = (transaction.height, transaction.index);
        self.rows.put(
            &TRANSACTIONS,
            [
                height.into(),
                index.into(),
                transaction.hash.to_string().into(),
                if committed { "committed" } else { "refused" }.into(),
                json("transaction", transaction)?.into(),
            ],
        );
        let actor = &transaction.actor;
        let mut facets = vec![format!("actor/{actor}"), format!("did/{actor}")];
        if !committed {
            facets.push("outcome/refused".to_owned());
        }
        for action in &transaction.actions {
            facets.push(format!("action/{}", action.kind));
            facets.extend(action.dids.iter().map(|did| format!("did/{did}")));
        }
        for facet in facets {
            self.rows
                .put(&FACETS, [facet.into(), height.into(), index.into()]);
        }
        Ok(())
    }

    /// Lists an action by its place in its envelope, and notes what of the state it touched.
    ///
    /// What is looked up are records that a committed action needed and nothing changes: the answer is the same whenever the
    /// block is read. A refused action may name what came into being later, so nothing is looked up for it.
    fn action(
        &mut self,
        (envelope, action, place): (&Told, &Value, u16),
        outcome: &Outcome,
    ) -> Result<ListedAction, ProjectionError> {
        let kind = action.get("type").and_then(Value::as_str);
        let kind = kind.unwrap_or_default().to_owned();
        let text = |name: &str| action.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut listed = ListedAction {
            kind,
            about: None,
            dids: Vec::new(),
        };
        let mut touched = Vec::new();
        match listed.kind.as_str() {
            "accreditation.accredit" => {
                let granted = accreditation_id(&outcome.hash, place);
                listed.about = Some(granted.to_string());
                listed.dids.extend(did_in(action, "subject"));
                touched.push(keys::accreditation(&granted));
            }
            "accreditation.suspend" | "accreditation.reinstate" | "accreditation.revoke" => {
                listed.about = text("accreditation");
                if let Some(id) = hash(listed.about.as_ref()).filter(|_| outcome.is_committed()) {
                    let key = keys::accreditation(&id);
                    let found: Option<Accreditation> = self.stored(&key, "accreditation")?;
                    listed.dids.extend(found.map(|found| found.subject));
                    touched.push(key);
                }
            }
            "credential.anchor" => {
                listed.about = text("digest");
                listed.dids.extend(did_in(action, "subject"));
            }
            "credential.set-status" => {
                listed.about = text("digest");
                if let Some(digest) = hash(listed.about.as_ref()).filter(|_| outcome.is_committed())
                {
                    let found: Option<Anchor> = self.stored(&keys::anchor(&digest), "anchor")?;
                    listed.dids.extend(found.and_then(|found| found.subject));
                }
            }
            "schema.publish" | "schema.deprecate" => {
                let name = text("name").unwrap_or_default();
                let version = text("version").unwrap_or_default();
                listed.about = Some(format!("{name}@{version}"));
                touched.push(format!("{}{name}", keys::SCHEMAS));
            }
            "certificate.bind" => {
                let key = action.pointer("/binding/publicKey").and_then(Value::as_str);
                let key = key.and_then(|key| PublicKey::from_multikey(key).ok());
                listed.about = key
                    .and_then(|key| spki_hash(&key))
                    .map(|spki| spki.to_string());
            }
            "certificate.unbind" => listed.about = text("spki"),
            "membership.propose" => {
                listed.about = Some(outcome.hash.to_string());
                if outcome.is_committed() {
                    self.proposal(&outcome.hash, &mut listed, &mut touched)?;
                }
            }
            "membership.vote" => {
                listed.about = text("proposal");
                if let Some(id) = hash(listed.about.as_ref()).filter(|_| outcome.is_committed()) {
                    self.proposal(&id, &mut listed, &mut touched)?;
                }
            }
            "batch.create" => listed.about = created(envelope, action),
            "batch.activate" | "batch.void" => listed.about = text("batch"),
            "batch.materialise" | "batch.claim" => {
                let proof = action.get("proof").cloned().unwrap_or_default();
                let proof: Option<ItemProof> = serde_json::from_value(proof).ok();
                listed.about = proof.as_ref().map(|proof| proof.batch.to_string());
                if let Some(proof) = proof.filter(|_| outcome.is_committed())
                    && let Some(item) = self.item(&proof)?
                {
                    listed.dids.push(item);
                    touched.push(keys::did(&item.scid()));
                }
            }
            kind if kind.starts_with("did.") => {
                let operation = action.get("operation").unwrap_or(&Value::Null);
                listed.dids.extend(did_in(operation, "did"));
                touched.extend(listed.dids.iter().map(|did| keys::did(&did.scid())));
                listed.dids.extend(did_in(operation, "controller"));
                let genesis = operation.get("genesis").unwrap_or(&Value::Null);
                listed.dids.extend(did_in(genesis, "controller"));
            }
            _ => {}
        }
        if outcome.is_committed() && self.touches {
            self.touched.extend(touched);
        }
        Ok(listed)
    }

    /// The item that a proof is about.
    fn item(&self, proof: &ItemProof) -> Result<Option<ChopDid>, ProjectionError> {
        let batch: Option<Batch> = self.stored(&keys::batch(&proof.batch), "batch")?;
        Ok(batch.and_then(|batch| {
            let scid = proof.check(&batch).ok()?;
            Some(ChopDid::new(batch.terms.ledger.short(), scid))
        }))
    }

    /// A proposal that was made or voted on, and the member that it is about: a deciding vote changes its record.
    fn proposal(
        &self,
        id: &Hash,
        listed: &mut ListedAction,
        touched: &mut Vec<String>,
    ) -> Result<(), ProjectionError> {
        let key = keys::proposal(id);
        let found: Option<Proposal> = self.stored(&key, "proposal")?;
        touched.push(key);
        let Some(found) = found else {
            return Ok(());
        };
        let mut members = Vec::new();
        match &found.change {
            Change::Admit(admission) => members.push(admission.did),
            Change::Suspend(change) | Change::Reinstate(change) | Change::Remove(change) => {
                members.push(change.member);
            }
            Change::SetValidators(change) => {
                let changed = change.validators.iter().filter_map(|change| change.member);
                listed.dids.extend(changed);
            }
            Change::Promote(promotion) => {
                members.extend(promotion.admit.iter().map(|admission| admission.did));
            }
            _ => {}
        }
        touched.extend(members.iter().map(|member| keys::member(&member.scid())));
        listed.dids.append(&mut members);
        Ok(())
    }

    fn stored<T: DeserializeOwned>(
        &self,
        key: &str,
        what: &'static str,
    ) -> Result<Option<T>, ProjectionError> {
        let value = self.moment.state.value(key)?;
        value
            .map(|value| entity::read(&value, what, self.moment.height))
            .transpose()
    }

    fn unreadable(&self, what: &'static str, reason: &str) -> ProjectionError {
        ProjectionError::Unreadable {
            what,
            height: self.height,
            reason: reason.to_owned(),
        }
    }
}

/// The batch that an action creates.
fn created(envelope: &Told, action: &Value) -> Option<String> {
    let mut body = action.clone();
    body.as_object_mut()?.remove("type");
    let body: CreateBatch = serde_json::from_value(body).ok()?;
    let terms = body.terms(envelope.ledger, envelope.actor);
    Some(terms.id().ok()?.to_string())
}

fn did_in(value: &Value, name: &str) -> Option<ChopDid> {
    ChopDid::parse(value.get(name)?.as_str()?).ok()
}

fn hash(text: Option<&String>) -> Option<Hash> {
    text?.parse().ok()
}
