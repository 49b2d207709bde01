//! Issuing: check, take status positions, secure, record; then answer.

use crate::app::IssuerApp;
use crate::disclosing::Disclosing;
use crate::error::IssueError;
use crate::instance::Instance;
use crate::of_ledger;
use crate::secure::{Pen, Secured, Selective};
use crate::status::{StatusError, StatusRequest, token_entry};
use crate::store::Issuance;
use crate::suite::Form;
use chop_credential::status::TokenEntry;
use chop_http::{clock, random};
use chop_integrity::{Hash, Timestamp};
use chop_keys::KeyType;
use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};
use tracing::info;

/// What is to be issued.
pub(crate) struct Order<'a> {
    /// The instance that signs.
    pub(crate) instance: &'a Instance,
    /// The credential without its securing.
    pub(crate) credential: Map<String, Value>,
    /// The statuses to assign.
    pub(crate) statuses: Vec<StatusRequest>,
    /// What a selective suite is told.
    pub(crate) selective: Selective,
    /// Which claims the holder may disclose.
    pub(crate) disclosing: Disclosing,
    /// The time of the proof that the client asks for; now when it does not.
    pub(crate) created: Option<Timestamp>,
    /// The client's key for repeating the request, with the request's digest.
    pub(crate) repeat: Option<Repeat<'a>>,
}

/// How a repeated request is recognised.
#[derive(Clone, Copy)]
pub(crate) struct Repeat<'a> {
    /// The `Idempotency-Key`.
    pub(crate) key: &'a str,
    /// The digest of route and body.
    pub(crate) request: &'a [u8],
}

/// Secures the credential and records it; the answer's body is `body(secured, digest)`, kept for repetitions.
pub(crate) async fn issue(
    app: &IssuerApp,
    order: Order<'_>,
    body: fn(&Secured, &Hash) -> Value,
) -> Result<String, IssueError> {
    let Order {
        instance,
        mut credential,
        statuses,
        selective,
        disclosing,
        created,
        repeat,
    } = order;
    let mechanism = instance.suite.mechanism();
    let is_plain = mechanism.form == Form::SdJwtVc;
    check_issuer(
        &credential,
        if is_plain { "iss" } else { "issuer" },
        &instance.did,
    )?;
    if !mechanism.discloses() && !disclosing.is_empty() {
        return Err(IssueError::Member {
            member: "options.disclosable",
            expected: "absent: the instance's suite discloses a credential whole",
        });
    }
    if is_plain && !statuses.iter().all(StatusRequest::is_token) {
        return Err(IssueError::Member {
            member: "options.credentialStatus",
            expected: "of the type TokenStatusList for an SD-JWT VC",
        });
    }
    if !mechanism.is_token() && statuses.iter().any(StatusRequest::is_token) {
        let mechanism = mechanism.name;
        return Err(StatusError::NoToken { mechanism }.into());
    }
    if !statuses.is_empty() && instance.suite.key_type() == KeyType::Bls12381G2 {
        return Err(IssueError::NoLists);
    }
    let contexts = of_ledger::contexts(app, &credential).await?;
    let schemas = of_ledger::schemas(app, &credential).await?;
    let key = app.key(instance)?;
    let mut issuance = app.store().issuance(&instance.name).await?;
    if let Some(kept) = kept(&mut issuance, repeat).await? {
        return Ok(kept);
    }
    let now = clock::now_ms();
    let token_entry = assign(app, &mut issuance, &mut credential, &statuses, now).await?;
    // What every verifier would refuse is not issued.
    for schema in &schemas {
        schema.validate(&credential)?;
    }
    let id = credential
        .get("id")
        .and_then(Value::as_str)
        .map(ToOwned::to_owned);
    let created = created.unwrap_or(Timestamp::from_unix_ms(now));
    let pen = Pen {
        contexts: &contexts,
        ..app.pen(instance, key.as_ref())
    };
    let secured = pen.secure(
        Value::Object(credential),
        token_entry.as_ref(),
        &disclosing,
        created,
        &selective,
    )?;
    let digest = secured.digest()?;
    let answer = body(&secured, &digest).to_string();
    let keep = repeat.map(|repeat| (repeat.key, repeat.request, answer.as_str()));
    issuance
        .commit(&digest.to_string(), id.as_deref(), keep, now)
        .await?;
    info!(instance = %instance.name, %digest, statuses = statuses.len(), "issued a credential");
    Ok(answer)
}

