//! A ledger in memory: real execution, real tree, real headers of one validator, and no disk.

use std::collections::BTreeMap;
use std::sync::Mutex;

use chop_client::{Proven, ReadError, Reading, Registry};
use chop_did::build::{GenesisDraft, create, deactivate, rotate};
use chop_did::control::KeySet;
use chop_did::{ChopDid, Class, DidState, Document, Scid, SignedOperation, Template, UpdateKeys};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer};
use chop_ledger::{Block, Delta, StateReader, execute, genesis_state, tree};
use chop_proof::build::Draft;
use chop_proof::{
    BatchProof, Evidence, Freshness, LightBlock, StateProof, Statement, TrustRoot, validator_set,
};
use chop_protocol::http::{ItemAnswer, LogEntry};
use chop_protocol::{
    Action, AnchorCredential, Envelope, GenesisTerms, GenesisValidator, ItemAbsence, ItemProof,
    LedgerGenesis, Neighbour, Nonce, Outcome, Parameters, Segment, SignedEnvelope, keys,
};
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, Version};
use serde_json::{Value, json};
use tendermint::block::signed_header::SignedHeader;

/// A ledger that makes two blocks for every act: one that holds it and one whose header proves it.
pub(crate) struct TestLedger {
    genesis: LedgerGenesis,
    root: TrustRoot,
    pub(crate) validator: PrivateKey,
    state: Mutex<State>,
    /// The items that it tells of; others it keeps to itself.
    pub(crate) items: Mutex<BTreeMap<String, (ItemProof, Template)>>,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<String, Vec<u8>>,
    nodes: BTreeMap<NodeKey, Node>,
    values: BTreeMap<(KeyHash, Version), Option<OwnedValue>>,
    log: BTreeMap<String, Vec<LogEntry>>,
    header: Option<SignedHeader>,
    height: u64,
    tree_root: [u8; 32],
    time_ms: i64,
    count: u8,
}

/// A DID with its keys; the key `#key-1` serves every relationship, `update` is the update key.
pub(crate) struct Party {
    pub(crate) did: ChopDid,
    pub(crate) update: PrivateKey,
    pub(crate) next: PrivateKey,
    pub(crate) key: PrivateKey,
}

impl Party {
    fn new(genesis: impl FnOnce(&GenesisDraft) -> ChopDid, seed: u8) -> Self {
        let (update, next, key) = (private(seed, 1), private(seed, 2), private(seed, 3));
        let did = genesis(&draft(seed));
        Self {
            did,
            update,
            next,
            key,
        }
    }
}

fn private(seed: u8, purpose: u8) -> PrivateKey {
    let mut bytes = [purpose; 32];
    bytes[0] = seed;
    PrivateKey::from_seed(KeyType::Ed25519, &bytes).unwrap()
}

fn update_keys(current: &PublicKey, next: &PublicKey) -> UpdateKeys {
    let set = |key: &PublicKey| KeySet::new([key.clone()], 1).unwrap();
    UpdateKeys {
        current: set(current),
        next: Some(set(next).commitment()),
    }
}

fn draft(seed: u8) -> GenesisDraft {
    let keys = update_keys(private(seed, 1).public_key(), private(seed, 2).public_key());
    GenesisDraft::own_keys(Class::Organisation, keys, [seed; 16]).with_document(document(&json!([
        method("#key-1", private(seed, 3).public_key())
    ])))
}

/// A verification method with a relative id.
pub(crate) fn method(id: &str, key: &PublicKey) -> Value {
    json!({ "id": id, "type": "Multikey", "publicKeyMultibase": key.multikey() })
}

/// A document whose methods serve everything that signs.
pub(crate) fn document(methods: &Value) -> Document {
    let ids: Vec<_> = methods
        .as_array()
        .unwrap()
        .iter()
        .map(|method| method["id"].clone())
        .collect();
    Document::parse(json!({
        "verificationMethod": methods, "authentication": ids, "assertionMethod": ids, "capabilityInvocation": ids,
    }))
    .unwrap()
}

