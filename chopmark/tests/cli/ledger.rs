//! What the ledger keeps beside identifiers: schemas and members.

use crate::desk::{Desk, Up};
use serde_json::{Value, json};
use tempfile::TempDir;

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
