//! Facts as a list of trusted entities (ETSI TS 119 602 V1.1.1, JSON binding).
//!
//! ```text
//! ListAndSchemeInformation   the directory's scheme; number, issue and next update from the header     clause 6.3
//! TrustedEntity              a DID that holds accreditations                                           clause 6.5
//! TrustedEntityService       one accreditation: what it lets issue, under which keys                   clause 6.6
//! ServiceStatus              granted while it and its ancestors count, and a key of its holder, else
//!                            withdrawn                                                                 clause 6.6.4
//! ServiceHistory             every earlier standing, the newest first                                  clause 6.7
//! ```
//!
//! A status knows two values, which readers of trusted lists know; the extension beside it tells the standing itself.

use super::directory::{Directory, EntityInformation, Scheme, Text};
use super::facts::{Entity, Facts, LeftOut, ListedKey, Lost};
use super::timeline::{Grant, Segment, name};
use super::with;
use chop_did::Relationship;
use chop_integrity::Timestamp;
use chop_protocol::Standing;
use serde::Serialize;
use serde_json::{Value, json};

/// The longest time between an issue and the next update, in hours: six months (clause 6.3.15).
pub(crate) const MAX_VALID_HOURS: u32 = 181 * 24;
/// The rules for parsing (clause 6.3.1).
const VERSION: u64 = 1;
/// Earlier standings are never dropped from the list (clause 6.3.12).
const KEPT_FOR_EVER: u64 = 65_535;
/// What every service here does: it issues credentials of a type.
const ISSUANCE: &str = "https://w3id.org/chopmark#credential-issuance";
/// The statuses of ETSI TS 119 612 clause 5.5.4.
const GRANTED: &str = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/granted";
const WITHDRAWN: &str = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/withdrawn";

/// For how long a list holds, and where it is found.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// When it is replaced at the latest.
    pub(crate) until: Timestamp,
    /// Where the list is published.
    pub(crate) distribution: Vec<String>,
}

/// A list, not signed yet.
#[derive(Debug)]
pub(crate) struct List {
    /// The payload: `{"LoTE": …}`.
    pub(crate) payload: Value,
    /// When it is replaced at the latest.
    pub(crate) next_update: Timestamp,
    /// How many accreditations it shows.
    pub(crate) services: usize,
    /// How many entities it does not show since the directory does not tell enough of them.
    pub(crate) undescribed: usize,
    /// What it does not show, or not in full.
    pub(crate) left_out: Vec<LeftOut>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SchemeInformation<'a> {
    #[serde(rename = "LoTEVersionIdentifier")]
    version: u64,
    /// The height: a later list has a greater number, and lists of one header are one list.
    #[serde(rename = "LoTESequenceNumber")]
    sequence: u64,
    #[serde(flatten)]
    scheme: &'a Scheme,
    historical_information_period: u64,
    list_issue_date_time: String,
    next_update: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    distribution_points: &'a [String],
    scheme_extensions: Vec<Value>,
}

/// Makes the list of all accreditations among the facts.
///
/// It is replaced at the next update, or before, when a change that is decided already takes effect.
pub(crate) fn list(
    facts: &Facts,
    directory: &Directory,
    terms: &Terms,
) -> serde_json::Result<List> {
    let mut entities = Vec::new();
    let mut left_out = facts.unread.clone();
    let (mut services, mut undescribed) = (0, 0);
    for entity in &facts.subjects {
        let mapped = match information(entity, directory) {
            Ok(information) => trusted(entity, &information, facts, &mut left_out)?,
            Err(reason) => {
                undescribed += 1;
                left_out.extend(entity.left_out(&reason));
                None
            }
        };
        if let Some((value, shown)) = mapped {
            services += shown;
            entities.push(value);
        }
    }
    let next_update = next_update(facts, terms.until);
    let information = SchemeInformation {
        version: VERSION,
        sequence: facts.height,
        scheme: &directory.scheme,
        historical_information_period: KEPT_FOR_EVER,
        list_issue_date_time: facts.time.to_seconds_text(),
        next_update: next_update.to_seconds_text(),
        distribution_points: &terms.distribution,
        scheme_extensions: extensions(facts, &left_out),
    };
    let list = json!({"ListAndSchemeInformation": information});
    let entities = (!entities.is_empty()).then_some(Value::Array(entities));
    let list = with(list, "TrustedEntitiesList", entities);
    Ok(List {
        payload: json!({"LoTE": list}),
        next_update,
        services,
        undescribed,
        left_out,
    })
}

/// What the list is made from, and what it does not show.
fn extensions(facts: &Facts, left_out: &[LeftOut]) -> Vec<Value> {
    let mut extensions = vec![json!({"LedgerState": {
        "ledger": facts.ledger,
        "authority": facts.authority.did,
        "height": facts.height,
        "time": facts.time,
    }})];
    if !left_out.is_empty() {
        extensions.push(json!({"NotListed": left_out}));
    }
    extensions
}

/// The end that is given, or before, where a standing or a key ends before; to the second, as the list tells it.
fn next_update(facts: &Facts, until: Timestamp) -> Timestamp {
    let changes = facts.subjects.iter().flat_map(|entity| {
        let standings = entity
            .grants
            .iter()
            .filter_map(|grant| grant.next_change(facts.judged));
        let keys = entity.keys(Relationship::AssertionMethod, facts.judged);
        standings
            .chain(keys.into_iter().filter_map(|key| key.ends))
            .collect::<Vec<_>>()
    });
    changes
        .chain([until])
        .min()
        .unwrap_or(until)
        .floor_to_second()
}

