//! ETSI lists of trusted entities.

use super::reader::{Token, peer};
use super::{TYPE, accredited, did, directory, founded, refused};
use crate::desk::{Desk, Up};
use crate::forger::forge;
use serde_json::{Value, json};

const GRANTED: &str = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/granted";
const WITHDRAWN: &str = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/withdrawn";

fn export(desk: &Desk, directory: &str, more: &[&str]) -> (i32, Value) {
    let base = [
        "trust",
        "export",
        "--format",
        "lote",
        "--as",
        "ministry",
        "--directory",
        directory,
        "--out",
        "public",
    ];
    desk.json(&[&base, more].concat())
}

fn token(desk: &Desk) -> (String, Token) {
    let text = std::fs::read_to_string(desk.folder.path().join("public/lote.jws")).unwrap();
    let token = Token::parse(&text);
    (text, token)
}

/// The services of an entity, by its DID.
fn services<'a>(token: &'a Token, did: &str) -> &'a Vec<Value> {
    let entities = token.payload["LoTE"]["TrustedEntitiesList"].as_array();
    let entity = entities.unwrap().iter().find(|entity| {
        entity["TrustedEntityServices"][0]["ServiceInformation"]["ServiceDigitalIdentity"]["OtherIds"][0] == did
    });
    entity.unwrap()["TrustedEntityServices"].as_array().unwrap()
}

/// Who stands where in the tests below: two by the ministry's word, one by the bureau's.
struct World {
    desk: Desk,
    _up: Up,
    lab: String,
    bureau: String,
    shop: String,
}

fn world() -> World {
    let (desk, up) = founded(&["lab", "bureau", "shop"]);
    let lab = accredited(&desk, "ministry", "lab", &["--jurisdiction", "CN-SN"]);
    let bureau = accredited(&desk, "ministry", "bureau", &["--depth", "1"]);
    let shop = accredited(&desk, "bureau", "shop", &["--under", &bureau]);
    World {
        desk,
        _up: up,
        lab,
        bureau,
        shop,
    }
}

/// Has the peer read the list, which it must find valid; says how many services it finds granted.
fn granted_by_peer(desk: &Desk) -> Option<Value> {
    let file = desk.folder.path().join("public/lote.jws");
    let read = peer(&["lote", file.to_str().unwrap()])?;
    assert_eq!(read["valid"], true, "{read}");
    Some(read["granted"].clone())
}

const PUBLISHED: [&str; 3] = ["--below", "--distribution", "https://ministry.example/lote"];

#[test]
fn a_list_shows_who_is_accredited_and_names_what_has_no_place_in_it() {
    let World {
        desk,
        _up,
        lab,
        shop,
        ..
    } = world();
    let later = ["--from", "2999-01-01T00:00:00Z"];
    let not_yet = accredited(&desk, "ministry", "lab", &later);
    let named = directory(&desk, &["lab", "bureau"]);
    let (code, answer) = export(&desk, &named, &PUBLISHED);
    assert_eq!((code, &answer["listed"]), (0, &json!(2)), "{answer}");
    let reason = |id: &str| {
        let all = answer["leftOut"].as_array().unwrap();
        let found = all.iter().find(|left| left["accreditation"] == id);
        found.unwrap()["reason"].as_str().unwrap().to_owned()
    };
    assert!(reason(&shop).contains("directory says nothing"), "{answer}");
    assert!(reason(&not_yet).contains("has not begun"), "{answer}");

    let (text, list) = token(&desk);
    let der = list.certified();
    assert_eq!(list.header["typ"], "JOSE");
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&der);
    let thumbprint = data_encoding::BASE64URL_NOPAD.encode(&digest);
    assert_eq!(list.header["x5t#S256"], thumbprint);
    let information = &list.payload["LoTE"]["ListAndSchemeInformation"];
    assert_eq!(information["LoTESequenceNumber"], answer["height"]);
    assert_eq!(
        information["SchemeExtensions"][1]["NotListed"],
        answer["leftOut"]
    );
    let service = &services(&list, &did(&desk, "lab"))[0];
    let shown = &service["ServiceInformation"];
    assert_eq!(shown["ServiceStatus"], GRANTED);
    assert_eq!(
        shown["ServiceName"][0]["value"],
        format!("Issues {TYPE} in CN-SN")
    );
    let key = &shown["ServiceDigitalIdentity"]["PublicKeyValues"][0];
    assert_eq!(key["kty"], "OKP");
    let extension = &shown["ServiceInformationExtensions"][0]["Accreditation"];
    assert_eq!(extension["id"], lab.as_str());
    assert_eq!(extension["jurisdiction"], "CN-SN");
    assert!(service["ServiceHistory"].is_null());
    assert!(granted_by_peer(&desk).is_none_or(|granted| granted == 2));

    // The same state is the same list, to the byte.
    let (_, again) = export(&desk, &named, &PUBLISHED);
    assert!(again["height"] != answer["height"] || token(&desk).0 == text);
}

