//! Every input that the fuzzers kept, and every seed, runs through its target.

use chop_conformance::targets::{TARGETS, run};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_target_withstands_its_corpus() {
    for (name, body) in TARGETS {
        let inputs = inputs(name);
        assert!(inputs.len() > 2, "{name} has {} inputs", inputs.len());
        for path in inputs {
            // The path shows which input it was when the body panics.
            println!("{}", path.display());
            body(&fs::read(&path).unwrap());
        }
    }
}

#[test]
fn every_corpus_belongs_to_a_target() {
    for folder in fs::read_dir(corpus()).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|(target, _)| *target == name), "{name}");
    }
}

#[test]
fn every_target_withstands_short_inputs_of_every_first_byte() {
    for (name, _) in TARGETS {
        for first in 0..=u8::MAX {
            for second in (0..=u8::MAX).step_by(17) {
                run(name, &[first, second, 16, 1, second, first]);
            }
        }
    }
}

#[expect(
    clippy::unwrap_used,
    reason = "a corpus that cannot be read fails the test"
)]
fn inputs(name: &str) -> Vec<PathBuf> {
    fs::read_dir(corpus().join(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}
