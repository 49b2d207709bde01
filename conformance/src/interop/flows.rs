//! How each kind of suite is exchanged.

use super::InteropError;
use super::act::{Act, Options};
use super::case::{Case, Check, Side};
use super::claims::{self, Selection};
use super::documents;
use super::random::Random;
use super::suites::{Flow, Suite};
use super::tamper::{self, Copy};
use serde_json::{Value, json};

/// When everything is made.
const CREATED: &str = "2024-06-01T00:00:00Z";
const ISSUED_AT: i64 = 1_717_200_000;
const VERIFIER: &str = "https://verifier.example";
const NONCE: &str = "n-0S6_WzA2Mj";
/// What no verifier expects.
const STRANGER: &str = "https://stranger.example";

/// Exchanges one document.
///
/// # Errors
/// When a party gives no answer.
pub(super) fn exchange(suite: &Suite, case: &mut Case<'_, '_>) -> Result<(), InteropError> {
    match suite.flow {
        Flow::Proof => proof(suite.name, case),
        Flow::Selective => selective(suite.name, case),
        Flow::Token => token(suite.name, case),
        Flow::TokenPresentation => token_presentation(suite.name, case),
        Flow::SdJwt => sd_jwt(suite.name, case),
        Flow::StatusList => status_list(suite.name, case),
        Flow::Canonical => canonical(case),
    }
}

fn proof(suite: &str, case: &mut Case<'_, '_>) -> Result<(), InteropError> {
    let generated = documents::credential(&mut case.random, &case.issuer.did(), case.shape);
    let options = Options {
        created: Some(CREATED),
        ..Options::default()
    };
    let issue = Act::Issue {
        suite,
        document: &generated.credential,
        key: case.issuer,
        options,
    };
    let Some(secured) = case.make(case.roles.issuer, &issue)? else {
        return Ok(());
    };
    let key = case.issuer.public();
    let check = Check {
        suite,
        secured: &secured,
        key: &key,
        options: Options::default(),
        presentation: false,
    };
    case.accepts(&check, None)?;
    let copies = tamper::of_document(&mut case.random, &secured);
    refuse_all(case, &check, &copies)?;
    presentation(suite, case, &secured)
}

/// A presentation with a proof of the same suite, by the same party.
fn presentation(
    suite: &str,
    case: &mut Case<'_, '_>,
    credential: &Value,
) -> Result<(), InteropError> {
    let document = json!({
        "@context": credential.get("@context"),
        "type": ["VerifiablePresentation"],
        "holder": case.holder.did(),
        "verifiableCredential": [credential],
    });
    let options = Options {
        created: Some(CREATED),
        challenge: Some(NONCE),
        domain: Some(VERIFIER),
        ..Options::default()
    };
    let present = Act::Present {
        suite,
        document: Some(&document),
        secured: None,
        key: case.holder,
        options,
    };
    let Some(secured) = case.make(case.roles.issuer, &present)? else {
        return Ok(());
    };
    let key = case.holder.public();
    let check = Check {
        suite,
        secured: &secured,
        key: &key,
        options: Options {
            challenge: Some(NONCE),
            domain: Some(VERIFIER),
            ..Options::default()
        },
        presentation: true,
    };
    case.accepts(&check, None)?;
    for (change, challenge, domain) in [
        ("the challenge is another", STRANGER, VERIFIER),
        ("the domain is another", NONCE, STRANGER),
    ] {
        let options = Options {
            challenge: Some(challenge),
            domain: Some(domain),
            ..Options::default()
        };
        case.refuses(change, &Check { options, ..check })?;
    }
    let mut stolen = secured.clone();
    if let Some(claim) = stolen.pointer_mut("/verifiableCredential/0/validFrom") {
        *claim = json!("2024-01-01T00:00:01Z");
        case.refuses(
            "a credential in the presentation is changed",
            &check.of(&stolen),
        )?;
    }
    Ok(())
}

