//! Facts into lists and statements, at the edges that a ledger in a test does not reach in time.

use super::directory::Directory;
use super::facts::{Entity, Facts};
use super::federation::{Federation, federation};
use super::lote::{List, Terms, list};
use super::timeline::Grant;
use super::timeline::tests::{at, event, record};
use chop_did::ChopDid;
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, Signer as _};
use chop_protocol::{CredentialType, EventKind};
use serde_json::{Map, Value, json};

const LEDGER: &str = "hu2hp6ct7xnyiujh";
const MINISTRY: &str = "a2fv2l37iku35mcbb43ec57en6l7bvk7hq6kceaujyyubpwbxnsdq";
const LAB: &str = "apl3wbv3mzhg4dn2367735hfgq2ukssygzkzb7i7qpsgk5b2xilxq";
const SHOP: &str = "ac26uz6kcf7vuf7tdx6r2edwcydwsdx6rbejxkta3fdllsbe4ulta";
/// The second as of which everything is judged here.
const NOW: i64 = 100;
const HOURS: u32 = 24;

fn did(scid: &str) -> ChopDid {
    ChopDid::parse(&format!("did:chop:{LEDGER}:{scid}")).unwrap()
}

/// Somebody with one key for everything, and an https name.
fn entity(scid: &str, name: &str, grants: Vec<Grant>) -> Entity {
    let did = did(scid);
    let key = PrivateKey::from_seed(KeyType::Ed25519, &[7; 32]).unwrap();
    let method = format!("{did}#key-1");
    let document = json!({
        "id": did,
        "alsoKnownAs": [name],
        "verificationMethod": [{
            "id": method, "type": "Multikey", "controller": did,
            "publicKeyMultibase": key.public_key().multikey(),
        }],
        "assertionMethod": [method],
        "authentication": [method],
    });
    Entity {
        did,
        document,
        ended: None,
        name: None,
        grants,
    }
}

/// An accreditation of a holder by another, from the beginning until a second.
fn grant(id: &str, by: &str, to: &str, until: Option<i64>) -> Grant {
    let mut record = record(id, 0, until);
    record.accreditor = did(by);
    record.subject = did(to);
    Grant {
        record,
        ancestors: Vec::new(),
    }
}

fn facts(subjects: Vec<Entity>) -> Facts {
    Facts {
        ledger: LEDGER.to_owned(),
        height: 12,
        time: at(NOW),
        judged: at(NOW),
        authority: entity(MINISTRY, "https://ministry.example", Vec::new()),
        subjects,
        superiors: Vec::new(),
        unread: Vec::new(),
    }
}

fn lab(until: Option<i64>) -> Entity {
    entity(
        LAB,
        "https://lab.example",
        vec![grant("lab", MINISTRY, LAB, until)],
    )
}

fn directory() -> Value {
    json!({
        "scheme": {"SchemeOperatorName": [{"lang": "en", "value": "Ministry"}]},
        "entities": {did(LAB).to_string(): {
            "TEName": [{"lang": "en", "value": "The laboratory"}],
            "TEAddress": {
                "TEPostalAddress": [{"lang": "en", "StreetAddress": "1 Road", "Country": "CN"}],
                "TEElectronicAddress": [{"lang": "en", "uriValue": "mailto:desk@lab.example"}],
            },
            "TEInformationURI": [{"lang": "en", "uriValue": "https://lab.example"}],
        }},
    })
}

fn listed(facts: &Facts) -> List {
    listed_until(facts, facts.until(HOURS, None))
}

fn listed_until(facts: &Facts, until: Timestamp) -> List {
    let directory = Directory::parse(directory().to_string().as_bytes()).unwrap();
    let terms = Terms {
        until,
        distribution: Vec::new(),
    };
    list(facts, &directory, &terms).unwrap()
}

fn stated(facts: &Facts) -> Federation {
    federation(facts, &Map::new(), facts.until(HOURS, None)).unwrap()
}

fn status(list: &List) -> &Value {
    let pointer = "/LoTE/TrustedEntitiesList/0/TrustedEntityServices/0/ServiceInformation/ServiceInformationExtensions/0/Accreditation/standing";
    list.payload.pointer(pointer).unwrap()
}

/// Sets a member of the one key that an entity has.
fn with_time(mut entity: Entity, member: &str, time: Timestamp) -> Entity {
    entity.document["verificationMethod"][0][member] = json!(time);
    entity
}

