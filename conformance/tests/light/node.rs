//! The JavaScript verifier in Node.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Asks all questions in one process and returns the verdicts in their order.
///
/// `None` where Node is not installed: that is said past the test harness, which shows nothing of a test that passes; under
/// CI it is a failure.
pub(crate) fn judge(questions: &[Value]) -> Option<Vec<Value>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/light/run.mjs");
    let spawned = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut process = match spawned {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            assert!(std::env::var("CI").is_err(), "node is not installed");
            let said = b"\n*** THE JAVASCRIPT VERIFIER DID NOT RUN: node is not installed\n\n";
            std::io::stderr().write_all(said).unwrap();
            return None;
        }
        spawned => spawned.unwrap(),
    };
    let mut input = process.stdin.take().unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let verdicts: Vec<Value> = std::thread::scope(|scope| {
        scope.spawn(move || {
            for question in questions {
                writeln!(input, "{question}").unwrap();
            }
        });
        output
            .lines()
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect()
    });
    assert!(process.wait().unwrap().success());
    assert_eq!(verdicts.len(), questions.len());
    Some(verdicts)
}
