//! An organisation that will help to run a solo ledger: what it hands to the ledger's operator.

use anyhow::Context as _;
use chop_did::{ChopDid, Genesis, SignedOperation, build};
use chop_keys::{PublicKey, Signer};
use chop_keystore::Keystore;
use chop_node::engine::comet::node_id;
use chop_protocol::governance::{Admission, possession_input};
use chop_protocol::{LedgerGenesis, MemberName, PossessionProof, PromotedValidator, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::folder::Folder;
use super::ledger::key;
use super::member::Candidate;

/// The name of the validator key in the keystore of an operator whose solo ledger had one of its own.
pub(super) const OWN_VALIDATOR: &str = "consortium-validator";

/// What an organisation hands to the operator of a solo ledger: public keys, signatures and an address.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Applicant {
    /// What people call it.
    pub name: MemberName,
    /// The operation that creates its DID on the ledger, signed.
    pub create: Value,
    /// Its validator, with the proof that it holds the key.
    pub validator: PromotedValidator,
    /// Where its node is found: `<node id>@<host>:<port>`.
    pub peer: String,
}

impl Applicant {
    /// The application of a folder's candidacy for a ledger.
    ///
    /// # Errors
    /// When a key is missing or does not sign.
    pub(crate) fn of(
        keystore: &Keystore,
        candidate: &Candidate,
        ledger: &LedgerGenesis,
        name: MemberName,
    ) -> anyhow::Result<Self> {
        let genesis = Genesis::complete(candidate.founder.clone(), &ledger.id())?;
        let update = key(keystore, "operator-update")?;
        let create = build::create(&genesis).signed_by(&[&*update])?;
        let validator = key(keystore, "validator")?;
        Ok(Self {
            name,
            create: create.value().clone(),
            validator: possessed(ledger, genesis.did(), &*validator)?,
            peer: candidate.peer.clone(),
        })
    }

    /// The validator that the operator of the solo ledger runs in the consortium, with a key of its own.
    ///
    /// # Errors
    /// When a key cannot be made or does not sign.
    pub(crate) fn own_validator(
        keystore: &Keystore,
        ledger: &LedgerGenesis,
    ) -> anyhow::Result<PromotedValidator> {
        let operator = operator_of(ledger)?;
        possessed(ledger, operator, &*key(keystore, OWN_VALIDATOR)?)
    }

    /// Where the others find the node of the operator's folder.
    ///
    /// # Errors
    /// When the node's key cannot be made.
    pub(crate) fn own_peer(keystore: &Keystore, host: &str) -> anyhow::Result<String> {
        let node = key(keystore, "node")?;
        Ok(format!("{}@{host}", node_id(node.public_key())))
    }

    /// Makes a node of the consortium of the operator's folder: its candidacy, which others see as its peer.
    ///
    /// # Errors
    /// When a key or file cannot be made.
    pub(crate) fn settle(
        folder: &Folder,
        keystore: &Keystore,
        ledger: &LedgerGenesis,
        host: &str,
    ) -> anyhow::Result<()> {
        let founders = &ledger.terms().founders;
        let founder = founders.first().context("the genesis names no founder")?;
        let validator = key(keystore, OWN_VALIDATOR)?;
        let peer = Self::own_peer(keystore, host)?;
        Candidate::keep(folder, founder.clone(), validator.public_key(), peer)
    }

    /// The signed operation that creates the DID.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn operation(&self) -> anyhow::Result<SignedOperation> {
        SignedOperation::try_from(self.create.clone())
            .context("an application creates its DID with a signed operation")
    }

    /// As whom it is taken in.
    pub(crate) fn admission(&self) -> Admission {
        Admission {
            did: self.validator.member,
            name: self.name.clone(),
            role: Role::Member,
            quota: None,
        }
    }
}

/// The DID of the organisation that founded a solo ledger.
pub(crate) fn operator_of(ledger: &LedgerGenesis) -> anyhow::Result<ChopDid> {
    let founder = ledger.founders().first();
    Ok(founder.context("the genesis names no founder")?.did())
}

/// A validator of power 1, with the signature that its key is held for this member.
fn possessed(
    ledger: &LedgerGenesis,
    member: ChopDid,
    signer: &dyn Signer,
) -> anyhow::Result<PromotedValidator> {
    let public_key: PublicKey = signer.public_key().clone();
    let input = possession_input(&ledger.id(), &member, &public_key)?;
    let possession = PossessionProof::from_bytes(signer.sign_possession(&input)?.as_bytes())?;
    Ok(PromotedValidator {
        public_key,
        power: 1,
        member,
        possession,
    })
}
