//! Facts as entity statements of `OpenID` Federation 1.0: the authority's entity configuration (§3, §9), and one subordinate
//! statement for each entity whose accreditations count (§3).
//!
//! ```text
//! entity identifier   the document's service of type OpenIDFederationEntity, else its one https URL in alsoKnownAs   §1.2
//! jwks                the document's keys for authentication, each under its thumbprint                              §3.1.1
//! authority_hints     those whose accreditations of the authority count                                              §3.1.2
//! constraints         issuers of credentials only; as many intermediates as the smallest depth of its types allows   §6.2
//! metadata_policy     openid_credential_issuer.accredited_credential_types is a subset of the types, and not empty   §6.1
//! metadata            the types that the authority itself may issue, in its own configuration                        §5.1
//! accreditations      each of them in its own words: place, term, depth (an additional claim, §3.1)
//! ```
//!
//! Federation knows no status: what does not count has no statement.

use super::facts::{Entity, Facts, LeftOut};
use super::lote::scope;
use super::timeline::{Grant, name};
use super::with;
use chop_did::Relationship;
use chop_integrity::Timestamp;
use chop_protocol::Standing;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// The media type of entity statements; without `application/` also the `typ` of their headers (§3).
pub(crate) const MEDIA_TYPE: &str = "application/entity-statement+jwt";
/// The `typ` of their headers.
pub(crate) const TYP: &str = "entity-statement+jwt";
/// Where the entity configuration is found, below the entity identifier (§9).
pub(crate) const CONFIGURATION_PATH: &str = "/.well-known/openid-federation";
/// Where subordinate statements are fetched, below the entity identifier.
pub(crate) const FETCH_PATH: &str = "/federation/fetch";
/// Where subordinates are listed, below the entity identifier.
pub(crate) const LIST_PATH: &str = "/federation/list";
/// The service of a DID document whose endpoint is the entity identifier.
const SERVICE: &str = "OpenIDFederationEntity";
/// The longest entity identifier, in bytes.
const MAX_IDENTIFIER: usize = 2_048;
/// The entity type of those who are accredited.
const ISSUER: &str = "openid_credential_issuer";
/// The member of its metadata that names the types of the credentials.
const TYPES: &str = "accredited_credential_types";

/// What an authority publishes, not signed yet.
#[derive(Debug)]
pub(crate) struct Federation {
    /// The authority's entity identifier.
    pub(crate) entity: String,
    /// The claims of its entity configuration.
    pub(crate) configuration: Value,
    /// Its statements, by the subject's entity identifier.
    pub(crate) subordinates: BTreeMap<String, Subordinate>,
    /// When the first of them all ends.
    pub(crate) expires: Timestamp,
    /// Accreditations without a statement.
    pub(crate) left_out: Vec<LeftOut>,
}

/// A statement about a subordinate.
#[derive(Debug)]
pub(crate) struct Subordinate {
    /// Its claims.
    pub(crate) claims: Value,
    /// How many further links may hang below it.
    pub(crate) depth: u8,
}

/// Says why an authority cannot publish.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FederationError {
    /// It has no entity identifier.
    #[error("the authority's document gives no entity identifier: {reason}")]
    NoIdentifier {
        /// What is missing.
        reason: String,
    },
    /// It has no key for the purpose.
    #[error(
        "the authority's document lists no key for authentication that counts and that a JSON Web Key carries"
    )]
    NoKey,
}

/// Makes what an authority publishes, which ends at `end` at the latest; `metadata` holds, by entity type, what its
/// configuration says beside the endpoints.
///
/// # Errors
/// When the authority has no entity identifier or no key.
pub(crate) fn federation(
    facts: &Facts,
    metadata: &Map<String, Value>,
    end: Timestamp,
) -> Result<Federation, FederationError> {
    let reason = |reason| FederationError::NoIdentifier { reason };
    let entity = identifier(&facts.authority.document).map_err(reason)?;
    let mut left_out = Vec::new();
    let mut subordinates = BTreeMap::new();
    let contested = contested(facts, &entity);
    for subject in &facts.subjects {
        match subordinate(facts, subject, (&entity, end), &contested) {
            Ok((id, statement)) => {
                // Of several, those that do not count, or not in full, are named beside the statement.
                left_out.extend(lapsed(subject, facts.judged));
                left_out.extend(shortened(subject, facts.judged, statement.depth));
                subordinates.insert(id, statement);
            }
            Err(reason) => left_out.extend(subject.left_out(&reason)),
        }
    }
    let (configuration, own_end) = configuration(facts, &entity, metadata, end)?;
    let ends = subordinates
        .values()
        .filter_map(|statement: &Subordinate| statement.claims.get("exp").and_then(Value::as_i64))
        .map(|seconds| Timestamp::from_unix_ms(seconds.saturating_mul(1000)));
    let expires = ends.chain([own_end]).min().unwrap_or(own_end);
    left_out.extend(nameless_superiors(facts));
    Ok(Federation {
        entity,
        configuration,
        subordinates,
        expires,
        left_out,
    })
}

