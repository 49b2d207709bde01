//! Edits of a DID document in its stored form: relative ids, retired keys kept (SPEC §4.5, §5).

use anyhow::{Context as _, anyhow, bail};
use chop_keys::PublicKey;
use serde_json::{Map, Value, json};
use std::str::FromStr;

/// What `did update` changes in the current document; the operation states the whole result.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Edits {
    /// Add a service: TYPE=URL, its id made from the type, or ID:TYPE=URL
    #[arg(long = "service", value_name = "[ID:]TYPE=URL")]
    pub(crate) services: Vec<Service>,
    /// Remove the service of this id
    #[arg(long = "remove-service", value_name = "ID")]
    pub(crate) remove_services: Vec<String>,
    /// Say that this URI names the same subject
    #[arg(long = "also-known-as", value_name = "URI")]
    pub(crate) also_known_as: Vec<String>,
    /// Retire a key: what it signed before still counts, it signs nothing more
    #[arg(long = "retire-key", value_name = "ID")]
    pub(crate) retire_keys: Vec<String>,
    /// Say from when a key was in wrong hands: nothing counts that it signed from then on
    #[arg(long = "compromised-key", value_name = "ID@TIME")]
    pub(crate) compromised_keys: Vec<Compromise>,
}

/// A service to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    id: String,
    kind: String,
    endpoint: String,
}

/// A key and the time from which nothing counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compromise {
    id: String,
    time: String,
}

/// The relationships that a key of an organisation serves.
pub(crate) const ACTING: [&str; 3] = ["authentication", "assertionMethod", "capabilityInvocation"];
/// The relationship of a key that only issues credentials.
pub(crate) const ASSERTING: [&str; 1] = ["assertionMethod"];

impl FromStr for Service {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, endpoint) = text
            .split_once('=')
            .context("a service is TYPE=URL or ID:TYPE=URL")?;
        let (id, kind) = name.split_once(':').map_or_else(
            || (name.to_ascii_lowercase(), name),
            |(id, kind)| (id.trim_start_matches('#').to_owned(), kind),
        );
        if id.is_empty() || kind.is_empty() || endpoint.is_empty() {
            bail!("a service is TYPE=URL or ID:TYPE=URL");
        }
        Ok(Self {
            id,
            kind: kind.to_owned(),
            endpoint: endpoint.to_owned(),
        })
    }
}

impl FromStr for Compromise {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, time) = text
            .split_once('@')
            .context("a compromise is ID@TIME, such as key-1@2026-11-01T00:00:00.000Z")?;
        chop_integrity::Timestamp::parse(time)
            .map_err(|_| anyhow!("`{time}` is not a time such as 2026-11-01T00:00:00.000Z"))?;
        Ok(Self {
            id: relative(id),
            time: time.to_owned(),
        })
    }
}

impl Edits {
    /// Says that nothing is to be changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.services.is_empty()
            && self.remove_services.is_empty()
            && self.also_known_as.is_empty()
            && self.retire_keys.is_empty()
            && self.compromised_keys.is_empty()
    }

    /// Applies the edits; `now` is the time of a retirement in canonical form.
    ///
    /// # Errors
    /// An edit that names a key or service which the document does not have, or an id that is taken.
    pub(crate) fn apply(&self, document: &mut Map<String, Value>, now: &str) -> anyhow::Result<()> {
        for id in &self.remove_services {
            remove_service(document, &relative(id))?;
        }
        for service in &self.services {
            add_service(document, service)?;
        }
        for uri in &self.also_known_as {
            list(document, "alsoKnownAs")?.push(json!(uri));
        }
        for id in &self.retire_keys {
            method(document, &relative(id))?.insert("revoked".to_owned(), json!(now));
        }
        for compromise in &self.compromised_keys {
            method(document, &compromise.id)?
                .insert("compromised".to_owned(), json!(compromise.time));
        }
        Ok(())
    }
}

/// Adds a key under the first free `#key-N` and lists it under the relationships; answers its relative id.
///
/// # Errors
/// A document whose lists are not lists.
pub(crate) fn add_key(
    document: &mut Map<String, Value>,
    key: &PublicKey,
    relationships: &[&str],
) -> anyhow::Result<String> {
    let methods = list(document, "verificationMethod")?;
    let taken = |id: &str| {
        methods
            .iter()
            .any(|method| method.get("id").and_then(Value::as_str) == Some(id))
    };
    let id = (1..=u16::MAX)
        .map(|number| format!("#key-{number}"))
        .find(|id| !taken(id))
        .unwrap_or_default();
    methods.push(json!({"id": id, "type": "Multikey", "publicKeyMultibase": key.multikey()}));
    for relationship in relationships {
        list(document, relationship)?.push(json!(id));
    }
    Ok(id)
}

