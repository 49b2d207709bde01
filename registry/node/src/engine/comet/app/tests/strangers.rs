//! A snapshot whose operations are the right ones, but signed by others than did what they say.

use chop_did::build::{self, Draft, GenesisDraft};
use chop_did::{
    ChopDid, Class, DidState, Document, Genesis, Item, ItemContext, KeySet, Relationship, Scid,
    SignedOperation, Template, UpdateKeys,
};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{CodeSecret, Signer};
use chop_proof::leaves as tree;
use chop_protocol::{BatchTerms, CreateBatch, ItemProof, MaterialiseItem, Receipt};
use serde_json::{Value, json};

use super::*;
use crate::engine::batch::founding_operations;
use crate::engine::founding;
use crate::store::{Entry, Goal, Restoring, StoreError};

/// A key that nobody on the ledger has.
const STRANGER: u8 = 99;

/// A ledger on which every kind of operation was done, and some state of it.
struct Told {
    app: App,
    height: i64,
    nonce: u8,
    block: Vec<SignedEnvelope>,
}

impl Told {
    fn begin(folder: &Path) -> Self {
        Self {
            app: open(folder),
            height: 0,
            nonce: 100,
            block: Vec::new(),
        }
    }

    fn act(&mut self, (actor, seed): (ChopDid, u8), action: Action) {
        self.nonce += 1;
        let envelope = acting_as((founder(), 2), self.nonce, action);
        let envelope = Envelope {
            actor,
            ..envelope.envelope().clone()
        };
        let keys = [key(2), key(seed)];
        let signers: &[&dyn Signer] = if seed == 2 {
            &[&keys[0]]
        } else {
            &[&keys[0], &keys[1]]
        };
        self.block.push(envelope.sign(signers).unwrap());
    }

    fn operate(&mut self, draft: Draft, seeds: &[u8]) {
        let signed = signed_with(draft, seeds);
        self.act((founder(), 2), Action::Did(Box::new(signed)));
    }

    /// Decides what was done since the last block, all of which the ledger takes.
    fn decide(&mut self) {
        self.height += 1;
        let block: Vec<_> = self.block.drain(..).map(|one| tx(&[&one])).collect();
        let taken = vec![0; block.len()];
        let answer = decide(&self.app, self.height, block);
        assert_eq!(codes(&answer), taken, "{answer:?}");
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(FOUNDED_MS + 1_000 + (self.height + 1) * 1_000)
    }

    fn state(&self, did: &ChopDid) -> DidState {
        let held = self.app.shared.view().value(&keys::did(&did.scid()));
        serde_json::from_slice(&held.unwrap().unwrap()).unwrap()
    }

    /// An organisation: update seed, next seed + 1, recovery seed + 2, document seed + 3.
    fn organisation(&mut self, seed: u8) -> ChopDid {
        let keys = UpdateKeys {
            current: set(seed),
            next: Some(set(seed + 1).commitment()),
        };
        let draft = GenesisDraft::own_keys(Class::Organisation, keys, [seed; 16])
            .with_recovery(set(seed + 2).commitment())
            .with_document(document(seed + 3));
        let genesis = Genesis::complete(draft.template(), &genesis().id()).unwrap();
        self.operate(build::create(&genesis), &[seed]);
        genesis.did()
    }

    /// A batch of one item by whoever has this key; the item's proof and DID.
    fn batch(&mut self, (controller, seed): (ChopDid, u8)) -> (ItemProof, ChopDid) {
        let template = json!({"class": "product", "fields": ["serial"], "document": {"alsoKnownAs": ["urn:x:{serial}"]}});
        let template = Template::parse(template).unwrap();
        let secret = CodeSecret::derive(&[seed; 32], 0).key().unwrap();
        let item = Item {
            data: vec!["S0".to_owned()],
            key: Some(secret.public_key().clone()),
        };
        let ledger = genesis().id();
        let mut terms = BatchTerms {
            ledger,
            controller,
            nonce: Nonce::new([seed; 16]),
            template: template.digest(),
            count: 1,
            root: Hash::from_bytes([0; 32]),
            leaves: Hash::of("test", b"leaves"),
            activation: None,
        };
        // The root is no part of the id.
        let batch = terms.id().unwrap();
        let context = ItemContext {
            batch,
            template: terms.template,
        };
        let hash = context.hash(&item.bytes().unwrap());
        let root = tree::root(&[tree::leaf(hash.as_bytes(), 0)]).unwrap();
        terms.root = Hash::from_bytes(root);
        let create = CreateBatch {
            nonce: terms.nonce,
            template,
            count: terms.count,
            root: terms.root,
            leaves: terms.leaves,
            activation: None,
            receipts: vec![Receipt::sign(&terms, &key(1)).unwrap()],
        };
        self.act((controller, seed), Action::CreateBatch(Box::new(create)));
        let proof = ItemProof {
            batch,
            index: 0,
            ordinal: 0,
            item,
            path: Vec::new(),
        };
        let scid = Scid::of_batch_item(hash);
        (proof, ChopDid::new(ledger.short(), scid))
    }