#[test]
fn nothing_outlives_a_change_that_is_decided() {
    let day = at(NOW).plus_ms(i64::from(HOURS) * 3_600_000);
    let endless = facts(vec![lab(None)]);
    assert_eq!(listed(&endless).next_update, day);
    assert_eq!(stated(&endless).expires, day);

    let ending = facts(vec![lab(Some(NOW + 60))]);
    assert_eq!(listed(&ending).next_update, at(NOW + 60));
    assert_eq!(stated(&ending).expires, at(NOW + 60));

    let key = with_time(lab(None), "expires", at(NOW + 30));
    let key = facts(vec![key]);
    assert_eq!(listed(&key).next_update, at(NOW + 30));
    assert_eq!(stated(&key).expires, at(NOW + 30));

    // The key that signs ends before all that.
    let until = endless.until(HOURS, Some(at(NOW + 20).plus_ms(700)));
    assert_eq!(until, at(NOW + 20));
    assert_eq!(listed_until(&endless, until).next_update, until);
    let federation = federation(&endless, &Map::new(), until).unwrap();
    assert_eq!(federation.expires, until);
    let claims = &federation.subordinates["https://lab.example"].claims;
    assert_eq!(claims["exp"], json!(until.unix_ms() / 1000));

    // What the authority says of itself rests on what it holds.
    let mut below = facts(Vec::new());
    below.authority.grants = vec![grant("a", LAB, MINISTRY, Some(NOW + 10))];
    assert_eq!(stated(&below).expires, at(NOW + 10));
}

#[test]
fn what_ends_between_the_header_and_the_clock_has_ended() {
    let mut ending = facts(vec![lab(Some(NOW + 5))]);
    assert_eq!(stated(&ending).subordinates.len(), 1);
    ending.judged = at(NOW + 10);
    let list = listed(&ending);
    assert_eq!(status(&list), &json!("expired"));
    assert_eq!(list.next_update, ending.until(HOURS, None));
    let information = &list.payload["LoTE"]["ListAndSchemeInformation"];
    assert_eq!(
        information["ListIssueDateTime"],
        json!(at(NOW).to_seconds_text())
    );
    let federation = stated(&ending);
    assert!(federation.subordinates.is_empty());
    assert_eq!(federation.expires, ending.until(HOURS, None));
}

#[test]
fn what_has_expired_is_withdrawn_in_a_list_and_has_no_statement() {
    let expired = facts(vec![lab(Some(NOW))]);
    let list = listed(&expired);
    assert_eq!((status(&list), list.services), (&json!("expired"), 1));
    let federation = stated(&expired);
    assert!(federation.subordinates.is_empty());
    let reason = &federation.left_out[0].reason;
    assert!(reason.contains("expired"), "{reason}");
}

/// The service of the list: what it is now, and before.
fn service(list: &List) -> (&Value, &Value) {
    let pointer = "/LoTE/TrustedEntitiesList/0/TrustedEntityServices/0";
    let service = list.payload.pointer(pointer).unwrap();
    (&service["ServiceInformation"], &service["ServiceHistory"])
}

#[test]
fn a_holder_without_a_key_that_counts_is_withdrawn_since_it_lost_the_last_one() {
    let moment = at(NOW - 10);
    let mut ended = lab(None);
    ended.ended = Some(moment);
    let keyless = ["revoked", "compromised", "expires"].map(|member| {
        let holder = with_time(lab(None), member, moment);
        (holder, "keyless")
    });
    for (holder, how) in keyless.into_iter().chain([(ended, "deactivated")]) {
        let list = listed(&facts(vec![holder]));
        assert_eq!((list.services, list.left_out.len()), (1, 0), "{how}");
        let (now, before) = service(&list);
        let extension = &now["ServiceInformationExtensions"][0]["Accreditation"];
        assert_eq!(
            (&extension["standing"], &extension["holder"]),
            (&json!("live"), &json!(how))
        );
        let is = |instance: &Value, status: &str, since: Timestamp| {
            let told = instance["ServiceStatus"].as_str().unwrap();
            assert!(told.ends_with(status), "{told}");
            assert_eq!(instance["StatusStartingTime"], since.to_seconds_text());
            assert!(instance["ServiceDigitalIdentity"]["PublicKeyValues"].is_null());
        };
        is(now, "/withdrawn", moment);
        assert_eq!(before.as_array().unwrap().len(), 1);
        is(&before[0], "/granted", at(0));
        assert!(before[0]["ServiceInformationExtensions"][0]["Accreditation"]["holder"].is_null());
    }
    // From before it was accredited, and between two suspensions.
    let never = with_time(lab(None), "compromised", at(-5));
    let list = listed(&facts(vec![never]));
    let (now, before) = service(&list);
    assert_eq!(now["StatusStartingTime"], at(0).to_seconds_text());
    assert!(before.is_null());
    let mut suspended = with_time(lab(None), "revoked", at(15));
    suspended.grants[0].record.events = vec![
        event(EventKind::Suspended, 20),
        event(EventKind::Reinstated, 30),
    ];
    let list = listed(&facts(vec![suspended]));
    let (now, before) = service(&list);
    let told: Vec<_> = std::iter::once(now)
        .chain(before.as_array().unwrap())
        .map(|instance| instance["StatusStartingTime"].clone())
        .collect();
    assert_eq!(
        told,
        [30, 20, 15, 0].map(|second| json!(at(second).to_seconds_text()))
    );
}

