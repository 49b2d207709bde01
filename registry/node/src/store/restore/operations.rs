//! The operations that come with a snapshot: each is the one that its proven record names, in its one form, and signed by
//! whoever could sign it.
//!
//! The tree proves the records, and a record's hash leaves the proofs out. Without the last check a restored node would show
//! strangers as the signers of what others did.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::sync::Arc;

use chop_did::operation::MAX_OPERATION_BYTES;
use chop_did::{
    Authority, ChopDid, Controllers, Document, Genesis, Operation, Scid, ScidVersion,
    SignedOperation, VersionRecord,
};
use chop_integrity::{Timestamp, canonicalize};
use chop_protocol::{Batch, keys};
use redb::{ReadOnlyTable, ReadTransaction, ReadableTable as _, ReadableTableMetadata as _};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::store::{StoreError, tables};

/// The state keys of DIDs and of their versions: from the first to before the second.
const DIDS: (&str, &str) = ("did/", "did0");
/// The state keys of batches, likewise.
const BATCHES: (&str, &str) = (keys::BATCHES, "batch0");
/// Operations whose signatures are verified at once, on as many threads as the machine has: at most 8 MiB of them.
const AT_ONCE: usize = 1_024;
/// Documents of controllers that stay parsed.
const MAX_DOCUMENTS: usize = 1_024;

/// Operations that nobody signs: (scid, sequence number, canonical JSON).
type Founding = [(String, u64, Vec<u8>)];

/// Checks that every version of every DID has the operation whose hash its proven record holds, that its signers could sign
/// it, and that there is no other operation. The first version of an item of a batch has none.
pub(super) fn check(reading: &ReadTransaction, founding: &Founding) -> Result<(), StoreError> {
    let operations = reading.open_table(tables::OPERATIONS)?;
    let mut logs = Logs {
        values: reading.open_table(tables::VALUES)?,
        operations: reading.open_table(tables::OPERATIONS)?,
        controllers: BTreeMap::new(),
        documents: 0,
        batches: None,
    };
    let mut log: Option<Log> = None;
    let mut rows = Vec::new();
    let mut entries = operations.iter()?;
    loop {
        let entry = entries.next().transpose()?;
        let is_last = entry.is_none();
        if let Some((key, body)) = entry {
            let (scid, seq) = key.value();
            rows.push(logs.row((scid, seq), body.value())?);
        }
        if is_last || rows.len() == AT_ONCE {
            for (row, signed) in rows.iter().zip(read_all(&rows, founding)) {
                let read = signed.ok_or_else(|| row.refused("the record names another"))?;
                logs.take(&mut log, row, &read)?;
            }
            rows.clear();
        }
        if is_last {
            break;
        }
    }
    logs.end(log)?;
    let (versions, found) = (logs.count_versions()?, operations.len()?);
    if found == versions {
        return Ok(());
    }
    Err(damaged(format!(
        "there are {versions} versions, and operations of {found}"
    )))
}

fn damaged(reason: String) -> StoreError {
    StoreError::Damaged {
        what: "operation",
        reason,
    }
}

/// An operation as it came, and the record of its version.
struct Row {
    scid: String,
    seq: u64,
    body: Vec<u8>,
    record: VersionRecord,
}

impl Row {
    fn refused(&self, reason: impl std::fmt::Display) -> StoreError {
        damaged(format!("that of {} {}: {reason}", self.scid, self.seq))
    }
}

/// An operation that is the one of its record.
enum Read {
    /// A founder's create, which nobody signs.
    Founding(Genesis),
    Signed(Operation),
}

/// Who may sign the next operation of a DID: for an item of a batch there may be several candidates.
struct Log {
    scid: String,
    authorities: Vec<Authority>,
}

/// What is known about the logs on the way through them.
struct Logs {
    values: ReadOnlyTable<&'static str, &'static [u8]>,
    operations: ReadOnlyTable<(&'static str, u64), &'static [u8]>,
    /// The documents that a controller had in the course of the block of a time.
    controllers: BTreeMap<(Scid, Timestamp), Arc<[Arc<Document>]>>,
    /// How many documents those are.
    documents: usize,
    /// Who controls the items of the batches that the block of a time made.
    batches: Option<BTreeMap<Timestamp, BTreeSet<ChopDid>>>,
}

impl Logs {
    fn row(&self, (scid, seq): (&str, u64), body: &[u8]) -> Result<Row, StoreError> {
        let record = self.record(scid, seq)?;
        let missing = || damaged(format!("that of {scid} {seq} belongs to no version"));
        Ok(Row {
            scid: scid.to_owned(),
            seq,
            body: body.to_vec(),
            record: record.ok_or_else(missing)?,
        })
    }

    fn record(&self, scid: &str, seq: u64) -> Result<Option<VersionRecord>, StoreError> {
        let key = format!("{}{scid}/{seq}", DIDS.0);
        let record = self.values.get(key.as_str())?;
        record.map(|record| parse(&key, record.value())).transpose()
    }