fn selective(suite: &str, case: &mut Case<'_, '_>) -> Result<(), InteropError> {
    let generated = documents::credential(&mut case.random, &case.issuer.did(), case.shape);
    let mut mandatory = some_of(&mut case.random, &generated.pointers, 15);
    let mut disclosed = some_of(&mut case.random, &generated.pointers, 40);
    // Without an issuer and something of a subject it is no credential.
    mandatory.push("/issuer".to_owned());
    let of_subject = |pointer: &&String| pointer.starts_with("/credentialSubject/");
    disclosed.extend(generated.pointers.iter().find(of_subject).cloned());
    let issue = Act::Issue {
        suite,
        document: &generated.credential,
        key: case.issuer,
        options: Options {
            created: Some(CREATED),
            mandatory_pointers: Some(&mandatory),
            ..Options::default()
        },
    };
    let Some(base) = case.make(case.roles.issuer, &issue)? else {
        return Ok(());
    };
    let derive = Act::Derive {
        suite,
        secured: &base,
        options: Options {
            selective_pointers: Some(&disclosed),
            ..Options::default()
        },
    };
    let holder = case.roles.holder.unwrap_or(case.roles.issuer);
    let Some(derived) = case.make(holder, &derive)? else {
        return Ok(());
    };
    let key = case.issuer.public();
    let check = Check {
        suite,
        secured: &derived,
        key: &key,
        options: Options::default(),
        presentation: false,
    };
    case.accepts(&check, None)?;
    case.refuses(
        "it is a base proof, which is for the holder",
        &check.of(&base),
    )?;
    let copies = tamper::of_document(&mut case.random, &derived);
    refuse_all(case, &check, &copies)
}

fn token(suite: &str, case: &mut Case<'_, '_>) -> Result<(), InteropError> {
    let generated = documents::credential(&mut case.random, &case.issuer.did(), case.shape);
    let issue = Act::Issue {
        suite,
        document: &generated.credential,
        key: case.issuer,
        options: Options::default(),
    };
    let Some(secured) = case.make(case.roles.issuer, &issue)? else {
        return Ok(());
    };
    let key = case.issuer.public();
    let check = Check {
        suite,
        secured: &secured,
        key: &key,
        options: Options::default(),
        presentation: false,
    };
    case.accepts(&check, Some(&generated.credential))?;
    let copies = token_copies(suite, &mut case.random, &secured);
    refuse_all(case, &check, &copies)
}

fn token_presentation(suite: &str, case: &mut Case<'_, '_>) -> Result<(), InteropError> {
    let credential =
        documents::credential(&mut case.random, &case.issuer.did(), case.shape).credential;
    let form = suite.replacen("vp", "vc", 1);
    let issue = Act::Issue {
        suite: &form,
        document: &credential,
        key: case.issuer,
        options: Options::default(),
    };
    let Some(token) = case.make(case.roles.issuer, &issue)? else {
        return Ok(());
    };
    let document = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiablePresentation"],
        "holder": case.holder.did(),
        "verifiableCredential": [{
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "id": data_url(&form, token.as_str().unwrap_or_default()),
            "type": "EnvelopedVerifiableCredential",
        }],
    });
    // In COSE both are CWT claims of the header: the payload has none (VC-JOSE-COSE §3.3.2, RFC 9597 §2).
    let options = Options {
        audience: Some(VERIFIER),
        nonce: Some(NONCE),
        ..Options::default()
    };
    let present = Act::Present {
        suite,
        document: Some(&document),
        secured: None,
        key: case.holder,
        options,
    };
    let Some(secured) = case.make(case.roles.issuer, &present)? else {
        return Ok(());
    };
    let key = case.holder.public();
    let check = Check {
        suite,
        secured: &secured,
        key: &key,
        options,
        presentation: false,
    };
    case.accepts(&check, None)?;
    refuse_other_verifiers(case, &check)?;
    let copies = token_copies(suite, &mut case.random, &secured);
    refuse_all(case, &check, &copies)
}

fn sd_jwt(suite: &str, case: &mut Case<'_, '_>) -> Result<(), InteropError> {
    let (document, mut selection) = selectable(suite, case);
    if case.roles.holder == Some(Side::Ours) {
        selection.disclose_within();
    }
    let decoys = case.random.percent(50).then_some(2);
    let issue = Act::Issue {
        suite,
        document: &document,
        key: case.issuer,
        options: Options {
            disclosable: Some(&selection.disclosable),
            decoys,
            ..Options::default()
        },
    };
    let Some(issued) = case.make(case.roles.issuer, &issue)? else {
        return Ok(());
    };
    let expectation = Options {
        audience: Some(VERIFIER),
        nonce: Some(NONCE),
        ..Options::default()
    };
    let present = Act::Present {
        suite,
        document: None,
        secured: Some(&issued),
        key: case.holder,
        options: Options {
            disclose: Some(&selection.disclosed),
            issued_at: Some(case.now.unix_ms().div_euclid(1_000)),
            ..expectation
        },
    };
    let holder = case.roles.holder.unwrap_or(case.roles.issuer);
    let Some(presented) = case.make(holder, &present)? else {
        return Ok(());
    };
    let key = case.issuer.public();
    let check = Check {
        suite,
        secured: &presented,
        key: &key,
        options: expectation,
        presentation: false,
    };
    case.accepts(&check, Some(&selection.visible(&document)))?;
    refuse_other_verifiers(case, &check)?;
    let copies = tamper::of_sd_jwt(&mut case.random, &presented);
    refuse_all(case, &check, &copies)
}

