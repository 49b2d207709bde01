//! Proofs altered at random: whatever one verifier accepts the other accepts, and nothing altered is accepted.

use super::node;
use super::vectors::cases;
use chop_proof::{
    Evidence, Freshness, ProofError, StateProof, TrustRoot, verify_absence, verify_inclusion,
};
use data_encoding::BASE64;
use serde_json::{Value, json};

/// How many altered proofs are judged.
const COUNT: usize = 3_000;

/// Multiply-with-carry numbers: the same ones on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = (self.0 & 0xffff_ffff) * 4_294_957_665 + (self.0 >> 32);
        usize::try_from(self.0 & 0xffff_ffff).unwrap() % bound
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

#[test]
fn both_verifiers_judge_altered_proofs_alike() {
    let valid: Vec<Value> = cases("state-proof")
        .into_iter()
        .map(|(_, case)| case)
        .filter(|case| case.get("refused").is_none())
        .collect();
    let mut numbers = Numbers(0x5eed);
    let altered: Vec<Value> = (0..COUNT)
        .map(|index| alter(valid.get(index % valid.len()).unwrap(), &mut numbers))
        .collect();
    let Some(verdicts) = node::judge(&altered) else {
        return;
    };
    let mut refusals = std::collections::BTreeSet::new();
    for (question, theirs) in altered.iter().zip(verdicts) {
        let ours = rust(question).expect_err("an altered proof is accepted");
        let code = theirs["refused"].as_str().unwrap_or_default();
        // Where decoders stop differs, and so may the words for bytes that are no proof at all.
        let undecoded = ["proof.malformed", "proof.not-canonical"];
        let same =
            code == ours.code() || (undecoded.contains(&code) && undecoded.contains(&ours.code()));
        assert!(same, "{theirs} in JavaScript, {ours} in Rust: {question}");
        refusals.insert(ours.code());
    }
    assert!(refusals.len() >= 8, "only {refusals:?}");
}

/// Changes, removes, or adds one to three bytes of one part.
fn alter(case: &Value, numbers: &mut Numbers) -> Value {
    let part = ["signedHeader", "validators", "path"][numbers.below(3)];
    let mut case = case.clone();
    let old = case["proof"][part].as_str().unwrap().to_owned();
    let mut bytes = BASE64.decode(old.as_bytes()).unwrap();
    while BASE64.encode(&bytes) == old {
        for _ in 0..=numbers.below(3) {
            let place = numbers.below(bytes.len());
            match numbers.below(4) {
                0 => drop(bytes.remove(place)),
                1 => bytes.insert(place, numbers.byte()),
                2 => bytes[place] ^= 1 << numbers.below(8),
                _ => bytes[place] = numbers.byte(),
            }
        }
    }
    case["proof"][part] = json!(BASE64.encode(&bytes));
    case
}

fn rust(question: &Value) -> Result<(), ProofError> {
    let root: TrustRoot = serde_json::from_value(question["trustRoot"].clone()).unwrap();
    let proof: StateProof = serde_json::from_value(question["proof"].clone()).unwrap();
    let number = |name: &str| question[name].as_i64().unwrap();
    let freshness = Freshness::within(number("nowMs"), number("maxAgeMs"));
    let key = question["key"].as_str().unwrap();
    match question["value"].as_str() {
        Some(value) => verify_inclusion(&root, &proof, key, value.as_bytes(), &freshness),
        None => verify_absence(&root, &proof, key, &freshness),
    }
    .map(drop)
}

#[test]
fn both_verifiers_refuse_a_handover_that_is_there_and_is_none() {
    let cases = cases("evidence");
    let mut crossed = cases.iter().map(|(_, case)| case);
    let case = crossed.find(|case| case.get("refused").is_none()).unwrap();
    let questions = [json!(false), json!(0), json!(""), json!([])].map(|handover| {
        let mut case = case.clone();
        case["evidence"]["handover"] = handover;
        case
    });
    for question in &questions {
        let evidence = question["evidence"].clone();
        assert!(serde_json::from_value::<Evidence>(evidence).is_err());
    }
    let verdicts = node::judge(&questions).unwrap_or_default();
    for verdict in verdicts {
        assert_eq!(verdict, json!({"refused": "proof.malformed"}));
    }
}