/// Reads the entity identifier that a document gives its subject: an https URL without query and fragment (§1.2).
pub(crate) fn identifier(document: &Value) -> Result<String, String> {
    let entries = |member: &str| {
        let found = document.get(member).and_then(Value::as_array);
        found.into_iter().flatten()
    };
    let services: Vec<&str> = entries("service")
        .filter(|service| service.get("type").and_then(Value::as_str) == Some(SERVICE))
        .filter_map(|service| service.get("serviceEndpoint").and_then(Value::as_str))
        .collect();
    let names: Vec<&str> = entries("alsoKnownAs")
        .filter_map(Value::as_str)
        .filter(|name| name.starts_with("https://"))
        .collect();
    let found = match (services.as_slice(), names.as_slice()) {
        ([one], _) | ([], [one]) => *one,
        ([], []) => {
            return Err(format!(
                "it has neither a service of type {SERVICE} nor an https URL in alsoKnownAs"
            ));
        }
        ([], several) => {
            return Err(format!(
                "it has {} https URLs in alsoKnownAs; a service of type {SERVICE} says which one is meant",
                several.len()
            ));
        }
        (several, _) => {
            return Err(format!(
                "it has {} services of type {SERVICE}",
                several.len()
            ));
        }
    };
    check(found).map(|()| found.to_owned())
}

