//! Reads what was exported: here, and with the software of others.

use chop_keys::PublicKey;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A compact JWS, taken apart.
pub(super) struct Token {
    pub(super) header: Value,
    pub(super) payload: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Token {
    pub(super) fn parse(text: &str) -> Self {
        let (signed, signature) = text.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap();
        Self {
            header: serde_json::from_slice(&decode(header)).unwrap(),
            payload: serde_json::from_slice(&decode(payload)).unwrap(),
            signed: signed.to_owned(),
            signature: decode(signature),
        }
    }

    /// Verifies the signature under the key of the first certificate, whose DER is given back.
    pub(super) fn certified(&self) -> Vec<u8> {
        let first = self.header["x5c"][0].as_str().unwrap();
        let der = BASE64.decode(first.as_bytes()).unwrap();
        let (_, read) = X509Certificate::from_der(&der).unwrap();
        let key = PublicKey::from_spki_der(read.public_key().raw).unwrap();
        key.verify(self.signed.as_bytes(), &self.signature).unwrap();
        der
    }
}

/// Has the peer read something; nothing where it is not installed, which is a failure under CI.
pub(super) fn peer(arguments: &[&str]) -> Option<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/peers/trust-lists");
    if !folder.join("node_modules").is_dir() {
        assert!(
            std::env::var("CI").is_err(),
            "conformance/peers/install was not run"
        );
        let said = b"\n*** TRUST LISTS WERE NOT READ BY OTHERS: conformance/peers/install\n\n";
        std::io::stderr().write_all(said).unwrap();
        return None;
    }
    let output = Command::new("node")
        .arg(folder.join("read.mjs"))
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{complaint}");
    Some(serde_json::from_str(&text).unwrap())
}
