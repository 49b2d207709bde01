//! A solo ledger of two members on which every action happens.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chop_did::build::{self, Draft, GenesisDraft};
use chop_did::{ChopDid, Class, DidState, Document, Genesis, KeySet, LedgerId, UpdateKeys};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{KeyType, PrivateKey, Signer};
use chop_protocol::certificate::{BindingTerms, SignedBinding, UnbindCertificate};
use chop_protocol::governance::Admission;
use chop_protocol::{
    Accredit, Action, AnchorCredential, AnchorStatus, CastVote, Change, Choice, CredentialType,
    DeprecateSchema, Envelope, GenesisTerms, GenesisValidator, LedgerGenesis, MemberName, Nonce,
    Outcome, Parameters, Propose, PublishSchema, ReinstateAccreditation, RevocationReason,
    RevokeAccreditation, Role, SchemaBody, SchemaKind, SchemaName, SemVer, SetStatus,
    SuspendAccreditation, accreditation_id, keys,
};
use serde_json::json;
use tempfile::TempDir;

use crate::engine::{Solo, SoloConfig};
use crate::store::DiskLimit;

const FOUNDED_MS: i64 = 1_793_491_200_000;

/// What happens in [`World::tell`], each at least once.
pub(super) const ACTIONS: [&str; 24] = [
    "accreditation.accredit",
    "accreditation.reinstate",
    "accreditation.revoke",
    "accreditation.suspend",
    "batch.activate",
    "batch.claim",
    "batch.create",
    "batch.materialise",
    "batch.void",
    "certificate.bind",
    "certificate.unbind",
    "credential.anchor",
    "credential.set-status",
    "did.create",
    "did.deactivate",
    "did.recover",
    "did.rotate",
    "did.transfer",
    "did.update",
    "did.veto",
    "membership.propose",
    "membership.vote",
    "schema.deprecate",
    "schema.publish",
];

pub(super) fn key(seed: u8, role: u8) -> PrivateKey {
    let mut bytes = [7; 32];
    (bytes[0], bytes[1]) = (seed, role);
    PrivateKey::from_seed(KeyType::Ed25519, &bytes).unwrap()
}

fn set(key: &PrivateKey) -> KeySet {
    KeySet::new([key.public_key().clone()], 1).unwrap()
}

fn update_keys(seed: u8, current: u8, next: u8) -> UpdateKeys {
    UpdateKeys {
        current: set(&key(seed, current)),
        next: Some(set(&key(seed, next)).commitment()),
    }
}

fn document(seed: u8, names: &[&str]) -> Document {
    let mut members = json!({
        "verificationMethod": [
            {"id": "#act", "type": "Multikey", "publicKeyMultibase": key(seed, 3).public_key().multikey()},
        ],
        "assertionMethod": ["#act"],
        "capabilityInvocation": ["#act"],
    });
    if !names.is_empty() {
        members["alsoKnownAs"] = json!(names);
    }
    Document::parse(members).unwrap()
}

/// An organisation: role 0 its update key, 1 the next, 3 acts, 5 recovers.
fn draft(seed: u8) -> GenesisDraft {
    GenesisDraft::own_keys(Class::Organisation, update_keys(seed, 0, 1), [seed; 16])
        .with_recovery(set(&key(seed, 5)).commitment())
        .with_document(document(seed, &[]))
}

/// A ledger with the founding members of seeds 1 and 2.
pub(super) fn genesis() -> LedgerGenesis {
    LedgerGenesis::try_from(GenesisTerms {
        chain_version: chop_protocol::genesis::CHAIN_VERSION,
        time: Timestamp::from_unix_ms(FOUNDED_MS),
        nonce: Nonce::new([0; 16]),
        validators: vec![GenesisValidator {
            public_key: key(1, 9).public_key().clone(),
            power: 1,
        }],
        parameters: Parameters::default(),
        consortium: None,
        founders: vec![draft(1).template(), draft(2).template()],
    })
    .unwrap()
}

pub(super) struct World {
    pub(super) engine: Solo,
    folder: TempDir,
    clock: Arc<AtomicI64>,
    nonce: AtomicU64,
}

