use super::world::{World, consortium, key};
use chop_did::{ChopDid, Item, ItemContext, Scid, Template};
use chop_integrity::Hash;
use chop_keys::{CodeSecret, PrivateKey, Signer as _};
use chop_proof::leaves as tree;
use chop_protocol::{
    Action, ActivateCodes, Batch, BatchTerms, CodeStanding, CreateBatch, CredentialType, ItemProof,
    Lot, Nonce, Receipt, Segment, VoidCodes, keys,
};
use serde_json::json;

pub(crate) const COUNT: u32 = 10;

pub(crate) fn template() -> Template {
    Template::parse(json!({
        "class": "product", "fields": ["serial"],
        "document": {"alsoKnownAs": ["https://id.example/21/{serial}"]},
    }))
    .unwrap()
}

/// A batch of ten items of one controller; every other item has a secret.
pub(crate) struct Made {
    pub(crate) terms: BatchTerms,
    pub(crate) items: Vec<Item>,
    /// Item hash and ordinal, sorted.
    pub(crate) leaves: Vec<(Hash, u32)>,
}

pub(crate) fn secret(ordinal: u32) -> PrivateKey {
    CodeSecret::derive(&[5; 32], ordinal).key().unwrap()
}

impl Made {
    pub(crate) fn new(world: &World, controller: ChopDid, nonce: u8) -> Self {
        let item = |n: u32| Item {
            data: vec![format!("S{n}")],
            key: n.is_multiple_of(2).then(|| secret(n).public_key().clone()),
        };
        let items: Vec<Item> = (0..COUNT).map(item).collect();
        let mut terms = BatchTerms {
            ledger: world.ledger(),
            controller,
            nonce: Nonce::new([nonce; 16]),
            template: template().digest(),
            count: COUNT,
            root: Hash::from_bytes([0; 32]),
            leaves: Hash::of("leaves", &[nonce]),
            activation: None,
        };
        let context = ItemContext {
            batch: terms.id().unwrap(),
            template: terms.template,
        };
        let mut leaves: Vec<(Hash, u32)> = (0..)
            .zip(&items)
            .map(|(n, item)| (context.hash(&item.bytes().unwrap()), n))
            .collect();
        leaves.sort();
        terms.root = Hash::from_bytes(tree::root(&nodes(&leaves)).unwrap());
        Self {
            terms,
            items,
            leaves,
        }
    }

    pub(crate) fn id(&self) -> Hash {
        self.terms.id().unwrap()
    }

    pub(crate) fn create(&self, receipts: Vec<Receipt>) -> Action {
        Action::CreateBatch(Box::new(CreateBatch {
            nonce: self.terms.nonce,
            template: template(),
            count: self.terms.count,
            root: self.terms.root,
            leaves: self.terms.leaves,
            activation: self.terms.activation.clone(),
            receipts,
        }))
    }

    pub(crate) fn proof(&self, ordinal: u32) -> ItemProof {
        let at = self.leaves.iter().position(|(_, n)| *n == ordinal).unwrap();
        ItemProof {
            batch: self.id(),
            index: u32::try_from(at).unwrap(),
            ordinal,
            item: self.items[ordinal as usize].clone(),
            path: tree::path(&nodes(&self.leaves), at)
                .unwrap()
                .into_iter()
                .map(Hash::from_bytes)
                .collect(),
        }
    }

    pub(crate) fn did(&self, ordinal: u32) -> ChopDid {
        let (hash, _) = self.leaves.iter().find(|(_, n)| *n == ordinal).unwrap();
        ChopDid::new(self.terms.ledger.short(), Scid::of_batch_item(*hash))
    }
}

pub(crate) fn nodes(leaves: &[(Hash, u32)]) -> Vec<[u8; 32]> {
    let node = |(hash, n): &(Hash, u32)| tree::leaf(hash.as_bytes(), *n);
    leaves.iter().map(node).collect()
}

/// The validator of founder `seed`.
pub(crate) fn receipt(terms: &BatchTerms, seed: u8) -> Receipt {
    Receipt::sign(terms, &key(seed, 9)).unwrap()
}

pub(crate) fn registered() -> (World, Made) {
    let mut world = World::new();
    let made = Made::new(&world, world.party.did, 1);
    let create = made.create(vec![receipt(&made.terms, 1)]);
    let envelope = world.by_party(vec![create]);
    world.commit(&[envelope]);
    (world, made)
}

pub(crate) fn activate(made: &Made, from: u32, to: u32) -> Action {
    Action::ActivateCodes(ActivateCodes {
        batch: made.id(),
        from,
        to,
        lot: Lot::parse("L-7").unwrap(),
    })
}

pub(crate) fn void(made: &Made, from: u32, to: u32) -> Action {
    Action::VoidCodes(VoidCodes {
        batch: made.id(),
        from,
        to,
        reason: None,
    })
}

pub(crate) fn segments(world: &World, made: &Made) -> Vec<(u32, u32, CodeStanding)> {
    let prefix = keys::segments(&made.id());
    let entries = world.state.0.range(prefix.clone()..keys::after(&prefix));
    entries
        .map(|(_, value)| {
            let segment: Segment = serde_json::from_slice(value).unwrap();
            (segment.from, segment.to, segment.standing)
        })
        .collect()
}