#[test]
fn a_list_tells_the_history_of_what_no_longer_counts() {
    let World {
        desk,
        _up,
        lab,
        bureau,
        ..
    } = world();
    let named = directory(&desk, &["lab", "bureau", "shop"]);
    assert_eq!(export(&desk, &named, &PUBLISHED).0, 0);
    let pinned = token(&desk).1.certified();
    for id in [&lab, &bureau] {
        let suspend = ["trust", "suspend", id, "--as", "ministry"];
        assert_eq!(desk.json(&suspend).0, 0);
    }
    let revoke = ["trust", "revoke", &lab, "--as", "ministry"];
    assert_eq!(desk.json(&revoke).0, 0);
    let (code, answer) = export(&desk, &named, &["--below"]);
    assert_eq!((code, &answer["listed"]), (0, &json!(3)), "{answer}");
    let (_, list) = token(&desk);
    assert!(list.certified() == pinned, "readers pin the certificate");
    // A suspended parent takes its child along.
    for (name, standings) in [
        ("lab", vec!["revoked", "suspended", "live"]),
        ("bureau", vec!["suspended", "live"]),
        ("shop", vec!["suspended", "live"]),
    ] {
        let service = &services(&list, &did(&desk, name))[0];
        let now = &service["ServiceInformation"];
        assert_eq!(now["ServiceStatus"], WITHDRAWN);
        assert!(now["ServiceDigitalIdentity"]["PublicKeyValues"].is_null());
        let history = service["ServiceHistory"].as_array().unwrap();
        let told: Vec<_> = std::iter::once(now)
            .chain(history)
            .map(|instance| &instance["ServiceInformationExtensions"][0]["Accreditation"]["standing"])
            .collect();
        assert_eq!(told, standings, "{name}");
        assert_eq!(history.last().unwrap()["ServiceStatus"], GRANTED);
    }
    assert!(granted_by_peer(&desk).is_none_or(|granted| granted == 0));
    let reinstate = ["trust", "reinstate", &bureau, "--as", "ministry"];
    assert_eq!(desk.json(&reinstate).0, 0);
    assert_eq!(export(&desk, &named, &["--below"]).0, 0);
    assert!(granted_by_peer(&desk).is_none_or(|granted| granted == 2));

    // One who accredits too many loses those, and the authority none of its own.
    for place in ["CN", "CN-SN"] {
        let more = ["--under", &bureau, "--jurisdiction", place];
        accredited(&desk, "bureau", "lab", &more);
    }
    let (code, answer) = export(&desk, &named, &["--below", "--most", "2"]);
    assert_eq!((code, &answer["listed"]), (0, &json!(2)), "{answer}");
    let left = &answer["leftOut"][0];
    assert_eq!(left["accreditation"], bureau.as_str());
    let reason = left["reason"].as_str().unwrap();
    assert!(
        reason.contains("more than 2 accreditations below"),
        "{reason}"
    );

    // A certificate that readers pinned is not replaced since it cannot be read.
    let folder = std::fs::read_dir(desk.folder.path().join("chopmark-keys")).unwrap();
    let mut files = folder.map(|entry| entry.unwrap().path());
    let pem = files.find(|file| file.extension().is_some_and(|found| found == "pem"));
    std::fs::write(pem.as_ref().unwrap(), "half a cert").unwrap();
    refused(export(&desk, &named, &[]), 2, "no certificate that serves");
    assert_eq!(
        std::fs::read_to_string(pem.unwrap()).unwrap(),
        "half a cert"
    );
}

