//! A batch from the file of items to a claimed code, over the real binary and a running stack.

use crate::desk::{Desk, Up};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const TEMPLATE: &str = r#"{"class": "product", "fields": ["gtin", "serial"], "document": {
    "alsoKnownAs": ["https://id.example/01/{gtin}/21/{serial}"]}}"#;

fn items(count: u32) -> String {
    let mut text = String::from("serial,gtin\n");
    for n in 0..count {
        writeln!(text, "A/{n},09506000134352").unwrap();
    }
    text
}

/// The DIDs that `--dids` wrote, by ordinal.
fn dids(desk: &Desk, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(desk.folder.path().join(name)).unwrap();
    let did = |line: &str| line.split_once(',').unwrap().1.to_owned();
    text.lines().skip(1).map(did).collect()
}

/// Somebody with a running stack and a batch of 1,500 items on its ledger.
struct Stand {
    desk: Desk,
    up: Option<Up>,
    token: String,
    batch: String,
    dids: Vec<String>,
}

const CREATE: [&str; 12] = [
    "did",
    "batch",
    "create",
    "--template",
    "crate.json",
    "--items",
    "crates.csv",
    "--controller",
    "orchard",
    "--secrets",
    "--dids",
    "dids.csv",
];

impl Stand {
    fn new() -> Self {
        let mut desk = Desk::new("");
        let up = Up::start(&desk.folder.path().join("data"));
        desk.url.clone_from(&up.url);
        let token = desk.folder.path().join("data/admin.token");
        let token = token.to_str().unwrap().to_owned();
        desk.write("crate.json", TEMPLATE);
        desk.write("crates.csv", &items(1_500));
        let mut stand = Self {
            desk,
            up: Some(up),
            token,
            batch: String::new(),
            dids: Vec::new(),
        };
        stand.run(&["did", "create", "--name", "orchard"]);
        let made = stand.run(&CREATE);
        let batch = made.get("batch").unwrap().as_str().unwrap();
        batch.clone_into(&mut stand.batch);
        stand.dids = dids(&stand.desk, "dids.csv");
        stand
    }

    /// Runs with the token; it must succeed.
    fn run(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--token-file", &self.token]].concat();
        let (status, answer) = self.desk.json(&arguments);
        assert_eq!(status, 0, "{arguments:?}: {answer}");
        answer
    }

    fn activate(&self) {
        let range = ["did", "batch", "activate", &self.batch, "0..1000"];
        self.run(&[&range[..], &["--lot", "L-7", "--controller", "orchard"]].concat());
    }

    fn did(&self, ordinal: usize) -> &str {
        self.dids.get(ordinal).unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.desk.folder.path().join(name)
    }

    fn root(&self) -> String {
        let root = self.file("data/trust-root.json");
        root.to_str().unwrap().to_owned()
    }

    /// Writes a bundle of an item, and gives what it proves without the stack.
    fn bundled(&self, ordinal: usize) -> Value {
        let root = self.root();
        let pinned = ["--trust-root", &root];
        let write = ["did", "resolve", self.did(ordinal), "--bundle", "item.json"];
        let (status, answer) = self.desk.json(&[&write[..], &pinned].concat());
        assert_eq!(status, 0, "{answer}");
        let read = ["did", "resolve", "--from-bundle", "item.json"];
        let (status, answer) = self.desk.json(&[&read[..], &pinned].concat());
        assert_eq!(status, 0, "{answer}");
        answer
    }

    /// What the light client shows of an item.
    fn proved(&self, ordinal: usize) -> Value {
        let root = self.root();
        let resolve = [
            "did",
            "resolve",
            self.did(ordinal),
            "--verify",
            "--trust-root",
            &root,
        ];
        let (status, answer) = self.desk.json(&resolve);
        assert_eq!(status, 0, "{answer}");
        answer
    }

    fn code(&self, ordinal: usize, member: &str) -> Value {
        let answer = self.proved(ordinal);
        let code = answer.pointer("/didDocumentMetadata/chop/code").unwrap();
        code.get(member).cloned().unwrap_or_default()
    }
}

