//! A ledger in memory: real execution, real tree, real headers of one validator, and no disk.

mod party;
mod state;

pub(crate) use party::{Party, document, method};

use std::collections::BTreeMap;
use std::sync::Mutex;

use chop_client::{Proven, ReadError, Reading, Registry};
use chop_did::build::{create, deactivate, rotate};
use chop_did::{ChopDid, DidState, Document, Scid, SignedOperation, Template};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{PrivateKey, Signer};
use chop_ledger::{Block, execute, genesis_state, tree};
use chop_proof::build::Draft;
use chop_proof::{
    BatchProof, Evidence, Freshness, LightBlock, StateProof, Statement, TrustRoot, validator_set,
};
use chop_protocol::http::{ItemAnswer, LogEntry};
use chop_protocol::{
    Action, AnchorCredential, Envelope, GenesisTerms, GenesisValidator, ItemAbsence, ItemProof,
    LedgerGenesis, Neighbour, Nonce, Outcome, Parameters, Segment, SignedEnvelope, keys,
};
use party::{draft, private, update_keys};
use state::State;

/// A ledger that makes two blocks for every act: one that holds it and one whose header proves it.
pub(crate) struct TestLedger {
    genesis: LedgerGenesis,
    root: TrustRoot,
    pub(crate) validator: PrivateKey,
    state: Mutex<State>,
    /// The items that it tells of; others it keeps to itself.
    pub(crate) items: Mutex<BTreeMap<String, (ItemProof, Template)>>,
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
