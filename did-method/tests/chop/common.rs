//! A ledger in miniature: enough state to run operations of several DIDs one after another.

use chop_did::build::{self, Draft, GenesisDraft};
use chop_did::{
    ApplyContext, Authority, ChopDid, Class, Controllers, DidState, Document, Genesis,
    KeyCommitment, KeySet, LedgerId, Operation, Rejection, Relationship, SignedOperation,
    UpdateKeys, VersionRecord, apply,
};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The time of the first header: 2026-11-01T00:00:00.000Z.
pub(crate) const START: i64 = 1_793_491_200_000;
/// Three days.
pub(crate) const DELAY: i64 = 72 * 3_600 * 1_000;
/// One hour.
pub(crate) const HOUR: i64 = 3_600 * 1_000;

/// States, records and the order in which operations were applied.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) ledger: LedgerId,
    pub(crate) now: i64,
    pub(crate) states: BTreeMap<ChopDid, DidState>,
    pub(crate) records: BTreeMap<(ChopDid, u64), VersionRecord>,
    pub(crate) log: Vec<(i64, SignedOperation)>,
    /// Who may sign the next operation, as the log alone tells it.
    pub(crate) authorities: BTreeMap<ChopDid, Authority>,
}

/// Rules about signers, of which a log tells as much as the state does.
const SIGNERS: [&str; 4] = [
    "did.stranger",
    "did.threshold",
    "did.not-controller",
    "did.transfer-unsigned",
];

impl World {
    pub(crate) fn new() -> Self {
        Self {
            ledger: ledger("one"),
            now: START,
            states: BTreeMap::new(),
            records: BTreeMap::new(),
            log: Vec::new(),
            authorities: BTreeMap::new(),
        }
    }

    pub(crate) fn judge(
        &self,
        operation: &Operation,
    ) -> Result<(DidState, VersionRecord), Rejection> {
        let current = self.states.get(operation.did());
        let named = operation
            .genesis()
            .and_then(Genesis::controller)
            .or_else(|| current.and_then(DidState::controller));
        let context = ApplyContext {
            ledger: &self.ledger,
            time: Timestamp::from_unix_ms(self.now),
            recovery_delay_ms: DELAY,
            controller: named.and_then(|did| self.states.get(did)),
            new_controller: operation
                .new_controller()
                .and_then(|did| self.states.get(did)),
        };
        apply(current, operation, &context)
    }

    /// Applies an operation one hour later.
    pub(crate) fn act(&mut self, signed: &SignedOperation) -> Result<DidState, Rejection> {
        self.now += HOUR;
        let judged = self.judge(signed.operation());
        self.compare_with_log(signed.operation(), judged.as_ref().err());
        let (state, record) = judged?;
        self.states.insert(*state.did(), state.clone());
        self.records.insert((*state.did(), state.seq()), record);
        self.log.push((self.now, signed.clone()));
        Ok(state)
    }

    /// The log of a DID says about an operation's signers what its state says.
    fn compare_with_log(&mut self, op: &Operation, refused: Option<&Rejection>) {
        let begun = op.genesis().map(Authority::of_genesis);
        let known = self.authorities.get(op.did()).cloned();
        let Some(mut authority) = known.or(begun) else {
            return;
        };
        let documents = |did: Option<&ChopDid>| -> Vec<Arc<Document>> {
            let state = did.and_then(|did| self.states.get(did));
            let live = state.filter(|state| !state.deactivated());
            live.map(|state| Arc::new(state.document().clone()))
                .into_iter()
                .collect()
        };
        let controllers = Controllers {
            time: self.time(),
            controller: &documents(authority.controller()),
            new_controller: &documents(op.new_controller()),
        };
        let checked = authority.check(op, &controllers);
        match refused {
            None => {
                checked.unwrap();
                authority.follow(op);
                self.authorities.insert(*op.did(), authority);
            }
            Some(refused) if SIGNERS.contains(&refused.rule()) => {
                assert!(checked.is_err(), "the state refuses it: {refused}");
            }
            Some(_) => {}
        }
    }

    pub(crate) fn state(&self, did: &ChopDid) -> &DidState {
        &self.states[did]
    }

    /// Creates an organisation whose keys are all made from `seed`: update seed, next seed + 1, recovery seed + 2, document seed + 3.
    pub(crate) fn organisation(&mut self, seed: u8) -> ChopDid {
        let genesis = organisation(seed).build(&self.ledger).unwrap();
        self.act(&sign(build::create(&genesis), &[key(seed)]))
            .unwrap();
        genesis.did()
    }

    pub(crate) fn product(
        &mut self,
        controller: &ChopDid,
        controller_seed: u8,
        nonce: u8,
    ) -> ChopDid {
        let genesis = product(controller, nonce).build(&self.ledger).unwrap();
        self.act(&sign(build::create(&genesis), &[key(controller_seed + 3)]))
            .unwrap();
        genesis.did()
    }

    pub(crate) fn time(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.now)
    }
}

pub(crate) fn ledger(name: &str) -> LedgerId {
    LedgerId::new(Hash::of("chop/ledger-genesis/v1", name.as_bytes()))
}

/// An Ed25519 key whose seed is 32 times the same byte.
pub(crate) fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(KeyType::Ed25519, &[seed; 32]).unwrap()
}

pub(crate) fn public(seed: u8) -> PublicKey {
    key(seed).public_key().clone()
}

pub(crate) fn set(seeds: &[u8], threshold: u8) -> KeySet {
    KeySet::new(seeds.iter().map(|seed| public(*seed)), threshold).unwrap()
}

pub(crate) fn commitment(seeds: &[u8], threshold: u8) -> KeyCommitment {
    set(seeds, threshold).commitment()
}

pub(crate) fn update_keys(current: u8, next: Option<u8>) -> UpdateKeys {
    UpdateKeys {
        current: set(&[current], 1),
        next: next.map(|next| commitment(&[next], 1)),
    }
}

pub(crate) fn keys_of(seeds: &[u8]) -> BTreeSet<PublicKey> {
    seeds.iter().map(|seed| public(*seed)).collect()
}

pub(crate) fn organisation(seed: u8) -> GenesisDraft {
    GenesisDraft::own_keys(
        Class::Organisation,
        update_keys(seed, Some(seed + 1)),
        [seed; 16],
    )
    .with_recovery(commitment(&[seed + 2], 1))
    .with_document(document(seed + 3))
}

pub(crate) fn product(controller: &ChopDid, nonce: u8) -> GenesisDraft {
    GenesisDraft::controlled(Class::Product, *controller, [nonce; 16])
}

/// A document with one key that authenticates, asserts and invokes.
pub(crate) fn document(seed: u8) -> Document {
    let roles = [
        Relationship::Authentication,
        Relationship::AssertionMethod,
        Relationship::CapabilityInvocation,
    ];
    Document::empty()
        .with_key("#key-1", &public(seed), &roles)
        .unwrap()
}

pub(crate) fn sign(draft: Draft, keys: &[PrivateKey]) -> SignedOperation {
    let signers: Vec<&dyn Signer> = keys.iter().map(|key| key as &dyn Signer).collect();
    draft.signed_by(&signers).unwrap()
}
