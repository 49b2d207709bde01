use crate::world::{World, key};
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use chop_did::{ChopDid, Item, ItemContext, Scid, Template};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{CodeSecret, Signer as _};
use chop_proof::leaves as tree;
use chop_protocol::batch::leaves::{Line, digest, hasher, write_line};
use chop_protocol::http::{LeafTerms, ReceiptQuery};
use chop_protocol::{
    Action, ActivateCodes, BatchTerms, ClaimTerms, CreateBatch, Envelope, Lot, Nonce, Receipt,
    Signed, SignedEnvelope, VoidCodes,
};
use serde_json::{Value, json};
use sha2::Digest as _;

/// Three items of the operator, all with secrets.
struct Made {
    asked: LeafTerms,
    run: Vec<u8>,
    /// Sorted as the leaves are, with ordinals.
    hashes: Vec<(Hash, u32)>,
}

fn secret(ordinal: u32) -> CodeSecret {
    CodeSecret::derive(&[3; 32], ordinal)
}

fn made(world: &World) -> Made {
    let template = json!({"class": "product", "fields": ["serial"], "document": {"alsoKnownAs": ["urn:x:{serial}"]}});
    let template = Template::parse(template).unwrap();
    let mut terms = BatchTerms {
        ledger: world.engine.genesis().id(),
        controller: world.operator,
        nonce: Nonce::new([7; 16]),
        template: template.digest(),
        count: 3,
        root: Hash::from_bytes([0; 32]),
        leaves: Hash::from_bytes([0; 32]),
        activation: None,
    };
    let context = ItemContext {
        batch: terms.id().unwrap(),
        template: terms.template,
    };
    let mut leaves: Vec<(Hash, u32, Vec<u8>)> = (0..3)
        .map(|ordinal| {
            let item = Item {
                data: vec![format!("S{ordinal}")],
                key: Some(secret(ordinal).key().unwrap().public_key().clone()),
            };
            let item = item.bytes().unwrap();
            let mut line = Vec::new();
            let bytes = item.as_slice();
            write_line(
                &mut line,
                Line {
                    ordinal,
                    item: bytes,
                },
            );
            (context.hash(bytes), ordinal, line)
        })
        .collect();
    leaves.sort();
    let node = |(hash, n, _): &(Hash, u32, Vec<u8>)| tree::leaf(hash.as_bytes(), *n);
    let nodes: Vec<_> = leaves.iter().map(node).collect();
    terms.root = Hash::from_bytes(tree::root(&nodes).unwrap());
    let run: Vec<u8> = leaves
        .iter()
        .flat_map(|(_, _, line)| line.clone())
        .collect();
    terms.leaves = digest(hasher().chain_update(&run));
    Made {
        asked: LeafTerms { terms, template },
        run,
        hashes: leaves.into_iter().map(|(hash, n, _)| (hash, n)).collect(),
    }
}

impl Made {
    fn body(&self) -> String {
        serde_json::to_string(&self.asked).unwrap()
    }

    fn path(&self) -> String {
        format!("/v1/leaves/{}", self.asked.terms.hash().unwrap())
    }

    fn did(&self, ordinal: u32) -> ChopDid {
        let (hash, _) = self.hashes.iter().find(|(_, n)| *n == ordinal).unwrap();
        ChopDid::new(self.asked.terms.ledger.short(), Scid::of_batch_item(*hash))
    }
}

fn put(path: &str, body: Vec<u8>) -> Request<Body> {
    let request = Request::put(path)
        .header(CONTENT_TYPE, "text/plain")
        .header(AUTHORIZATION, format!("Bearer {}", crate::world::TOKEN));
    request.body(Body::from(body)).unwrap()
}

fn envelope(world: &World, n: u8, action: Action) -> SignedEnvelope {
    let envelope = Envelope {
        actions: vec![action],
        ..world.anchoring(n, world.operator)
    };
    envelope.sign(&[&key(2)]).unwrap()
}

/// A world with the batch on the ledger and its codes active.
async fn registered() -> (World, Made) {
    let world = World::new().await;
    let made = made(&world);
    assert_eq!(world.post("/v1/leaves", made.body()).await.status, 200);
    let brought = world
        .send(put(&format!("{}/0", made.path()), made.run.clone()))
        .await;
    assert_eq!(brought.json(), json!({"next": null}));
    let collected = world.post("/v1/leaves/receipts", made.body()).await.json();
    assert_eq!(collected["pending"], json!(0));
    let receipts: Vec<Receipt> = serde_json::from_value(collected["receipts"].clone()).unwrap();
    let terms = made.asked.terms.clone();
    let create = Action::CreateBatch(Box::new(CreateBatch {
        nonce: terms.nonce,
        template: made.asked.template.clone(),
        count: terms.count,
        root: terms.root,
        leaves: terms.leaves,
        activation: None,
        receipts,
    }));
    let activate = Action::ActivateCodes(ActivateCodes {
        batch: terms.id().unwrap(),
        from: 0,
        to: 2,
        lot: Lot::parse("L-7").unwrap(),
    });
    for (n, action) in [(1, create), (2, activate)] {
        let signed = envelope(&world, n, action);
        let reply = world
            .post("/v1/transactions", signed.bytes().to_vec())
            .await;
        assert_eq!(reply.status, 201, "{}", reply.json());
    }
    (world, made)
}

