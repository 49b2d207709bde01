//! Offline bundles: gathered from a node, and read as a registry without any network.

use chop_did::{ChopDid, DidState, ScidVersion, VersionRecord};
use chop_proof::{BatchProof, ProofError, Statement, TrustRoot, VerifiedEvidence};
use chop_protocol::bundle::{BundleKind, DidBundle};
use chop_protocol::http::{ItemAnswer, LogEntry};
use chop_protocol::{Batch, Claim, ItemRecords, ItemResolveError, Segment, keys};

use crate::http::HttpRegistry;
use crate::registry::{Proven, ReadError, Reading, Registry};
use crate::resolver::check_log;

/// How often a DID that changes while it is gathered is gathered anew.
const TRIES: usize = 3;

/// A verified bundle: answers about its one DID, as of its header's time.
#[derive(Debug, Clone)]
pub struct BundleRegistry {
    root: TrustRoot,
    bundle: DidBundle,
    verified: VerifiedEvidence,
    /// The state that an item begins with.
    first: Option<DidState>,
}

/// Says why a bundle is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleRefusal {
    /// The DID is of another ledger than the trust root.
    #[error("{did} lives on another ledger than {pinned}, which the trust root pins")]
    OtherLedger {
        /// The DID.
        did: ChopDid,
        /// The pinned ledger.
        pinned: String,
    },
    /// The evidence does not hold.
    #[error("the bundle's evidence does not hold")]
    Unproven(#[from] ProofError),
    /// The bundle does not say what a bundle must.
    #[error("the bundle is incomplete: {reason}")]
    Incomplete {
        /// What is missing.
        reason: String,
    },
    /// The log is not the one that the proven records name.
    #[error("the log is not the one that the ledger records: {reason}")]
    OtherLog {
        /// What differs.
        reason: String,
    },
    /// The item is not the one that the ledger's batch has under this DID.
    #[error("the item does not resolve")]
    Item(#[from] ItemResolveError),
    /// A proven value is not of the protocol known here.
    #[error("the ledger's value under {key:?} is not of the protocol known here")]
    Value {
        /// The key.
        key: String,
        /// What the parser said.
        source: serde_json::Error,
    },
}

impl BundleRegistry {
    /// Verifies a bundle against a trust root; `now_ms` only shows that nothing in it is dated in the future.
    ///
    /// # Errors
    /// Names the first thing that does not hold.
    pub fn open(bundle: DidBundle, root: TrustRoot, now_ms: i64) -> Result<Self, BundleRefusal> {
        if bundle.did.ledger().to_string() != root.ledger() {
            return Err(BundleRefusal::OtherLedger {
                did: bundle.did,
                pinned: root.ledger().to_owned(),
            });
        }
        let verified = bundle.evidence.verify(&root, now_ms)?;
        let mut registry = Self {
            root,
            bundle,
            verified,
            first: None,
        };
        registry.first = registry.check_item()?;
        registry.check_versions()?;
        Ok(registry)
    }

    /// The bundle as it was read.
    pub fn bundle(&self) -> &DidBundle {
        &self.bundle
    }

    /// What was verified: header, path, checkpoint.
    pub fn verified(&self) -> &VerifiedEvidence {
        &self.verified
    }

    /// The proven state of the DID, or its proven absence. An item without a state of its own has that of its batch.
    ///
    /// # Errors
    /// When the value is not of the protocol known here.
    pub fn state(&self) -> Result<Option<DidState>, BundleRefusal> {
        Ok(self.own()?.or_else(|| self.first.clone()))
    }

    fn own(&self) -> Result<Option<DidState>, BundleRefusal> {
        self.value(&keys::did(&self.bundle.did.scid()))
    }

    /// Checks that a DID of an item, and no other, comes with its item, that it is of its batch, and that the evidence says where
    /// its code stands (SPEC §13.6); returns the state that it begins with.
    fn check_item(&self) -> Result<Option<DidState>, BundleRefusal> {
        let (did, incomplete) = (&self.bundle.did, |reason: &str| BundleRefusal::Incomplete {
            reason: reason.to_owned(),
        });
        let is_item = did.scid().version() == ScidVersion::BatchItem;
        let item = match &self.bundle.item {
            Some(item) if is_item => item,
            Some(_) => return Err(incomplete("it has an item, and the DID is that of none")),
            // That an item has no state of its own does not say that there is no item.
            None if is_item => return Err(incomplete("it lacks the item that the DID is")),
            None => return Ok(None),
        };
        let batch: Option<Batch> = self.value(&keys::batch(&item.proof.batch))?;
        let batch = batch.ok_or_else(|| incomplete("the ledger has no such batch"))?;
        let segment: Option<Segment> = self.value(&item.segment)?;
        let named =
            |segment: &Segment| keys::segment(&item.proof.batch, segment.to) == item.segment;
        let segment = segment.filter(named);
        let segment =
            segment.ok_or_else(|| incomplete("it names no segment of the batch's codes"))?;
        let (own, claim): (_, Option<Claim>) =
            (self.own()?, self.value(&keys::claim(&did.scid()))?);
        let records = ItemRecords {
            batch: &batch,
            own: own.as_ref(),
            segment: &segment,
            claim: claim.as_ref(),
        };
        item.proof.resolve(did, &item.template, &records)?;
        Ok(Some(item.proof.state(did, &batch, &item.template)?))
    }

    /// Checks that the evidence states every version, and that the log is the one which it states.
    fn check_versions(&self) -> Result<(), BundleRefusal> {
        let (did, scid) = (&self.bundle.did, self.bundle.did.scid());
        let other_log = |reason: String| BundleRefusal::OtherLog { reason };
        let Some(state) = self.own()? else {
            return if self.bundle.log.is_empty() {
                Ok(())
            } else {
                Err(other_log("the ledger has no version".to_owned()))
            };
        };
        if state.did() != did {
            return Err(other_log(format!("the state is that of {}", state.did())));
        }
        let mut records = Vec::new();
        for seq in 0..=state.seq() {
            let key = keys::did_version(&scid, seq);
            let record: Option<VersionRecord> = self.value(&key)?;
            records.push(record.ok_or_else(|| other_log(format!("there is no version {seq}")))?);
        }
        let later: Option<VersionRecord> =
            self.value(&keys::did_version(&scid, state.seq() + 1))?;
        if later.is_some() {
            return Err(other_log("there is a later version".to_owned()));
        }
        check_log(&state, &records, self.first.as_ref(), &self.bundle.log).map_err(other_log)
    }

    fn value<T: serde::de::DeserializeOwned>(&self, key: &str) -> Result<Option<T>, BundleRefusal> {
        let statement = self
            .statement(key)
            .ok_or_else(|| BundleRefusal::Incomplete {
                reason: format!("it says nothing about {key:?}"),
            })?;
        let parsed = statement.value.as_deref().map(serde_json::from_str);
        parsed.transpose().map_err(|source| BundleRefusal::Value {
            key: key.to_owned(),
            source,
        })
    }

    fn statement(&self, key: &str) -> Option<&Statement> {
        self.bundle.evidence.proof.statement(key)
    }

    fn answer(&self, key: &str) -> Result<Proven<Option<Vec<u8>>>, ReadError> {
        let statement = self.statement(key).ok_or_else(|| ReadError::Malformed {
            key: key.to_owned(),
            reason: "the bundle says nothing about it",
        })?;
        Ok(Proven {
            key: key.to_owned(),
            value: statement.value.clone().map(String::into_bytes),
            header: self.verified.header,
            proof: self.bundle.evidence.proof.proof_of(statement),
        })
    }
}

impl Registry for BundleRegistry {
    fn trust_root(&self) -> &TrustRoot {
        &self.root
    }

    fn read<'a>(&'a self, key: &'a str) -> Reading<'a, Proven<Option<Vec<u8>>>> {
        Box::pin(std::future::ready(self.answer(key)))
    }

    fn item<'a>(&'a self, did: &'a ChopDid) -> Reading<'a, Option<ItemAnswer>> {
        let item = self.bundle.item.as_deref();
        let item = item.filter(|_| *did == self.bundle.did).cloned();
        Box::pin(std::future::ready(Ok(item)))
    }

    fn log<'a>(&'a self, did: &'a ChopDid, from: u64, most: usize) -> Reading<'a, Vec<LogEntry>> {
        let log = if *did == self.bundle.did {
            // The log of an item begins with version 1: no operation made the first.
            let before = from.saturating_sub(u64::from(self.first.is_some()));
            let before = usize::try_from(before).unwrap_or(usize::MAX);
            let log = self.bundle.log.iter().skip(before).take(most);
            Ok(log.cloned().collect())
        } else {
            Err(ReadError::Malformed {
                key: did.to_string(),
                reason: "the bundle is about another DID",
            })
        };
        Box::pin(std::future::ready(log))
    }
}

/// Gathers what proves a DID, all of its versions, or that it does not exist; of an item of a batch, also its place there and
/// where its code stands.
///
/// # Errors
/// When the node gives no proven answer, keeps no such item, or the DID has more versions than a bundle holds.
pub async fn gather(registry: &HttpRegistry, did: &ChopDid) -> Result<DidBundle, ReadError> {
    let state_key = keys::did(&did.scid());
    let malformed = |reason| ReadError::Malformed {
        key: state_key.clone(),
        reason,
    };
    for _ in 0..TRIES {
        let mut keys = vec![state_key.clone()];
        let item = match did.scid().version() {
            ScidVersion::BatchItem => {
                let item = registry.item(did).await?;
                let item =
                    item.ok_or_else(|| malformed("it keeps no such item, which proves nothing"))?;
                keys.extend([
                    keys::batch(&item.proof.batch),
                    item.segment.clone(),
                    keys::claim(&did.scid()),
                ]);
                Some(Box::new(item))
            }
            _ => None,
        };
        let state = crate::ledger::did_state(registry, did).await?.value;
        let log = match &state {
            None => Vec::new(),
            Some(state) => {
                // One statement for each version, one for the absence of a later one.
                let room = BatchProof::MAX_STATEMENTS - keys.len();
                if usize::try_from(state.seq()).map_or(true, |seq| seq + 2 > room) {
                    return Err(malformed("it has more versions than a bundle holds"));
                }
                keys.extend((0..=state.seq() + 1).map(|seq| keys::did_version(&did.scid(), seq)));
                // No operation made the first version of an item.
                let first = u64::from(item.is_some());
                crate::ledger::operations(registry, did, first..=state.seq()).await?
            }
        };
        let (proof, header) = registry.batch(&keys).await?;
        let way = registry.way_below(header.height).await?;
        let bundle = DidBundle {
            kind: BundleKind::Did,
            did: *did,
            item,
            log,
            evidence: way.evidence(proof),
        };
        // An operation between the reads makes the log and the statements differ, or the first one ask for more of them; an act on
        // the codes makes the item and they differ.
        match BundleRegistry::open(
            bundle.clone(),
            registry.trust_root().clone(),
            chop_http::clock::now_ms(),
        ) {
            Ok(_) => return Ok(bundle),
            Err(
                BundleRefusal::OtherLog { .. }
                | BundleRefusal::Incomplete { .. }
                | BundleRefusal::Item(ItemResolveError::Segment { .. }),
            ) => {}
            Err(BundleRefusal::Unproven(source)) => {
                return Err(ReadError::Unproven {
                    key: state_key,
                    source,
                });
            }
            Err(_) => return Err(malformed("the node's answers do not make a bundle")),
        }
    }
    Err(malformed("the node's answers about it do not fit together"))
}
