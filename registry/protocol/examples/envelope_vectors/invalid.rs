//! Envelopes that the door refuses, each for one reason.

use super::{
    admission, anchor, bindings, did, envelope, genesis, key, ledger, product, text, update_keys,
    vote,
};
use chop_did::DidState;
use chop_did::build::{self, Draft};
use chop_integrity::{Hash, Timestamp};
use chop_keys::Signer;
use chop_protocol::Action;
use serde_json::{Value, json};

/// A case: name, description, bytes.
pub(crate) type Case = (&'static str, &'static str, Vec<u8>);

/// An envelope that was signed and is then altered.
struct Base(Value);

impl Base {
    fn signed(actions: Vec<Action>) -> Self {
        Self(serde_json::from_str(&text(&envelope(2, actions), &[&key(11), &key(12)])).unwrap())
    }

    /// Replaces or adds the value at a JSON pointer.
    fn set(&self, pointer: &str, value: impl Into<Value>) -> Vec<u8> {
        let mut altered = self.0.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match altered.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value.into(),
            other => other[name] = value.into(),
        }
        serde_json::to_vec(&altered).unwrap()
    }

    /// Removes the member at a JSON pointer.
    fn without(&self, pointer: &str) -> Vec<u8> {
        let mut altered = self.0.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        altered
            .pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(name)
            .unwrap();
        serde_json::to_vec(&altered).unwrap()
    }

    fn at(&self, pointer: &str) -> Value {
        self.0.pointer(pointer).unwrap().clone()
    }
}

pub(crate) fn invalid() -> Vec<Case> {
    let base = Base::signed(vec![anchor()]);
    let mut cases = profile(&base);
    cases.extend(envelope_shapes(&base));
    cases.extend(action_shapes(&base));
    cases.extend(governance());
    cases.extend(tls_keys());
    cases.extend(operations(&Base::signed(vec![product(1)])));
    cases.extend(proof_counts(&base));
    cases.extend(proof_shapes(&base));
    cases.extend(signatures(&base));
    cases
}

fn profile(base: &Base) -> Vec<Case> {
    let text = serde_json::to_string(&base.0).unwrap();
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    };
    let kind = "\"credential.anchor\"";
    let twice = "{\"nonce\":\"03030303030303030303030303030303\",\"actions\"";
    let deep = "[".repeat(40) + &"]".repeat(40);
    let not_utf8 = [b"\xff".as_slice(), text.as_bytes()].concat();
    let trailing = [text.as_bytes(), b"{}"].concat();
    vec![
        (
            "duplicate-member",
            "a member stands twice, which parsers resolve differently",
            replaced("{\"actions\"", twice),
        ),
        ("not-utf8", "a byte that no UTF-8 text has", not_utf8),
        (
            "lone-surrogate",
            "half of a surrogate pair",
            replaced(kind, "\"\\ud800\""),
        ),
        (
            "float",
            "a number that is no integer",
            replaced(kind, "1.5"),
        ),
        (
            "large-integer",
            "an integer beyond 2^53 − 1",
            replaced(kind, "9007199254740992"),
        ),
        ("trailing-data", "something after the JSON value", trailing),
        (
            "deep",
            "nested deeper than 32 levels",
            replaced(kind, &deep),
        ),
    ]
}

fn envelope_shapes(base: &Base) -> Vec<Case> {
    let array = serde_json::to_vec(&json!([base.0])).unwrap();
    let foreign = Hash::of("test", b"another ledger").to_string();
    let short = ledger().short().to_string();
    let many = vec![base.at("/actions/0"); 65];
    vec![
        ("not-an-object", "an array", array),
        (
            "unknown-member",
            "a member that no envelope has",
            base.set("/presentations", json!([])),
        ),
        (
            "null-member",
            "null instead of a value",
            base.set("/nonce", Value::Null),
        ),
        ("missing-nonce", "no nonce", base.without("/nonce")),
        (
            "upper-case-nonce",
            "a second spelling of the nonce",
            base.set("/nonce", "0303030303030303030303030303030A"),
        ),
        (
            "time-without-milliseconds",
            "a second spelling of the time",
            base.set("/validUntil", "2026-11-02T08:00:00Z"),
        ),
        (
            "short-ledger",
            "the 16 characters instead of the full ledger id",
            base.set("/ledger", short),
        ),
        (
            "other-method",
            "an actor of another DID method",
            base.set("/actor", "did:example:abc"),
        ),
        (
            "foreign-actor",
            "an actor of another ledger than the envelope names: a replay across ledgers",
            base.set("/ledger", foreign),
        ),
        (
            "no-actions",
            "nothing to do",
            base.set("/actions", json!([])),
        ),
        ("too-many-actions", "65 actions", base.set("/actions", many)),
    ]
}