    fn materialise(&mut self, by: (ChopDid, u8), proof: ItemProof) {
        let materialise = MaterialiseItem { proof };
        self.act(by, Action::Materialise(Box::new(materialise)));
    }

    /// An update that changes nothing but the version.
    fn update(&mut self, did: &ChopDid, seeds: &[u8]) {
        let state = self.state(did);
        self.operate(build::update(&state, state.document()), seeds);
    }

    /// Every kind of operation: a ledger, and of those whom its organisations act for the product, the item that was sold and
    /// the one that was kept.
    fn whole(folder: &Path) -> (Self, [ChopDid; 3]) {
        let mut told = Self::begin(folder);
        let maker = told.organisation(31);
        let buyer = told.organisation(41);
        told.decide();
        let draft = GenesisDraft::controlled(Class::Product, maker, [7; 16]);
        let product = Genesis::complete(draft.template(), &genesis().id()).unwrap();
        told.operate(build::create(&product), &[34]);
        let product = product.did();
        let (proof, sold) = told.batch((founder(), 2));
        let (kept_proof, kept) = told.batch((buyer, 44));
        told.decide();
        told.materialise((founder(), 2), proof);
        told.materialise((buyer, 44), kept_proof);
        told.decide();
        told.update(&sold, &[2]);
        told.update(&kept, &[44]);
        told.update(&product, &[34]);
        told.decide();
        let state = told.state(&sold);
        told.operate(build::transfer(&state, state.document(), &buyer), &[2, 44]);
        // In one block: by the maker's old key, the change of the key, and by the new one.
        told.update(&product, &[34]);
        let state = told.state(&maker);
        let fresh = state.document().with_revoked("#key-1", told.now()).unwrap();
        let fresh = fresh
            .with_key("#key-2", key(35).public_key(), &[INVOKES])
            .unwrap();
        told.operate(build::update(&state, &fresh), &[31]);
        told.decide();
        told.update(&product, &[35]);
        told.update(&sold, &[44]);
        told.lives_to_its_end(&maker, &fresh);
        (told, [product, sold, kept])
    }

    /// A rotation, a change of the recovery set that waits, a recovery by the set in force, and the end.
    fn lives_to_its_end(&mut self, maker: &ChopDid, fresh: &Document) {
        let state = self.state(maker);
        let keys = UpdateKeys {
            current: set(32),
            next: Some(set(36).commitment()),
        };
        self.operate(build::rotate(&state, fresh, &keys), &[32]);
        self.decide();
        let state = self.state(maker);
        let asks = build::update(&state, fresh).with_recovery(&set(37).commitment());
        self.operate(asks, &[32]);
        self.decide();
        let state = self.state(maker);
        let keys = UpdateKeys {
            current: set(38),
            next: Some(set(39).commitment()),
        };
        let revealed = [key(33).public_key().clone()].into();
        let recovery = set(40).commitment();
        self.operate(
            build::recover(&state, fresh, &revealed, &keys, &recovery),
            &[33],
        );
        self.decide();
        let state = self.state(maker);
        self.operate(build::deactivate(&state), &[38]);
        self.decide();
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let each = |entry| {
            entries.push(entry);
            Ok(())
        };
        self.app.shared.view().snapshot().each_entry(each).unwrap();
        entries
    }