#[test]
fn what_is_not_proven_or_has_no_place_in_a_list_is_refused() {
    let (desk, up) = founded(&["lab", "stranger"]);
    refused(
        export(&desk, &directory(&desk, &[]), &[]),
        3,
        "has granted no such accreditation",
    );
    accredited(&desk, "ministry", "lab", &[]);
    refused(
        export(&desk, &directory(&desk, &[]), &[]),
        1,
        "the directory says nothing about it",
    );
    let named = directory(&desk, &["lab"]);
    refused(
        export(&desk, &named, &["--type", "Harvest"]),
        3,
        "has granted no",
    );
    accredited(&desk, "ministry", "stranger", &[]);
    refused(
        export(&desk, &named, &["--most", "1"]),
        1,
        "more than 1 accreditations",
    );
    // Somebody of another ledger, and one whom this one does not know.
    let foreign = "did:chop:hu2hp6ct7xnyiujh:a2fv2l37iku35mcbb43ec57en6l7bvk7hq6kceaujyyubpwbxnsdq";
    let lab = did(&desk, "lab");
    let (ledger, _) = lab.rsplit_once(':').unwrap();
    let (_, nobody) = foreign.rsplit_once(':').unwrap();
    let unknown = format!("{ledger}:{nobody}");
    let by = |whom: &str| {
        let base = [
            "trust", "export", "--format", "lote", "--out", "public", "--as", whom,
        ];
        desk.json(&[&base[..], &["--directory", &named]].concat())
    };
    refused(by(foreign), 2, "lives on ledger");
    refused(by(&unknown), 3, "does not exist");

    // Another's certificate does not speak for the key, and half a scheme is none.
    let tls = desk.write("other.pem", &other_certificate());
    refused(export(&desk, &named, &["--x5c", &tls]), 2, "another key");
    let half = std::fs::read_to_string(&named).unwrap();
    let half = half.replace(
        "\"SchemeTerritory\"",
        "\"SchemeName\":[{\"lang\":\"en\",\"value\":\"x\"}],\"SchemeTerritory\"",
    );
    let half = desk.write("half.json", &half);
    refused(export(&desk, &half, &[]), 2, "stand together or not at all");

    // A service that changes one letter of what it gives is found out, and so is another ledger's trust root.
    let forged = forge(up.url.trim_start_matches("http://"));
    let url = format!("http://{forged}");
    refused(export(&desk, &named, &["--url", &url]), 1, "not proved");
    let (other, _other_up) = founded(&[]);
    let root = other.folder.path().join("chopmark-data/trust-root.json");
    refused(
        export(&desk, &named, &["--trust-root", root.to_str().unwrap()]),
        1,
        "pins ledger",
    );
    assert!(!desk.folder.path().join("public").exists());

    // Those who have ended are withdrawn from then on.
    for name in ["lab", "stranger"] {
        assert_eq!(desk.json(&["did", "deactivate", name, "--yes"]).0, 0);
    }
    let named = directory(&desk, &["lab", "stranger"]);
    let (code, answer) = export(&desk, &named, &[]);
    assert_eq!((code, &answer["listed"]), (0, &json!(2)), "{answer}");
    assert_eq!(answer["leftOut"], json!([]));
    let list = token(&desk).1;
    list.certified();
    let state = desk.json(&["did", "resolve", &lab]).1;
    for name in ["lab", "stranger"] {
        let service = &services(&list, &did(&desk, name))[0];
        let now = &service["ServiceInformation"];
        assert_eq!(now["ServiceStatus"], WITHDRAWN);
        let extension = &now["ServiceInformationExtensions"][0]["Accreditation"];
        assert_eq!(
            (&extension["standing"], &extension["holder"]),
            (&json!("live"), &json!("deactivated"))
        );
        assert_eq!(service["ServiceHistory"][0]["ServiceStatus"], GRANTED);
        if name == "lab" {
            let updated = state["didDocumentMetadata"]["updated"].as_str().unwrap();
            let began = now["StatusStartingTime"].as_str().unwrap();
            assert_eq!(updated[..19], began[..19]);
        }
    }
    assert!(granted_by_peer(&desk).is_none_or(|granted| granted == 0));
}

fn other_certificate() -> String {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let parameters = rcgen::CertificateParams::default();
    parameters.self_signed(&key).unwrap().pem()
}