/// Adds what a plain business call leaves out: context, type, id, issuer, the time from which it is valid.
pub fn complete(credential: &mut Map<String, Value>, issuer: &str) {
    let mut fill = |member: &str, value: Value| {
        credential.entry(member).or_insert(value);
    };
    fill("@context", json!(["https://www.w3.org/ns/credentials/v2"]));
    fill("type", json!(["VerifiableCredential"]));
    fill("id", json!(format!("urn:uuid:{}", uuid(random::bytes()))));
    fill("issuer", json!(issuer));
    fill(
        "validFrom",
        json!(Timestamp::from_unix_ms(clock::now_ms()).to_string()),
    );
}

/// Adds what is left out of the claims of an SD-JWT VC: the issuer, unless certificates speak for it, and when it is issued.
pub fn complete_claims(claims: &mut Map<String, Value>, issuer: Option<&str>) {
    if let Some(issuer) = issuer {
        claims.entry("iss").or_insert_with(|| json!(issuer));
    }
    let seconds = clock::now_ms().div_euclid(1_000);
    claims.entry("iat").or_insert_with(|| json!(seconds));
}

async fn kept(
    issuance: &mut Issuance,
    repeat: Option<Repeat<'_>>,
) -> Result<Option<String>, IssueError> {
    let Some(repeat) = repeat else {
        return Ok(None);
    };
    match issuance.reply(repeat.key).await? {
        Some((request, body)) if request == repeat.request => Ok(Some(body)),
        Some(_) => Err(IssueError::IdempotencyReuse),
        None => Ok(None),
    }
}

/// The issuer is a string or an object with an `id`, and is the instance's DID.
fn check_issuer(
    credential: &Map<String, Value>,
    member: &'static str,
    expected: &str,
) -> Result<(), IssueError> {
    let issuer = match credential.get(member) {
        Some(Value::Object(issuer)) => issuer.get("id"),
        issuer => issuer,
    };
    match issuer {
        Some(Value::String(found)) if found == expected => Ok(()),
        Some(Value::String(found)) => Err(IssueError::OtherIssuer {
            found: found.clone(),
            expected: expected.to_owned(),
        }),
        _ => Err(IssueError::Member {
            member,
            expected: "a URL or an object with one as its id",
        }),
    }
}

/// Takes a position for every status; what a token names in its `status` claim is returned, the rest goes into the credential.
async fn assign(
    app: &IssuerApp,
    issuance: &mut Issuance,
    credential: &mut Map<String, Value>,
    statuses: &[StatusRequest],
    now: i64,
) -> Result<Option<TokenEntry>, IssueError> {
    let mut claimed = None;
    let mut entries = match credential.remove("credentialStatus") {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(entry) => vec![entry],
    };
    for status in statuses {
        let mut draw = || u64::from_le_bytes(random::bytes());
        let position = issuance
            .take_position(status.list_use(), now, &mut draw)
            .await?;
        let url = app.list_url(&position.list);
        if status.is_token() {
            claimed = Some(token_entry(url, &position));
        } else {
            entries.push(status.entry(&url, &position)?);
        }
    }
    if entries.len() > 1 {
        credential.insert("credentialStatus".to_owned(), Value::Array(entries));
    } else if let Some(entry) = entries.pop() {
        credential.insert("credentialStatus".to_owned(), entry);
    }
    Ok(claimed)
}

/// A version 4 UUID (RFC 9562 §5.4) of these random bytes.
pub fn uuid(random: [u8; 16]) -> String {
    let bits =
        (u128::from_be_bytes(random) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = HEXLOWER.encode(&bits.to_be_bytes());
    let mut uuid = String::with_capacity(36);
    for (from, to) in [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)] {
        if from > 0 {
            uuid.push('-');
        }
        uuid.push_str(hex.get(from..to).unwrap_or_default());
    }
    uuid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_its_version_and_variant() {
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
    }

    #[test]
    fn the_issuer_is_the_instance_and_nobody_else() {
        let credential = |issuer: Value| json!({"issuer": issuer}).as_object().unwrap().clone();
        assert!(check_issuer(&credential(json!("did:key:a")), "issuer", "did:key:a").is_ok());
        assert!(
            check_issuer(
                &credential(json!({"id": "did:key:a", "name": "A"})),
                "issuer",
                "did:key:a"
            )
            .is_ok()
        );
        for other in [
            json!("did:key:b"),
            json!({"id": "did:key:b"}),
            json!({}),
            json!(null),
            json!(["did:key:a"]),
        ] {
            assert!(
                check_issuer(&credential(other.clone()), "issuer", "did:key:a").is_err(),
                "{other}"
            );
        }
        assert!(check_issuer(&Map::new(), "issuer", "did:key:a").is_err());
    }
}
