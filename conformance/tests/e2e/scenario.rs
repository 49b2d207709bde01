//! The apple story plays to its end against a running stack.

use crate::support::stack::{self, Stack};
use std::process::Command;

#[test]
fn the_apple_story_passes() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let output = Command::new(stack::binary())
        .args([
            "scenario",
            "run",
            "apple",
            "--url",
            stack.base(),
            "--token-file",
        ])
        .arg(data.path().join("admin.token"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("1,000") || said.contains("1000"), "{said}");
}