#[test]
fn a_holder_that_never_listed_a_key_is_named_and_what_it_lost_stays() {
    let mut keyless = lab(None);
    keyless.document["assertionMethod"] = json!([]);
    let list = listed(&facts(vec![keyless]));
    assert_eq!(list.services, 0);
    assert!(list.left_out[0].reason.contains("no key for assertions"));
    assert!(list.payload["LoTE"]["TrustedEntitiesList"].is_null());
    let keyless = facts(vec![with_time(lab(None), "revoked", at(NOW))]);
    let reason = &stated(&keyless).left_out[0].reason;
    assert!(reason.contains("no key for authentication"), "{reason}");
    let withdrawn = facts(vec![with_time(lab(Some(NOW)), "revoked", at(NOW))]);
    let list = listed(&withdrawn);
    assert_eq!((status(&list), list.services), (&json!("expired"), 1));
}

#[test]
fn a_name_that_is_the_authoritys_or_that_two_claim_is_given_to_nobody() {
    let grants = |scid| vec![grant(scid, MINISTRY, scid, None)];
    let same = "https://lab.example";
    let claimed = vec![
        entity(LAB, same, grants(LAB)),
        entity(SHOP, same, grants(SHOP)),
    ];
    let own = vec![entity(LAB, "https://ministry.example", grants(LAB))];
    for subjects in [claimed, own] {
        let count = subjects.len();
        let federation = stated(&facts(subjects));
        assert!(federation.subordinates.is_empty());
        let all = &federation.left_out;
        assert_eq!(all.len(), count);
        assert!(
            all.iter()
                .all(|left| left.reason.contains("another entity goes by"))
        );
    }
}

#[test]
fn one_that_no_longer_counts_takes_no_name_from_one_that_does() {
    let same = "https://lab.example";
    let mut revoked = grant("shop", MINISTRY, SHOP, None);
    revoked.record.events = vec![event(EventKind::Revoked, NOW - 1)];
    let revoked = entity(SHOP, same, vec![revoked]);
    let expired = entity(SHOP, same, vec![grant("shop", MINISTRY, SHOP, Some(NOW))]);
    let mut ended = entity(SHOP, same, vec![grant("shop", MINISTRY, SHOP, None)]);
    ended.ended = Some(at(NOW));
    for twin in [revoked, expired, ended] {
        let federation = stated(&facts(vec![lab(None), twin]));
        assert_eq!(
            federation.subordinates[same].claims["accreditations"][0]["id"],
            json!(lab(None).grants[0].record.id)
        );
        assert_eq!(federation.left_out[0].subject, did(SHOP));
    }
    // An authority above counts by what it granted.
    let mut below = facts(vec![lab(None)]);
    below.superiors = vec![entity(SHOP, same, Vec::new())];
    assert!(stated(&below).subordinates.is_empty());
}

#[test]
fn a_chain_goes_on_as_far_as_every_type_allows() {
    let deep = |id, credential_type: &str, depth| {
        let mut grant = grant(id, MINISTRY, LAB, None);
        grant.record.credential_type = CredentialType::parse(credential_type).unwrap();
        grant.record.depth = depth;
        grant
    };
    let told = |grants: Vec<Grant>| {
        let federation = stated(&facts(vec![entity(LAB, "https://lab.example", grants)]));
        let claims = &federation.subordinates["https://lab.example"].claims;
        let depth = claims["constraints"]["max_path_length"].as_u64().unwrap();
        let left = federation.left_out.iter();
        let left: Vec<_> = left.map(|left| left.accreditation).collect();
        (depth, left)
    };
    let differing = vec![deep("a", "Harvest", 2), deep("b", "Inspection", 1)];
    let shortened = differing[0].record.id;
    assert_eq!(told(differing), (1, vec![shortened]));
    // Of one type, the greatest depth holds.
    let one = vec![deep("a", "Harvest", 2), deep("b", "Harvest", 0)];
    assert_eq!(told(one), (2, vec![]));
}

