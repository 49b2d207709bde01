//! Resolution results with their proofs, as a second verifier gets them: right ones, and ones that say something else than the ledger.
//!
//! The golden files under `conformance/vectors/{valid,invalid}/resolution/` are made here; `CHOP_WRITE_VECTORS=1` writes them.

use std::sync::Arc;

use chop_client::{Registry as _, ResolveOptions, Resolver};
use chop_did::resolution::Selector;
use chop_did::{ChopDid, Scid};
use chop_http::Guarded;
use chop_http::outbound::Settings;
use chop_integrity::{Hash, Timestamp};
use serde_json::{Value, json};

use crate::items::Crates;
use crate::ledger::{TestLedger, document, method};
use crate::vectors;

const START: i64 = 1_795_000_000_000;
const HOUR: i64 = 3_600_000;

/// A ledger with a DID of two versions, one that has ended, and a batch: its item 1 is void and has a state of its own.
struct World {
    ledger: Arc<TestLedger>,
    crates: Crates,
    lab: ChopDid,
    ended: ChopDid,
}

impl World {
    fn new() -> Self {
        let ledger = TestLedger::found(START);
        let lab = ledger.create();
        ledger.at(START + HOUR);
        let methods = json!([method("#key-1", chop_keys::Signer::public_key(&lab.key))]);
        ledger.rewrite(&lab, &document(&methods));
        let ended = ledger.create();
        ledger.deactivate(&ended);
        let crates = Crates::register(&ledger);
        crates.void(&ledger, 1);
        crates.update(&ledger, 1);
        crates.void(&ledger, 2);
        Self {
            ledger: Arc::new(ledger),
            crates,
            lab: lab.did,
            ended: ended.did,
        }
    }

    /// What a resolver answers to `?proof=true`.
    async fn result(&self, did: &ChopDid, more: ResolveOptions) -> Value {
        let resolver = Resolver::new(Guarded::new(Settings::default()).unwrap())
            .with_registry(self.ledger.clone());
        let options = ResolveOptions {
            proof: true,
            ..more
        };
        match resolver.resolve(&did.to_did(), &options).await {
            Ok(found) => found.to_result(),
            Err(error) => error.to_result(),
        }
    }

    async fn latest(&self, did: &ChopDid) -> Value {
        self.result(did, ResolveOptions::default()).await
    }

    /// A DID of this ledger that stands for nothing.
    fn nobody(&self, scid: Scid) -> ChopDid {
        ChopDid::new(self.lab.ledger(), scid)
    }

    fn case(&self, description: &str, result: &Value) -> Value {
        json!({"description": description, "trustRoot": self.ledger.trust_root(), "nowMs": START + 24 * HOUR,
            "resolution": result})
    }

    /// A result that is proved, with what is shown beside the DID, the height and what stands unproven.
    fn valid(&self, description: &str, (did, result): (&ChopDid, &Value), shown: &Value) -> Value {
        let height = self.ledger.light_block().height();
        let mut expected = json!({"did": did, "height": height, "unproven": []});
        let members = shown.as_object().unwrap().clone();
        expected.as_object_mut().unwrap().extend(members);
        let mut case = self.case(description, result);
        case["shown"] = expected;
        case
    }

    /// A result that says something else.
    fn refused(&self, description: &str, result: &Value, change: impl Fn(&mut Value)) -> Value {
        let mut result = result.clone();
        change(&mut result);
        let mut case = self.case(description, &result);
        case["refused"] = json!("did");
        case
    }
}

type Case = (&'static str, &'static str, Value);

fn version(result: &Value) -> Value {
    result["didDocumentMetadata"]["versionId"].clone()
}

async fn of_dids(world: &World) -> Vec<Case> {
    let current = world.latest(&world.lab).await;
    let earlier = ResolveOptions {
        selector: Selector::Time(Timestamp::from_unix_ms(START + HOUR / 2)),
        ..ResolveOptions::default()
    };
    let earlier = world.result(&world.lab, earlier).await;
    let ended = world.latest(&world.ended).await;
    let nobody = world.nobody(Scid::of_genesis(Hash::from_bytes([9; 32])));
    let absent = world.latest(&nobody).await;
    let shown = |result: &Value, deactivated: bool| json!({"deactivated": deactivated, "versionId": version(result)});
    let (lab, gone) = ((&world.lab, &current), (&world.ended, &ended));
    let valid =
        |name, description, of, shown: Value| ("valid", name, world.valid(description, of, &shown));
    let refused = |name, description, of: &Value, change: &dyn Fn(&mut Value)| {
        ("invalid", name, world.refused(description, of, change))
    };
    vec![
        valid(
            "current",
            "the current version",
            lab,
            shown(&current, false),
        ),
        valid(
            "earlier",
            "an earlier version",
            (&world.lab, &earlier),
            shown(&earlier, false),
        ),
        valid("ended", "a DID that has ended", gone, shown(&ended, true)),
        valid(
            "absent",
            "a DID that the ledger does not hold",
            (&nobody, &absent),
            json!({"absent": true}),
        ),
        refused(
            "ended-as-live",
            "an ended DID, and nothing says so",
            &ended,
            &|result| {
                let metadata = result["didDocumentMetadata"].as_object_mut().unwrap();
                metadata.remove("deactivated").unwrap();
            },
        ),
        refused(
            "live-as-ended",
            "a live DID is said to have ended",
            &current,
            &|result| {
                result["didDocumentMetadata"]["deactivated"] = json!(true);
            },
        ),
        refused(
            "earlier-as-ended",
            "an earlier version of a live DID is said to have ended",
            &earlier,
            &|result| {
                result["didDocumentMetadata"]["deactivated"] = json!(true);
            },
        ),
        refused(
            "code-of-no-item",
            "a DID that is no item has a code",
            &current,
            &|result| {
                result["didDocumentMetadata"]["chop"]["code"] = json!({"standing": "active"});
            },
        ),
        refused(
            "present-as-absent",
            "a DID that is there is said not to be",
            &current,
            &|result| {
                result["didResolutionMetadata"] = absent["didResolutionMetadata"].clone();
                result["didDocument"] = Value::Null;
            },
        ),
        refused(
            "absent-unproven",
            "an absence comes without its proof",
            &absent,
            &|result| {
                result["didDocumentMetadata"] = json!({});
            },
        ),
        refused(
            "other-error",
            "an absence is said to be another error",
            &absent,
            &|result| {
                result["didResolutionMetadata"]["error"]["type"] =
                    json!("https://www.w3.org/ns/did#INTERNAL_ERROR");
            },
        ),
    ]
}

