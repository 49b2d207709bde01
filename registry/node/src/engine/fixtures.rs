//! A ledger for engine tests: one founder who is its only member and sponsors everything.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chop_did::{ChopDid, Document};
use chop_integrity::{Hash, Timestamp};
use chop_keys::bbs::BbsInput;
use chop_keys::{
    ClaimInput, CoseSigStructure, DataIntegrityInput, JwsSigningInput, KeyType, PossessionInput,
    PrivateKey, PublicKey, ReceiptInput, SelectiveBaseInput, SignError, Signature, Signer,
    VoteSignBytes,
};
use chop_protocol::governance::possession_input;
use chop_protocol::{
    Action, AnchorCredential, Change, Envelope, GenesisTerms, GenesisValidator, LedgerGenesis,
    Nonce, Parameters, PossessionProof, PromotedValidator, Promotion, Propose, SignedEnvelope,
    keys,
};
use serde_json::json;

use super::{Solo, SoloConfig};
use crate::store::DiskLimit;

/// 2026-11-01T00:00:00Z.
pub(super) const FOUNDED_MS: i64 = 1_793_491_200_000;

pub(super) fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(KeyType::Ed25519, &[seed; 32]).unwrap()
}

/// A clock that tests move.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(FOUNDED_MS + 1_000)))
    }

    pub(super) fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(super) fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

/// Validator 1, founder 2.
pub(super) fn genesis() -> LedgerGenesis {
    genesis_of(0)
}

pub(super) fn genesis_of(nonce: u8) -> LedgerGenesis {
    let founder = key(2);
    let relationships = [
        chop_did::Relationship::CapabilityInvocation,
        chop_did::Relationship::AssertionMethod,
    ];
    let document = Document::empty()
        .with_key("#key-1", founder.public_key(), &relationships)
        .unwrap();
    LedgerGenesis::try_from(GenesisTerms {
        chain_version: chop_protocol::genesis::CHAIN_VERSION,
        time: Timestamp::from_unix_ms(FOUNDED_MS),
        nonce: Nonce::new([nonce; 16]),
        validators: vec![GenesisValidator {
            public_key: key(1).public_key().clone(),
            power: 1,
        }],
        parameters: Parameters::default(),
        consortium: None,
        founders: vec![json!({
            "class": "service",
            "updateKeys": [key(3).public_key().multikey()],
            "threshold": 1,
            "document": document,
            "nonce": "00000000000000000000000000000000",
        })],
    })
    .unwrap()
}

pub(super) fn founder() -> ChopDid {
    genesis().founders()[0].did()
}

pub(super) fn config(path: &Path, clock: &TestClock) -> SoloConfig {
    let clock = clock.clone();
    SoloConfig {
        path: path.join("ledger.redb"),
        genesis: genesis(),
        signer: Arc::new(key(1)),
        clock: Arc::new(move || clock.now()),
        queue: 1_024,
        heartbeat: None,
        limit: Arc::new(DiskLimit::none()),
        keep_blocks: None,
        replay: false,
    }
}

pub(crate) fn open(path: &Path, clock: &TestClock) -> Solo {
    Solo::open(config(path, clock)).unwrap()
}

/// The digest that envelope `n` anchors.
pub(super) fn digest(n: u64) -> Hash {
    Hash::of("test", &n.to_be_bytes())
}

pub(super) fn anchor_key(n: u64) -> String {
    keys::anchor(&digest(n))
}

/// An envelope by the founder that anchors one digest.
pub(crate) fn envelope(n: u64) -> SignedEnvelope {
    signed_by(n, &key(2))
}

pub(super) fn signed_by(n: u64, key: &PrivateKey) -> SignedEnvelope {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&n.to_be_bytes());
    let anchor = AnchorCredential {
        digest: digest(n),
        credential_type: None,
        subject: None,
    };
    Envelope {
        ledger: genesis().id(),
        actor: founder(),
        sponsor: founder(),
        nonce: Nonce::new(nonce),
        valid_until: Timestamp::from_unix_ms(FOUNDED_MS + 3_600_000),
        actions: vec![Action::Anchor(anchor)],
    }
    .sign(&[key])
    .unwrap()
}

