//! The program under test: built once, started on a free port, ended at the end of a test.

use super::remote::Remote;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Returns the path of the `chopmark` binary, built from the present sources.
///
/// `CHOPMARK_BIN` names another one.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("CHOPMARK_BIN") {
            return path.into();
        }
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "chopmark"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(status.success(), "chopmark does not build");
        // target/debug/deps/e2e-… → target/debug/chopmark
        let tests = std::env::current_exe().unwrap();
        tests.ancestors().nth(2).unwrap().join("chopmark")
    })
}

/// A running stack.
pub(crate) struct Stack {
    child: Child,
    remote: Remote,
}

impl Deref for Stack {
    type Target = Remote;

    fn deref(&self) -> &Remote {
        &self.remote
    }
}

impl Stack {
    /// Starts on a data folder and waits until it is ready.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// Starts with further options.
    pub(crate) fn start_with(data: &Path, options: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command
            .args(["up", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(options);
        let mut stack = Self::spawn(command);
        stack.read_token(data);
        stack
    }

    /// Starts a prepared command that ends in `chopmark up` or `chopmark node` and waits for its `ready` line.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let Some(base) = line.trim_end().strip_prefix("ready ") else {
            let status = child.wait();
            panic!("no `ready` line but {line:?}; the process ended with {status:?}")
        };
        Self {
            child,
            remote: Remote::at(base),
        }
    }

    pub(crate) fn read_token(&mut self, data: &Path) {
        self.remote.read_token(data);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process at once, as a power cut does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM and returns how the process ended and how long that took.
    pub(crate) fn terminate(mut self) -> (ExitStatus, Duration) {
        let started = Instant::now();
        signal(self.child.id(), "TERM");
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, started.elapsed());
            }
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "SIGTERM did not end the process"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `chopmark --json`, which must end well, and reads what it says.
pub(crate) fn said(command: &mut Command) -> Value {
    let output = command
        .arg("--json")
        .env_remove("CHOPMARK_PASSPHRASE")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .status()
        .unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}
