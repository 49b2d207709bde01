//! From admission to a bound certificate, on a real ledger.

use crate::desk::{Desk, Up};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A ledger with a second member, and an authority.
fn founded() -> (Desk, Up) {
    let mut desk = Desk::new("");
    let up = Up::start(&desk.folder.path().join("chopmark-data"));
    desk.url.clone_from(&up.url);
    for name in ["mill", "stranger"] {
        assert_eq!(desk.json(&["did", "create", "--name", name]).0, 0);
    }
    let admit = ["member", "propose", "admit", "mill", "--name", "Mill & Co"];
    assert_eq!(desk.json(&admit).0, 0);
    let root = "chopmark-data/trust-root.json";
    let (code, made) = desk.json(&["ca", "init", "--trust-root", root, "--name", "Fruit"]);
    assert_eq!(code, 0, "{made}");
    (desk, up)
}

fn csr(desk: &Desk, name: &str) -> String {
    let (key, file) = (format!("{name}.tls-1"), format!("{name}.csr"));
    let (code, made) = desk.json(&["member", "csr", &key, "--as", name, "--out", &file]);
    assert_eq!(code, 0, "{made}");
    file
}

fn refused(answer: (i32, Value), words: &str) {
    let (code, value) = answer;
    assert!(code == 1 && value.to_string().contains(words), "{value}");
}

fn certificate(desk: &Desk, name: &str) -> Vec<u8> {
    let text = std::fs::read(desk.folder.path().join(name)).unwrap();
    parse_x509_pem(&text).unwrap().1.contents
}

#[test]
fn a_live_member_is_certified_and_binds_the_key_and_nobody_else_is() {
    let (desk, _up) = founded();
    refused(
        desk.json(&["ca", "issue", &csr(&desk, "stranger")]),
        "never was a member",
    );
    let request = csr(&desk, "mill");
    let (code, issued) = desk.json(&["ca", "issue", &request, "--out", "mill.pem"]);
    assert_eq!(code, 0, "{issued}");

    let der = certificate(&desk, "mill.pem");
    let (_, read) = X509Certificate::from_der(&der).unwrap();
    let names: Vec<_> = read
        .subject_alternative_name()
        .unwrap()
        .unwrap()
        .value
        .general_names
        .clone();
    let did = issued["certificate"]["member"].as_str().unwrap();
    assert!(matches!(names.as_slice(), [GeneralName::URI(uri)] if *uri == did));
    assert!(!read.is_ca());
    assert!(read.raw_serial().len() == 16);
    let purposes = read.extended_key_usage().unwrap().unwrap().value;
    assert!(purposes.client_auth && !purposes.server_auth && !purposes.any);
    let days = read.validity().time_to_expiration().unwrap().whole_days();
    assert!((29..=30).contains(&days), "{days}");
    assert!(read.extensions().iter().all(|extension| {
        !matches!(
            extension.parsed_extension(),
            ParsedExtension::UnsupportedExtension { .. }
        )
    }));

    let (code, bound) = desk.json(&["member", "bind", "mill.pem", "--as", "mill"]);
    assert_eq!((code, &bound["spki"]), (0, &issued["certificate"]["spki"]));
    // Once for ever: neither again nor by another.
    refused(
        desk.json(&["member", "bind", "mill.tls-1", "--as", "mill"]),
        "binding.exists",
    );
    let spki = bound["spki"].as_str().unwrap();
    let (code, ended) = desk.json(&["member", "unbind", spki, "--as", "mill"]);
    assert_eq!(code, 0, "{ended}");
    // The authority certifies no key that its member has given up.
    refused(
        desk.json(&["ca", "renew", &request, "--early"]),
        "and unbound",
    );
}