/// What the directory says about an entity, with the name of its membership where it says none.
fn information(entity: &Entity, directory: &Directory) -> Result<EntityInformation, String> {
    let found = directory.entities.get(&entity.did.to_string());
    let mut information = found.cloned().ok_or(
        "the directory says nothing about it: TEAddress and TEInformationURI are mandatory and no ledger holds them",
    )?;
    if information.names.is_empty() {
        let name = entity.name.as_deref().and_then(Text::english);
        information.names.extend(name);
    }
    if information.names.is_empty() {
        return Err("it has no TEName in the directory and no name as a member".to_owned());
    }
    Ok(information)
}

/// An entity with its services; nothing when none can be shown.
fn trusted(
    entity: &Entity,
    information: &EntityInformation,
    facts: &Facts,
    left_out: &mut Vec<LeftOut>,
) -> serde_json::Result<Option<(Value, usize)>> {
    let keys = entity.keys(Relationship::AssertionMethod, facts.judged);
    let mut services = Vec::new();
    for grant in &entity.grants {
        match service(entity, grant, &keys, facts.judged) {
            Ok(service) => services.push(service),
            Err(reason) => left_out.push(grant.left_out(reason)),
        }
    }
    if services.is_empty() {
        return Ok(None);
    }
    let shown = services.len();
    let value = json!({
        "TrustedEntityInformation": serde_json::to_value(information)?,
        "TrustedEntityServices": services,
    });
    Ok(Some((value, shown)))
}

/// A stretch of time as the list tells it.
#[derive(Debug, Clone, Copy)]
struct Told {
    from: Timestamp,
    standing: Standing,
    /// How the holder lost its last key, when it has none over this stretch.
    holder: Option<&'static str>,
}

impl Told {
    fn is_granted(&self) -> bool {
        self.standing == Standing::Live && self.holder.is_none()
    }
}

/// Tells what the accreditation says, but of a holder without keys that nothing is granted from when it lost them.
fn told(timeline: &[Segment], lost: Option<Lost>) -> Vec<Told> {
    let ends = timeline.iter().skip(1).map(|next| Some(next.from));
    let mut told = Vec::new();
    for (segment, end) in timeline.iter().zip(ends.chain([None])) {
        let Segment { from, standing } = *segment;
        let lost = lost
            .filter(|lost| standing == Standing::Live && end.is_none_or(|end| lost.since < end));
        if lost.is_none_or(|lost| from < lost.since) {
            told.push(Told {
                from,
                standing,
                holder: None,
            });
        }
        told.extend(lost.map(|lost| Told {
            from: lost.since.max(from),
            standing,
            holder: Some(lost.holder),
        }));
    }
    told
}

fn service(
    entity: &Entity,
    grant: &Grant,
    keys: &[ListedKey],
    at: Timestamp,
) -> Result<Value, &'static str> {
    let lost = entity.lost(Relationship::AssertionMethod, at);
    let mut timeline = told(&grant.timeline(at), lost);
    let now = timeline.pop().ok_or("its validity has not begun")?;
    if now.is_granted() && keys.is_empty() {
        return Err("it counts, and its holder's document lists no key for assertions");
    }
    let shown = if now.is_granted() { keys } else { &[] };
    let information = instance(entity, grant, now, shown);
    let service = json!({"ServiceInformation": information});
    let earlier = timeline.into_iter().rev();
    let history: Vec<Value> = earlier
        .map(|told| instance(entity, grant, told, &[]))
        .collect();
    let history = (!history.is_empty()).then_some(Value::Array(history));
    Ok(with(service, "ServiceHistory", history))
}

/// What holds over one stretch of time; the keys are told for the present only.
fn instance(entity: &Entity, grant: &Grant, told: Told, keys: &[ListedKey]) -> Value {
    let record = &grant.record;
    let place = record
        .jurisdiction
        .as_ref()
        .map_or_else(String::new, |place| format!(" in {}", place.as_str()));
    let status = if told.is_granted() {
        GRANTED
    } else {
        WITHDRAWN
    };
    let keys: Vec<Value> = keys.iter().map(public_key).collect();
    let keys = (!keys.is_empty()).then_some(Value::Array(keys));
    let identity = with(json!({"OtherIds": [entity.did]}), "PublicKeyValues", keys);
    let scope = scope(grant, told.standing);
    let scope = with(scope, "holder", told.holder.map(Value::from));
    json!({
        "ServiceName": [{"lang": "en", "value": format!("Issues {}{place}", record.credential_type.as_str())}],
        "ServiceTypeIdentifier": ISSUANCE,
        "ServiceDigitalIdentity": identity,
        "ServiceStatus": status,
        "StatusStartingTime": told.from.to_seconds_text(),
        "ServiceInformationExtensions": [{"Accreditation": scope}],
    })
}

/// An accreditation in its own words, and what it is worth.
pub(super) fn scope(grant: &Grant, standing: Standing) -> Value {
    let record = &grant.record;
    let scope = json!({
        "id": record.id,
        "accreditor": record.accreditor,
        "credentialType": record.credential_type,
        "validFrom": record.valid_from,
        "depth": record.depth,
        "standing": name(standing),
    });
    let place = record.jurisdiction.as_ref().map(|place| json!(place));
    let scope = with(scope, "jurisdiction", place);
    let until = record.valid_until.map(|until| json!(until));
    let scope = with(scope, "validUntil", until);
    with(scope, "parent", record.parent.map(|parent| json!(parent)))
}

fn public_key(listed: &ListedKey) -> Value {
    with(json!(listed.jwk), "kid", Some(json!(listed.method)))
}
