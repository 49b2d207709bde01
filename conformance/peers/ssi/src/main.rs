//! Speaks the line protocol for the Rust library `ssi`: a peer, and a second opinion on canonical quads.

mod data_integrity;

use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{BufRead as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Is one request; see `conformance/peers/README.md`.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "camelCase")]
enum Request {
    Start {
        contexts: serde_json::Map<String, Value>,
    },
    Issue {
        suite: String,
        document: Value,
        key: Key,
        #[serde(default)]
        options: Options,
    },
    Derive {
        suite: String,
        secured: Value,
        #[serde(default)]
        options: Options,
    },
    Present {
        suite: String,
        document: Value,
        key: Key,
        #[serde(default)]
        options: Options,
    },
    Verify {
        secured: Value,
    },
    VerifyPresentation {
        secured: Value,
        #[serde(default)]
        options: Options,
    },
    Canonicalize {
        document: Value,
    },
    Bench {
        secured: Value,
        key: Key,
        iterations: u32,
    },
}

/// Is the issuer's verification method and private key.
#[derive(Deserialize)]
struct Key {
    id: String,
    jwk: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    created: Option<String>,
    challenge: Option<String>,
    domain: Option<String>,
    mandatory_pointers: Vec<String>,
    selective_pointers: Vec<String>,
}

/// Is what came of a request: an answer, or words of refusal.
type Answer = Result<Value, String>;

fn main() -> std::io::Result<()> {
    // The library's panics are refusals; their messages are in the answer.
    std::panic::set_hook(Box::new(|_| {}));
    let mut peer = data_integrity::Peer::default();
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = catch_unwind(AssertUnwindSafe(|| answer(&mut peer, &line)))
            .unwrap_or_else(|panic| Err(format!("panicked: {}", message(&*panic))));
        let written = match answer {
            Ok(result) => json!({"ok": true, "result": result}),
            Err(error) => json!({"ok": false, "error": error}),
        };
        writeln!(output, "{written}")?;
        output.flush()?;
    }
    Ok(())
}

fn answer(peer: &mut data_integrity::Peer, line: &str) -> Answer {
    // By way of a value: serde_json/arbitrary_precision reads no number in a tagged enum from text.
    let request: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let request = serde_json::from_value(request).map_err(|error| error.to_string())?;
    futures::executor::block_on(async {
        match request {
            Request::Start { contexts } => {
                *peer = data_integrity::Peer::with(contexts)?;
                Ok(json!({"versions": ["ssi 0.16.0"], "suites": data_integrity::SUITES}))
            }
            Request::Issue {
                suite,
                document,
                key,
                options,
            } => peer.issue(&suite, document, &key, options).await,
            Request::Derive {
                suite,
                secured,
                options,
            } => peer.derive(&suite, secured, &options).await,
            Request::Present {
                suite,
                document,
                key,
                options,
            } => peer.present(&suite, document, &key, options).await,
            Request::Verify { secured } => peer.verify(&secured).await,
            Request::VerifyPresentation { secured, options } => {
                peer.verify_presentation(&secured, &options).await
            }
            Request::Canonicalize { document } => peer.canonicalize(&document).await,
            Request::Bench {
                secured,
                key,
                iterations,
            } => peer.bench(&secured, &key, iterations).await,
        }
    })
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "without a message".to_owned())
}
