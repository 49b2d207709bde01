//! A full disk makes the node read-only, not corrupt.

use crate::support::party::Party;
use crate::support::stack::{self, Stack};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The size of the disk that is filled.
const DISK: &str = "48m";

#[test]
fn a_full_disk_makes_the_node_read_only_until_there_is_room_again() {
    let mount = tempfile::tempdir().unwrap();
    let mut stack = start_on_small_disk(mount.path());
    let data = inside(&stack, mount.path()).join("data");
    stack.read_token(&data);
    let party = Party::create(&stack);
    let known = format!("/1.0/identifiers/{}", party.did);
    fill(&data.join("fill"));

    let refused = refusal(&stack, &party);
    assert!(refused == 503 || refused == 507, "{refused}");
    assert_eq!(stack.get("/readyz").status, 503);
    assert_eq!(stack.get("/healthz").status, 200);
    assert_eq!(stack.get(&known).status, 200);
    assert_eq!(stack.get("/v1/status").status, 200);

    fs::remove_file(data.join("fill")).unwrap();
    let saved = tempfile::tempdir().unwrap();
    copy(&data, &saved.path().join("data"));
    stack.kill();

    let stack = Stack::start(&saved.path().join("data"));
    assert_eq!(stack.get("/readyz").status, 200);
    assert_eq!(stack.get(&known).status, 200);
    let (envelope, dids) = party.create_products(1);
    assert_eq!(stack.post("/v1/transactions", &envelope).status, 201);
    assert_eq!(
        stack.get(&format!("/1.0/identifiers/{}", dids[0])).status,
        200
    );
}

/// Starts on a file system of its own, which only the process and its children see.
fn start_on_small_disk(mount: &Path) -> Stack {
    let script = format!(
        "mount -t tmpfs -o size={DISK} none {0} && exec {1} up --listen 127.0.0.1:0 --data {0}/data",
        mount.display(),
        stack::binary().display()
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", &script]);
    Stack::spawn(command)
}

/// The folder as the process sees it.
fn inside(stack: &Stack, mount: &Path) -> PathBuf {
    PathBuf::from(format!("/proc/{}/root", stack.pid())).join(mount.strip_prefix("/").unwrap())
}

/// Writes until there is no room left, then byte by byte.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    let chunk = vec![0x5a; 1 << 20];
    while file.write_all(&chunk).is_ok() {}
    while file.write_all(&chunk[..1]).is_ok() {}
}

/// Writes until the node refuses for want of room; a database may have reserved some.
fn refusal(stack: &Stack, party: &Party) -> u16 {
    let started = Instant::now();
    while started.elapsed() < Duration::from_mins(1) {
        let (envelope, _) = party.create_products(32);
        let status = stack.post("/v1/transactions", &envelope).status;
        if status != 201 {
            return status;
        }
    }
    panic!("a minute of writes did not find the disk full");
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .unwrap();
    assert!(status.success());
}