impl TestLedger {
    /// The values under these keys, present or not, under the last header.
    pub(crate) async fn evidence(&self, wanted: impl IntoIterator<Item = String>) -> Evidence {
        let mut statements = Vec::new();
        let mut header = None;
        for key in wanted {
            let proven = self.read(&key).await.unwrap();
            statements.push(Statement {
                key,
                value: proven.value.map(|value| String::from_utf8(value).unwrap()),
                path: proven.proof.path.clone(),
            });
            header = Some(proven.proof);
        }
        let header = header.unwrap();
        Evidence {
            handover: None,
            headers: Vec::new(),
            proof: BatchProof {
                signed_header: header.signed_header,
                validators: header.validators,
                statements,
            },
            checkpoint: None,
            timestamp: None,
        }
    }

    /// Founds a ledger at this time, with one member: the operator.
    pub(crate) fn found(time_ms: i64) -> Self {
        let validator = private(0, 9);
        let terms = GenesisTerms {
            chain_version: 1,
            time: Timestamp::from_unix_ms(time_ms),
            nonce: Nonce::new([7; 16]),
            validators: vec![GenesisValidator {
                public_key: validator.public_key().clone(),
                power: 1,
            }],
            parameters: Parameters::default(),
            consortium: None,
            founders: vec![draft(1).template()],
        };
        let genesis = LedgerGenesis::try_from(terms).unwrap();
        let root = TrustRoot::new(
            &genesis.id().to_string(),
            &[(validator.public_key().clone(), 1)],
        )
        .unwrap();
        let mut state = State {
            time_ms,
            count: 1,
            ..State::default()
        };
        state.write(0, &genesis_state(&genesis).unwrap());
        let ledger = Self {
            genesis,
            root,
            validator,
            state: Mutex::new(state),
            items: Mutex::default(),
        };
        ledger.block(&[]);
        ledger
    }

    pub(crate) fn genesis_id(&self) -> chop_did::LedgerId {
        self.genesis.id()
    }

    pub(crate) fn operator(&self) -> Party {
        Party::new(|draft| draft.build(&self.genesis.id()).unwrap().did(), 1)
    }

    /// Sets the time of the next block.
    pub(crate) fn at(&self, time_ms: i64) {
        self.state.lock().unwrap().time_ms = time_ms;
    }

    /// Creates a DID sponsored by the operator.
    pub(crate) fn create(&self) -> Party {
        let seed = {
            let mut state = self.state.lock().unwrap();
            state.count += 1;
            state.count
        };
        let party = Party::new(|draft| draft.build(&self.genesis.id()).unwrap().did(), seed);
        let genesis = draft(seed).build(&self.genesis.id()).unwrap();
        let operation = create(&genesis).signed_by(&[&party.update]).unwrap();
        self.act_with(
            &party.did,
            &party.update,
            vec![Action::Did(Box::new(operation))],
        );
        party
    }

    /// Replaces the document, rotating to the next update key.
    pub(crate) fn rewrite(&self, party: &Party, document: &Document) {
        let state = self.did_state(&party.did);
        let keys = update_keys(party.next.public_key(), private(200, 2).public_key());
        let operation = rotate(&state, document, &keys)
            .signed_by(&[&party.update, &party.next])
            .unwrap();
        self.operate(party, operation);
    }

    /// Ends the DID.
    pub(crate) fn deactivate(&self, party: &Party) {
        let operation = deactivate(&self.did_state(&party.did))
            .signed_by(&[&party.update])
            .unwrap();
        self.operate(party, operation);
    }

    pub(crate) fn operate(&self, party: &Party, operation: SignedOperation) {
        self.act(party, vec![Action::Did(Box::new(operation))]);
    }

    pub(crate) fn did_state(&self, did: &ChopDid) -> DidState {
        let state = self.state.lock().unwrap();
        serde_json::from_slice(&state.entries[&keys::did(&did.scid())]).unwrap()
    }

    /// What stands under a key.
    pub(crate) fn value<T: serde::de::DeserializeOwned>(&self, key: &str) -> Option<T> {
        let state = self.state.lock().unwrap();
        let bytes = state.entries.get(key)?;
        Some(serde_json::from_slice(bytes).unwrap())
    }

    /// An item that it tells of, with the key of the segment that holds it.
    fn told(&self, did: &ChopDid) -> Option<ItemAnswer> {
        let items = self.items.lock().unwrap();
        let (proof, template) = items.get(&did.to_string())?.clone();
        let segments = keys::segments(&proof.batch);
        let state = self.state.lock().unwrap();
        let mut segments = state
            .entries
            .range(segments.clone()..keys::after(&segments));
        let holds = |bytes: &[u8]| {
            let segment: Segment = serde_json::from_slice(bytes).unwrap();
            segment.holds(proof.ordinal)
        };
        let (segment, _) = segments.find(|(_, bytes)| holds(bytes))?;
        let segment = segment.clone();
        Some(ItemAnswer {
            proof,
            template,
            segment,
        })
    }