    /// Takes these entries for the state of the ledger.
    fn restore(&self, folder: &Path, entries: &[Entry]) -> Result<(), StoreError> {
        let path = folder.join("ledger.redb");
        let restoring = Restoring::begin(&path, &Arc::new(DiskLimit::none())).unwrap();
        restoring.add(entries)?;
        restoring.finish(&Goal {
            height: u64::try_from(self.height).unwrap(),
            root: self.app.shared.view().head().app_hash,
            genesis: &founding::canonical(&genesis()).unwrap(),
            founding: &founding_operations(&genesis()).unwrap(),
            handover: None,
        })
    }
}

fn set(seed: u8) -> KeySet {
    KeySet::new([key(seed).public_key().clone()], 1).unwrap()
}

fn document(seed: u8) -> Document {
    Document::empty()
        .with_key("#key-1", key(seed).public_key(), &[INVOKES])
        .unwrap()
}

const INVOKES: Relationship = Relationship::CapabilityInvocation;

fn signed_with(draft: Draft, seeds: &[u8]) -> SignedOperation {
    let keys: Vec<_> = seeds.iter().map(|seed| key(*seed)).collect();
    let signers: Vec<&dyn Signer> = keys.iter().map(|key| key as &dyn Signer).collect();
    draft.signed_by(&signers).unwrap()
}

/// The same operation with the proofs of others, after its own ones or in their place.
fn signed_again(body: &[u8], keeps_own: bool, seeds: &[u8]) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(body).unwrap();
    let own = value.as_object_mut().unwrap().remove("proof").unwrap();
    let draft = Draft::from_unsigned(value).unwrap();
    let mut value = signed_with(draft, seeds).into_value();
    if keeps_own {
        let proofs = value["proof"].as_array_mut().unwrap();
        proofs.extend(own.as_array().unwrap().iter().cloned());
    }
    SignedOperation::try_from(value.clone()).unwrap();
    chop_integrity::canonicalize(&value).unwrap()
}

/// The entries, with the operation of one version signed again.
fn with_signers(entries: &[Entry], of: (&str, u64), keeps_own: bool, seeds: &[u8]) -> Vec<Entry> {
    let mut entries = entries.to_vec();
    let mut changed = 0;
    for entry in &mut entries {
        if let Entry::Operation(scid, seq, body) = entry
            && (scid.as_str(), *seq) == of
        {
            *body = signed_again(body, keeps_own, seeds);
            changed += 1;
        }
    }
    assert_eq!(changed, 1, "{of:?}");
    entries
}

fn refused(result: Result<(), StoreError>) -> String {
    match result {
        Err(StoreError::Damaged {
            what: "operation",
            reason,
        }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn refuses_an_operation_signed_by_a_stranger() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (told, [product, sold, kept]) = Told::whole(from.path());

    let entries = told.entries();
    told.restore(to.path(), &entries).unwrap();
    let founder = founder().scid().to_string();
    let mut signed = 0;
    for entry in &entries {
        let Entry::Operation(scid, seq, _) = entry else {
            continue;
        };
        if *scid == founder {
            continue;
        }
        signed += 1;
        for keeps_own in [false, true] {
            let entries = with_signers(&entries, (scid, *seq), keeps_own, &[STRANGER]);
            let reason = refused(told.restore(to.path(), &entries));
            assert!(
                reason.contains("could not sign it"),
                "{scid} {seq}: {reason}"
            );
        }
    }
    assert_eq!(signed, 15);

    let others: [(&str, (&ChopDid, u64), &[u8]); 6] = [
        ("a retired key of the controller", (&product, 3), &[34]),
        (
            "a key that the controller had not yet",
            (&product, 1),
            &[35],
        ),
        ("the one who bought it later", (&sold, 1), &[44]),
        ("the buyer alone", (&sold, 2), &[44]),
        ("the one who sold it", (&sold, 3), &[2]),
        (
            "the controller of another batch of that block",
            (&kept, 1),
            &[2],
        ),
    ];
    for (what, (did, seq), seeds) in others {
        let scid = did.scid().to_string();
        let entries = with_signers(&entries, (&scid, seq), false, seeds);
        let reason = refused(told.restore(to.path(), &entries));
        assert!(reason.contains(&scid), "{what}: {reason}");
    }
    // Within the block that changed them, both keys of the controller count.
    let scid = product.scid().to_string();
    let entries = with_signers(&entries, (&scid, 2), false, &[35]);
    told.restore(to.path(), &entries).unwrap();
}