impl World {
    pub(super) fn new() -> Self {
        Self::keeping(None)
    }

    /// One that keeps so many blocks; all when absent.
    pub(super) fn keeping(blocks: Option<u64>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(FOUNDED_MS + 1_000));
        let engine = Solo::open(SoloConfig {
            keep_blocks: blocks,
            ..config(folder.path(), genesis(), &clock)
        });
        let engine = engine.unwrap();
        Self {
            engine,
            folder,
            clock,
            nonce: AtomicU64::new(0),
        }
    }

    /// Ends the ledger; its folder stays.
    pub(super) fn end(self) -> TempDir {
        self.engine.stop();
        self.folder
    }

    pub(super) fn ledger(&self) -> LedgerId {
        self.engine.genesis().id()
    }

    pub(super) fn did(&self, seed: u8) -> ChopDid {
        draft(seed).build(&self.ledger()).unwrap().did()
    }

    fn state(&self, did: &ChopDid) -> DidState {
        let value = self.engine.view().value(&keys::did(&did.scid())).unwrap();
        serde_json::from_slice(&value.unwrap()).unwrap()
    }

    fn wait(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    /// Nonce and end of the envelope that comes next.
    pub(super) fn next(&self) -> (Nonce, Timestamp) {
        let nonce = u128::from(self.nonce.load(Ordering::SeqCst));
        let now = self.clock.load(Ordering::SeqCst) + 1_000;
        (
            Nonce::new(nonce.to_be_bytes()),
            Timestamp::from_unix_ms(now + 600_000),
        )
    }

    /// An envelope of a party, sponsored by the first member unless it is one itself.
    pub(super) async fn act(&self, seed: u8, actions: Vec<Action>) -> Outcome {
        self.wait(1_000);
        let did = self.did(seed);
        let member = seed <= 2;
        let nonce = u128::from(self.nonce.fetch_add(1, Ordering::SeqCst));
        let envelope = Envelope {
            ledger: self.ledger(),
            actor: did,
            sponsor: if member { did } else { self.did(1) },
            nonce: Nonce::new(nonce.to_be_bytes()),
            valid_until: Timestamp::from_unix_ms(self.clock.load(Ordering::SeqCst) + 600_000),
            actions,
        };
        let (own, first) = (key(seed, 3), key(1, 3));
        let signed = if member {
            envelope.sign(&[&own])
        } else {
            envelope.sign(&[&own, &first])
        };
        self.engine.submit(signed.unwrap()).await.unwrap()
    }

    pub(super) async fn done(&self, seed: u8, action: Action) -> Hash {
        let outcome = self.act(seed, vec![action]).await;
        assert!(outcome.is_committed(), "{outcome:?}");
        outcome.hash
    }

    pub(super) async fn refused(&self, seed: u8, action: Action) {
        let outcome = self.act(seed, vec![action]).await;
        assert!(!outcome.is_committed(), "{outcome:?}");
    }

    /// Another organisation.
    pub(super) async fn join(&self, seed: u8) {
        let create = build::create(&draft(seed).build(&self.ledger()).unwrap());
        self.done(1, did(create, &[&key(seed, 0)])).await;
    }

    pub(super) async fn anchor(&self, n: u64) {
        self.done(1, anchoring(n, None)).await;
    }

    fn product(&self, controller: u8, n: u8) -> Genesis {
        GenesisDraft::controlled(Class::Product, self.did(controller), [n; 16])
            .build(&self.ledger())
            .unwrap()
    }

    /// Everything that can happen, once or more, and some of it refused.
    pub(super) async fn tell(&self) {
        self.join(3).await;
        self.join(4).await;
        self.tell_dids().await;
        self.tell_accreditations().await;
        self.tell_credentials_and_schemas().await;
        self.tell_batches().await;
        self.tell_membership().await;
        // Nothing in a block, and then something again.
        self.wait(600_000);
        self.engine
            .fresh_view(std::time::Duration::from_mins(1))
            .await;
        self.anchor(1_000).await;
    }

    async fn tell_dids(&self) {
        let three = self.did(3);
        let names = ["https://North-Farm.example/", "urn:epc:id:sgln:0614141"];
        let first = document(3, &names);
        let update = build::update(&self.state(&three), &first);
        self.done(3, did(update, &[&key(3, 0)])).await;
        let names = [
            "https://south.example/Ol",
            "urn:lot:lot:lot:lot:lot:lot:lot",
        ];
        let second = document(3, &names);
        let again = build::update(&self.state(&three), &second);
        let twice = did(again, &[&key(3, 0)]);
        self.done(3, twice.clone()).await;
        self.refused(3, twice).await;
        let rotate = build::rotate(&self.state(&three), &second, &update_keys(3, 1, 2));
        self.done(3, did(rotate, &[&key(3, 1)])).await;
        let waiting = build::update(&self.state(&three), &second)
            .with_recovery(&set(&key(3, 6)).commitment());
        self.done(3, did(waiting, &[&key(3, 1)])).await;
        let state = self.state(&three);
        let now = Timestamp::from_unix_ms(self.clock.load(Ordering::SeqCst));
        let pending = state.pending_recovery_at(now).unwrap().clone();
        self.done(3, did(build::veto(&state, &pending), &[&key(3, 1)]))
            .await;
        let rescue = build::recover(
            &self.state(&three),
            &second,
            set(&key(3, 5)).keys(),
            &update_keys(3, 7, 8),
            &set(&key(3, 10)).commitment(),
        );
        self.done(3, did(rescue, &[&key(3, 5)])).await;
        let mut creates = Vec::new();
        for n in 0..5 {
            creates.push(did(build::create(&self.product(3, n)), &[&key(3, 3)]));
        }
        assert!(self.act(3, creates).await.is_committed());
        let product = self.state(&self.product(3, 0).did());
        let transfer = build::transfer(&product, product.document(), &self.did(4));
        self.done(4, did(transfer, &[&key(3, 3), &key(4, 3)])).await;
        let ended = build::deactivate(&self.state(&self.product(3, 1).did()));
        self.done(3, did(ended, &[&key(3, 3)])).await;
    }

    async fn tell_accreditations(&self) {
        let granted = self.done(1, self.accrediting(3, 2, None)).await;
        let root = accreditation_id(&granted, 0);
        let granted = self.done(3, self.accrediting(4, 1, Some(root))).await;
        let second = accreditation_id(&granted, 0);
        self.refused(4, self.accrediting(3, 8, Some(second))).await;
        let suspend = |id| {
            Action::SuspendAccreditation(SuspendAccreditation {
                accreditation: id,
                effective: None,
            })
        };
        self.done(3, suspend(second)).await;
        let reinstate = ReinstateAccreditation {
            accreditation: second,
            effective: None,
        };
        self.done(3, Action::ReinstateAccreditation(reinstate))
            .await;
        // What it names does not exist, now or ever.
        self.refused(1, suspend(Hash::of("test", b"nothing"))).await;
        let third = self.done(1, self.accrediting(2, 0, None)).await;
        let revoke = RevokeAccreditation {
            accreditation: accreditation_id(&third, 0),
            effective: None,
            reason: RevocationReason::AbInitio,
        };
        self.done(1, Action::RevokeAccreditation(revoke)).await;
    }

    fn accrediting(&self, subject: u8, depth: u8, parent: Option<Hash>) -> Action {
        Action::Accredit(Accredit {
            subject: self.did(subject),
            credential_type: CredentialType::parse("QualityInspection").unwrap(),
            jurisdiction: None,
            valid_from: None,
            valid_until: None,
            depth,
            parent,
        })
    }

    async fn tell_credentials_and_schemas(&self) {
        self.done(3, anchoring(1, Some(self.did(4)))).await;
        let status = SetStatus {
            digest: digest(1),
            status: AnchorStatus::Suspended,
        };
        self.done(3, Action::SetStatus(status)).await;
        self.refused(4, Action::SetStatus(status)).await;
        for (name, version) in [
            ("orchard-inspection", "1.0.0"),
            ("orchard-inspection", "1.1.0"),
            ("lots-sheet", "1.0.0"),
        ] {
            let body = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$id": format!("https://orchard.example/{name}.json"),
                "title": version,
            });
            let publish = PublishSchema {
                name: SchemaName::parse(name).unwrap(),
                version: SemVer::parse(version).unwrap(),
                kind: SchemaKind::JsonSchema,
                body: SchemaBody::canonical(&body).unwrap(),
            };
            self.done(3, Action::PublishSchema(Box::new(publish))).await;
        }
        let deprecate = DeprecateSchema {
            name: SchemaName::parse("orchard-inspection").unwrap(),
            version: SemVer::parse("1.0.0").unwrap(),
            reason: None,
            replaced_by: None,
        };
        self.done(3, Action::DeprecateSchema(deprecate)).await;
    }

    async fn tell_membership(&self) {
        let admit = Change::Admit(Admission {
            did: self.did(4),
            name: MemberName::parse("Fruit Company Öl").unwrap(),
            role: Role::Member,
            quota: None,
        });
        let proposal = self.done(1, proposing(admit)).await;
        self.done(2, voting(proposal, Choice::Yes)).await;
        self.refused(2, voting(proposal, Choice::No)).await;
        let terms = BindingTerms {
            ledger: self.ledger(),
            member: self.did(1),
            public_key: key(1, 20).public_key().clone(),
        };
        let binding = terms.signed_by(&key(1, 20), &[&key(1, 0)]).unwrap();
        let binding = SignedBinding::try_from(binding).unwrap();
        let spki = binding.spki();
        self.done(1, Action::Bind(Box::new(binding))).await;
        self.done(1, Action::Unbind(UnbindCertificate { spki }))
            .await;
        let setting: Change =
            serde_json::from_value(json!({"setParameter": {"heartbeatMs": 30_000}})).unwrap();
        self.done(2, proposing(setting)).await;
    }
}