fn action_shapes(base: &Base) -> Vec<Case> {
    let trailing_bits = format!("{}b", "a".repeat(51));
    vec![
        (
            "unknown-action",
            "an action that the protocol does not have",
            base.set("/actions/0/type", "credential.burn"),
        ),
        (
            "action-without-type",
            "an action without a type",
            base.without("/actions/0/type"),
        ),
        (
            "action-unknown-member",
            "an action with a member that it does not have",
            base.set("/actions/0/holder", "x"),
        ),
        (
            "action-null-member",
            "null where a member is left out",
            base.set("/actions/0/subject", Value::Null),
        ),
        (
            "long-digest",
            "a digest with trailing bits set",
            base.set("/actions/0/digest", trailing_bits),
        ),
    ]
}

fn governance() -> Vec<Case> {
    let (vote, admission) = (Base::signed(vec![vote()]), Base::signed(vec![admission()]));
    let beside = json!([
        vote.at("/actions/0"),
        Base::signed(vec![anchor()]).at("/actions/0")
    ]);
    let set = |name: &str, value: Value| json!({"setParameter": {name: value}});
    vec![
        (
            "vote-beside-another-action",
            "a vote that is not alone in its envelope",
            vote.set("/actions", beside),
        ),
        (
            "vote-maybe",
            "an answer that is neither yes nor no",
            vote.set("/actions/0/choice", "maybe"),
        ),
        (
            "change-null-member",
            "null where a member of the change is left out",
            admission.set("/actions/0/change/admit/quota", Value::Null),
        ),
        (
            "change-of-two-things",
            "a proposal of two changes at once",
            admission.set("/actions/0/change/remove", json!({"member": did(2)})),
        ),
        (
            "change-unknown",
            "a change that the protocol does not have",
            admission.set("/actions/0/change", json!({"dissolve": {}})),
        ),
        (
            "change-unknown-parameter",
            "a parameter that the protocol does not have",
            admission.set("/actions/0/change", set("gas", json!(1))),
        ),
        (
            "change-parameter-of-another-type",
            "a number where a share is set",
            admission.set("/actions/0/change", set("admission", json!(1))),
        ),
        (
            "member-name-of-two-lines",
            "a name that does not show as what it is",
            admission.set("/actions/0/change/admit/name", "Fruit\nCo"),
        ),
    ]
}

fn tls_keys() -> Vec<Case> {
    const BINDING: &str = "/actions/0/binding";
    let base = Base::signed(bindings());
    let proof = |index: usize| base.at(&format!("{BINDING}/proof/{index}"));
    vec![
        (
            "binding-of-another-member",
            "a binding whose member was changed after it was signed",
            base.set("/actions/0/binding/member", did(2).to_string()),
        ),
        (
            "binding-without-possession",
            "a binding that only an update key signed",
            base.set("/actions/0/binding/proof", json!([proof(1), proof(1)])),
        ),
        (
            "binding-of-one-side",
            "a binding that only the TLS key signed",
            base.set("/actions/0/binding/proof", json!([proof(0)])),
        ),
        (
            "binding-for-assertion",
            "a proof of a binding with another purpose",
            base.set("/actions/0/binding/proof/0/proofPurpose", "assertionMethod"),
        ),
        (
            "binding-unknown-member",
            "a member that bindings do not have",
            base.set("/actions/0/binding/until", "2026-11-02T08:00:00.000Z"),
        ),
        (
            "binding-beside-a-member",
            "an action that holds more than its binding",
            base.set("/actions/0/note", "more"),
        ),
    ]
}

fn operations(base: &Base) -> Vec<Case> {
    const GENESIS: &str = "/actions/0/operation/genesis/nonce";
    const SIGNATURE: &str = "/actions/0/operation/proof/0/proofValue";
    let rotate = later(|state| build::rotate(state, state.document(), &update_keys(101)));
    let update = later(|state| build::update(state, state.document()));
    let did_one = did(1).to_string();
    let zeros = "00000000000000000000000000000000";
    vec![
        (
            "kind-mismatch",
            "did.update around a create",
            base.set("/actions/0/type", "did.update"),
        ),
        (
            "operation-tampered",
            "an operation altered after it was signed, so that it makes another DID than it names",
            base.set(GENESIS, zeros),
        ),
        (
            "operation-genesis-malformed",
            "a create whose genesis has a nonce of the wrong length",
            base.set(GENESIS, "00"),
        ),
        (
            "operation-control-malformed",
            "a rotation to one key with a threshold of two",
            rotate.set("/actions/0/operation/threshold", 2),
        ),
        (
            "operation-document-malformed",
            "an update to a document with an id of its own",
            update.set("/actions/0/operation/document/id", did_one),
        ),
        (
            "operation-unsigned",
            "an operation whose signature is that of another",
            base.set(SIGNATURE, base.at("/proof/0/proofValue")),
        ),
    ]
}