#[test]
fn codes_are_reserved_then_active_or_void_and_that_is_said_first() {
    let stand = Stand::new();
    assert_eq!(stand.dids.len(), 1_500);
    // The same command again finds everything done, and answers the same.
    let again = stand.run(&CREATE);
    assert_eq!(again.get("batch"), Some(&json!(stand.batch)));
    // Also long after, when the envelope that was sent is good no more: a new one would register the batch twice.
    std::fs::remove_file(stand.file("crates.csv.batch/envelope.json")).unwrap();
    let later = stand.run(&CREATE);
    assert_eq!(later.get("height"), again.get("height"));
    assert!(!stand.file("crates.csv.batch/envelope.json").exists());
    assert_eq!(stand.code(1_499, "standing"), "reserved");
    stand.activate();
    let void = [
        "did",
        "batch",
        "void",
        &stand.batch,
        "3..4",
        "--reason",
        "torn",
    ];
    stand.run(&[&void[..], &["--controller", "orchard"]].concat());
    assert_eq!(stand.code(2, "standing"), "active");
    assert_eq!(stand.code(2, "lot"), "L-7");
    assert_eq!(stand.code(3, "standing"), "void");
    assert_eq!(stand.code(3, "reason"), "torn");
    let text = stand.desk.run(&["did", "resolve", stand.did(3)]).stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.trim_start().lines().next().unwrap().contains("VOID"),
        "{text}"
    );
    let shown = stand.run(&["did", "batch", "show", &stand.batch]);
    let segments = shown.pointer("/codes/segments").unwrap();
    assert_eq!(segments.as_array().unwrap().len(), 4);
}

#[test]
fn leaves_that_a_node_lost_are_brought_by_the_same_command() {
    let mut stand = Stand::new();
    assert_eq!(stand.run(&CREATE).get("brought"), Some(&json!(0)));
    stand.up = None;
    std::fs::remove_file(stand.file("data/leaves.redb")).unwrap();
    let up = Up::start(&stand.file("data"));
    stand.desk.url.clone_from(&up.url);
    stand.up = Some(up);
    let resolve = ["did", "resolve", stand.did(7)];
    assert_eq!(stand.desk.run(&resolve).status.code(), Some(3));
    let again = stand.run(&CREATE);
    assert_eq!(again.get("brought"), Some(&json!(2)));
    assert_eq!(stand.code(7, "standing"), "reserved");
}