    /// The leaves of a batch, of all of whose items it tells, between which a scid would stand.
    fn beside(&self, batch: &Hash, scid: &Scid) -> ItemAbsence {
        let items = self.items.lock().unwrap();
        let of_batch = items.iter().filter(|(_, (proof, _))| proof.batch == *batch);
        let mut leaves: Vec<Neighbour> = of_batch
            .map(|(did, (proof, _))| Neighbour {
                index: proof.index,
                ordinal: proof.ordinal,
                item: *ChopDid::parse(did).unwrap().scid().digest(),
                path: proof.path.clone(),
            })
            .collect();
        leaves.sort_by_key(|leaf| leaf.index);
        let at = leaves.partition_point(|leaf| leaf.item < *scid.digest());
        ItemAbsence {
            batch: *batch,
            before: at.checked_sub(1).map(|at| leaves[at].clone()),
            after: leaves.get(at).cloned(),
        }
    }

    /// The last header, as a light client asks for it.
    pub(crate) fn light_block(&self) -> LightBlock {
        let header = self.state.lock().unwrap().header.clone().unwrap();
        let validators = validator_set(&[(self.validator.public_key().clone(), 1)]).unwrap();
        LightBlock {
            signed_header: header,
            next_validators: validators.clone(),
            validators,
        }
    }

    /// Executes actions of a party, sponsored by the operator; they must commit.
    pub(crate) fn act(&self, party: &Party, actions: Vec<Action>) -> Outcome {
        self.act_with(&party.did, &party.key, actions)
    }

    fn act_with(&self, actor: &ChopDid, key: &PrivateKey, actions: Vec<Action>) -> Outcome {
        let signed = self.sign(actor, key, actions);
        let outcomes = self.block(std::slice::from_ref(&signed));
        self.block(&[]);
        let outcome = outcomes.into_iter().next().unwrap();
        assert!(outcome.is_committed(), "{outcome:?}");
        outcome
    }

    /// Signs an envelope of no consequence.
    pub(crate) fn envelope_of(&self, party: &Party) -> SignedEnvelope {
        let digest = Hash::of("test", b"nothing");
        let action = Action::Anchor(AnchorCredential {
            digest,
            credential_type: None,
            subject: None,
        });
        self.sign(&party.did, &party.key, vec![action])
    }

    fn sign(&self, actor: &ChopDid, key: &PrivateKey, actions: Vec<Action>) -> SignedEnvelope {
        let operator = self.operator();
        let (height, time_ms) = {
            let state = self.state.lock().unwrap();
            (state.height, state.time_ms)
        };
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&height.to_be_bytes());
        let envelope = Envelope {
            ledger: self.genesis.id(),
            actor: *actor,
            sponsor: operator.did,
            nonce: Nonce::new(nonce),
            valid_until: Timestamp::from_unix_ms(time_ms).plus_ms(3_600_000),
            actions,
        };
        let mut signers: Vec<&dyn Signer> = vec![key];
        if *actor != operator.did {
            signers.push(&operator.key);
        }
        envelope.sign(&signers).unwrap()
    }

    fn block(&self, envelopes: &[SignedEnvelope]) -> Vec<Outcome> {
        let mut state = self.state.lock().unwrap();
        let height = state.height + 1;
        let time = Timestamp::from_unix_ms(state.time_ms);
        let executed = execute(
            &*state,
            &Block {
                height,
                time,
                envelopes,
                founding: &self.genesis.terms().validators,
            },
        )
        .unwrap();
        let txs: Vec<Vec<u8>> = envelopes
            .iter()
            .map(|envelope| envelope.bytes().to_vec())
            .collect();
        let header = Draft {
            chain_id: &self.root.chain_id().parse().unwrap(),
            height,
            time_ms: state.time_ms,
            previous: state.header.as_ref(),
            txs: &txs,
            app_hash: state.tree_root,
            last_results: &[],
            validators: &validator_set(&[(self.validator.public_key().clone(), 1)]).unwrap(),
            next_validators: &validator_set(&[(self.validator.public_key().clone(), 1)]).unwrap(),
        }
        .seal(0, &self.validator)
        .unwrap();
        state.record(envelopes, time);
        state.write(height, &executed.delta);
        state.header = Some(header);
        state.height = height;
        state.time_ms += 1;
        executed.outcomes
    }

    fn prove(&self, key: &str) -> Result<Proven<Option<Vec<u8>>>, ReadError> {
        let state = self.state.lock().unwrap();
        let header = state.header.clone().unwrap();
        let proven =
            tree::prove(&*state, state.height - 1, key).map_err(|error| ReadError::Store {
                source: error.into(),
            })?;
        let validators = validator_set(&[(self.validator.public_key().clone(), 1)]).unwrap();
        let proof = StateProof::new(header, &validators, proven.path);
        Proven::check(
            &self.root,
            &Freshness::at_any_age(state.time_ms),
            key,
            proven.value,
            proof,
        )
    }
}