    /// Takes the next operation; those of a DID come together, in their order.
    fn take(&mut self, log: &mut Option<Log>, row: &Row, read: &Read) -> Result<(), StoreError> {
        let mut known = match log.take() {
            Some(known) if known.scid == row.scid => known,
            before => {
                self.end(before)?;
                Log {
                    scid: row.scid.clone(),
                    authorities: self.begin(row, read)?,
                }
            }
        };
        if let Read::Signed(operation) = read {
            known.authorities = self.signed(known.authorities, row, operation)?;
        }
        *log = Some(known);
        Ok(())
    }

    /// Who may sign the first operation of a DID.
    fn begin(&mut self, row: &Row, read: &Read) -> Result<Vec<Authority>, StoreError> {
        let genesis = match read {
            Read::Founding(genesis) => Some(genesis),
            Read::Signed(operation) => operation.genesis(),
        };
        if let Some(genesis) = genesis {
            return Ok(vec![Authority::of_genesis(genesis)]);
        }
        let item = self.record(&row.scid, 0)?;
        let item = item.filter(|_| is_materialised(&row.scid, 0));
        let made = item.ok_or_else(|| row.refused("there is none before it"))?;
        if self.batches.is_none() {
            self.batches = Some(self.read_batches()?);
        }
        let controllers = self.batches.iter().filter_map(|all| all.get(&made.time));
        let controllers = controllers.flatten();
        Ok(controllers.copied().map(Authority::of_item).collect())
    }

    /// Whoever of the candidates could authorise the operation, after it.
    fn signed(
        &mut self,
        authorities: Vec<Authority>,
        row: &Row,
        operation: &Operation,
    ) -> Result<Vec<Authority>, StoreError> {
        let time = row.record.time;
        let new_controller = self.acting(operation.new_controller(), time)?;
        let mut after = Vec::new();
        let mut refused = None;
        for mut authority in authorities {
            let controller = self.acting(authority.controller(), time)?;
            let controllers = Controllers {
                time,
                controller: &controller,
                new_controller: &new_controller,
            };
            match authority.check(operation, &controllers) {
                Ok(()) => {
                    authority.follow(operation);
                    after.push(authority);
                }
                Err(rejection) => refused = Some(rejection),
            }
        }
        // All candidates gave it to the same one when it was transferred.
        after.dedup();
        if after.is_empty() {
            let reason = refused.map_or_else(
                || "no batch of that time has such an item".to_owned(),
                |rejection| format!("its signers could not sign it: {rejection}"),
            );
            return Err(row.refused(reason));
        }
        Ok(after)
    }

    /// The last operation of a DID: of an item's candidates, one is whom the state names.
    fn end(&self, log: Option<Log>) -> Result<(), StoreError> {
        let Some(Log { scid, authorities }) = log.filter(|log| is_materialised(&log.scid, 0))
        else {
            return Ok(());
        };
        let key = format!("{}{scid}", DIDS.0);
        let state = self.values.get(key.as_str())?;
        let state = state.map(|state| parse::<chop_did::DidState>(&key, state.value()));
        let state = state.transpose()?;
        let named = state.as_ref().and_then(chop_did::DidState::controller);
        if named.is_some() && authorities.iter().any(|one| one.controller() == named) {
            return Ok(());
        }
        let reason = format!("those of {scid} are signed for another controller than its own");
        Err(damaged(reason))
    }

    /// The documents by which a controller acted in the course of the block of `time`: the one that it had before, and
    /// every one that it got in that block. A controller acts by keys of its own, so that all its versions have operations.
    fn acting(
        &mut self,
        controller: Option<&ChopDid>,
        time: Timestamp,
    ) -> Result<Arc<[Arc<Document>]>, StoreError> {
        let Some(controller) = controller else {
            return Ok(Arc::default());
        };
        let place = (controller.scid(), time);
        if let Some(known) = self.controllers.get(&place) {
            return Ok(Arc::clone(known));
        }
        let acting: Arc<[Arc<Document>]> = self.documents_at(&controller.scid(), time)?.into();
        if self.documents >= MAX_DOCUMENTS {
            self.controllers.clear();
            self.documents = 0;
        }
        self.documents += acting.len().max(1);
        self.controllers.insert(place, Arc::clone(&acting));
        Ok(acting)
    }