#[test]
fn a_scratched_secret_claims_its_code_once_and_an_update_keeps_what_the_batch_says() {
    let stand = Stand::new();
    stand.activate();
    let secrets = ["did", "batch", "secrets", "crates.csv.batch", "--base-url"];
    let (status, answer) = stand.desk.json(
        &[
            &secrets[..],
            &["https://id.example/", "--out", "labels.csv"],
        ]
        .concat(),
    );
    assert_eq!(status, 0, "{answer}");
    // The master secret opens with the passphrase of the key folder alone.
    stand.desk.write("other.txt", "another passphrase");
    let other = ["https://id.example/", "--out", "stolen.csv"];
    let other = [&secrets[..], &other, &["--passphrase-file", "other.txt"]].concat();
    assert_eq!(stand.desk.json(&other).0, 2);
    assert!(!stand.file("stolen.csv").exists());
    let labels = stand.file("labels.csv");
    assert_eq!(
        labels.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    let labels = std::fs::read_to_string(labels).unwrap();
    let url = labels.lines().nth(3).unwrap().rsplit_once(',').unwrap().1;
    assert!(
        url.starts_with(&format!("https://id.example/{}#", stand.did(2))),
        "{url}"
    );
    let claim = |ordinal| scratch(&stand.desk, url, stand.did(ordinal));
    assert_eq!(claim(2).0, 0);
    assert!(stand.code(2, "firstClaimed").is_string());
    let (status, words) = claim(2);
    assert!(status == 1 && words.contains("claim.exists"), "{words}");
    let (status, words) = claim(5);
    assert!(status == 1 && words.contains("422"), "{words}");

    // The first operation gives the item a state of its own; what the batch says of it stays.
    let service = "LinkedDomains=https://orchard.example";
    stand.run(&["did", "update", stand.did(2), "--service", service]);
    let own = stand.proved(2);
    assert!(own.pointer("/didDocument/service").is_some(), "{own}");
    assert_eq!(stand.code(2, "lot"), "L-7");
    let version = own.pointer("/didDocumentMetadata/versionId").unwrap();
    assert!(version.as_str().unwrap().starts_with("1-"), "{own}");
    // Its first version stays resolvable, though no operation made it.
    let first = format!("0-{}", stand.did(2).rsplit_once(":b").unwrap().1);
    let resolve = ["did", "resolve", stand.did(2), "--version-id", &first];
    let (status, first) = stand.desk.json(&resolve);
    assert_eq!(status, 0, "{first}");
    assert_eq!(first.pointer("/didDocument/service"), None, "{first}");

    // A bundle shows an item with or without a state of its own, and where its code stood.
    let unchanged = stand.bundled(5);
    let version = unchanged.pointer("/didDocumentMetadata/versionId").unwrap();
    assert!(version.as_str().unwrap().starts_with("0-"), "{unchanged}");
    let changed = stand.bundled(2);
    assert_eq!(changed.get("didDocument"), own.get("didDocument"));
    let code = |answer: &Value| answer.pointer("/didDocumentMetadata/chop/code").cloned();
    assert_eq!(code(&changed), code(&own));
    assert!(code(&changed).is_some());

    stand.run(&["did", "deactivate", stand.did(2), "--yes"]);
    let root = stand.root();
    let verify = ["did", "resolve", stand.did(2), "--verify", "--trust-root"];
    let ended = stand.desk.run(&[&verify[..], &[&root]].concat()).stdout;
    let ended = String::from_utf8(ended).unwrap();
    let words = format!("proved: {} was deactivated", stand.did(2));
    assert!(ended.contains(&words), "{ended}");
}

#[test]
fn what_is_absent_is_unproved_unless_the_batch_is_named() {
    let stand = Stand::new();
    let mut absent = stand.did(0).to_owned();
    let at = absent.len() - 2;
    let other = if absent.get(at..=at) == Some("a") {
        "b"
    } else {
        "a"
    };
    absent.replace_range(at..=at, other);
    let output = stand.desk.run(&["did", "resolve", &absent]);
    assert_eq!(output.status.code(), Some(3));
    let root = stand.root();
    let verify = ["did", "resolve", &absent, "--verify", "--trust-root", &root];
    let words = String::from_utf8(stand.desk.run(&verify).stderr).unwrap();
    assert!(words.contains("not proved"), "{words}");
    let output = stand
        .desk
        .run(&[&verify[..], &["--batch", &stand.batch]].concat());
    assert_eq!(output.status.code(), Some(3));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("the ledger proves that batch"), "{words}");
}

#[test]
fn refuses_items_that_stand_twice_or_do_not_fit_and_a_folder_of_something_else() {
    let mut desk = Desk::new("");
    let up = Up::start(&desk.folder.path().join("data"));
    desk.url.clone_from(&up.url);
    let token = desk.folder.path().join("data/admin.token");
    let token = token.to_str().unwrap().to_owned();
    assert_eq!(
        desk.json(&["did", "create", "--name", "orchard", "--token-file", &token])
            .0,
        0
    );
    desk.write("crate.json", TEMPLATE);
    let create = |items: &str, work: &str, more: &[&str]| {
        desk.write("items.csv", items);
        let create = [
            "did",
            "batch",
            "create",
            "--template",
            "crate.json",
            "--items",
            "items.csv",
            "--controller",
            "orchard",
            "--work",
            work,
            "--token-file",
            &token,
        ];
        let output = desk.run(&[&create, more].concat());
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    // With secrets too, which make the items themselves different.
    for (work, more) in [("one", &[][..]), ("secret", &["--secrets"])] {
        let (status, words) = create("serial,gtin\nA,1\nB,1\nA,1\n", work, more);
        assert!(
            status == Some(2) && words.contains("items 0 and 2 are the same"),
            "{words}"
        );
    }
    let (status, words) = create("serial,gtin\nA,\n", "two", &[]);
    assert!(status == Some(2) && words.contains("item 0"), "{words}");
    let (status, words) = create("serial\nA\n", "three", &[]);
    assert!(status == Some(2) && words.contains("gtin"), "{words}");
    let (status, words) = create("serial,gtin\nA,1\n", "one", &[]);
    assert!(status == Some(2) && words.contains("--work"), "{words}");
}

/// Claims with a secret on standard input.
fn scratch(desk: &Desk, secret: &str, did: &str) -> (i32, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_chopmark"))
        .args(["did", "claim", did, "--secret-file", "-"])
        .current_dir(desk.folder.path())
        .env_clear()
        .env("CHOPMARK_URL", &desk.url)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(secret.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}
