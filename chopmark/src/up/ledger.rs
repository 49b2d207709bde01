//! The embedded ledger: its keys, its genesis, its one founder.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use chop_did::build::GenesisDraft;
use chop_did::{Class, Document, KeySet, Relationship, UpdateKeys};
use chop_http::{clock, random};
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer as _};
use chop_keystore::{KeyName, Keystore, KeystoreError};
use chop_node::Operator;
use chop_node::engine::{Engine, Solo, SoloConfig};
use chop_node::store::DiskLimit;
use chop_protocol::terms::Nonce;
use chop_protocol::{GenesisTerms, GenesisValidator, LedgerGenesis, Parameters};

use super::folder::Folder;

/// Made when the ledger is promoted.
pub(crate) const PROMOTED: &str = "promotion.json";
/// Envelopes that may wait for their block.
const QUEUE: usize = 4_096;
/// The version of the protocol that a new ledger speaks.
const CHAIN_VERSION: u32 = chop_protocol::genesis::CHAIN_VERSION;

/// Opens the folder's ledger, founds it at the first start, and gives it with the operator that founded it.
///
/// # Errors
/// When a key or a file is missing or damaged, or the ledger is not the one of the genesis.
pub(crate) fn open(
    folder: &Folder,
    keystore: &Keystore,
    (replay, keep_blocks): (bool, Option<u64>),
) -> anyhow::Result<(Engine, Operator)> {
    // The key of a ledger that was promoted is gone, and is not made anew.
    if folder.has(PROMOTED) {
        bail!(
            "this ledger was promoted to a consortium: start its node with `chopmark node --engine cometbft`"
        );
    }
    let validator = key(keystore, "validator")?;
    let operator = key(keystore, "operator")?;
    let genesis = genesis(
        folder,
        keystore,
        validator.public_key(),
        operator.public_key(),
    )?;
    let did = genesis
        .founders()
        .first()
        .context("the genesis names no founder")?
        .did();
    let config = SoloConfig {
        path: folder.join("registry.redb"),
        genesis,
        signer: validator,
        clock: Arc::new(clock::now_ms),
        queue: QUEUE,
        heartbeat: None,
        limit: Arc::new(DiskLimit::none()),
        keep_blocks,
        replay,
    };
    let engine = Solo::open(config).context("cannot open the ledger")?;
    let root = serde_json::to_vec_pretty(engine.trust_root())?;
    if !folder.has("trust-root.json") {
        folder.write("trust-root.json", &root)?;
    }
    Ok((
        engine.into(),
        Operator {
            did,
            signer: operator,
        },
    ))
}

/// The genesis in the folder, or a new one. The keys come first, so a start that was cut short is taken up again.
fn genesis(
    folder: &Folder,
    keystore: &Keystore,
    validator: &PublicKey,
    operator: &PublicKey,
) -> anyhow::Result<LedgerGenesis> {
    let founder = founder(keystore, operator)?;
    let terms = GenesisTerms {
        chain_version: CHAIN_VERSION,
        time: Timestamp::from_unix_ms(clock::now_ms()),
        nonce: Nonce::new(random::bytes()),
        validators: vec![GenesisValidator {
            public_key: validator.clone(),
            power: 1,
        }],
        parameters: Parameters::default(),
        consortium: None,
        founders: vec![founder],
    };
    let fresh = chop_integrity::canonicalize(&terms)?;
    let text = folder.read_or_create("genesis.json", || {
        String::from_utf8_lossy(&fresh).into_owned()
    })?;
    LedgerGenesis::parse(text.trim_end().as_bytes()).context("genesis.json is malformed")
}

/// The operator's organisation as a founder: a DID genesis without a ledger.
pub(super) fn founder(
    keystore: &Keystore,
    operator: &PublicKey,
) -> anyhow::Result<serde_json::Value> {
    let [update, next, recovery] = [
        key(keystore, "operator-update")?,
        key(keystore, "operator-next")?,
        key(keystore, "operator-recovery")?,
    ];
    let keys = UpdateKeys {
        current: KeySet::new([update.public_key().clone()], 1)?,
        next: Some(KeySet::new([next.public_key().clone()], 1)?.commitment()),
    };
    let document = Document::empty().with_key(
        "#operator",
        operator,
        &[
            Relationship::Authentication,
            Relationship::AssertionMethod,
            Relationship::CapabilityInvocation,
        ],
    )?;
    let founder = GenesisDraft::own_keys(Class::Organisation, keys, random::bytes())
        .with_recovery(KeySet::new([recovery.public_key().clone()], 1)?.commitment())
        .with_document(document);
    Ok(founder.template())
}

/// A key of the stack, made at the first start.
pub(super) fn key(keystore: &Keystore, name: &str) -> anyhow::Result<Arc<PrivateKey>> {
    let name = KeyName::parse(name)?;
    match keystore.load(&name) {
        Err(KeystoreError::NotFound { .. }) => {
            Ok(keystore.generate(&name, KeyType::Ed25519, &mut |buffer| random::fill(buffer))?)
        }
        loaded => Ok(loaded?),
    }
}
