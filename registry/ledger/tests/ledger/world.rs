//! A ledger in memory with a founder, parties and a clock, for tests.

use chop_did::build::{self, GenesisDraft};
use chop_did::{
    ChopDid, Class, DidState, Document, Genesis, KeySet, LedgerId, SignedOperation, UpdateKeys,
};
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, Signer};
use chop_ledger::{
    Block, Decoded, Delta, Executed, StateReader, admit, execute, genesis_state, tree,
};
use chop_protocol::{
    Action, ConsortiumTerms, Envelope, ExecutionResult, GenesisTerms, GenesisValidator,
    LedgerGenesis, Nonce, Parameters, SignedEnvelope, keys,
};
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, Version};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::BTreeMap;
use std::convert::Infallible;

/// 2026-11-02T08:00:00.000Z.
pub(crate) const START_MS: i64 = 1_793_606_400_000;

/// Committed entries by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory(pub(crate) BTreeMap<String, Vec<u8>>);

impl StateReader for Memory {
    type Error = Infallible;

    fn value(&self, key: &str) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(
        &self,
        from: &str,
        to: &str,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, Infallible> {
        let range = self.0.range(from.to_owned()..to.to_owned());
        Ok(range
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}

impl Memory {
    pub(crate) fn apply(&mut self, delta: &Delta) {
        for (key, value) in delta {
            match value {
                Some(value) => self.0.insert(key.clone(), value.clone()),
                None => self.0.remove(key),
            };
        }
    }
}

/// The same entries behind a reader that keeps what was decoded, as a node's does.
struct Keeping<'a> {
    entries: &'a Memory,
    decoded: Decoded,
}

impl StateReader for Keeping<'_> {
    type Error = Infallible;

    fn value(&self, key: &str) -> Result<Option<Vec<u8>>, Infallible> {
        self.entries.value(key)
    }

    fn scan(
        &self,
        from: &str,
        to: &str,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, Infallible> {
        self.entries.scan(from, to, limit)
    }

    fn decoded(&self) -> Option<&Decoded> {
        Some(&self.decoded)
    }
}

/// Tree nodes and values in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nodes {
    pub(crate) nodes: BTreeMap<NodeKey, Node>,
    values: BTreeMap<(KeyHash, Version), Option<OwnedValue>>,
}

impl TreeReader for Nodes {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        Ok(self.nodes.get(key).cloned())
    }

    fn get_value_option(&self, max: Version, key: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(self
            .values
            .range((key, 0)..=(key, max))
            .next_back()
            .and_then(|(_, value)| value.clone()))
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        anyhow::bail!("trees are not restored here")
    }
}

impl Nodes {
    pub(crate) fn apply(&mut self, update: &tree::TreeUpdate) {
        for key in &update.stale {
            assert!(
                self.nodes.remove(key).is_some(),
                "a stale node was not there: {key:?}"
            );
        }
        self.nodes.extend(update.nodes.nodes().clone());
        for ((version, key), value) in update.nodes.values() {
            self.values.insert((*key, *version), value.clone());
        }
    }
}

/// An own-key DID with everything that its holder keeps secret.
pub(crate) struct Party {
    pub(crate) did: ChopDid,
    pub(crate) genesis: Genesis,
    pub(crate) update: PrivateKey,
    pub(crate) next: PrivateKey,
    pub(crate) act: PrivateKey,
}

pub(crate) fn key(seed: u8, role: u8) -> PrivateKey {
    let mut bytes = [7; 32];
    bytes[0] = seed;
    bytes[1] = role;
    PrivateKey::from_seed(KeyType::Ed25519, &bytes).unwrap()
}

pub(crate) fn document(act: &PrivateKey) -> Document {
    Document::parse(json!({
        "verificationMethod": [
            {"id": "#act", "type": "Multikey", "publicKeyMultibase": act.public_key().multikey()},
        ],
        "assertionMethod": ["#act"],
        "capabilityInvocation": ["#act"],
    }))
    .unwrap()
}

pub(crate) fn update_keys(current: &PrivateKey, next: &PrivateKey) -> UpdateKeys {
    let set = |key: &PrivateKey| KeySet::new([key.public_key().clone()], 1).unwrap();
    UpdateKeys {
        current: set(current),
        next: Some(set(next).commitment()),
    }
}

fn draft(seed: u8) -> GenesisDraft {
    GenesisDraft::own_keys(
        Class::Organisation,
        update_keys(&key(seed, 0), &key(seed, 1)),
        [seed; 16],
    )
    .with_document(document(&key(seed, 3)))
}

