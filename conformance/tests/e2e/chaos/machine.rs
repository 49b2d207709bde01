//! What a machine can do to a process: slow and full disks, a wrong clock.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles what is loaded before the C library, and gives the environment that loads it.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/chaos/faults.c");
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(folder.path().join("faults.so"))
            .arg(source)
            .arg("-ldl")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self { folder }
    }

    /// Lets a command, and what it starts, feel what is inflicted.
    pub(crate) fn apply(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", self.folder.path().join("faults.so"))
            .env("CHOPMARK_FAULTS", self.folder.path());
    }

    /// Lets a command live with a clock that is wrong by so many seconds.
    pub(crate) fn shift_clock(&self, command: &mut Command, seconds: i64) {
        self.apply(command);
        command.env("CHOPMARK_FAULT_clock", seconds.to_string());
    }

    /// Inflicts a fault on a process until what is returned goes.
    pub(crate) fn inflict(&self, pid: u32, fault: &str, value: i64) -> Inflicted {
        let path = self.folder.path().join(format!("{pid}.{fault}"));
        std::fs::write(&path, value.to_string()).unwrap();
        Inflicted(path)
    }
}

/// A fault that goes with this.
pub(crate) struct Inflicted(PathBuf);

impl Drop for Inflicted {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.0);
    }
}