impl Registry for TestLedger {
    fn trust_root(&self) -> &TrustRoot {
        &self.root
    }

    fn read<'a>(&'a self, key: &'a str) -> Reading<'a, Proven<Option<Vec<u8>>>> {
        Box::pin(async move { self.prove(key) })
    }

    fn item<'a>(&'a self, did: &'a ChopDid) -> Reading<'a, Option<ItemAnswer>> {
        Box::pin(std::future::ready(Ok(self.told(did))))
    }

    fn absence<'a>(
        &'a self,
        batch: &'a Hash,
        did: &'a ChopDid,
    ) -> Reading<'a, Option<ItemAbsence>> {
        let shown = self.beside(batch, &did.scid());
        Box::pin(std::future::ready(Ok(Some(shown))))
    }

    fn log<'a>(&'a self, did: &'a ChopDid, from: u64, most: usize) -> Reading<'a, Vec<LogEntry>> {
        Box::pin(async move {
            let state = self.state.lock().unwrap();
            let log = state.log.get(&did.to_string());
            let seq = |entry: &LogEntry| {
                let (seq, _) = entry.version_id.split_once('-').unwrap();
                seq.parse::<u64>().unwrap()
            };
            let log = log.into_iter().flatten();
            let log = log.filter(|entry| seq(entry) >= from).take(most);
            Ok(log.cloned().collect())
        })
    }
}

impl State {
    fn write(&mut self, version: u64, delta: &Delta) {
        let parent = version.checked_sub(1).map(|_| self.tree_root);
        let update = tree::update(self, version, parent, delta).unwrap();
        self.nodes.extend(update.nodes.nodes().clone());
        for ((version, key), value) in update.nodes.values() {
            self.values.insert((*key, *version), value.clone());
        }
        self.tree_root = update.root;
        for (key, value) in delta {
            match value {
                Some(value) => self.entries.insert(key.clone(), value.clone()),
                None => self.entries.remove(key),
            };
        }
    }

    fn record(&mut self, envelopes: &[SignedEnvelope], time: Timestamp) {
        for action in envelopes
            .iter()
            .flat_map(|envelope| &envelope.envelope().actions)
        {
            if let Action::Did(signed) = action {
                let did = signed.operation().did().to_string();
                let log = self.log.entry(did).or_default();
                let operation = signed.operation();
                let version_id = format!("{}-{}", operation.seq(), operation.hash());
                log.push(LogEntry {
                    version_id,
                    operation: signed.value().clone(),
                    time,
                });
            }
        }
    }
}

impl StateReader for State {
    type Error = std::convert::Infallible;

    fn value(&self, key: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(self.entries.get(key).cloned())
    }

    fn scan(
        &self,
        from: &str,
        to: &str,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, Self::Error> {
        let range = self
            .entries
            .range(from.to_owned()..to.to_owned())
            .take(limit);
        Ok(range
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}

impl TreeReader for State {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        Ok(self.nodes.get(key).cloned())
    }

    fn get_value_option(
        &self,
        version: Version,
        key: KeyHash,
    ) -> anyhow::Result<Option<OwnedValue>> {
        Ok(self
            .values
            .range((key, 0)..=(key, version))
            .next_back()
            .and_then(|(_, value)| value.clone()))
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        Ok(None)
    }
}