#[test]
fn a_batch_is_born_reserved_and_says_what_it_is() {
    let (world, made) = registered();
    let batch: Batch = world.read(&keys::batch(&made.id())).unwrap();
    assert_eq!((batch.terms, batch.time), (made.terms.clone(), world.time));
    assert_eq!(
        world.read::<Template>(&keys::batch_template(&made.terms.template)),
        Some(template())
    );
    assert_eq!(
        segments(&world, &made),
        [(0, COUNT, CodeStanding::Reserved)]
    );
}

#[test]
fn refuses_a_nonce_that_the_controller_used() {
    let (mut world, mut made) = registered();
    // Other items, the same nonce.
    made.terms.root = Hash::from_bytes([7; 32]);
    let again = made.create(vec![receipt(&made.terms, 1)]);
    let envelope = world.by_party(vec![again]);
    assert_eq!(world.refusal(&envelope), "batch.exists");
    let other = Made::new(&world, world.founder.did, 1);
    let envelope = world.by_founder(vec![other.create(vec![receipt(&other.terms, 1)])]);
    world.commit(&[envelope]);
}

#[test]
fn refuses_a_controller_that_another_controls() {
    let mut world = World::new();
    let (product, create) = world.product(&world.party, 1);
    let envelope = world.by_party(vec![create]);
    world.commit(&[envelope]);
    let made = Made::new(&world, product, 1);
    let create = made.create(vec![receipt(&made.terms, 1)]);
    let envelope = world.envelope(product, vec![create]);
    let envelope = envelope
        .sign(&[&world.party.act, &world.founder.act])
        .unwrap();
    assert_eq!(world.refusal(&envelope), "batch.controlled");
}

#[test]
fn refuses_receipts_for_something_else_by_strangers_and_twice() {
    let mut world = World::new();
    let made = Made::new(&world, world.party.did, 1);
    let good = receipt(&made.terms, 1);
    let other = |change: &dyn Fn(&mut BatchTerms)| {
        let mut terms = made.terms.clone();
        change(&mut terms);
        receipt(&terms, 1)
    };
    let foreign = World::of(consortium(&[1, 3])).ledger();
    for receipts in [
        vec![receipt(&made.terms, 2)],
        vec![good.clone(), good.clone()],
        vec![good.clone(), receipt(&made.terms, 4)],
        vec![other(&|terms| terms.leaves = terms.root)],
        vec![other(&|terms| terms.root = terms.leaves)],
        vec![other(&|terms| terms.count += 1)],
        vec![other(&|terms| terms.nonce = Nonce::new([9; 16]))],
        vec![other(&|terms| terms.ledger = foreign)],
        vec![other(&|terms| {
            terms.activation = CredentialType::parse("Lab").ok();
        })],
    ] {
        let envelope = world.by_party(vec![made.create(receipts)]);
        assert_eq!(world.refusal(&envelope), "batch.receipt");
    }
    // Another controller's batch does not live on the receipts of this one.
    let envelope = world.by_founder(vec![made.create(vec![good])]);
    assert_eq!(world.refusal(&envelope), "batch.receipt");
}

#[test]
fn refuses_receipts_of_two_thirds_of_the_power_and_takes_more() {
    let mut world = World::of(consortium(&[1, 2, 3]));
    let made = Made::new(&world, world.founder.did, 1);
    let of = |seeds: &[u8]| {
        seeds
            .iter()
            .map(|seed| receipt(&made.terms, *seed))
            .collect()
    };
    let envelope = world.by_founder(vec![made.create(of(&[1, 2]))]);
    assert_eq!(world.refusal(&envelope), "batch.power");
    let envelope = world.by_founder(vec![made.create(of(&[3, 1, 2]))]);
    world.commit(&[envelope]);
}

#[test]
fn a_batch_is_alone_in_its_envelope_and_within_its_bounds() {
    let mut world = World::new();
    let made = Made::new(&world, world.party.did, 1);
    let create = made.create(vec![receipt(&made.terms, 1)]);
    let both = world.envelope(world.party.did, vec![create.clone(), activate(&made, 0, 1)]);
    assert!(both.sign(&[&world.party.act]).is_err());
    let parse = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = create.to_value().unwrap();
        change(&mut value);
        Action::parse(value)
    };
    assert!(parse(&|_| {}).is_ok());
    assert!(parse(&|value| value["count"] = json!(0)).is_err());
    assert!(parse(&|value| value["count"] = json!(1_000_001)).is_err());
    assert!(parse(&|value| value["receipts"] = json!([])).is_err());
    assert!(parse(&|value| value["template"]["fields"] = json!(["a", "a"])).is_err());
    assert!(parse(&|value| value["receipts"][0]["signature"] = json!("AA")).is_err());
}

#[test]
fn refuses_to_act_on_a_batch_that_is_not_there_or_somebody_elses() {
    let (mut world, made) = registered();
    let nothing = Made::new(&world, world.party.did, 2);
    let envelope = world.by_party(vec![activate(&nothing, 0, 1)]);
    assert_eq!(world.refusal(&envelope), "batch.unknown");
    for action in [activate(&made, 0, 1), void(&made, 0, 1)] {
        let envelope = world.by_founder(vec![action]);
        assert_eq!(world.refusal(&envelope), "batch.not-controller");
    }
}