fn check(text: &str) -> Result<(), String> {
    let parsed = Url::parse(text).ok().filter(|url| {
        url.scheme() == "https"
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if parsed.is_some() && text.len() <= MAX_IDENTIFIER {
        Ok(())
    } else {
        Err(format!(
            "{text:?} is no entity identifier: an https URL with a host and without user, query and fragment"
        ))
    }
}

/// The identifiers that more than one entity claims: nobody is told to trust either. One that does not count claims none: it
/// would strike the name of another for ever.
fn contested(facts: &Facts, own: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::from([own.to_owned()]);
    let subjects = facts.subjects.iter();
    let claimed = subjects
        .filter(|subject| !subject.live(facts.judged).is_empty())
        .chain(&facts.superiors)
        .filter(|entity| entity.ended.is_none() && entity.did != facts.authority.did);
    // An entity may be above and below at once; it contests nothing then.
    let mut claimants: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entity in claimed {
        if let Ok(id) = identifier(&entity.document) {
            claimants
                .entry(id)
                .or_default()
                .insert(entity.did.to_string());
        }
    }
    let several = claimants.into_iter().filter(|(_, dids)| dids.len() > 1);
    seen.extend(several.map(|(id, _)| id));
    seen
}

fn subordinate(
    facts: &Facts,
    subject: &Entity,
    (issuer, end): (&str, Timestamp),
    contested: &BTreeSet<String>,
) -> Result<(String, Subordinate), String> {
    if subject.did == facts.authority.did {
        return Err("it is the authority itself".to_owned());
    }
    let live = subject.live(facts.judged);
    if live.is_empty() {
        let standings = subject
            .grants
            .iter()
            .map(|grant| grant.standing_at(facts.judged));
        let standings: BTreeSet<&str> = standings.map(name).collect();
        let standings: Vec<&str> = standings.into_iter().collect();
        return Err(format!("it does not count: {}", standings.join(", ")));
    }
    let id = identifier(&subject.document)?;
    if contested.contains(&id) {
        return Err(format!("another entity goes by {id} too"));
    }
    let (keys, key_end) = jwks(subject, facts.judged)
        .ok_or("its document lists no key for authentication that counts")?;
    let changes = live
        .iter()
        .filter_map(|grant| grant.next_change(facts.judged));
    let end = changes.chain(key_end).chain([end]).min().unwrap_or(end);
    let ends = seconds(end);
    if ends <= seconds(facts.judged) {
        return Err("it ends within the second".to_owned());
    }
    let depth = depth(&live);
    let accreditations: Vec<Value> = live
        .iter()
        .map(|grant| scope(grant, Standing::Live))
        .collect();
    let claims = json!({
        "iss": issuer,
        "sub": id,
        "iat": seconds(facts.time),
        "exp": ends,
        "jwks": keys,
        "source_endpoint": endpoint(issuer, FETCH_PATH),
        "constraints": {"max_path_length": depth, "allowed_entity_types": [ISSUER]},
        // Without "essential" the policy would pass over metadata that names no types at all (§6.1.3.1.7).
        "metadata_policy": {ISSUER: {TYPES: {"subset_of": types(&live), "essential": true}}},
        "accreditations": accreditations,
    });
    Ok((id, Subordinate { claims, depth }))
}

fn types(live: &[&Grant]) -> BTreeSet<String> {
    let all = live.iter();
    all.map(|grant| grant.record.credential_type.as_str().to_owned())
        .collect()
}

/// How many further links may hang below: what holds for every one of the types, since a chain goes on for all of them at once.
fn depth(live: &[&Grant]) -> u8 {
    let mut by_type: BTreeMap<&str, u8> = BTreeMap::new();
    for grant in live {
        let most = by_type
            .entry(grant.record.credential_type.as_str())
            .or_default();
        *most = grant.record.depth.max(*most);
    }
    by_type.into_values().min().unwrap_or_default()
}

/// The accreditations of an entity below which more links may hang than its statement says.
fn shortened(subject: &Entity, at: Timestamp, depth: u8) -> Vec<LeftOut> {
    let deeper = subject.live(at).into_iter();
    deeper
        .filter(|grant| grant.record.depth > depth)
        .map(|grant| {
            let own = grant.record.depth;
            grant.left_out(&format!(
                "the statement allows {depth} further link(s), not {own}: the holder's types differ in depth, and the \
                smallest holds for all"
            ))
        })
        .collect()
}

/// The accreditations of an entity that do not count.
fn lapsed(subject: &Entity, at: Timestamp) -> Vec<LeftOut> {
    let all = subject.grants.iter();
    all.filter_map(|grant| {
        let standing = grant.standing_at(at);
        let lapsed = standing != Standing::Live;
        lapsed.then(|| grant.left_out(&format!("it does not count: {}", name(standing))))
    })
    .collect()
}

/// What the authority holds by the word of one whom no chain can lead to.
fn nameless_superiors(facts: &Facts) -> Vec<LeftOut> {
    let superiors = facts.superiors.iter();
    let nameless = superiors.filter_map(|superior| {
        let reason = identifier(&superior.document).err()?;
        Some((
            superior.did,
            format!("no authority hint to {}: {reason}", superior.did),
        ))
    });
    nameless
        .flat_map(|(did, reason)| {
            let held = facts.authority.grants.iter();
            held.filter(move |grant| grant.record.accreditor == did)
                .map(move |grant| grant.left_out(&reason))
        })
        .collect()
}

fn configuration(
    facts: &Facts,
    entity: &str,
    metadata: &Map<String, Value>,
    end: Timestamp,
) -> Result<(Value, Timestamp), FederationError> {
    let (keys, key_end) = jwks(&facts.authority, facts.judged).ok_or(FederationError::NoKey)?;
    let held = facts.authority.grants.iter();
    let changes = held.filter_map(|grant| grant.next_change(facts.judged));
    let end = changes.chain(key_end).chain([end]).min().unwrap_or(end);
    let mut metadata = metadata.clone();
    let own = metadata
        .entry("federation_entity")
        .or_insert_with(|| json!({}));
    if let (Value::Object(own), Some(name)) = (&mut *own, &facts.authority.name) {
        own.entry("organization_name")
            .or_insert_with(|| json!(name));
    }
    // Who has accredited nobody is a leaf, which has no such endpoints (§5.1.1).
    if let (Value::Object(own), false) = (own, facts.subjects.is_empty()) {
        let endpoints = [
            ("federation_fetch_endpoint", FETCH_PATH),
            ("federation_list_endpoint", LIST_PATH),
        ];
        for (name, path) in endpoints {
            own.insert(name.to_owned(), json!(endpoint(entity, path)));
        }
    }
    may_issue(&facts.authority.live(facts.judged), &mut metadata);
    let claims = json!({
        "iss": entity,
        "sub": entity,
        "iat": seconds(facts.time),
        "exp": seconds(end),
        "jwks": keys,
        "metadata": metadata,
    });
    let hints: BTreeSet<String> = facts
        .superiors
        .iter()
        .filter_map(|superior| identifier(&superior.document).ok())
        .filter(|hint| hint != entity)
        .collect();
    // Never an empty one (§3.1.2).
    let hints = (!hints.is_empty()).then(|| json!(hints));
    Ok((with(claims, "authority_hints", hints), end))
}

/// Says which types the authority itself may issue, where its metadata does not: without them a superior's policy ends the chain.
fn may_issue(live: &[&Grant], metadata: &mut Map<String, Value>) {
    if live.is_empty() && !metadata.contains_key(ISSUER) {
        return;
    }
    if let Value::Object(issuer) = metadata.entry(ISSUER).or_insert_with(|| json!({})) {
        if !live.is_empty() {
            issuer.entry(TYPES).or_insert_with(|| json!(types(live)));
        }
        // Some readers want to be told, suspended or not; the ledger knows of no registration of clients.
        issuer
            .entry("client_registration_types_supported")
            .or_insert_with(|| json!([]));
    }
}

/// The keys of a document for authentication, and when the first of them ends; none when there is none.
///
/// Federation keys should serve nothing else (§3.1.1): the keys with which an issuing service signs credentials for a DID are
/// listed for assertions alone, and are not among these.
fn jwks(entity: &Entity, at: Timestamp) -> Option<(Value, Option<Timestamp>)> {
    let listed = entity.keys(Relationship::Authentication, at);
    let end = listed.iter().filter_map(|key| key.ends).min();
    let keys: BTreeMap<String, Value> = listed
        .iter()
        .map(|listed| {
            let id = listed.jwk.thumbprint();
            let jwk = with(json!(listed.jwk), "kid", Some(json!(id)));
            (id, jwk)
        })
        .collect();
    (!keys.is_empty()).then(|| (json!({"keys": keys.into_values().collect::<Vec<_>>()}), end))
}

/// A URL below an entity identifier, which may end in a slash.
pub(crate) fn endpoint(entity: &str, path: &str) -> String {
    format!("{}{path}", entity.trim_end_matches('/'))
}

fn seconds(at: Timestamp) -> i64 {
    at.unix_ms().div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(aliases: &[&str], services: &[&str]) -> Value {
        let services: Vec<Value> = services
            .iter()
            .map(|url| json!({"id": "#f", "type": SERVICE, "serviceEndpoint": url}))
            .collect();
        json!({"alsoKnownAs": aliases, "service": services})
    }

    #[test]
    fn takes_the_service_before_the_names_and_a_name_only_when_it_is_the_only_one() {
        let (a, b) = ("https://a.example", "https://b.example/authority");
        assert_eq!(
            identifier(&document(&[a, "did:web:a.example"], &[])).unwrap(),
            a
        );
        assert_eq!(identifier(&document(&[a, b], &[b])).unwrap(), b);
        let refused = identifier(&document(&[a, b], &[])).unwrap_err();
        assert!(refused.contains("2 https URLs"), "{refused}");
        assert!(
            identifier(&document(&[], &[]))
                .unwrap_err()
                .contains("neither")
        );
        assert!(
            identifier(&document(&[], &[a, b]))
                .unwrap_err()
                .contains("2 services")
        );
    }

    #[test]
    fn refuses_identifiers_that_are_none() {
        for odd in [
            "http://a.example",
            "https://a.example/?x=1",
            "https://a.example/#x",
            "https://me@a.example",
            "https://",
        ] {
            assert!(identifier(&document(&[], &[odd])).is_err(), "{odd}");
        }
    }
}
