//! Credentials: issued, shown in part and judged without a network.

use crate::certificates::Authority;
use crate::desk::Desk;
use chop_keys::PublicKey;
use serde_json::json;

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