    fn documents_at(&self, scid: &Scid, time: Timestamp) -> Result<Vec<Arc<Document>>, StoreError> {
        let scid = scid.to_string();
        let mut log = self
            .operations
            .range((scid.as_str(), 0)..=(scid.as_str(), u64::MAX))?;
        let Some((last, _)) = log.next_back().transpose()? else {
            return Ok(Vec::new());
        };
        // Times do not fall from version to version: the first one of that block or after it is between these.
        let (mut first, mut end) = (0, last.value().1.saturating_add(1));
        while first < end {
            let middle = first + (end - first) / 2;
            match self.record(&scid, middle)? {
                Some(record) if record.time < time => first = middle + 1,
                _ => end = middle,
            }
        }
        let mut documents = Vec::new();
        let from = first.saturating_sub(1);
        for entry in self
            .operations
            .range((scid.as_str(), from)..=(scid.as_str(), u64::MAX))?
        {
            let (key, body) = entry?;
            let (_, seq) = key.value();
            let record = self.record(&scid, seq)?;
            if record.is_none_or(|record| record.time > time) {
                break;
            }
            documents.extend(document(body.value()).map(Arc::new));
        }
        Ok(documents)
    }

    fn read_batches(&self) -> Result<BTreeMap<Timestamp, BTreeSet<ChopDid>>, StoreError> {
        let mut batches: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for entry in self.values.range(BATCHES.0..BATCHES.1)? {
            let (key, batch) = entry?;
            let batch: Batch = parse(key.value(), batch.value())?;
            let controllers = batches.entry(batch.time).or_default();
            controllers.insert(batch.terms.controller);
        }
        Ok(batches)
    }

    /// How many versions there are, but for those that items of batches began with.
    fn count_versions(&self) -> Result<u64, StoreError> {
        let mut versions = 0;
        for entry in self.values.range(DIDS.0..DIDS.1)? {
            let (key, _) = entry?;
            let version = version_of(key.value());
            if version.is_some_and(|(scid, seq)| !is_materialised(scid, seq)) {
                versions += 1;
            }
        }
        Ok(versions)
    }
}

fn parse<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| damaged(format!("{key}: {error}")))
}

/// The document that an operation states; none when it ended the DID.
fn document(body: &[u8]) -> Option<Document> {
    let mut operation: Value = serde_json::from_slice(body).ok()?;
    if operation.get("type")? == "deactivate" {
        return None;
    }
    let holder = match operation.get_mut("genesis") {
        Some(genesis) => genesis,
        None => &mut operation,
    };
    Document::parse(holder.get_mut("document")?.take()).ok()
}

/// Reads operations and verifies their signatures; none for what is not the operation of its record.
fn read_all(rows: &[Row], founding: &Founding) -> Vec<Option<Read>> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = rows.len().div_ceil(threads).max(1);
    let read = |share: &[Row]| -> Vec<Option<Read>> {
        share.iter().map(|row| read_one(row, founding)).collect()
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = rows
            .chunks(share)
            .map(|chunk| (chunk, scope.spawn(move || read(chunk))))
            .collect();
        running
            .into_iter()
            // A thread that panicked leaves its share to this one, which then panics likewise and ends the process.
            .flat_map(|(chunk, thread)| thread.join().unwrap_or_else(|_| read(chunk)))
            .collect()
    })
}

fn read_one(row: &Row, founding: &Founding) -> Option<Read> {
    let mut founders = founding.iter();
    let founder = founders.find(|(scid, seq, _)| (scid, *seq) == (&row.scid, row.seq));
    if let Some((_, _, create)) = founder {
        let mut value: Value = serde_json::from_slice(create).ok()?;
        let genesis = Genesis::parse(value.get_mut("genesis")?.take()).ok()?;
        return (*create == row.body).then_some(Read::Founding(genesis));
    }
    // SPEC §4.9: the hash that the record holds leaves the proofs out.
    if row.body.len() > MAX_OPERATION_BYTES {
        return None;
    }
    let signed: SignedOperation = serde_json::from_slice(&row.body).ok()?;
    let operation = signed.operation();
    let is_named = operation.hash() == row.record.operation
        && (operation.did().scid().to_string(), operation.seq()) == (row.scid.clone(), row.seq)
        && canonicalize(signed.value()).is_ok_and(|canonical| canonical == row.body);
    is_named.then(|| Read::Signed(operation.clone()))
}

/// DID and sequence number of a state key, when it is that of a version.
fn version_of(key: &str) -> Option<(&str, u64)> {
    let (scid, seq) = key.strip_prefix(DIDS.0)?.split_once('/')?;
    Some((scid, seq.parse().ok()?))
}

/// Whether this is the state that an item of a batch began with: the ledger makes it of the item, without an operation.
fn is_materialised(scid: &str, seq: u64) -> bool {
    seq == 0
        && scid
            .parse::<Scid>()
            .is_ok_and(|scid| scid.version() == ScidVersion::BatchItem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chop_integrity::Hash;

    #[test]
    fn only_the_first_version_of_an_item_comes_without_an_operation() {
        let item = Scid::of_batch_item(Hash::from_bytes([7; 32])).to_string();
        let own = item.replacen('b', "a", 1);
        assert!(is_materialised(&item, 0));
        for (scid, seq) in [(&item, 1), (&own, 0), (&own, 1)] {
            assert!(!is_materialised(scid, seq), "{scid} {seq}");
        }
    }
}