/// An envelope with an operation on DID 1.
fn later(draft: impl FnOnce(&DidState) -> Draft) -> Base {
    let founded = Timestamp::parse("2026-11-01T08:00:00.000Z").unwrap();
    let (state, _) = chop_did::found(&genesis(1), founded).unwrap();
    let signed = draft(&state).signed_by(&[&key(1), &key(101)]).unwrap();
    Base::signed(vec![Action::Did(Box::new(signed))])
}

fn proof_counts(base: &Base) -> Vec<Case> {
    let (first, second) = (base.at("/proof/0"), base.at("/proof/1"));
    vec![
        ("no-proof", "no proof member", base.without("/proof")),
        (
            "proof-object",
            "one proof that stands without its array",
            base.set("/proof", first.clone()),
        ),
        (
            "proof-empty",
            "an empty array of proofs",
            base.set("/proof", json!([])),
        ),
        (
            "three-proofs",
            "more proofs than there are parties",
            base.set("/proof", json!([first, second, second])),
        ),
        (
            "two-proofs-one-party",
            "two proofs although the actor is its own sponsor",
            base.set("/sponsor", base.at("/actor")),
        ),
        (
            "repeated-proof",
            "the same key twice",
            base.set("/proof", json!([first, first])),
        ),
    ]
}

fn proof_shapes(base: &Base) -> Vec<Case> {
    const METHOD: &str = "/proof/0/verificationMethod";
    let (eleven, twelve) = (
        key(11).public_key().did_key(),
        key(12).public_key().multikey(),
    );
    let of_ledger = format!("{}#key-1", did(1));
    let fragment = format!("{eleven}#{twelve}");
    vec![
        (
            "proof-not-an-object",
            "a string for a proof",
            base.set("/proof/0", "proof"),
        ),
        (
            "proof-extra-member",
            "a member that nobody reads",
            base.set("/proof/0/domain", "example.org"),
        ),
        (
            "wrong-type",
            "another type of proof",
            base.set("/proof/0/type", "Ed25519Signature2020"),
        ),
        (
            "assertion-purpose",
            "the purpose of operations and credentials",
            base.set("/proof/0/proofPurpose", "assertionMethod"),
        ),
        (
            "wrong-suite",
            "the suite of another key type",
            base.set("/proof/0/cryptosuite", "ecdsa-jcs-2019"),
        ),
        (
            "rdfc-suite",
            "a suite that canonicalises as RDF",
            base.set("/proof/0/cryptosuite", "eddsa-rdfc-2022"),
        ),
        (
            "method-of-ledger-did",
            "a verification method that only a resolver could look up",
            base.set(METHOD, of_ledger),
        ),
        (
            "method-fragment",
            "a did:key URL whose fragment names another key",
            base.set(METHOD, fragment),
        ),
    ]
}

fn signatures(base: &Base) -> Vec<Case> {
    let other_key = key(13).public_key().did_key_url();
    let other_digest = Hash::of("test", b"x").to_string();
    let stolen = Base::signed(vec![anchor(), anchor()]).at("/proof/0");
    let zeros = "00000000000000000000000000000000";
    vec![
        (
            "method-of-another-key",
            "the method of a key that did not sign",
            base.set("/proof/0/verificationMethod", other_key),
        ),
        (
            "tampered-nonce",
            "a nonce altered after signing",
            base.set("/nonce", zeros),
        ),
        (
            "tampered-action",
            "a digest altered after signing",
            base.set("/actions/0/digest", other_digest),
        ),
        (
            "stolen-proof",
            "the actor's proof of another envelope",
            base.set("/proof/0", stolen),
        ),
        (
            "created-added",
            "a proof time that was not signed",
            base.set("/proof/0/created", "2026-11-02T08:00:00Z"),
        ),
        (
            "short-signature",
            "a signature cut short",
            base.set("/proof/0/proofValue", "z2"),
        ),
    ]
}
