//! Entity statements of `OpenID` Federation, served by three authorities in a chain.

use super::reader::{Token, peer};
use super::{TYPE, accredited, did, founded, refused};
use crate::desk::{Desk, PASSPHRASE, Up};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// `chopmark trust serve` of one authority, ended when it is dropped.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(desk: &Desk, name: &str, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chopmark"))
            .args([
                "trust",
                "serve",
                "--as",
                name,
                "--listen",
                "127.0.0.1:0",
                "--refresh",
                "1",
            ])
            .args(more)
            .current_dir(desk.folder.path())
            .env_clear()
            .env("CHOPMARK_PASSPHRASE", PASSPHRASE)
            .env("CHOPMARK_URL", &desk.url)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("ready http://")
            .unwrap()
            .to_owned();
        Self { child, address }
    }

    /// Status, head and body of a GET.
    fn get(&self, path: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let host = &self.address;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    fn error(&self, path: &str) -> (u16, String) {
        let (status, _, body) = self.get(path);
        let body: Value = serde_json::from_str(&body).unwrap();
        (status, body["error"].as_str().unwrap().to_owned())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a path answers with a status: what was signed before is answered for a second.
fn until(serving: &Serving, path: &str, wanted: u16) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while serving.get(path).0 != wanted {
        assert!(
            std::time::Instant::now() < deadline,
            "{path} does not answer {wanted}"
        );
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// An anchor, an intermediate and a leaf, each serving for itself.
struct Chain {
    desk: Desk,
    up: Option<Up>,
    bureau: String,
    shop: String,
    anchor: Serving,
    middle: Serving,
    leaf: Serving,
}

const SHOP: &str = "/federation/fetch?sub=https%3A%2F%2Fshop.example";
const BUREAU: &str = "/federation/fetch?sub=https%3A%2F%2Fbureau.example";
const CONFIGURATION: &str = "/.well-known/openid-federation";

fn chain(metadata: Option<&Value>) -> Chain {
    let (desk, up) = founded(&["bureau", "shop"]);
    let china = ["--depth", "1", "--jurisdiction", "CN"];
    let bureau = accredited(&desk, "ministry", "bureau", &china);
    let shaanxi = ["--under", &bureau, "--jurisdiction", "CN-SN"];
    let shop = accredited(&desk, "bureau", "shop", &shaanxi);
    let metadata = metadata.map(|value| desk.write("metadata.json", &value.to_string()));
    let metadata: Vec<&str> = metadata
        .iter()
        .flat_map(|file| ["--metadata", file.as_str()])
        .collect();
    Chain {
        anchor: Serving::start(&desk, "ministry", &[]),
        middle: Serving::start(&desk, "bureau", &[]),
        leaf: Serving::start(&desk, "shop", &metadata),
        desk,
        up: Some(up),
        bureau,
        shop,
    }
}

/// Has the peer build the chain from the leaf to the anchor.
fn read_by_peer(chain: &Chain) -> Option<Value> {
    let hosts = json!({
        "https://ministry.example": format!("http://{}", chain.anchor.address),
        "https://bureau.example": format!("http://{}", chain.middle.address),
        "https://shop.example": format!("http://{}", chain.leaf.address),
    });
    let (leaf, anchor) = ("https://shop.example", "https://ministry.example");
    peer(&["federation", leaf, anchor, &hosts.to_string()])
}

#[test]
fn a_chain_of_authorities_leads_to_whom_they_accredited_as_long_as_it_counts() {
    let mut chain = chain(Some(&json!({"openid_credential_issuer": {
        "accredited_credential_types": [TYPE, "Harvest"],
    }})));
    if let Some(read) = read_by_peer(&chain) {
        assert_eq!(read["chains"], 1, "{read}");
        let names = ["shop", "bureau", "ministry"].map(|name| format!("https://{name}.example"));
        assert_eq!(read["subjects"], json!(names), "{read}");
        // The policy cuts off what was not accredited.
        assert_eq!(read["types"], json!([TYPE]), "{read}");
    }
    // A suspension at the top empties both: what hangs below does not count either.
    let suspend = ["trust", "suspend", &chain.bureau, "--as", "ministry"];
    assert_eq!(chain.desk.json(&suspend).0, 0);
    until(&chain.middle, SHOP, 404);
    until(&chain.anchor, BUREAU, 404);
    assert!(read_by_peer(&chain).is_none_or(|read| read["chains"] == 0));
    // Without the ledger there is no answer, not an old one.
    drop(chain.up.take());
    until(&chain.anchor, CONFIGURATION, 503);
}

#[test]
fn the_endpoints_answer_as_the_specification_has_it() {
    let chain = chain(None);
    // Whose configuration says nothing of its own is led to by what it was accredited for.
    if let Some(read) = read_by_peer(&chain) {
        assert_eq!(read["chains"], 1, "{read}");
        assert_eq!(read["types"], json!([TYPE]), "{read}");
    }
    let Chain {
        anchor,
        middle,
        leaf,
        ..
    } = &chain;
    let (status, head, body) = anchor.get(CONFIGURATION);
    assert_eq!(status, 200);
    let media = "content-type: application/entity-statement+jwt\r\n";
    assert!(head.contains(media), "{head}");
    assert!(head.contains("cache-control: public, max-age="), "{head}");
    let top = Token::parse(&body);
    assert_eq!(top.header["typ"], "entity-statement+jwt");
    assert_eq!(top.header["kid"], top.payload["jwks"]["keys"][0]["kid"]);
    assert!(top.payload["authority_hints"].is_null());
    let endpoints = &top.payload["metadata"]["federation_entity"];
    let fetch = "https://ministry.example/federation/fetch";
    assert_eq!(endpoints["federation_fetch_endpoint"], fetch);
    let below = Token::parse(&leaf.get(CONFIGURATION).2).payload;
    assert_eq!(below["authority_hints"], json!(["https://bureau.example"]));
    let own = &below["metadata"]["federation_entity"];
    assert!(own["federation_fetch_endpoint"].is_null());
    let issuer = &below["metadata"]["openid_credential_issuer"];
    assert_eq!(issuer["accredited_credential_types"], json!([TYPE]));

    let statement = Token::parse(&middle.get(SHOP).2).payload;
    assert_eq!(statement["sub"], "https://shop.example");
    assert_eq!(statement["constraints"]["max_path_length"], 0);
    let policy = &statement["metadata_policy"]["openid_credential_issuer"];
    let demanded = json!({"subset_of": [TYPE], "essential": true});
    assert_eq!(policy["accredited_credential_types"], demanded);
    let accreditation = &statement["accreditations"][0];
    assert_eq!(accreditation["id"], chain.shop.as_str());
    assert_eq!(accreditation["jurisdiction"], "CN-SN");
    for (serving, path, body) in [
        (middle, "/federation/list", r#"["https://shop.example"]"#),
        (
            anchor,
            "/federation/list?intermediate=true",
            r#"["https://bureau.example"]"#,
        ),
        (middle, "/federation/list?intermediate=true", "[]"),
    ] {
        assert_eq!(serving.get(path).2, body);
    }
    for (path, status, error) in [
        ("/federation/fetch", 400, "invalid_request"),
        (BUREAU, 400, "invalid_request"),
        (
            "/federation/fetch?sub=https%3A%2F%2Fx.example",
            404,
            "not_found",
        ),
        ("/federation/fetch?sub=a&sub=b", 400, "invalid_request"),
        (
            "/federation/fetch?sub=a&iss=https%3A%2F%2Fa.example",
            404,
            "invalid_issuer",
        ),
        (
            "/federation/list?entity_type=openid_provider",
            400,
            "unsupported_parameter",
        ),
        (
            "/federation/list?intermediate=perhaps",
            400,
            "invalid_request",
        ),
        ("/lote", 404, "not_found"),
    ] {
        assert_eq!(middle.error(path), (status, error.to_owned()), "{path}");
    }
}

#[test]
fn statements_are_written_and_what_has_none_is_named() {
    let (desk, _up) = founded(&["shop", "old"]);
    let plain = ["did", "create", "--name", "nameless"];
    assert_eq!(desk.json(&plain).0, 0);
    let twin = [
        "did",
        "create",
        "--name",
        "twin",
        "--also-known-as",
        "https://other.example",
    ];
    assert_eq!(desk.json(&twin).0, 0);
    let twin = [
        "did",
        "create",
        "--name",
        "twin-2",
        "--also-known-as",
        "https://other.example",
    ];
    assert_eq!(desk.json(&twin).0, 0);
    let ids: Vec<(&str, String)> = ["shop", "old", "nameless", "twin", "twin-2"]
        .iter()
        .map(|name| (*name, accredited(&desk, "ministry", name, &[])))
        .collect();
    let old = &ids[1].1;
    assert_eq!(
        desk.json(&["trust", "revoke", old, "--as", "ministry"]).0,
        0
    );
    let export = |name: &str| {
        desk.json(&[
            "trust",
            "export",
            "--format",
            "federation",
            "--as",
            name,
            "--out",
            "public",
        ])
    };
    let (code, answer) = export("ministry");
    assert_eq!(
        (code, &answer["subordinates"]),
        (0, &json!(["https://shop.example"])),
        "{answer}"
    );
    for (name, words) in [
        ("old", "revoked"),
        ("nameless", "neither a service"),
        ("twin", "another entity goes by"),
        ("twin-2", "another entity goes by"),
    ] {
        let all = answer["leftOut"].as_array().unwrap();
        let left = all.iter().find(|left| left["subject"] == did(&desk, name));
        assert!(
            left.unwrap()["reason"].as_str().unwrap().contains(words),
            "{answer}"
        );
    }
    let public = desk.folder.path().join("public");
    assert!(public.join(".well-known/openid-federation").is_file());
    let listed = std::fs::read_to_string(public.join("federation/list")).unwrap();
    assert_eq!(listed, r#"["https://shop.example"]"#);
    assert_eq!(
        std::fs::read_dir(public.join("federation/statements"))
            .unwrap()
            .count(),
        1
    );

    // Once its namesake is revoked, the other has its name; the statement of who lost its accreditation goes.
    for name in ["shop", "twin-2"] {
        let (_, id) = ids.iter().find(|(found, _)| *found == name).unwrap();
        assert_eq!(desk.json(&["trust", "revoke", id, "--as", "ministry"]).0, 0);
    }
    let (code, answer) = export("ministry");
    let other = json!(["https://other.example"]);
    assert_eq!((code, &answer["subordinates"]), (0, &other), "{answer}");
    assert_eq!(answer["removed"].as_array().unwrap().len(), 1, "{answer}");
    let left: Vec<_> = std::fs::read_dir(public.join("federation/statements"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let [left] = left.as_slice() else {
        panic!("{} statements", left.len());
    };
    assert_eq!(Token::parse(left).payload["sub"], "https://other.example");

    refused(export("nameless"), 1, "gives no entity identifier");
    assert_eq!(desk.json(&["did", "create", "--name", "nobody"]).0, 0);
    refused(export("nobody"), 3, "neither granted nor holds");
}
