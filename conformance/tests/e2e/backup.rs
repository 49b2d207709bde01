//! What comes back from a backup signs nothing twice: a member's node, with a new validator key or above what the old one can
//! have signed, and a solo ledger from its last block.

use crate::support::consortium::{Consortium, consortium, height, lock, resolves, signs, until};
use crate::support::party::Party;
use crate::support::stack::{Stack, binary, said, signal};
use chop_node::engine::comet::last_signed;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn backup(data: &Path, out: &Path) -> Output {
    let mut command = Command::new(binary());
    command.args(["node", "backup", "--data", text(data), "--out", text(out)]);
    command.output().unwrap()
}

/// `node restore` from a backup to a folder.
fn restore(from: &Path, data: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args([
        "node",
        "restore",
        "--from",
        text(from),
        "--data",
        text(data),
    ]);
    command.args(options).env_remove("CHOPMARK_PASSPHRASE");
    command
}

/// What it said when it refused, with this exit code.
fn refused(mut command: Command, code: i32) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// What was begun of a folder is gone when it was refused.
fn assert_nothing_beside(data: &Path) {
    let name = data.file_name().unwrap().to_str().unwrap();
    assert!(!data.with_file_name(format!(".{name}.restoring")).exists());
    assert!(!data.join("keys").exists());
}

/// A backup is no data folder: its keys would sign from an old copy.
fn assert_starts_nothing(backup: &Path) {
    for start in [&["up"][..], &["node", "--engine", "solo"]] {
        let mut command = Command::new(binary());
        command.args(start).args(["--data", text(backup)]);
        command.args(["--listen", "127.0.0.1:0"]);
        let said = refused(command, 2);
        assert!(said.contains("is a backup"), "{said}");
    }
    assert!(
        !backup
            .join("cometbft/data/priv_validator_state.json")
            .exists()
    );
}

fn validator(data: &Path) -> String {
    let file = std::fs::read(data.join("member.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    file["validator"]["publicKey"].as_str().unwrap().to_owned()
}

#[test]
fn a_members_node_comes_back_with_a_new_validator_key_or_above_what_the_old_one_signed() {
    let Some(consortium) = consortium() else {
        return;
    };
    let consortium = lock(&consortium);
    let (folder, node) = (tempfile::tempdir().unwrap(), consortium.node(3));
    let copy = folder.path().join("backup");
    let running = backup(&node, &copy);
    assert_eq!(running.status.code(), Some(2), "{running:?}");
    assert!(String::from_utf8_lossy(&running.stderr).contains("stopped"));
    signal(consortium.pid(3), "TERM");
    until("the node is stopped, and its backup written", || {
        backup(&node, &copy).status.success()
    });
    assert_starts_nothing(&copy);
    let old = validator(&node);
    let written = consortium.write(0);

    comes_back_with_a_new_key(&copy, &folder.path().join("renewed"), &old, &written);
    let kept = consortium.data().join("restored");
    let from = comes_back_with_its_key(&consortium, &copy, &kept);
    let aside = consortium.data().join("node3.before");
    std::fs::rename(&node, &aside).unwrap();
    std::fs::rename(&kept, &node).unwrap();
    consortium.restart();
    until("its key signs above what it can have signed", || {
        consortium.write(0);
        let is_signed = signs(&consortium.nodes[0], &old);
        // The newest header is of the last block or of the one that comes.
        assert!(!is_signed || height(&consortium.nodes[0]) + 1 >= from);
        is_signed
    });

    // Now that the key signs, the backup gives it to nobody else.
    let second = folder.path().join("second");
    let said = while_writing(&consortium, || {
        refused(asking(&consortium, &copy, &second), 1)
    });
    assert!(said.contains("runs still"), "{said}");
    assert_nothing_beside(&second);
    consortium.assert_same_blocks();
    std::fs::remove_dir_all(aside).unwrap();
}

fn comes_back_with_a_new_key(copy: &Path, data: &Path, old: &str, written: &str) {
    let done = said(&mut restore(copy, data, &[]));
    let new = validator(data);
    assert_ne!(new, old);
    assert_eq!(done["key"]["validator"]["old"], old);
    assert_eq!(done["key"]["validator"]["new"], new.as_str());
    assert_eq!(last_signed(&data.join("cometbft")).unwrap(), None);
    let again = refused(restore(copy, data, &[]), 2);
    assert!(again.contains("not empty"), "{again}");
    let mut command = Command::new(binary());
    command
        .args(["node", "--engine", "cometbft", "--listen", "127.0.0.1:0"])
        .args(["--p2p-listen", "127.0.0.1:0", "--data", text(data)])
        .env_remove("CHOPMARK_PASSPHRASE");
    let node = Stack::spawn(command);
    until("it follows from where the backup ends", || {
        resolves(&node, written)
    });
    node.terminate();
    assert_eq!(last_signed(&data.join("cometbft")).unwrap(), Some(0));
}

/// Restores the backup with its key; the height from which that signs.
fn comes_back_with_its_key(consortium: &Consortium, copy: &Path, kept: &Path) -> u64 {
    let unasked = refused(restore(copy, kept, &["--validator-key"]), 2);
    assert!(unasked.contains("--url"), "{unasked}");
    let done = while_writing(consortium, || said(&mut asking(consortium, copy, kept)));
    let from = done["key"]["signsFrom"].as_u64().unwrap();
    let signed = last_signed(&kept.join("cometbft")).unwrap().unwrap();
    assert_eq!(signed + 1, from);
    assert!(signed > height(&consortium.nodes[0]));
    from
}

fn asking(consortium: &Consortium, copy: &Path, data: &Path) -> Command {
    let urls = [0, 1].map(|index| consortium.nodes[index].base());
    let [one, two] = urls;
    restore(copy, data, &["--validator-key", "--url", one, "--url", two])
}

/// Does something while blocks are made.
fn while_writing<T>(consortium: &Consortium, work: impl FnOnce() -> T) -> T {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::SeqCst) {
                let (envelope, _) = consortium.product(0);
                let _answer = consortium.nodes[0].try_post("/v1/transactions", &envelope);
                std::thread::sleep(Duration::from_millis(300));
            }
        });
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        ended.store(true, Ordering::SeqCst);
        done.unwrap_or_else(|cause| std::panic::resume_unwind(cause))
    })
}

