//! Offline bundles: gathered from a node, and read as a registry without any network.

use chop_did::{ChopDid, DidState, VersionRecord};
use chop_proof::{BatchProof, ProofError, Statement, TrustRoot, VerifiedEvidence};
use chop_protocol::bundle::{BundleKind, DidBundle};
use chop_protocol::http::LogEntry;
use chop_protocol::keys;

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
        let registry = Self {
            root,
            bundle,
            verified,
        };
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

    /// The proven state of the DID, or its proven absence.
    ///
    /// # Errors
    /// When the value is not of the protocol known here.
    pub fn state(&self) -> Result<Option<DidState>, BundleRefusal> {
        self.value(&keys::did(&self.bundle.did.scid()))
    }

    /// Checks that the evidence states every version, and that the log is the one which it states.
    fn check_versions(&self) -> Result<(), BundleRefusal> {
        let (did, scid) = (&self.bundle.did, self.bundle.did.scid());
        let other_log = |reason: String| BundleRefusal::OtherLog { reason };
        let Some(state) = self.state()? else {
            return if self.bundle.log.is_empty() {
                Ok(())
            } else {
                Err(other_log("the DID does not exist".to_owned()))
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
        check_log(&state, &records, &self.bundle.log).map_err(other_log)
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

    fn log<'a>(&'a self, did: &'a ChopDid) -> Reading<'a, Vec<LogEntry>> {
        let log = if *did == self.bundle.did {
            Ok(self.bundle.log.clone())
        } else {
            Err(ReadError::Malformed {
                key: did.to_string(),
                reason: "the bundle is about another DID",
            })
        };
        Box::pin(std::future::ready(log))
    }
}

/// Gathers what proves a DID, all of its versions, or that it does not exist.
///
/// # Errors
/// When the node gives no proven answer, or the DID has more versions than a bundle holds.
pub async fn gather(registry: &HttpRegistry, did: &ChopDid) -> Result<DidBundle, ReadError> {
    let state_key = keys::did(&did.scid());
    let malformed = |reason| ReadError::Malformed {
        key: state_key.clone(),
        reason,
    };
    for _ in 0..TRIES {
        let state = crate::ledger::did_state(registry, did).await?.value;
        let (log, versions) = match &state {
            None => (Vec::new(), 0),
            Some(state) => (registry.log(did).await?, state.seq() + 1),
        };
        // One statement for the state, one for each version, one for the absence of a later one.
        let count = usize::try_from(versions).map_or(usize::MAX, |count| count + 2);
        if count > BatchProof::MAX_STATEMENTS {
            return Err(malformed("it has more versions than a bundle holds"));
        }
        let mut keys = vec![state_key.clone()];
        if state.is_some() {
            keys.extend((0..=versions).map(|seq| keys::did_version(&did.scid(), seq)));
        }
        let (proof, header) = registry.batch(&keys).await?;
        let way = registry.way_below(header.height).await?;
        let bundle = DidBundle {
            kind: BundleKind::Did,
            did: *did,
            log,
            evidence: way.evidence(proof),
        };
        // An operation between the reads makes the log and the statements differ.
        match BundleRegistry::open(
            bundle.clone(),
            registry.trust_root().clone(),
            chop_http::clock::now_ms(),
        ) {
            Ok(_) => return Ok(bundle),
            Err(BundleRefusal::OtherLog { .. }) => {}
            Err(BundleRefusal::Unproven(source)) => {
                return Err(ReadError::Unproven {
                    key: state_key,
                    source,
                });
            }
            Err(_) => return Err(malformed("the node's answers do not make a bundle")),
        }
    }
    Err(malformed("the node's log and its ledger differ"))
}