impl Party {
    pub(crate) fn new(seed: u8, ledger: &LedgerId) -> Self {
        let genesis = draft(seed).build(ledger).unwrap();
        Self {
            did: genesis.did(),
            genesis,
            update: key(seed, 0),
            next: key(seed, 1),
            act: key(seed, 3),
        }
    }

    pub(crate) fn create(&self) -> SignedOperation {
        build::create(&self.genesis)
            .signed_by(&[&self.update])
            .unwrap()
    }
}

/// A ledger with one founder, seed 1, and one established party, seed 2.
pub(crate) struct World {
    pub(crate) genesis: LedgerGenesis,
    pub(crate) state: Memory,
    pub(crate) nodes: Nodes,
    pub(crate) root: [u8; 32],
    pub(crate) height: u64,
    pub(crate) time: Timestamp,
    pub(crate) founder: Party,
    pub(crate) party: Party,
    blocks: Vec<(Timestamp, Vec<SignedEnvelope>)>,
    nonce: u128,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Parameters::default())
    }

    pub(crate) fn with(parameters: Parameters) -> Self {
        let mut world = Self::founded(parameters);
        let create = world.party.create();
        let envelope = world.create_envelope(&world.party, create);
        let signed = envelope
            .sign(&[&world.party.update, &world.founder.act])
            .unwrap();
        world.commit(&[signed]);
        world
    }

    pub(crate) fn founded(parameters: Parameters) -> Self {
        Self::of(genesis(parameters))
    }

    /// A ledger that has just begun.
    pub(crate) fn of(genesis: LedgerGenesis) -> Self {
        let delta = genesis_state(&genesis).unwrap();
        let mut state = Memory::default();
        state.apply(&delta);
        let mut nodes = Nodes::default();
        let update = tree::update(&nodes, 0, None, &delta).unwrap();
        nodes.apply(&update);
        let ledger = genesis.id();
        Self {
            founder: Party::new(1, &ledger),
            party: Party::new(2, &ledger),
            time: genesis.terms().time,
            root: update.root,
            genesis,
            state,
            nodes,
            height: 0,
            blocks: vec![],
            nonce: 0,
        }
    }

    pub(crate) fn ledger(&self) -> LedgerId {
        self.genesis.id()
    }

    /// The header time of the next block.
    pub(crate) fn now(&self) -> Timestamp {
        self.time.plus_ms(1_000)
    }

    /// An unsigned envelope with a fresh nonce, sponsored by the founder.
    pub(crate) fn envelope(&mut self, actor: ChopDid, actions: Vec<Action>) -> Envelope {
        self.nonce += 1;
        Envelope {
            ledger: self.ledger(),
            actor,
            sponsor: self.founder.did,
            nonce: Nonce::new(self.nonce.to_be_bytes()),
            valid_until: self.now().plus_ms(600_000),
            actions,
        }
    }

    pub(crate) fn create_envelope(&self, party: &Party, create: SignedOperation) -> Envelope {
        Envelope {
            ledger: self.ledger(),
            actor: party.did,
            sponsor: self.founder.did,
            nonce: Nonce::new([party.did.to_string().len().try_into().unwrap(); 16]),
            valid_until: self.now().plus_ms(600_000),
            actions: vec![Action::Did(Box::new(create))],
        }
    }

    /// Signed by the founder alone, actor and sponsor in one.
    pub(crate) fn by_founder(&mut self, actions: Vec<Action>) -> SignedEnvelope {
        let envelope = self.envelope(self.founder.did, actions);
        envelope.sign(&[&self.founder.act]).unwrap()
    }

    /// Signed by the established party and countersigned by the founder.
    pub(crate) fn by_party(&mut self, actions: Vec<Action>) -> SignedEnvelope {
        let envelope = self.envelope(self.party.did, actions);
        envelope
            .sign(&[&self.party.act, &self.founder.act])
            .unwrap()
    }

    /// Signed by any party and countersigned by the founder.
    pub(crate) fn by(&mut self, party: &Party, actions: Vec<Action>) -> SignedEnvelope {
        let envelope = self.envelope(party.did, actions);
        envelope.sign(&[&party.act, &self.founder.act]).unwrap()
    }

    /// Registers another party.
    pub(crate) fn add(&mut self, seed: u8) -> Party {
        let party = Party::new(seed, &self.ledger());
        let envelope = self.envelope(party.did, vec![Action::Did(Box::new(party.create()))]);
        self.commit(&[envelope.sign(&[&party.update, &self.founder.act]).unwrap()]);
        party
    }

    /// Executes the next block twice, once with values that stay decoded, requires equal results, and commits it to state and tree.
    pub(crate) fn block(&mut self, envelopes: &[SignedEnvelope]) -> Executed {
        self.time = self.now();
        self.height += 1;
        let block = Block {
            height: self.height,
            time: self.time,
            envelopes,
            founding: &self.genesis.terms().validators,
        };
        let executed = execute(&self.state, &block).unwrap();
        // What a node's reader keeps of the envelopes that it admitted changes nothing.
        let keeping = Keeping {
            entries: &self.state,
            decoded: Decoded::default(),
        };
        for envelope in envelopes {
            let kept = admit(&keeping, envelope, self.time).unwrap();
            let read = admit(&self.state, envelope, self.time).unwrap();
            assert_eq!(format!("{kept:?}"), format!("{read:?}"));
        }
        assert_eq!(executed, execute(&keeping, &block).unwrap());
        let update =
            tree::update(&self.nodes, self.height, Some(self.root), &executed.delta).unwrap();
        self.nodes.apply(&update);
        self.root = update.root;
        self.state.apply(&executed.delta);
        self.blocks.push((self.time, envelopes.to_vec()));
        executed
    }

    /// Executes every block again, from the genesis and from the bytes that blocks are stored as.
    pub(crate) fn replayed(&self) -> Self {
        let mut again = Self::of(self.genesis.clone());
        for (time, envelopes) in &self.blocks {
            again.time = time.minus_ms(1_000);
            let parse = |signed: &SignedEnvelope| SignedEnvelope::try_from(signed.bytes()).unwrap();
            again.block(&envelopes.iter().map(parse).collect::<Vec<_>>());
        }
        again
    }

    /// Executes a block of which every envelope takes effect.
    pub(crate) fn commit(&mut self, envelopes: &[SignedEnvelope]) {
        let executed = self.block(envelopes);
        for outcome in &executed.outcomes {
            assert_eq!(outcome.result, ExecutionResult::Committed);
        }
    }

    /// Executes one envelope and returns the rule that refuses it.
    ///
    /// What the refusal leaves behind is checked against what it may: a settled one its replay mark and its sponsor's
    /// quota, an unsettled one nothing.
    pub(crate) fn refusal(&mut self, envelope: &SignedEnvelope) -> String {
        let executed = self.block(std::slice::from_ref(envelope));
        match executed.outcomes[0].result.clone() {
            ExecutionResult::Committed => "committed".to_owned(),
            ExecutionResult::Refused { rule, settled, .. } => {
                let written: Vec<_> = executed
                    .delta
                    .iter()
                    .filter(|(_, value)| value.is_some())
                    .map(|(key, _)| key)
                    .collect();
                if settled {
                    assert_eq!(written.len(), 2, "{written:?}");
                    assert!(
                        written[0].starts_with(keys::NONCES)
                            && written[1].starts_with(keys::QUOTAS)
                    );
                } else {
                    assert!(written.is_empty(), "{written:?}");
                }
                rule
            }
        }
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.state
            .0
            .get(key)
            .map(|bytes| serde_json::from_slice(bytes).unwrap())
    }

    pub(crate) fn did(&self, did: &ChopDid) -> DidState {
        self.read(&keys::did(&did.scid())).unwrap()
    }

    /// Signs the create of a product that a party controls.
    pub(crate) fn product(&self, controller: &Party, nonce: u16) -> (ChopDid, Action) {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&nonce.to_be_bytes());
        let genesis = GenesisDraft::controlled(Class::Product, controller.did, bytes)
            .build(&self.ledger())
            .unwrap();
        let create = build::create(&genesis)
            .signed_by(&[&controller.act])
            .unwrap();
        (genesis.did(), Action::Did(Box::new(create)))
    }
}

pub(crate) fn genesis(parameters: Parameters) -> LedgerGenesis {
    let terms = GenesisTerms {
        chain_version: 1,
        time: Timestamp::from_unix_ms(START_MS),
        nonce: Nonce::new([9; 16]),
        validators: vec![GenesisValidator {
            public_key: key(1, 9).public_key().clone(),
            power: 10,
        }],
        parameters,
        consortium: None,
        founders: vec![draft(1).template()],
    };
    LedgerGenesis::try_from(terms).unwrap()
}

/// The genesis of a consortium: a founder of each seed, and for each a validator of power 10 with the key of role 9.
pub(crate) fn consortium(seeds: &[u8]) -> LedgerGenesis {
    let validator = |seed: &u8| GenesisValidator {
        public_key: key(*seed, 9).public_key().clone(),
        power: 10,
    };
    let terms = GenesisTerms {
        validators: seeds.iter().map(validator).collect(),
        consortium: Some(ConsortiumTerms {
            operators: (0..).take(seeds.len()).collect(),
            governance: None,
        }),
        founders: seeds.iter().map(|seed| draft(*seed).template()).collect(),
        ..genesis(Parameters::default()).terms().clone()
    };
    LedgerGenesis::try_from(terms).unwrap()
}