/// The ledger in a folder, with a clock that tests move.
pub(super) fn open(folder: &Path, genesis: LedgerGenesis, clock: &Arc<AtomicI64>) -> Solo {
    Solo::open(config(folder, genesis, clock)).unwrap()
}

fn config(folder: &Path, genesis: LedgerGenesis, clock: &Arc<AtomicI64>) -> SoloConfig {
    let clock = Arc::clone(clock);
    SoloConfig {
        path: folder.join("ledger.redb"),
        genesis,
        signer: Arc::new(key(1, 9)),
        clock: Arc::new(move || clock.load(Ordering::SeqCst)),
        queue: 1_024,
        heartbeat: None,
        limit: Arc::new(DiskLimit::none()),
        replay: false,
        keep_blocks: None,
    }
}

pub(super) fn digest(n: u64) -> Hash {
    Hash::of("test", &n.to_be_bytes())
}

fn anchoring(n: u64, subject: Option<ChopDid>) -> Action {
    Action::Anchor(AnchorCredential {
        digest: digest(n),
        credential_type: None,
        subject,
    })
}

fn did(draft: Draft, signers: &[&dyn Signer]) -> Action {
    Action::Did(Box::new(draft.signed_by(signers).unwrap()))
}

fn proposing(change: Change) -> Action {
    Action::Propose(Box::new(Propose { change, note: None }))
}

fn voting(proposal: Hash, choice: Choice) -> Action {
    Action::Vote(CastVote { proposal, choice })
}

/// The envelope that the process which is killed submits as its `n`th.
pub(super) fn numbered(genesis: &LedgerGenesis, n: u64) -> chop_protocol::SignedEnvelope {
    let founder = genesis.founders()[0].did();
    Envelope {
        ledger: genesis.id(),
        actor: founder,
        sponsor: founder,
        nonce: Nonce::new(u128::from(n).to_be_bytes()),
        valid_until: Timestamp::from_unix_ms(FOUNDED_MS + 80_000_000),
        actions: vec![anchoring(n, None)],
    }
    .sign(&[&key(1, 3)])
    .unwrap()
}

pub(super) fn founded_ms() -> i64 {
    FOUNDED_MS
}
