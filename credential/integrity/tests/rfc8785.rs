//! The data of RFC 8785 under `conformance/vectors/valid/jcs`: its sample files, and its table of numbers.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's panics are its assertions"
)]

use chop_integrity::canonicalize;
use chop_integrity::json::{Limits, parse};
use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Numbers in a row from the smallest normal one on.
const SERIAL: u64 = 2_000;

#[test]
fn writes_the_sample_files() {
    for name in [
        "arrays",
        "french",
        "structures",
        "unicode",
        "values",
        "weird",
    ] {
        let vector = vector(name);
        let input = vector["input"].as_str().unwrap();
        let value = parse(input.as_bytes(), &Limits::CREDENTIAL).unwrap();
        let canonical = String::from_utf8(canonicalize(&value).unwrap()).unwrap();
        assert_eq!(canonical, vector["canonical"].as_str().unwrap(), "{name}");
    }
}

#[test]
fn writes_the_first_hundred_thousand_lines_of_the_table_of_numbers() {
    let vector = vector("numbers");
    let first: Vec<u64> = vector["first"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bits| u64::from_str_radix(bits.as_str().unwrap(), 16).unwrap())
        .collect();
    let mut numbers = first
        .into_iter()
        .chain((0..SERIAL).map(|step| 0x0010_0000_0000_0000 + step))
        .chain(chain());
    let mut hash = Sha256::new();
    let mut written = 0;
    for table in vector["lines"].as_array().unwrap() {
        let count = table["count"].as_u64().unwrap();
        while written < count {
            let bits = numbers.next().unwrap();
            let text = canonicalize(&f64::from_bits(bits)).unwrap();
            hash.update(format!("{bits:x},"));
            hash.update(text);
            hash.update("\n");
            written += 1;
        }
        let found = HEXLOWER.encode(&hash.clone().finalize());
        assert_eq!(found, table["sha256"].as_str().unwrap(), "{count} lines");
    }
}

/// Finite numbers but zero, out of a chain of hashes.
fn chain() -> impl Iterator<Item = u64> {
    let mut block = [0u8; 32];
    std::iter::repeat_with(move || {
        block = Sha256::digest(block).into();
        block
    })
    .flat_map(|block| {
        (0..4).map(move |at| u64::from_le_bytes(block[8 * at..8 * at + 8].try_into().unwrap()))
    })
    .filter(|bits| {
        let number = f64::from_bits(*bits);
        number.is_finite() && number != 0.0
    })
}

fn vector(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../conformance/vectors/valid/jcs")
        .join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