/// A promotion to four validators of the founder's, whose headers end with a key of this seed.
pub(super) fn promotion(retires: u8) -> SignedEnvelope {
    let validator = |seed: u8| {
        let signer = key(seed);
        let public_key = signer.public_key().clone();
        let input = possession_input(&genesis().id(), &founder(), &public_key).unwrap();
        let signature = signer.sign_possession(&input).unwrap();
        PromotedValidator {
            public_key,
            power: 1,
            member: founder(),
            possession: PossessionProof::from_bytes(signature.as_bytes()).unwrap(),
        }
    };
    let change = Change::Promote(Promotion {
        retires: key(retires).public_key().clone(),
        validators: (21..25).map(validator).collect(),
        admit: vec![],
        fewer: false,
    });
    let propose = Propose { change, note: None };
    Envelope {
        actions: vec![Action::Propose(Box::new(propose))],
        ..signed_by(99, &key(2)).envelope().clone()
    }
    .sign(&[&key(2)])
    .unwrap()
}

/// A signer that waits for a gate before it signs a header.
pub(super) struct Gated {
    pub(super) key: PrivateKey,
    pub(super) gate: Arc<std::sync::Mutex<()>>,
}

impl Signer for Gated {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn sign_operation(&self, input: &DataIntegrityInput) -> Result<Signature, SignError> {
        self.key.sign_operation(input)
    }

    fn sign_envelope(&self, input: &DataIntegrityInput) -> Result<Signature, SignError> {
        self.key.sign_envelope(input)
    }

    fn sign_binding(&self, input: &DataIntegrityInput) -> Result<Signature, SignError> {
        self.key.sign_binding(input)
    }

    fn sign_credential(&self, input: &DataIntegrityInput) -> Result<Signature, SignError> {
        self.key.sign_credential(input)
    }

    fn sign_jws(&self, input: &JwsSigningInput) -> Result<Signature, SignError> {
        self.key.sign_jws(input)
    }

    fn sign_cose(&self, input: &CoseSigStructure) -> Result<Signature, SignError> {
        self.key.sign_cose(input)
    }

    fn sign_header(&self, vote: &VoteSignBytes) -> Result<Signature, SignError> {
        let _open = self.gate.lock().unwrap();
        self.key.sign_header(vote)
    }

    fn sign_possession(&self, input: &PossessionInput) -> Result<Signature, SignError> {
        self.key.sign_possession(input)
    }

    fn sign_receipt(&self, input: &ReceiptInput) -> Result<Signature, SignError> {
        self.key.sign_receipt(input)
    }

    fn sign_claim(&self, input: &ClaimInput) -> Result<Signature, SignError> {
        self.key.sign_claim(input)
    }

    fn sign_selective_base(&self, input: &SelectiveBaseInput) -> Result<Signature, SignError> {
        self.key.sign_selective_base(input)
    }

    fn sign_bbs(&self, input: &BbsInput<'_>) -> Result<Signature, SignError> {
        self.key.sign_bbs(input)
    }
}

/// A DID of this ledger that nobody registered.
pub(super) fn party(seed: u8) -> ChopDid {
    let hash = Hash::of("party", &[seed]);
    let scid = data_encoding::BASE32_NOPAD
        .encode(hash.as_bytes())
        .to_ascii_lowercase();
    ChopDid::parse(&format!("did:chop:{}:a{scid}", genesis().id().short())).unwrap()
}

/// An envelope in the name of a party, sponsored by itself: well signed, though nobody would admit it.
pub(super) fn envelope_of(actor: &ChopDid, n: u64) -> SignedEnvelope {
    let mut envelope = signed_by(n, &key(2)).envelope().clone();
    envelope.actor = *actor;
    envelope.sponsor = *actor;
    envelope.sign(&[&key(2)]).unwrap()
}