/// The claims that an SD-JWT is made of, confirmed by the holder's key, and which of them are for the holder to disclose.
fn selectable(suite: &str, case: &mut Case<'_, '_>) -> (Value, Selection) {
    let holder = case.holder.public_jwk();
    if suite == "dc+sd-jwt" {
        let claims = claims::claims(&mut case.random, &case.issuer.did(), &holder);
        let selection = Selection::choose(&mut case.random, &claims, |name| {
            !matches!(name, "iss" | "iat" | "vct" | "cnf")
        });
        return (claims, selection);
    }
    let mut credential =
        documents::credential(&mut case.random, &case.issuer.did(), case.shape).credential;
    name_subjects(&mut credential);
    if let Some(members) = credential.as_object_mut() {
        members.insert("cnf".to_owned(), json!({"jwk": holder}));
    }
    let selection = Selection::of_subjects(&mut case.random, &credential);
    (credential, selection)
}

/// Gives every subject an `id`, so that something of it is left when nothing is disclosed.
fn name_subjects(credential: &mut Value) {
    let subjects = match credential.get_mut("credentialSubject") {
        Some(Value::Array(all)) => all.iter_mut().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    for subject in subjects {
        if let Some(members) = subject.as_object_mut() {
            members
                .entry("id")
                .or_insert_with(|| json!("urn:example:subject"));
        }
    }
}

/// Both name the blank nodes of one document, and sort its quads.
fn canonical(case: &mut Case<'_, '_>) -> Result<(), InteropError> {
    let generated = documents::credential(&mut case.random, &case.issuer.did(), case.shape);
    case.same_answer(&Act::Canonicalize {
        document: &generated.credential,
    })
}

fn status_list(suite: &str, case: &mut Case<'_, '_>) -> Result<(), InteropError> {
    let bits = *case.random.pick(&[1_u8, 2, 4, 8]).unwrap_or(&1);
    let count = 64 * (1 + case.random.below(20));
    let statuses: Vec<usize> = (0..count).map(|_| case.random.below(1 << bits)).collect();
    let document = json!({
        "sub": "https://issuer.example/statuslists/1",
        "iss": case.issuer.did(),
        "iat": ISSUED_AT,
        "ttl": 43_200,
        "bits": bits,
        "statuses": statuses,
    });
    let issue = Act::Issue {
        suite,
        document: &document,
        key: case.issuer,
        options: Options::default(),
    };
    let Some(secured) = case.make(case.roles.issuer, &issue)? else {
        return Ok(());
    };
    let key = case.issuer.public();
    let check = Check {
        suite,
        secured: &secured,
        key: &key,
        options: Options::default(),
        presentation: false,
    };
    case.accepts(&check, Some(&json!({"bits": bits, "statuses": statuses})))?;
    let copies = tamper::of_token(&mut case.random, &secured);
    refuse_all(case, &check, &copies)
}

fn refuse_other_verifiers(case: &mut Case<'_, '_>, check: &Check<'_>) -> Result<(), InteropError> {
    for (change, audience, nonce) in [
        ("the audience is another", STRANGER, NONCE),
        ("the nonce is another", VERIFIER, STRANGER),
    ] {
        let options = Options {
            audience: Some(audience),
            nonce: Some(nonce),
            ..check.options
        };
        case.refuses(change, &Check { options, ..*check })?;
    }
    Ok(())
}

fn refuse_all(
    case: &mut Case<'_, '_>,
    check: &Check<'_>,
    copies: &[Copy],
) -> Result<(), InteropError> {
    for copy in copies {
        case.refuses(copy.change, &check.of(&copy.secured))?;
    }
    Ok(())
}

fn token_copies(suite: &str, random: &mut Random, secured: &Value) -> Vec<Copy> {
    if suite.ends_with("+cose") {
        tamper::of_bytes(secured)
    } else {
        tamper::of_token(random, secured)
    }
}

/// The `id` of an enveloped credential; binary envelopes stand in base64 (RFC 2397 §2).
fn data_url(suite: &str, token: &str) -> String {
    if suite.ends_with("+cose") {
        let bytes = data_encoding::BASE64URL_NOPAD
            .decode(token.as_bytes())
            .unwrap_or_default();
        format!(
            "data:application/{suite};base64,{}",
            data_encoding::BASE64.encode(&bytes)
        )
    } else {
        format!("data:application/{suite},{token}")
    }
}

fn some_of(random: &mut Random, pointers: &[String], share: usize) -> Vec<String> {
    pointers
        .iter()
        .filter(|_| random.percent(share))
        .cloned()
        .collect()
}