#[test]
fn a_certificate_is_renewed_late_revoked_once_and_listed() {
    let (desk, _up) = founded();
    let request = csr(&desk, "mill");
    refused(desk.json(&["ca", "renew", &request]), "first one");
    let (_, first) = desk.json(&["ca", "issue", &request]);
    refused(desk.json(&["ca", "issue", &request]), "ca renew");
    refused(desk.json(&["ca", "renew", &request]), "--early");

    // The second time without a network.
    let proof = ["member", "prove", &request, "--out", "proof.json"];
    assert_eq!(desk.json(&proof).0, 0);
    let nowhere = Desk {
        folder: tempfile::tempdir().unwrap(),
        url: "http://127.0.0.1:1".to_owned(),
    };
    let here = |name: &str| desk.folder.path().join(name).to_str().unwrap().to_owned();
    let renew = |more: &[&str]| {
        let (request, ca) = (here(&request), here("chopmark-ca"));
        nowhere.json(&[&["ca", "renew", &request, "--early", "--ca", &ca], more].concat())
    };
    assert_eq!(renew(&[]).0, 4);
    let (code, second) = renew(&["--membership", &here("proof.json")]);
    assert_eq!(code, 0, "{second}");
    let serial = |issued: &Value| issued["certificate"]["serial"].as_str().unwrap().to_owned();
    assert_ne!(serial(&first), serial(&second));
    // A proof about somebody else, or one that was changed, is none.
    let text = std::fs::read_to_string(here("proof.json")).unwrap();
    let changed = desk.write("changed.json", &text.replace("Mill & Co", "Mint & Co"));
    refused(renew(&["--membership", &changed]), "does not hold");

    let revoke = [
        "ca",
        "revoke",
        &serial(&second),
        "--reason",
        "key-compromise",
    ];
    assert_eq!(desk.json(&revoke).0, 0);
    assert_eq!(desk.json(&revoke).0, 1);
    let (code, list) = desk.json(&["ca", "crl", "--out", "crl.pem"]);
    assert_eq!((code, &list["revoked"]), (0, &json!(1)), "{list}");
    let der = certificate(&desk, "crl.pem");
    let (_, read) = x509_parser::parse_x509_crl(&der).unwrap();
    let listed: Vec<String> = read
        .iter_revoked_certificates()
        .map(|revoked| revoked.raw_serial_as_string().replace(':', ""))
        .collect();
    assert_eq!(listed, [serial(&second)]);
    refused(
        desk.json(&["ca", "renew", &request, "--early"]),
        "take another key",
    );
    let (_, shown) = desk.json(&["ca", "show"]);
    let states: Vec<_> = shown["issued"]
        .as_array()
        .unwrap()
        .iter()
        .map(|listed| listed["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["valid", "revoked"]);
}

#[test]
fn no_key_that_acts_for_the_member_becomes_a_tls_key() {
    let (desk, _up) = founded();
    let misuse = |answer: (i32, Value), words: &str| {
        let (code, value) = answer;
        assert!(code == 2 && value.to_string().contains(words), "{value}");
    };
    for (key, words) in [
        ("mill.update-1", "is an update key"),
        ("mill.update-2", "one of the next update keys"),
        ("mill.recovery-1", "a recovery key"),
        ("mill.key-1", "a key that"),
    ] {
        misuse(desk.json(&["member", "bind", key, "--as", "mill"]), words);
        let (csr, secret) = (format!("{key}.csr"), format!("{key}.secret"));
        let ask = ["member", "csr", key, "--as", "mill", "--out", &csr];
        misuse(
            desk.json(&[&ask[..], &["--key-out", &secret]].concat()),
            "made for TLS",
        );
        assert!(!desk.folder.path().join(&secret).exists(), "{key}");
    }
}

#[test]
fn a_certificate_that_another_took_the_place_of_leaves_its_key_renewable() {
    let (desk, _up) = founded();
    let request = csr(&desk, "mill");
    let (code, first) = desk.json(&["ca", "issue", &request]);
    assert_eq!(code, 0, "{first}");
    let serial = first["certificate"]["serial"].as_str().unwrap();
    let kept = format!("chopmark-ca/issued/{serial}.pem");
    assert_eq!(first["file"], kept);
    assert!(!certificate(&desk, &kept).is_empty());
    let revoke = ["ca", "revoke", serial, "--reason", "superseded"];
    assert_eq!(desk.json(&revoke).0, 0);
    let (code, second) = desk.json(&["ca", "issue", &request]);
    assert_eq!(code, 0, "{second}");
}

#[test]
fn the_keys_of_member_and_authority_are_for_their_owners() {
    let (desk, _up) = founded();
    let write = [
        "member",
        "csr",
        "mill.tls-1",
        "--as",
        "mill",
        "--out",
        "mill.csr",
    ];
    let out = [&write[..], &["--key-out", "mill.key"]].concat();
    assert_eq!(desk.json(&out).0, 0);
    let file = desk.folder.path().join("mill.key");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("-----BEGIN PRIVATE KEY-----"));
    // It is never written over a file that is there.
    assert_eq!(desk.json(&out).0, 2);

    let wrong = desk.write("wrong", "not the passphrase\n");
    let issue = ["ca", "issue", "mill.csr", "--passphrase-file", &wrong];
    let (code, answer) = desk.json(&issue);
    assert!(
        code == 2 && answer.to_string().contains("wrong passphrase"),
        "{answer}"
    );
    let (code, _) = desk.json(&[
        "ca",
        "init",
        "--trust-root",
        "chopmark-data/trust-root.json",
    ]);
    assert_eq!(code, 2);
}