/// What a resolver answers about items: with the state of its batch, with one of its own, void, and absent in three ways.
struct Answers {
    born: Value,
    own: Value,
    void: Value,
    nothing: ChopDid,
    absent: Value,
    other: Hash,
    unknown: Value,
    unnamed: Value,
}

impl Answers {
    async fn of(world: &World) -> Self {
        let in_batch = |batch: Hash| ResolveOptions {
            batch: Some(batch),
            ..ResolveOptions::default()
        };
        let dids = &world.crates.dids;
        let nothing = world.nobody(Scid::of_batch_item(Hash::from_bytes([9; 32])));
        let other = Hash::from_bytes([7; 32]);
        Self {
            born: world.latest(&dids[0]).await,
            own: world.latest(&dids[1]).await,
            void: world.latest(&dids[2]).await,
            absent: world.result(&nothing, in_batch(world.crates.batch)).await,
            unknown: world.result(&nothing, in_batch(other)).await,
            unnamed: world.latest(&nothing).await,
            nothing,
            other,
        }
    }
}

fn of_items(world: &World, answers: &Answers) -> Vec<Case> {
    let Answers {
        born,
        own,
        void,
        nothing,
        absent,
        other,
        unknown,
        ..
    } = answers;
    let dids = &world.crates.dids;
    let item = |result: &Value, standing: &str| json!({"deactivated": false, "versionId": version(result), "standing": standing});
    let valid =
        |name, description, of, shown: Value| ("valid", name, world.valid(description, of, &shown));
    vec![
        valid(
            "item",
            "an item that has the state of its batch",
            (&dids[0], born),
            item(born, "reserved"),
        ),
        valid(
            "item-own",
            "an item with a state of its own",
            (&dids[1], own),
            item(own, "void"),
        ),
        valid(
            "item-void",
            "an item whose code is void",
            (&dids[2], void),
            item(void, "void"),
        ),
        valid(
            "item-absent",
            "an item that a batch does not have",
            (nothing, absent),
            json!({"absent": true, "batch": world.crates.batch, "isBatch": true}),
        ),
        valid(
            "item-batch-absent",
            "an item of a batch that the ledger does not have",
            (nothing, unknown),
            json!({"absent": true, "batch": other, "isBatch": false}),
        ),
    ]
}

fn altered_items(world: &World, answers: &Answers) -> Vec<Case> {
    let Answers {
        born,
        own,
        void,
        absent,
        unnamed,
        ..
    } = answers;
    let refused = |name, description, of: &Value, change: &dyn Fn(&mut Value)| {
        ("invalid", name, world.refused(description, of, change))
    };
    vec![
        refused(
            "item-void-as-active",
            "a void code is said to be active",
            void,
            &|result| {
                result["didDocumentMetadata"]["chop"]["code"]["standing"] = json!("active");
            },
        ),
        refused(
            "item-code-left-out",
            "nothing is said of a void code",
            own,
            &|result| {
                let chop = result["didDocumentMetadata"]["chop"]
                    .as_object_mut()
                    .unwrap();
                chop.remove("code").unwrap();
            },
        ),
        refused(
            "item-other-ordinal",
            "an item is said to have another number",
            born,
            &|result| {
                result["didDocumentMetadata"]["chop"]["item"]["ordinal"] = json!(4);
            },
        ),
        refused(
            "item-present-as-absent",
            "an item that is there is said not to be",
            own,
            &|result| {
                result["didResolutionMetadata"] = absent["didResolutionMetadata"].clone();
                result["didDocument"] = Value::Null;
            },
        ),
        refused(
            "item-absence-left-out",
            "the leaves beside its place are left out",
            absent,
            &|result| {
                result["didDocumentMetadata"]["proof"]
                    .as_array_mut()
                    .unwrap()
                    .remove(0);
            },
        ),
        refused(
            "item-absent-unnamed",
            "no batch is named, and nothing is proven",
            unnamed,
            &|_| {},
        ),
    ]
}

#[tokio::test]
async fn every_resolution_vector_is_what_the_ledger_makes() {
    let world = World::new();
    let mut cases = of_dids(&world).await;
    let answers = Answers::of(&world).await;
    cases.extend(of_items(&world, &answers));
    cases.extend(altered_items(&world, &answers));
    for (folder, name, case) in cases {
        vectors::assert_is((folder, "resolution", name), &case);
    }
}
