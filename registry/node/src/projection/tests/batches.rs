//! A batch of one item: registered, activated, claimed, given a state of its own, voided.

use chop_did::{ChopDid, Item, ItemContext, Scid, Template};
use chop_integrity::Hash;
use chop_keys::{CodeSecret, Signer as _};
use chop_proof::leaves as tree;
use chop_protocol::{
    Action, ActivateCodes, BatchTerms, ClaimCode, ClaimTerms, CreateBatch, ItemProof, Lot,
    MaterialiseItem, Nonce, Receipt, Signed, VoidCodes,
};
use serde_json::json;

use super::world::{World, key};

impl World {
    pub(super) async fn tell_batches(&self) {
        let secret = CodeSecret::derive(&[3; 32], 0).key().unwrap();
        let item = Item {
            data: vec!["S0".to_owned()],
            key: Some(secret.public_key().clone()),
        };
        let template = json!({"class": "product", "fields": ["serial"], "document": {"alsoKnownAs": ["urn:x:{serial}"]}});
        let template = Template::parse(template).unwrap();
        let (terms, hash) = self.terms(&template, &item);
        let batch = terms.id().unwrap();
        let create = CreateBatch {
            nonce: terms.nonce,
            template,
            count: terms.count,
            root: terms.root,
            leaves: terms.leaves,
            activation: None,
            receipts: vec![Receipt::sign(&terms, &key(1, 9)).unwrap()],
        };
        self.done(1, Action::CreateBatch(Box::new(create))).await;
        let (from, to) = (0, 1);
        let lot = Lot::parse("L-7").unwrap();
        let activate = ActivateCodes {
            batch,
            from,
            to,
            lot,
        };
        self.done(1, Action::ActivateCodes(activate)).await;
        let proof = ItemProof {
            batch,
            index: 0,
            ordinal: 0,
            item,
            path: Vec::new(),
        };
        let (nonce, valid_until) = self.next();
        let claimed = ClaimTerms {
            ledger: self.ledger(),
            item: ChopDid::new(self.ledger().short(), Scid::of_batch_item(hash)),
            actor: self.did(1),
            nonce,
            valid_until,
            holder: None,
        };
        let signature = secret.sign_claim(&claimed.input().unwrap()).unwrap();
        let claim = ClaimCode {
            proof: proof.clone(),
            holder: None,
            signature: Signed::try_from(&signature).unwrap(),
        };
        self.done(1, Action::Claim(Box::new(claim))).await;
        let materialise = MaterialiseItem { proof };
        self.done(1, Action::Materialise(Box::new(materialise)))
            .await;
        let reason = None;
        let void = VoidCodes {
            batch,
            from,
            to,
            reason,
        };
        self.done(1, Action::VoidCodes(void)).await;
    }

    /// The terms of the batch, and the hash of its item.
    fn terms(&self, template: &Template, item: &Item) -> (BatchTerms, Hash) {
        let mut terms = BatchTerms {
            ledger: self.ledger(),
            controller: self.did(1),
            nonce: Nonce::new([7; 16]),
            template: template.digest(),
            count: 1,
            root: Hash::from_bytes([0; 32]),
            leaves: Hash::of("test", b"leaves"),
            activation: None,
        };
        // The root is no part of the id.
        let context = ItemContext {
            batch: terms.id().unwrap(),
            template: terms.template,
        };
        let hash = context.hash(&item.bytes().unwrap());
        let root = tree::root(&[tree::leaf(hash.as_bytes(), 0)]).unwrap();
        terms.root = Hash::from_bytes(root);
        (terms, hash)
    }
}