#[tokio::test]
async fn an_item_resolves_with_proof_and_its_absence_is_shown_for_a_batch() {
    let (world, made) = registered().await;
    let did = made.did(1);
    let path = format!("/1.0/identifiers/{did}?proof=true");
    let reply = world.get_as(&path, "application/did-resolution").await;
    assert_eq!(reply.status, 200);
    let answer = reply.json();
    assert_eq!(answer["didDocument"]["alsoKnownAs"], json!(["urn:x:S1"]));
    let chop = &answer["didDocumentMetadata"]["chop"];
    assert_eq!(
        (&chop["code"]["standing"], &chop["code"]["lot"]),
        (&json!("active"), &json!("L-7"))
    );
    assert_eq!(
        answer["didDocumentMetadata"]["proof"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
    let id = made.asked.terms.id().unwrap();
    // Anybody's word that there is no such item is marked as such, unless the batch is named.
    let absent = ChopDid::new(did.ledger(), Scid::of_batch_item(Hash::from_bytes([9; 32])));
    let error = |reply: Value| reply["didResolutionMetadata"]["error"].clone();
    let plain = world
        .get_as(
            &format!("/1.0/identifiers/{absent}"),
            "application/did-resolution",
        )
        .await;
    assert_eq!(
        (plain.status, &error(plain.json())["unproven"]),
        (404, &json!(true))
    );
    let named = format!("/1.0/identifiers/{absent}?batch={id}");
    let named = world.get_as(&named, "application/did-resolution").await;
    assert_eq!(
        (named.status, error(named.json()).get("unproven")),
        (404, None)
    );
    assert_eq!(
        named.json()["didDocumentMetadata"]["proof"][0]["type"],
        "ChopItemAbsence"
    );
    let wrong = world
        .get_as(
            &format!("/1.0/identifiers/{absent}?batch=x"),
            "application/did-resolution",
        )
        .await;
    assert_eq!(wrong.status, 400);
    // And none is shown of an item that is there.
    assert_eq!(
        world
            .get(&format!("/v1/batches/{id}/absence/{did}"))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn what_is_kept_of_an_item_follows_the_ledger() {
    const FORM: &str = "application/did-resolution";
    let (world, made) = registered().await;
    let paths = ["", "?proof=true"].map(|query| format!("/1.0/identifiers/{}{query}", made.did(1)));
    for path in &paths {
        assert_eq!(world.ready(path, FORM).await, None);
        let found = world.get_as(path, FORM).await;
        assert_eq!(world.ready(path, FORM).await, Some(found.bytes));
        // Another form, and options that it does not know, are for the handler.
        assert_eq!(world.ready(path, "application/did").await, None);
        assert_eq!(
            world.ready(&format!("{path}&noCache=true"), FORM).await,
            None
        );
    }
    let void = Action::VoidCodes(VoidCodes {
        batch: made.asked.terms.id().unwrap(),
        from: 1,
        to: 2,
        reason: None,
    });
    let signed = envelope(&world, 3, void).bytes().to_vec();
    assert_eq!(world.post("/v1/transactions", signed).await.status, 201);
    for path in &paths {
        assert_eq!(world.ready(path, FORM).await, None);
        let answer = world.get_as(path, FORM).await.json();
        let code = &answer["didDocumentMetadata"]["chop"]["code"]["standing"];
        assert_eq!(code, "void", "{answer}");
    }
}

#[tokio::test]
async fn leaves_come_from_whoever_may_write_in_turn_and_as_announced() {
    let world = World::new().await;
    let made = made(&world);
    let stranger = Request::post("/v1/leaves")
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(made.body()))
        .unwrap();
    assert_eq!(world.send(stranger).await.status, 401);
    let first = format!("{}/0", made.path());
    assert_eq!(world.send(put(&first, made.run.clone())).await.status, 404);
    let mut foreign = made.asked.clone();
    foreign.terms.ledger = chop_did::LedgerId::new(Hash::from_bytes([1; 32]));
    let foreign = serde_json::to_string(&foreign).unwrap();
    assert_eq!(world.post("/v1/leaves", foreign).await.status, 422);
    assert_eq!(world.post("/v1/leaves", "{}").await.status, 400);
    let announced = world.post("/v1/leaves", made.body()).await.json();
    assert_eq!(
        (&announced["runs"], &announced["next"]),
        (&json!(1), &json!(0))
    );
    let later = world
        .send(put(&format!("{}/1", made.path()), made.run.clone()))
        .await;
    assert_eq!((later.status, &later.json()["next"]), (409, &json!(0)));
    // Not one validator signs for leaves that are not there.
    let receipt = world.post("/v1/leaves/receipt", made.body()).await.json();
    assert_eq!(receipt, json!({"receipt": null}));
    let mut altered = made.run.clone();
    let at = altered.iter().position(|byte| *byte == b'S').unwrap();
    altered[at] = b'T';
    let refused = world.send(put(&first, altered)).await;
    assert_eq!(refused.status, 422, "{}", refused.json());
    assert_eq!(world.get(&first).await.status, 404);
    // Once more from the beginning.
    assert_eq!(world.post("/v1/leaves", made.body()).await.status, 200);
    assert_eq!(world.send(put(&first, made.run.clone())).await.status, 200);
    assert_eq!(world.get(&first).await.bytes, made.run);
}

#[tokio::test]
async fn a_claim_takes_the_secret_and_no_account() {
    let (world, made) = registered().await;
    let ask = |did: ChopDid| json!({ "did": did }).to_string();
    let challenge = world
        .post("/v1/claims/challenge", ask(made.did(0)))
        .await
        .json();
    let mut terms: ClaimTerms = serde_json::from_value(challenge["terms"].clone()).unwrap();
    terms.holder = Some(key(9).public_key().clone());
    let body = |terms: &ClaimTerms, by: u32| {
        let signature = secret(by)
            .key()
            .unwrap()
            .sign_claim(&terms.input().unwrap())
            .unwrap();
        json!({"did": terms.item, "nonce": terms.nonce, "validUntil": terms.valid_until,
            "holder": terms.holder, "signature": Signed::try_from(&signature).unwrap()})
        .to_string()
    };
    let thief = world.post("/v1/claims", body(&terms, 1)).await;
    assert_eq!(thief.status, 422, "{}", thief.json());
    assert_eq!(world.post("/v1/claims", body(&terms, 0)).await.status, 201);
    // Once more with the same challenge: the first answer; with another one: the ledger remembers.
    assert_eq!(world.post("/v1/claims", body(&terms, 0)).await.status, 201);
    terms.nonce = Nonce::new([8; 16]);
    let again = world.post("/v1/claims", body(&terms, 0)).await;
    assert_eq!(
        (again.status, &again.json()["rule"]),
        (409, &json!("claim.exists"))
    );
    // A challenge that is too old.
    terms.item = made.did(1);
    terms.valid_until = Timestamp::from_unix_ms(0);
    let old = world.post("/v1/claims", body(&terms, 1)).await;
    assert_eq!(
        (old.status, &old.json()["rule"]),
        (422, &json!("envelope.expired"))
    );
    // A code that is not in use.
    let challenge = world
        .post("/v1/claims/challenge", ask(made.did(2)))
        .await
        .json();
    let terms: ClaimTerms = serde_json::from_value(challenge["terms"].clone()).unwrap();
    let mut body: Value = serde_json::from_str(&body(&terms, 2)).unwrap();
    body.as_object_mut().unwrap().remove("holder");
    let reserved = world.post("/v1/claims", body.to_string()).await;
    assert_eq!(
        (reserved.status, &reserved.json()["rule"]),
        (409, &json!("code.standing"))
    );
    let nothing = ChopDid::new(
        made.did(0).ledger(),
        Scid::of_batch_item(Hash::from_bytes([9; 32])),
    );
    assert_eq!(
        world
            .post("/v1/claims/challenge", ask(nothing))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn of_many_claims_at_once_one_reaches_the_ledger() {
    let (world, made) = registered().await;
    let ask = json!({ "did": made.did(0) }).to_string();
    let challenge = world.post("/v1/claims/challenge", ask).await.json();
    let terms: ClaimTerms = serde_json::from_value(challenge["terms"].clone()).unwrap();
    let claim = async |n: u8| {
        let terms = ClaimTerms {
            nonce: Nonce::new([n; 16]),
            ..terms.clone()
        };
        let signature = secret(0).key().unwrap();
        let signature = signature.sign_claim(&terms.input().unwrap()).unwrap();
        let body = json!({"did": terms.item, "nonce": terms.nonce, "validUntil": terms.valid_until,
            "signature": Signed::try_from(&signature).unwrap()});
        world.post("/v1/claims", body.to_string()).await
    };
    let (a, b, c, d) = tokio::join!(claim(1), claim(2), claim(3), claim(4));
    let mut made = 0;
    for reply in [a, b, c, d] {
        match reply.status {
            201 => made += 1,
            // What the ledger refused has a height.
            409 | 503 => assert_eq!(reply.json().get("height"), None, "{}", reply.json()),
            other => panic!("{other}: {}", reply.json()),
        }
    }
    assert_eq!(made, 1);
    // The item's turn is over: another claim is answered by what the ledger remembers.
    let later = claim(5).await;
    assert_eq!(
        (later.status, &later.json()["rule"]),
        (409, &json!("claim.exists"))
    );
}

#[tokio::test]
async fn a_receipt_is_asked_for_by_controllers_that_the_ledger_has_or_by_its_validators() {
    let world = World::new().await;
    let mut asked = made(&world).asked;
    let answer = async |asked: &LeafTerms, by: Option<Receipt>| {
        let query = ReceiptQuery {
            terms: asked.terms.clone(),
            template: asked.template.clone(),
            receipt: by,
        };
        let body = serde_json::to_string(&query).unwrap();
        world.post("/v1/leaves/receipt", body).await
    };
    assert_eq!(answer(&asked, None).await.status, 200);
    // A node of a later version may say more.
    let more = json!({"terms": asked.terms, "template": asked.template, "later": true});
    let answered = world.post("/v1/leaves/receipt", more.to_string()).await;
    assert_eq!(answered.status, 200, "{}", answered.json());
    let stranger = Scid::of_genesis(Hash::from_bytes([9; 32]));
    asked.terms.controller = ChopDid::new(world.operator.ledger(), stranger);
    let signed = |seed| Receipt::sign(&asked.terms, &key(seed)).unwrap();
    // One that is no validator vouches for nothing.
    for by in [None, Some(signed(9))] {
        let refused = answer(&asked, by).await;
        assert_eq!(refused.status, 422, "{}", refused.json());
        let kind = refused.json()["type"].as_str().unwrap().to_owned();
        assert!(kind.ends_with("controller-unknown"), "{kind}");
    }
    // This node may be behind a validator that saw the controller come.
    assert_eq!(answer(&asked, Some(signed(1))).await.status, 200);
    asked.terms.template = Hash::from_bytes([9; 32]);
    let vouched = Receipt::sign(&asked.terms, &key(1)).unwrap();
    let refused = answer(&asked, Some(vouched)).await;
    assert_eq!(refused.status, 422, "{}", refused.json());
}

#[tokio::test]
async fn segments_are_listed_page_by_page_and_batches_with_proof() {
    let (world, made) = registered().await;
    let id = made.asked.terms.id().unwrap();
    let first = world
        .get(&format!("/v1/batches/{id}/codes?limit=1"))
        .await
        .json();
    assert_eq!(
        (&first["segments"][0]["to"], &first["next"]),
        (&json!(2), &json!(2))
    );
    let second = world
        .get(&format!("/v1/batches/{id}/codes?from=2"))
        .await
        .json();
    assert_eq!(
        (&second["segments"][0]["standing"], second.get("next")),
        (&json!("reserved"), None)
    );
    let shown = world
        .get(&format!("/v1/batches/{id}?proof=true"))
        .await
        .json();
    assert_eq!(
        shown["value"]["terms"],
        serde_json::to_value(&made.asked.terms).unwrap()
    );
    let item = made.did(1).to_string();
    for (asked, kind) in [(&id.to_string(), "batch"), (&item, "item")] {
        let found = world.get(&format!("/v1/search?q={asked}")).await.json();
        let hits = found["hits"].as_array().unwrap();
        assert_eq!(hits.len(), 1, "{found}");
        assert_eq!(
            (&hits[0]["kind"], &hits[0]["id"]),
            (&json!(kind), &json!(asked))
        );
        let path = hits[0]["path"].as_str().unwrap();
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    let part = &item[..item.len() - 1];
    let found = world.get(&format!("/v1/search?q={part}")).await.json();
    assert_eq!(found["hits"], json!([]));
    let nothing = Hash::from_bytes([9; 32]);
    assert_eq!(
        world.get(&format!("/v1/batches/{nothing}")).await.status,
        404
    );
    assert_eq!(
        world
            .get(&format!("/v1/batches/{nothing}/codes"))
            .await
            .status,
        404
    );
    assert_eq!(world.get("/v1/batches/x").await.status, 400);
}