#[test]
fn an_authority_says_what_it_may_issue_unless_its_metadata_does() {
    let mut below = facts(Vec::new());
    let lapsed = {
        let mut lapsed = grant("b", LAB, MINISTRY, Some(NOW));
        lapsed.record.credential_type = CredentialType::parse("Harvest").unwrap();
        lapsed
    };
    below.authority.grants = vec![grant("a", LAB, MINISTRY, None), lapsed];
    let until = below.until(HOURS, None);
    let told = |metadata: Value| {
        let metadata = metadata.as_object().unwrap();
        let federation = federation(&below, metadata, until).unwrap();
        federation.configuration["metadata"]["openid_credential_issuer"].clone()
    };
    assert_eq!(
        told(json!({})),
        json!({"accredited_credential_types": ["Inspection"], "client_registration_types_supported": []})
    );
    let own = json!({
        "accredited_credential_types": ["Harvest"],
        "client_registration_types_supported": ["automatic"],
        "display": [],
    });
    assert_eq!(told(json!({"openid_credential_issuer": own})), own);
    // One who holds nothing that counts names no types; what its metadata says can be read all the same.
    below.authority.grants.clear();
    let metadata = json!({"openid_credential_issuer": {"display": []}});
    let federation = federation(&below, metadata.as_object().unwrap(), until).unwrap();
    assert_eq!(
        federation.configuration["metadata"]["openid_credential_issuer"],
        json!({"display": [], "client_registration_types_supported": []})
    );
    let plain = &stated(&below).configuration["metadata"];
    assert!(plain["openid_credential_issuer"].is_null());
}

#[test]
fn of_several_accreditations_those_that_count_are_stated_and_the_others_named() {
    let grants = vec![
        grant("counts", MINISTRY, LAB, None),
        grant("lapsed", MINISTRY, LAB, Some(NOW)),
    ];
    let federation = stated(&facts(vec![entity(
        LAB,
        "https://lab.example",
        grants.clone(),
    )]));
    let claims = &federation.subordinates["https://lab.example"].claims;
    assert_eq!(claims["accreditations"].as_array().unwrap().len(), 1);
    assert_eq!(
        claims["accreditations"][0]["id"],
        json!(grants[0].record.id)
    );
    assert_eq!(federation.left_out.len(), 1);
    assert_eq!(federation.left_out[0].accreditation, grants[1].record.id);
}

#[test]
fn an_authority_hints_at_those_above_it_and_names_those_without_an_identifier() {
    let mut below = facts(Vec::new());
    below.authority.grants = vec![
        grant("a", LAB, MINISTRY, None),
        grant("b", SHOP, MINISTRY, None),
    ];
    let mut nameless = entity(SHOP, "https://shop.example", Vec::new());
    nameless.document["alsoKnownAs"] = json!([]);
    below.superiors = vec![entity(LAB, "https://lab.example", Vec::new()), nameless];
    let federation = stated(&below);
    let claims = &federation.configuration;
    assert_eq!(claims["authority_hints"], json!(["https://lab.example"]));
    // Who accredited nobody is a leaf.
    assert_eq!(claims["metadata"]["federation_entity"], json!({}));
    let [left] = federation.left_out.as_slice() else {
        panic!("{:?}", federation.left_out);
    };
    assert!(left.reason.contains("no authority hint"), "{}", left.reason);
}

#[test]
fn refuses_a_directory_that_a_list_cannot_carry() {
    let lab = did(LAB).to_string();
    let address = format!("/entities/{lab}/TEAddress/TEPostalAddress");
    for (pointer, value, words) in [
        (
            "/scheme/SchemeOperatorName/0/value",
            json!("<b>Ministry</b>"),
            "mark-up",
        ),
        (
            "/scheme/SchemeOperatorName/0/value",
            json!("Mini\u{7}stry"),
            "control",
        ),
        (
            "/scheme/SchemeOperatorName/0/lang",
            json!("English!"),
            "language tag",
        ),
        ("/scheme/SchemeOperatorName", json!([]), "is empty"),
        (
            "/scheme",
            json!({"SchemeOperatorName": [], "Surprise": 1}),
            "unknown field",
        ),
        (&address, json!([]), "postal address is missing"),
        (
            &format!("{address}/0/Country"),
            json!("China"),
            "two capital letters",
        ),
        (
            &format!("/entities/{lab}/TEInformationURI/0/uriValue"),
            json!("about"),
            "is a URI",
        ),
        ("/entities", json!({"did:web:x": {}}), "TEAddress"),
    ] {
        let mut odd = directory();
        *odd.pointer_mut(pointer).unwrap() = value;
        let refused = Directory::parse(odd.to_string().as_bytes()).unwrap_err();
        let told = format!("{refused:#}");
        assert!(told.contains(words), "{pointer}: {told}");
    }
}
