//! Somebody with keys who writes to the ledger.

use super::http::Answer;
use super::remote::Remote;
use chop_did::build::{self, GenesisDraft};
use chop_did::{
    ApplyContext, ChopDid, Class, DidState, Document, KeySet, LedgerId, Relationship, UpdateKeys,
    apply,
};
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, Signer};
use chop_protocol::envelope::MAX_ACTIONS;
use chop_protocol::{Action, Envelope, LedgerGenesis, Nonce, SignedEnvelope};
use serde_json::Value;

/// How long an envelope may wait for its block, in milliseconds.
const ENVELOPE_LIFE_MS: i64 = 10 * 60 * 1_000;

/// The ledger that a stack runs, and its founder, who sponsors.
#[derive(Clone, Copy)]
pub(crate) struct Ledger {
    pub(crate) id: LedgerId,
    pub(crate) operator: ChopDid,
}

impl Ledger {
    pub(crate) fn of(stack: &Remote) -> Self {
        let genesis = LedgerGenesis::parse(&stack.get("/v1/genesis").body).unwrap();
        Self {
            id: genesis.id(),
            operator: genesis.founders().first().unwrap().did(),
        }
    }
}

/// A party with an update key and a key that acts.
pub(crate) struct Party {
    pub(crate) did: ChopDid,
    ledger: Ledger,
    invoke: PrivateKey,
}

impl Party {
    /// Creates the DID of a service, which needs no pre-rotation.
    pub(crate) fn create(stack: &Remote) -> Self {
        let ledger = Ledger::of(stack);
        let (update, invoke) = (key(), key());
        let document = Document::empty()
            .with_key(
                "#act",
                invoke.public_key(),
                &[Relationship::CapabilityInvocation],
            )
            .unwrap();
        let keys = UpdateKeys {
            current: KeySet::new([update.public_key().clone()], 1).unwrap(),
            next: None,
        };
        let genesis = GenesisDraft::own_keys(Class::Service, keys, chop_http::random::bytes())
            .with_document(document)
            .build(&ledger.id)
            .unwrap();
        let operation = build::create(&genesis).signed_by(&[&update]).unwrap();
        let party = Self {
            did: genesis.did(),
            ledger,
            invoke,
        };
        let create = vec![Action::Did(Box::new(operation))];
        let envelope = party.envelope(create, &update, ledger.operator);
        let answer = stack.post("/v1/transactions", &envelope);
        assert_eq!(answer.status, 201, "{}", answer.text());
        party
    }

    /// Has actions carried out, and answers what the ledger said.
    pub(crate) fn act(&self, stack: &Remote, actions: Vec<Action>) -> Answer {
        let envelope = self.envelope(actions, &self.invoke, self.ledger.operator);
        stack.post("/v1/transactions", &envelope)
    }

    /// Makes an envelope that creates `count` products, all or none, and returns it with their DIDs.
    pub(crate) fn create_products(&self, count: usize) -> (Value, Vec<ChopDid>) {
        self.create_products_under(count, self.ledger.operator)
    }

    /// The same, sponsored by another member.
    pub(crate) fn create_products_under(
        &self,
        count: usize,
        sponsor: ChopDid,
    ) -> (Value, Vec<ChopDid>) {
        let mut actions = Vec::new();
        let mut dids = Vec::new();
        for _ in 0..count {
            let genesis =
                GenesisDraft::controlled(Class::Product, self.did, chop_http::random::bytes())
                    .build(&self.ledger.id)
                    .unwrap();
            dids.push(genesis.did());
            let operation = build::create(&genesis).signed_by(&[&self.invoke]).unwrap();
            actions.push(Action::Did(Box::new(operation)));
        }
        (self.envelope(actions, &self.invoke, sponsor), dids)
    }

    /// Changes a product so often, as often as fits at a time.
    pub(crate) fn rewrite(&self, stack: &Remote, product: &ChopDid, times: usize) {
        let state = |did: &ChopDid| -> DidState {
            let path = format!("/v1/state/did/{}", did.scid());
            serde_json::from_value(stack.get(&path).json()["value"].clone()).unwrap()
        };
        let (mut now, own) = (state(product), state(&self.did));
        let context = ApplyContext {
            ledger: &self.ledger.id,
            time: Timestamp::from_unix_ms(chop_http::clock::now_ms()),
            recovery_delay_ms: 0,
            controller: Some(&own),
            new_controller: None,
        };
        let mut actions = Vec::new();
        for _ in 0..times {
            let update = build::update(&now, now.document());
            let update = update.signed_by(&[&self.invoke]).unwrap();
            (now, _) = apply(Some(&now), update.operation(), &context).unwrap();
            actions.push(Action::Did(Box::new(update)));
        }
        while !actions.is_empty() {
            let rest = actions.split_off(actions.len().min(MAX_ACTIONS));
            let answer = self.act(stack, actions);
            assert_eq!(answer.status, 201, "{}", answer.text());
            actions = rest;
        }
    }

    fn envelope(&self, actions: Vec<Action>, key: &dyn Signer, sponsor: ChopDid) -> Value {
        let envelope = Envelope {
            ledger: self.ledger.id,
            actor: self.did,
            sponsor,
            nonce: Nonce::new(chop_http::random::bytes()),
            valid_until: Timestamp::from_unix_ms(chop_http::clock::now_ms())
                .plus_ms(ENVELOPE_LIFE_MS),
            actions,
        };
        let signed: SignedEnvelope = envelope.sign(&[key]).unwrap();
        signed.to_value()
    }
}

fn key() -> PrivateKey {
    PrivateKey::from_seed(KeyType::Ed25519, &chop_http::random::bytes::<32>()).unwrap()
}