fn add_service(document: &mut Map<String, Value>, service: &Service) -> anyhow::Result<()> {
    let id = relative(&service.id);
    let services = list(document, "service")?;
    if services
        .iter()
        .any(|known| known.get("id").and_then(Value::as_str) == Some(id.as_str()))
    {
        bail!(
            "the document already has a service {id}; give another id as ID:TYPE=URL, or remove it first"
        );
    }
    services.push(json!({"id": id, "type": service.kind, "serviceEndpoint": service.endpoint}));
    Ok(())
}

fn remove_service(document: &mut Map<String, Value>, id: &str) -> anyhow::Result<()> {
    let services = list(document, "service")?;
    let before = services.len();
    services.retain(|service| service.get("id").and_then(Value::as_str) != Some(id));
    if services.len() == before {
        bail!("the document has no service {id}");
    }
    if services.is_empty() {
        document.remove("service");
    }
    Ok(())
}

fn method<'a>(
    document: &'a mut Map<String, Value>,
    id: &str,
) -> anyhow::Result<&'a mut Map<String, Value>> {
    list(document, "verificationMethod")?
        .iter_mut()
        .filter_map(Value::as_object_mut)
        .find(|method| method.get("id").and_then(Value::as_str) == Some(id))
        .with_context(|| format!("the document has no key {id}"))
}

fn list<'a>(
    document: &'a mut Map<String, Value>,
    member: &str,
) -> anyhow::Result<&'a mut Vec<Value>> {
    document
        .entry(member)
        .or_insert_with(|| json!([]))
        .as_array_mut()
        .with_context(|| format!("{member} of the document is not a list"))
}

/// Turns `key-1`, `#key-1` or `did:…#key-1` into `#key-1`.
fn relative(id: &str) -> String {
    format!("#{}", id.rsplit('#').next().unwrap_or(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Map<String, Value> {
        json!({"verificationMethod": [{"id": "#key-1", "type": "Multikey", "publicKeyMultibase": "z6Mk"}], "assertionMethod": ["#key-1"]}).as_object().unwrap().clone()
    }

    #[test]
    fn a_service_may_name_its_id_or_take_it_from_its_type() {
        assert_eq!(
            "LinkedDomains=https://a.example"
                .parse::<Service>()
                .unwrap()
                .id,
            "linkeddomains"
        );
        assert_eq!(
            "site:LinkedDomains=https://a.example"
                .parse::<Service>()
                .unwrap()
                .id,
            "site"
        );
        assert!("https//nothing".parse::<Service>().is_err());
    }

    #[test]
    fn a_retired_key_stays_and_is_marked() {
        let mut document = document();
        let edits = Edits {
            retire_keys: vec!["did:chop:x#key-1".to_owned()],
            ..Edits::default()
        };
        edits
            .apply(&mut document, "2026-11-21T09:00:00.000Z")
            .unwrap();
        assert_eq!(
            document["verificationMethod"][0]["revoked"],
            "2026-11-21T09:00:00.000Z"
        );
        assert_eq!(document["assertionMethod"], json!(["#key-1"]));
    }

    #[test]
    fn an_unknown_key_cannot_be_retired() {
        let edits = Edits {
            retire_keys: vec!["key-9".to_owned()],
            ..Edits::default()
        };
        assert!(
            edits
                .apply(&mut document(), "2026-11-21T09:00:00.000Z")
                .is_err()
        );
    }

    #[test]
    fn services_come_and_go_without_leaving_an_empty_list() {
        let mut document = document();
        Edits {
            services: vec!["a:T=https://a.example".parse().unwrap()],
            ..Edits::default()
        }
        .apply(&mut document, "")
        .unwrap();
        assert_eq!(
            document["service"],
            json!([{"id": "#a", "type": "T", "serviceEndpoint": "https://a.example"}])
        );
        Edits {
            remove_services: vec!["a".to_owned()],
            ..Edits::default()
        }
        .apply(&mut document, "")
        .unwrap();
        assert!(!document.contains_key("service"));
    }
}
