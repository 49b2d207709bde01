//! Peers: processes that speak the line protocol, found under `conformance/peers`.

use super::InteropError;
use super::act::{Act, Party};
use super::documents;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long a peer may take over one answer, measuring included.
const PATIENCE: Duration = Duration::from_mins(3);

/// Is a peer that can be started.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its folder under `conformance/peers`, which is its name.
    pub folder: &'static str,
    /// The program that runs it, as seen from its folder.
    program: &'static str,
    arguments: &'static [&'static str],
    /// What has to be there before it can run, and the command that brings it.
    needs: (&'static str, &'static str),
}

/// Lists the peers.
pub const PEERS: &[Kind] = &[
    Kind {
        folder: "digitalbazaar",
        program: "node",
        arguments: &["peer.mjs"],
        needs: ("node_modules", "npm ci"),
    },
    Kind {
        folder: "sd-jwt-js",
        program: "node",
        arguments: &["peer.mjs"],
        needs: ("node_modules", "npm ci"),
    },
    Kind {
        folder: "jose",
        program: "node",
        arguments: &["peer.mjs"],
        needs: ("node_modules", "npm ci"),
    },
    Kind {
        folder: "sd-jwt-python",
        program: ".venv/bin/python",
        arguments: &["peer.py"],
        needs: (
            ".venv/bin/python",
            "python3 -m venv .venv && .venv/bin/pip install --require-hashes -r requirements.txt",
        ),
    },
    Kind {
        folder: "ssi",
        program: "target/release/ssi-peer",
        arguments: &[],
        needs: ("target/release/ssi-peer", "cargo build --release --locked"),
    },
];

/// Finds a peer by its folder.
pub fn find(folder: &str) -> Option<&'static Kind> {
    PEERS.iter().find(|kind| kind.folder == folder)
}

/// Returns the folder that holds the peers.
pub fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// Is a peer's running process.
#[derive(Debug)]
pub struct Peer {
    kind: Kind,
    process: Child,
    questions: ChildStdin,
    answers: Receiver<std::io::Result<String>>,
    /// The versions of what it is made of.
    pub versions: Vec<String>,
    suites: Vec<String>,
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
struct Started {
    versions: Vec<String>,
    suites: Vec<String>,
}

impl Peer {
    /// Starts a peer and hands it the contexts that documents may name.
    ///
    /// # Errors
    /// [`InteropError::Missing`] when it is not installed; otherwise when it does not start or answer.
    pub fn start(kind: Kind) -> Result<Self, InteropError> {
        let folder = home().join(kind.folder);
        let (needed, command) = kind.needs;
        let missing = |reason: String| InteropError::Missing {
            peer: kind.folder.to_owned(),
            reason,
        };
        if !folder.join(needed).exists() {
            return Err(missing(format!(
                "conformance/peers/{}/{needed} is not there; run there: {command}",
                kind.folder
            )));
        }
        let program = if kind.program.contains('/') {
            folder.join(kind.program)
        } else {
            PathBuf::from(kind.program)
        };
        let mut process = Command::new(&program)
            .args(kind.arguments)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| missing(format!("{}: {error}", kind.program)))?;
        let (Some(questions), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(missing("its standard streams are not there".to_owned()));
        };
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut peer = Self {
            kind,
            process,
            questions,
            answers,
            versions: Vec::new(),
            suites: Vec::new(),
        };
        let started: Started = serde_json::from_value(
            peer.exchange(&json!({"op": "start", "contexts": contexts()?}))?,
        )?;
        peer.versions = started.versions;
        peer.suites = started.suites;
        Ok(peer)
    }

    fn exchange(&mut self, question: &Value) -> Result<Value, InteropError> {
        let peer = self.kind.folder;
        let silent = |reason: String| InteropError::Silent {
            peer: peer.to_owned(),
            reason,
        };
        let mut line = serde_json::to_vec(question)?;
        line.push(b'\n');
        self.questions
            .write_all(&line)
            .and_then(|()| self.questions.flush())
            .map_err(|error| silent(error.to_string()))?;
        let line = self
            .answers
            .recv_timeout(PATIENCE)
            .map_err(|error| silent(error.to_string()))?
            .map_err(|error| silent(error.to_string()))?;
        let answer: Answer = serde_json::from_str(&line)?;
        if answer.ok {
            Ok(answer.result)
        } else {
            Err(InteropError::refused(answer.error))
        }
    }
}

impl Party for Peer {
    fn name(&self) -> &'static str {
        self.kind.folder
    }

    fn has(&self, suite: &str) -> bool {
        self.suites.iter().any(|known| known == suite)
    }

    fn ask(&mut self, act: &Act<'_>) -> Result<Value, InteropError> {
        self.exchange(&serde_json::to_value(act)?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A peer that has ended already cannot be ended again, and nobody is left to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn contexts() -> Result<Value, InteropError> {
    let mut all = Map::from_iter([(
        documents::CONTEXT.to_owned(),
        json!({"@context": documents::context()}),
    )]);
    for file in chop_schemas::CONTEXTS {
        all.insert(file.url.to_owned(), serde_json::from_str(file.text)?);
    }
    Ok(Value::Object(all))
}
