//! Items of batches: where their codes stand is shown or nothing is, with a registry and from a bundle.

use std::sync::Arc;

use chop_client::{ResolveOptions, Resolver};
use chop_did::build::update;
use chop_did::resolution::{ErrorKind, Selector};
use chop_did::{ChopDid, Document, Item, ItemContext, Scid, Template};
use chop_http::Guarded;
use chop_http::outbound::Settings;
use chop_integrity::Hash;
use chop_proof::leaves as tree;
use chop_protocol::{
    Action, Batch, BatchTerms, CreateBatch, ItemProof, MaterialiseItem, Nonce, Receipt, VoidCodes,
    keys,
};
use serde_json::json;

use crate::ledger::{Party, TestLedger};

/// A batch of five items, of which the ledger tells.
pub(crate) struct Crates {
    pub(crate) party: Party,
    pub(crate) batch: Hash,
    /// By ordinal.
    pub(crate) dids: Vec<ChopDid>,
}

impl Crates {
    pub(crate) fn register(ledger: &TestLedger) -> Self {
        let party = ledger.create();
        let template = Template::parse(json!({"class": "product", "fields": ["serial"],
            "document": {"alsoKnownAs": ["https://id.example/21/{serial}"]}}));
        let template = template.unwrap();
        let mut terms = BatchTerms {
            ledger: ledger.genesis_id(),
            controller: party.did,
            nonce: Nonce::new([3; 16]),
            template: template.digest(),
            count: 5,
            root: Hash::from_bytes([0; 32]),
            leaves: Hash::of("leaves", &[]),
            activation: None,
        };
        let batch = terms.id().unwrap();
        let context = ItemContext {
            batch,
            template: terms.template,
        };
        let mut leaves: Vec<(Hash, u32, Item)> = (0..terms.count)
            .map(|ordinal| {
                let data = vec![format!("S{ordinal}")];
                let item = Item { data, key: None };
                (context.hash(&item.bytes().unwrap()), ordinal, item)
            })
            .collect();
        leaves.sort_by_key(|(hash, _, _)| *hash);
        let nodes: Vec<tree::Node> = leaves
            .iter()
            .map(|(hash, ordinal, _)| tree::leaf(hash.as_bytes(), *ordinal))
            .collect();
        terms.root = Hash::from_bytes(tree::root(&nodes).unwrap());
        let create = Action::CreateBatch(Box::new(CreateBatch {
            nonce: terms.nonce,
            template: template.clone(),
            count: terms.count,
            root: terms.root,
            leaves: terms.leaves,
            activation: None,
            receipts: vec![Receipt::sign(&terms, &ledger.validator).unwrap()],
        }));
        ledger.act(&party, vec![create]);
        let mut dids = vec![party.did; leaves.len()];
        for (at, (hash, ordinal, item)) in leaves.into_iter().enumerate() {
            let did = ChopDid::new(terms.ledger.short(), Scid::of_batch_item(hash));
            dids[ordinal as usize] = did;
            let path = tree::path(&nodes, at).unwrap();
            let proof = ItemProof {
                batch,
                index: u32::try_from(at).unwrap(),
                ordinal,
                item,
                path: path.into_iter().map(Hash::from_bytes).collect(),
            };
            let mut items = ledger.items.lock().unwrap();
            items.insert(did.to_string(), (proof, template.clone()));
        }
        Self { party, batch, dids }
    }

    pub(crate) fn void(&self, ledger: &TestLedger, ordinal: u32) {
        let void = Action::VoidCodes(VoidCodes {
            batch: self.batch,
            from: ordinal,
            to: ordinal + 1,
            reason: None,
        });
        ledger.act(&self.party, vec![void]);
    }

    /// Gives an item a state of its own, and a service.
    pub(crate) fn update(&self, ledger: &TestLedger, ordinal: usize) {
        let did = self.dids[ordinal];
        let (proof, template) = ledger.items.lock().unwrap()[&did.to_string()].clone();
        let batch: Batch = ledger.value(&keys::batch(&self.batch)).unwrap();
        let first = proof.state(&did, &batch, &template).unwrap();
        let document = Document::parse(json!({"service": [
            {"id": "#info", "type": "LinkedDomains", "serviceEndpoint": "https://orchard.example"}]}));
        let operation = update(&first, &document.unwrap())
            .signed_by(&[&self.party.key])
            .unwrap();
        let actions = vec![
            Action::Materialise(Box::new(MaterialiseItem { proof })),
            Action::Did(Box::new(operation)),
        ];
        ledger.act(&self.party, actions);
    }
}

#[tokio::test]
async fn a_registry_that_keeps_an_item_to_itself_hides_no_void_code() {
    let ledger = TestLedger::found(1_795_000_000_000);
    let crates = Crates::register(&ledger);
    crates.void(&ledger, 2);
    crates.update(&ledger, 2);
    let did = crates.dids[2].to_did();
    let current = {
        let state = ledger.did_state(&crates.dids[2]);
        Selector::Id(state.version_id().to_string())
    };
    let ledger = Arc::new(ledger);
    let resolver =
        Resolver::new(Guarded::new(Settings::default()).unwrap()).with_registry(ledger.clone());
    for selector in [Selector::Latest, current] {
        let options = ResolveOptions {
            selector,
            ..ResolveOptions::default()
        };
        let shown = resolver.resolve(&did, &options).await.unwrap();
        let metadata = shown.metadata.to_json();
        assert_eq!(
            metadata.pointer("/chop/code/standing"),
            Some(&json!("void"))
        );
        let told = std::mem::take(&mut *ledger.items.lock().unwrap());
        let refused = resolver.resolve(&did, &options).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Internal);
        *ledger.items.lock().unwrap() = told;
    }
}

#[tokio::test]
async fn that_no_item_is_told_of_is_nobodys_word() {
    let ledger = TestLedger::found(1_795_000_000_000);
    let crates = Crates::register(&ledger);
    ledger.items.lock().unwrap().clear();
    let resolver =
        Resolver::new(Guarded::new(Settings::default()).unwrap()).with_registry(Arc::new(ledger));
    let did = crates.dids[0].to_did();
    let unknown = resolver
        .resolve(&did, &ResolveOptions::default())
        .await
        .unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    assert!(unknown.is_unproven());
    let unknown = resolver.last_document(&crates.dids[0]).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    assert!(unknown.is_unproven());
}
