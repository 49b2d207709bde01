//! Somebody at work: a folder, an environment, and a stack to talk to.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

/// A folder to work in, and the environment of somebody who works there.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
}

impl Desk {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            url: url.to_owned(),
        }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_in(self.folder.path(), arguments)
    }

    pub(crate) fn run_in(&self, folder: &Path, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_chopmark"))
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("CHOPMARK_PASSPHRASE", PASSPHRASE)
            .env("CHOPMARK_URL", &self.url)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs with `--json` and reads the one document on standard output.
    pub(crate) fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        let output = self.run(&arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        let value = serde_json::from_str(&text)
            .unwrap_or_else(|error| json!({"notJson": text, "error": error.to_string()}));
        (output.status.code().unwrap(), value)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }

    pub(crate) fn claim(&self) -> String {
        self.write(
            "claim.json",
            r#"{"credentialSubject":{"id":"did:example:apple"}}"#,
        )
    }
}

/// A running stack, ended when it is dropped.
pub(crate) struct Up {
    child: Child,
    pub(crate) url: String,
}

impl Up {
    pub(crate) fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chopmark"))
            .args(["up", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.trim().strip_prefix("ready ").unwrap().to_owned();
        Self { child, url }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