#[test]
fn a_solo_ledger_comes_back_from_its_last_block_and_from_no_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (data, early, latest) = (at("data"), at("early"), at("latest"));
    let stack = Stack::start(&data);
    Party::create(&stack);
    stack.terminate();
    assert!(backup(&data, &early).status.success());
    let stack = Stack::start(&data);
    let party = Party::create(&stack);
    let seen = height(&stack).to_string();
    stack.terminate();
    assert!(backup(&data, &latest).status.success());
    let inside = backup(&data, &data.join("copies/latest"));
    assert_eq!(inside.status.code(), Some(2), "{inside:?}");
    assert!(String::from_utf8_lossy(&inside.stderr).contains("outside of it"));
    assert_starts_nothing(&latest);
    let mut replay = Command::new(binary());
    replay.args(["ledger", "replay", "--data", text(&latest)]);
    said(&mut replay);

    let back = at("back");
    let unasked = refused(restore(&latest, &back, &[]), 1);
    assert!(unasked.contains("--last-height"), "{unasked}");
    let named = ["--last-height", &seen];
    let forked = refused(restore(&early, &back, &named), 1);
    assert!(forked.contains("would see a fork"), "{forked}");
    assert!(!back.exists());

    let genesis = latest.join("genesis.json");
    let text = std::fs::read(&genesis).unwrap();
    std::fs::write(&genesis, [text.as_slice(), b"\n"].concat()).unwrap();
    let damaged = refused(restore(&latest, &back, &named), 2);
    assert!(damaged.contains("damaged: genesis.json"), "{damaged}");
    std::fs::write(&genesis, text).unwrap();
    assert_nothing_beside(&back);

    said(&mut restore(&latest, &back, &named));
    std::fs::remove_dir_all(&data).unwrap();
    let stack = Stack::start(&back);
    assert!(resolves(&stack, &party.did.to_string()));
    Party::create(&stack);
    stack.terminate();
}
