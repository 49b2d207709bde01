//! The real binary, run as people and programs run it.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

#[path = "../../credential/examples/status_vectors/certificates.rs"]
mod certificates;

use certificates::Authority;
use chop_keys::PublicKey;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

const PASSPHRASE: &str = "correct horse battery staple";

/// A folder to work in, and the environment of somebody who works there.
struct Desk {
    folder: TempDir,
    url: String,
}

impl Desk {
    fn new(url: &str) -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            url: url.to_owned(),
        }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_in(self.folder.path(), arguments)
    }

    fn run_in(&self, folder: &Path, arguments: &[&str]) -> Output {
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
    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        let output = self.run(&arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        let value = serde_json::from_str(&text)
            .unwrap_or_else(|error| json!({"notJson": text, "error": error.to_string()}));
        (output.status.code().unwrap(), value)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }

    fn claim(&self) -> String {
        self.write(
            "claim.json",
            r#"{"credentialSubject":{"id":"did:example:apple"}}"#,
        )
    }
}

/// A running stack, ended when it is dropped.
struct Up {
    child: Child,
    url: String,
}

impl Up {
    fn start(data: &Path) -> Self {
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

#[test]
fn a_key_is_made_once_listed_and_never_shown_in_private() {
    let desk = Desk::new("http://127.0.0.1:1");
    let (code, made) = desk.json(&["key", "new", "lab"]);
    assert_eq!((code, made["type"].as_str()), (0, Some("Ed25519")));
    assert_eq!(desk.run(&["key", "new", "lab"]).status.code(), Some(2));
    let (_, listed) = desk.json(&["key", "list"]);
    assert_eq!(listed[0]["publicKeyMultibase"], made["publicKeyMultibase"]);
    let exported = desk.run(&["key", "export-public", "lab", "--format", "jwk"]);
    let jwk: Value = serde_json::from_slice(&exported.stdout).unwrap();
    assert_eq!(
        jwk.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["crv", "kty", "x"]
    );
    assert_eq!(
        desk.run(&["key", "export-public", "nobody"]).status.code(),
        Some(3)
    );
}

#[test]
fn every_failure_is_one_document_with_a_kind_and_its_code() {
    let desk = Desk::new("http://127.0.0.1:1");
    desk.run(&["key", "new", "lab"]);
    for (arguments, code, kind) in [
        (&["did", "resolve", "nobody"][..], 3, "notFound"),
        (&["did", "resolve", "did:key:z6Mk"], 4, "unreachable"),
        (&["vc", "inspect", "nothing.json"], 2, "usage"),
        (&["did", "log", "did:web:a.example"], 2, "usage"),
    ] {
        let (found, document) = desk.json(arguments);
        assert_eq!(
            (found, document["error"]["kind"].as_str()),
            (code, Some(kind)),
            "{arguments:?}: {document}"
        );
    }
    assert_eq!(desk.run(&["did", "fly"]).status.code(), Some(2));
}

#[test]
fn a_wrong_passphrase_opens_nothing() {
    let desk = Desk::new("http://127.0.0.1:1");
    desk.run(&["key", "new", "lab"]);
    let file = desk.write("wrong", "not the passphrase\n");
    let output = desk.run(&["key", "new", "other", "--passphrase-file", &file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("wrong passphrase")
    );
}

#[test]
fn a_credential_is_issued_inspected_and_judged_without_a_network() {
    let desk = Desk::new("http://127.0.0.1:1");
    desk.run(&["key", "new", "lab", "--type", "p256"]);
    for extra in [&[][..], &["--jwt"]] {
        let claim = desk.claim();
        let issued = desk.run(&[&["vc", "issue", &claim, "--key", "lab"], extra].concat());
        let file = desk.write("issued", &String::from_utf8(issued.stdout).unwrap());
        let (code, verdict) = desk.json(&["vc", "verify", &file, "--offline"]);
        assert_eq!(
            (code, verdict["outcome"].as_str()),
            (0, Some("accepted")),
            "{verdict:#}"
        );
        let (code, shown) = desk.json(&["vc", "inspect", &file]);
        assert_eq!(
            (code, &shown["document"]["credentialSubject"]["id"]),
            (0, &json!("did:example:apple"))
        );
    }
    let file = desk.write("unsigned", r#"{"@context":[]}"#);
    assert_eq!(
        desk.run(&["vc", "verify", &file, "--offline"])
            .status
            .code(),
        Some(1)
    );
}

#[test]
fn an_sd_jwt_vc_brings_certificates_that_are_for_its_key_and_its_issuer() {
    let desk = Desk::new("http://127.0.0.1:1");
    let (_, made) = desk.json(&["key", "new", "lab", "--type", "ed25519"]);
    let key = PublicKey::from_multikey(made["publicKeyMultibase"].as_str().unwrap()).unwrap();
    let (anchor, issuer) = (Authority::new(11), "https://lab.example");
    let anchors = desk.write("anchors.pem", &anchor.certificate().pem());
    let others = desk.write("others.pem", &Authority::new(12).certificate().pem());
    let own = anchor.certify(&key, &[issuer]).pem();
    let chain = desk.write("chain.pem", &own);
    let with_anchor = desk.write("anchor.pem", &(own + &anchor.certificate().pem()));
    let named = desk.write(
        "named.json",
        &json!({"iss": issuer, "vct": "urn:example:pass", "given_name": "Ada"}).to_string(),
    );
    let nameless = desk.write("nameless.json", r#"{"vct":"urn:example:pass"}"#);
    let strange = desk.write(
        "strange.json",
        r#"{"iss":"https://other.example","vct":"urn:example:pass"}"#,
    );
    let issue = |claims: &str, chain: &str| {
        desk.run(&[
            "vc",
            "issue",
            claims,
            "--key",
            "lab",
            "--sd-jwt-vc",
            "--x5c",
            chain,
        ])
    };
    for claims in [&named, &nameless] {
        let made = issue(claims, &chain);
        let file = desk.write("issued", &String::from_utf8(made.stdout).unwrap());
        for (anchors, expected) in [(&anchors, "accepted"), (&others, "refused")] {
            let (_, verdict) = desk.json(&[
                "vc",
                "verify",
                &file,
                "--offline",
                "--trust-anchor",
                anchors,
            ]);
            assert_eq!(verdict["outcome"], expected, "{verdict:#}");
        }
    }
    for (claims, chain, words) in [
        (&strange, &chain, "does not name the issuer"),
        (&named, &with_anchor, "vouches for itself"),
        (&named, &others, "another key than the one that signs"),
        (&named, &named, "no chain"),
    ] {
        let refused = issue(claims, chain);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_credential_is_shown_in_part_without_a_network() {
    let desk = Desk::new("http://127.0.0.1:1");
    let (code, bound) = desk.json(&["vc", "bind", "--secret", "holder.json"]);
    assert_eq!(code, 0, "{bound:#}");
    let commitment = bound["commitmentWithProof"].as_str().unwrap();
    for (key_type, suite, extra, holder) in [
        ("p256", "ecdsa-sd-2023", &[][..], &[][..]),
        ("bls12381", "bbs-2023", &[], &["--nonce", "for you"]),
        (
            "bls12381",
            "bbs-2023",
            &["--commitment", commitment],
            &["--secret", "holder.json"],
        ),
    ] {
        desk.run(&["key", "new", suite, "--type", key_type]);
        let claim = desk.claim();
        let sign = ["vc", "issue", &claim, "--key", suite, "--suite", suite];
        let (code, base) = desk.json(&[&sign[..], &["--mandatory", "/issuer"], extra].concat());
        assert_eq!(code, 0, "{base:#}");
        let file = desk.write("base", &base.to_string());
        let reveal = ["vc", "derive", &file, "--reveal", "/credentialSubject"];
        let (code, derived) = desk.json(&[&reveal[..], holder].concat());
        assert_eq!(
            (code, derived.get("validFrom"), derived.get("id")),
            (0, None, base.get("id")),
            "{derived:#}"
        );
        let shown = desk.write("shown", &derived.to_string());
        let (_, verdict) = desk.json(&["vc", "verify", &shown, "--offline"]);
        assert_eq!(verdict["outcome"], "accepted", "{verdict:#}");
        let (code, refused) = desk.json(&["vc", "derive", &file, "--reveal", "/nothing"]);
        assert_ne!(code, 0, "{refused:#}");

        let (_, verdict) = desk.json(&["vc", "verify", &file, "--offline"]);
        assert_eq!(verdict["outcome"], "refused", "{verdict:#}");
    }
}

#[test]
fn a_did_lives_through_all_its_operations_and_each_state_is_proved() {
    let data = TempDir::new().unwrap();
    let up = Up::start(&data.path().join("data"));
    let desk = Desk::new(&up.url);
    let data = data.path().join("data");
    let data = data.to_str().unwrap();
    let ok = |arguments: &[&str]| {
        let (code, value) = desk.json(&[arguments, &["--data", data]].concat());
        assert_eq!(code, 0, "{arguments:?}: {value:#}");
        value
    };
    let did = ok(&["did", "create", "--name", "orchard"])["did"]
        .as_str()
        .unwrap()
        .to_owned();
    ok(&[
        "did",
        "create",
        "--name",
        "crate",
        "--class",
        "product",
        "--controller",
        "orchard",
    ]);
    ok(&[
        "did",
        "update",
        "orchard",
        "--service",
        "LinkedDomains=https://orchard.example",
        "--new-key",
        "--retire-key",
        "key-1",
    ]);
    ok(&["did", "rotate", "orchard"]);
    ok(&["did", "recover", "orchard"]);
    ok(&["did", "rotate", "orchard", "--new-recovery"]);
    ok(&["did", "veto", "orchard"]);
    let log = ok(&["did", "log", "orchard"]);
    let kinds: Vec<&str> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["operation"]["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["create", "update", "rotate", "recover", "rotate", "veto"]
    );

    let proved = ok(&["did", "resolve", "orchard", "--verify"]);
    assert_eq!(proved["didDocument"]["id"], json!(did));
    assert_eq!(proved["checked"]["proof"], "inclusion");
    let claimed = ok(&["did", "resolve", &did]);
    assert_eq!(claimed["didDocument"], proved["didDocument"]);

    let claim = desk.claim();
    let issued = ok(&["vc", "issue", &claim, "--as", "orchard"]);
    let file = desk.write("issued", &issued.to_string());
    let judged = ok(&["vc", "verify", &file, "--policy", "open"]);
    assert_eq!(judged["outcome"], "accepted");

    ok(&["did", "deactivate", "crate", "--yes"]);
    let ended = ok(&["did", "resolve", "crate", "--verify"]);
    assert_eq!(ended["didDocumentMetadata"]["deactivated"], true);
    let (code, refused) = desk.json(&[
        "did",
        "update",
        "crate",
        "--also-known-as",
        "https://a.example",
        "--data",
        data,
    ]);
    assert_eq!(
        (code, refused["error"]["kind"].as_str()),
        (1, Some("refused"))
    );
}

#[test]
fn a_proof_that_does_not_hold_is_refused_and_an_absence_is_proved() {
    let data = TempDir::new().unwrap();
    let up = Up::start(&data.path().join("data"));
    let desk = Desk::new(&up.url);
    let data = data.path().join("data");
    let data = data.to_str().unwrap();
    let (_, created) = desk.json(&["did", "create", "--name", "orchard", "--data", data]);
    let did = created["did"].as_str().unwrap();

    let (_, key) = desk.json(&["key", "new", "stranger"]);
    let pinned = std::fs::read_to_string(format!("{data}/trust-root.json")).unwrap();
    let mut root: Value = serde_json::from_str(&pinned).unwrap();
    root["validators"][0]["publicKey"] = key["publicKeyMultibase"].clone();
    let strange = desk.write("strange.json", &root.to_string());
    let (code, refused) = desk.json(&["did", "resolve", did, "--verify", "--trust-root", &strange]);
    assert_eq!(
        (code, refused["error"]["kind"].as_str()),
        (1, Some("refused"))
    );

    let (head, tail) = did.split_at(did.len() - 8);
    let other = format!("{head}aaaaaaa{}", &tail[7..]);
    let (code, absent) = desk.json(&["did", "resolve", &other, "--verify", "--data", data]);
    assert_eq!(
        (code, &absent["checked"]["proof"]),
        (3, &json!("absence")),
        "{absent:#}"
    );

    // From anywhere, with nothing but the DID and the trust root.
    let elsewhere = TempDir::new().unwrap();
    let root = format!("{data}/trust-root.json");
    let output = desk.run_in(
        elsewhere.path(),
        &["did", "resolve", did, "--verify", "--trust-root", &root],
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn schemas_are_published_shown_and_deprecated() {
    let data = TempDir::new().unwrap();
    let up = Up::start(&data.path().join("data"));
    let desk = Desk::new(&up.url);
    let data = data.path().join("data");
    let data = data.to_str().unwrap();
    let run = |arguments: &[&str]| desk.json(&[arguments, &["--data", data]].concat());
    let schema = |grades: Value| {
        let text = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "https://orchard.example/inspection.json",
            "properties": {"grade": {"enum": grades}},
        });
        desk.write("schema.json", &format!("{text:#}"))
    };
    assert_eq!(run(&["did", "create", "--name", "orchard"]).0, 0);
    let publish =
        |version: &str, file: &str| run(&["schema", "publish", version, file, "--as", "orchard"]);
    let (code, published) = publish("inspection@1.0.0", &schema(json!(["A"])));
    assert_eq!(
        (code, &published["kind"]),
        (0, &json!("json-schema")),
        "{published:#}"
    );
    let url = published["url"].as_str().unwrap();
    assert_eq!(
        url,
        format!(
            "{}/schemas/{}",
            up.url,
            published["digest"].as_str().unwrap()
        )
    );
    // The ledger refuses what breaks the version before; this program refuses what works nowhere.
    let (code, refused) = publish("inspection@1.1.0", &schema(json!(["B"])));
    assert_eq!(code, 1, "{refused:#}");
    assert!(
        refused.to_string().contains("schema.incompatible"),
        "{refused:#}"
    );
    let broken = desk.write("broken.json", r#"{"@context":{"@version":7}}"#);
    assert_eq!(publish("terms@1.0.0", &broken).0, 2);
    assert_eq!(publish("inspection@2.0.0", &schema(json!(["B"]))).0, 0);
    let (code, _) = run(&[
        "schema",
        "deprecate",
        "inspection@1.0.0",
        "--as",
        "orchard",
        "--reason",
        "grades were renamed",
        "--replaced-by",
        "inspection@2.0.0",
    ]);
    assert_eq!(code, 0);
    let (_, listed) = desk.json(&["schema", "list"]);
    assert_eq!(listed["schemas"][0]["versions"], json!(["1.0.0", "2.0.0"]));
    let (_, shown) = desk.json(&["schema", "show", "inspection"]);
    assert_eq!(
        shown["versions"][0]["deprecated"]["reason"],
        "grades were renamed"
    );
    assert!(shown["versions"][1].get("deprecated").is_none());
    let (_, shown) = desk.json(&["schema", "show", "inspection@1.0.0"]);
    assert_eq!(shown["url"], url);
    let (_, body) = desk.json(&["schema", "show", "inspection@2.0.0", "--body"]);
    assert_eq!(body["properties"]["grade"]["enum"], json!(["B"]));
    assert_eq!(desk.json(&["schema", "show", "inspection@9.0.0"]).0, 3);
}

#[test]
fn a_bundle_proves_a_did_and_its_past_when_the_service_is_gone() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let up = Up::start(&data);
    let desk = Desk::new(&up.url);
    let data = data.to_str().unwrap();
    let root = format!("{data}/trust-root.json");
    let ok = |arguments: &[&str]| {
        let (code, value) = desk.json(&[arguments, &["--data", data]].concat());
        assert_eq!(code, 0, "{arguments:?}: {value:#}");
        value
    };
    let did = ok(&["did", "create", "--name", "orchard"])["did"].clone();
    let service = "LinkedDomains=https://orchard.example";
    ok(&["did", "update", "orchard", "--service", service]);
    let written = ok(&["did", "resolve", "orchard", "--bundle", "orchard.json"]);
    assert_eq!(written["checked"]["checkpoint"], Value::Null);
    assert_eq!(written["checked"]["timestamp"], json!("absent"));
    // A later block, so that there is a header to confirm by.
    ok(&["did", "create", "--name", "other"]);
    let arguments = ["did", "resolve", "--from-bundle", "orchard.json"];
    let adding = ["--checkpoint", "--bundle", "confirmed.json"];
    let confirmed = ok(&[&arguments[..], &adding].concat());
    assert!(confirmed["checked"]["checkpoint"]["height"].is_u64());

    drop(up);
    for file in ["orchard.json", "confirmed.json"] {
        let offline = ok(&[
            "did",
            "resolve",
            "--from-bundle",
            file,
            "--trust-root",
            &root,
        ]);
        assert_eq!(offline["did"], did);
        assert_eq!(offline["asOf"], written["checked"]["headerTime"]);
        assert_eq!(offline["didDocument"], written["didDocument"]);
        assert_eq!(
            offline["didDocument"]["service"][0]["type"],
            json!("LinkedDomains")
        );
    }
    let versions = &written["didDocumentMetadata"];
    let bundle: Value =
        serde_json::from_slice(&std::fs::read(desk.folder.path().join("orchard.json")).unwrap())
            .unwrap();
    let first = bundle["log"][0]["versionId"].as_str().unwrap();
    assert_ne!(versions["versionId"], json!(first));
    let earlier = ok(&[
        "did",
        "resolve",
        "--from-bundle",
        "orchard.json",
        "--version-id",
        first,
    ]);
    assert_eq!(earlier["didDocument"]["service"], Value::Null);

    let mut altered = bundle.clone();
    altered["log"][1]["operation"]["document"]["service"][0]["id"] = json!("#other");
    let altered = desk.write("altered.json", &altered.to_string());
    let mut other = bundle;
    other["evidence"]["proof"]["statements"][0]["value"] = Value::Null;
    let other = desk.write("absent.json", &other.to_string());
    for file in [&altered, &other] {
        let arguments = ["did", "resolve", "--from-bundle", file, "--data", data];
        let (code, refused) = desk.json(&arguments);
        assert_eq!(
            (code, refused["error"]["kind"].as_str()),
            (1, Some("refused")),
            "{refused}"
        );
    }
    let misplaced = ["did", "resolve", "orchard", "--checkpoint"];
    assert_eq!(desk.run(&misplaced).status.code(), Some(2));
}

#[test]
fn a_founder_alone_admits_a_member_with_whom_it_then_decides() {
    let mut desk = Desk::new("");
    let up = Up::start(&desk.folder.path().join("chopmark-data"));
    desk.url.clone_from(&up.url);
    let (code, made) = desk.json(&["did", "create", "--name", "mill"]);
    assert_eq!(code, 0, "{made}");
    let admit = ["member", "propose", "admit", "mill", "--name", "Mill & Co"];
    let (code, shown) = desk.json(&[&admit[..], &["--dry-run"]].concat());
    assert_eq!(
        (code, &shown["changes"][0]["current"]),
        (0, &json!("no member"))
    );
    assert_eq!(shown["changes"][0]["proposed"], "live");
    let (code, admitted) = desk.json(&admit);
    assert_eq!(
        (code, &admitted["standing"]),
        (0, &json!("accepted")),
        "{admitted}"
    );

    let set = [
        "member",
        "propose",
        "set",
        "heartbeatMs",
        "30000",
        "--as",
        "mill",
    ];
    let (code, open) = desk.json(&set);
    assert_eq!((code, &open["standing"]), (0, &json!("open")), "{open}");
    let line = json!({"what": "heartbeatMs", "current": "60000", "proposed": "30000"});
    assert_eq!(open["changes"], json!([line]));
    let id = open["proposal"].as_str().unwrap();
    let (_, list) = desk.json(&["member", "list"]);
    assert_eq!(list["members"]["members"].as_array().unwrap().len(), 2);
    assert_eq!(list["proposals"][0]["proposal"]["id"], id);
    let (code, refused) = desk.json(&["member", "vote", id, "yes", "--as", "mill"]);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(code == 1 && message.contains("proposal.voted"), "{refused}");
    let (code, voted) = desk.json(&["member", "vote", id, "yes"]);
    assert_eq!(
        (code, &voted["standing"]),
        (0, &json!("accepted")),
        "{voted}"
    );
    let (_, shown) = desk.json(&["member", "show", id]);
    assert_eq!(shown["votes"].as_array().unwrap().len(), 2);

    let solo = [
        "member",
        "propose",
        "validators",
        "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK=0",
    ];
    let (code, refused) = desk.json(&solo);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(
        code == 1 && message.contains("validators.solo"),
        "{refused}"
    );
    let (code, invited) = desk.json(&["member", "invite", "--out", "invitation.json"]);
    assert_eq!(code, 0, "{invited}");
    let invitation = std::fs::read(desk.folder.path().join("invitation.json")).unwrap();
    let invitation: Value = serde_json::from_slice(&invitation).unwrap();
    assert_eq!(invitation["ledger"], invited["ledger"]);
}
