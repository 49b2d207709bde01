//! Writes the vectors of `ecdsa-sd-2023` and `bbs-2023` under `conformance/vectors/{valid,invalid}/credential`.
//!
//! ```text
//! cargo run -p chop-credential --example selective_vectors
//! ```
//!
//! Signatures are drawn at random, so each run writes other bytes; what a vector shows stays the same.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program that a developer runs"
)]

mod attacks;
mod value;

use chop_credential::Contexts;
use chop_credential::issuing::{self, ProofRequest};
use chop_credential::selective::{Binding, Reveal, Seed, derive};
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, Signer};
use serde_json::{Map, Value, json};
use std::path::Path;
use zeroize::Zeroizing;

const NOW: &str = "2026-11-21T09:00:00.000Z";
const MANDATORY: [&str; 2] = ["/issuer", "/validUntil"];
const REVEALED: [&str; 3] = [
    "/credentialSubject/harvest/0/weight",
    "/credentialSubject/harvest/1",
    "/credentialSubject/alumniOf",
];

fn main() {
    let sd = Case::new("ecdsa-sd-2023", KeyType::P256, None);
    let bbs = Case::new("bbs-2023", KeyType::Bls12381G2, None);
    let (commitment, blind) = chop_keys::bbs::commit(b"the holder's secret").unwrap();
    let holder = Binding {
        secret: Zeroizing::new(b"the holder's secret".to_vec()),
        blind,
    };
    let bound = Case::new(
        "bbs-2023",
        KeyType::Bls12381G2,
        Some((&commitment, &holder)),
    );
    for (name, case) in [("sd", &sd), ("bbs", &bbs), ("bbs-bound", &bound)] {
        write(
            "valid",
            &format!("{name}-derived"),
            &verify(&case.derived, None),
        );
        let everything = case.derive(&[""], None);
        write(
            "valid",
            &format!("{name}-whole"),
            &verify(&everything, None),
        );
    }
    attacks::of_sd(&sd);
    attacks::of_bbs(&bbs, &bound);
    attacks::of_pointers(&sd, &bbs);
}

/// A credential with its base proof, and one derived from it.
pub(crate) struct Case<'a> {
    pub(crate) key: PrivateKey,
    pub(crate) base: Map<String, Value>,
    pub(crate) derived: Value,
    holder: Option<&'a Binding>,
}

impl<'a> Case<'a> {
    fn new(suite: &str, key_type: KeyType, holder: Option<(&[u8], &'a Binding)>) -> Self {
        let key = PrivateKey::from_seed(key_type, &[11; 32]).unwrap();
        let base = issue(
            suite,
            &key,
            holder.map(|(commitment, _)| commitment),
            document(&key),
        );
        let mut case = Self {
            key,
            base,
            derived: Value::Null,
            holder: holder.map(|(_, holder)| holder),
        };
        case.derived = case.derive(&REVEALED, None);
        case
    }

    pub(crate) fn derive(&self, pointers: &[&str], header: Option<&[u8]>) -> Value {
        let pointers: Vec<String> = pointers.iter().map(|text| (*text).to_owned()).collect();
        let bbs = self.key.public_key().key_type() == KeyType::Bls12381G2;
        let reveal = Reveal {
            pointers: &pointers,
            presentation_header: header.unwrap_or(if bbs { b"a verifier's nonce" } else { b"" }),
            binding: self.holder,
        };
        derive(&self.base, &Contexts::embedded(), &reveal).unwrap()
    }
}

pub(crate) fn issue(
    suite: &str,
    key: &PrivateKey,
    commitment: Option<&[u8]>,
    document: Value,
) -> Map<String, Value> {
    let method = key.public_key().did_key_url();
    let mandatory = MANDATORY.map(str::to_owned);
    // Another key, another proof: nothing of one proof fits another.
    let seed = Seed::new(Zeroizing::new([key.public_key().raw()[5] / 2 + 1; 64]));
    let mut request = ProofRequest::new(
        &method,
        Timestamp::parse("2026-11-01T00:00:00.000Z").unwrap(),
    );
    request.cryptosuite = Some(suite);
    request.mandatory_pointers = &mandatory;
    request.seed = Some(&seed);
    request.commitment = commitment;
    match issuing::issue(document, &Contexts::embedded(), &request, key).unwrap() {
        Value::Object(credential) => credential,
        _ => Map::new(),
    }
}

pub(crate) fn document(key: &PrivateKey) -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2", {"@vocab": "https://example.org/orchard#"}],
        "type": ["VerifiableCredential", "AlumniCredential"],
        "issuer": key.public_key().did_key(),
        "validFrom": "2026-01-01T00:00:00Z",
        "validUntil": "2027-01-01T00:00:00Z",
        "credentialSubject": {
            "alumniOf": "The School of Examples",
            "harvest": [
                {"weight": 12, "orchard": {"slope": "north", "rows": [{"trees": 7}, {"trees": 8}]}},
                {"weight": 15, "orchard": {"slope": "south", "rows": [{"trees": 9}]}},
            ],
            "grade": "A",
        },
    })
}

pub(crate) fn verify(input: &Value, refusal: Option<&str>) -> Value {
    let mut vector = json!({"act": "verify", "input": input, "now": NOW});
    if let Some(refusal) = refusal {
        vector["refusal"] = json!(refusal);
    }
    vector
}

pub(crate) fn write(validity: &str, name: &str, vector: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../conformance/vectors")
        .join(validity)
        .join("credential")
        .join(format!("selective-{name}.json"));
    std::fs::write(path, format!("{vector:#}\n")).unwrap();
}
