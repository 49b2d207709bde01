//! What a list must say and no ledger knows: names, addresses, where to read more. The scheme's operator writes it down.
//!
//! The parts have the names and forms of ETSI TS 119 602, so that what is written is what readers get.

use anyhow::{Context as _, ensure};
use chop_did::ChopDid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use url::Url;

/// The largest file, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// The longest text, in characters.
const MAX_TEXT: usize = 1_000;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Directory {
    /// The list itself, and who is in charge of it.
    pub(crate) scheme: Scheme,
    /// The trusted entities, by DID.
    #[serde(default)]
    pub(crate) entities: BTreeMap<String, EntityInformation>,
}

/// The part of `ListAndSchemeInformation` that does not follow from the ledger (clause 6.3).
///
/// Name, information, approach, rules and policy stand together or not at all: a scheme is explicit or implicit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    reason = "the specification names its members so"
)]
pub(crate) struct Scheme {
    #[serde(rename = "LoTEType", default, skip_serializing_if = "Option::is_none")]
    lote_type: Option<String>,
    scheme_operator_name: Vec<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheme_operator_address: Option<OperatorAddress>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheme_name: Option<Vec<Text>>,
    #[serde(
        rename = "SchemeInformationURI",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    scheme_information_uri: Option<Vec<Uri>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_determination_approach: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheme_type_community_rules: Option<Vec<Uri>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheme_territory: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy_or_legal_notice: Option<Vec<Policy>>,
}

/// The part of `TrustedEntityInformation` that does not follow from the ledger (clause 6.5).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EntityInformation {
    /// Its name; that of its membership when absent.
    #[serde(rename = "TEName", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) names: Vec<Text>,
    #[serde(rename = "TETradeName", default, skip_serializing_if = "Vec::is_empty")]
    trade_names: Vec<Text>,
    #[serde(rename = "TEAddress")]
    address: EntityAddress,
    #[serde(rename = "TEInformationURI")]
    information: Vec<Uri>,
}

/// Words in a language (clause 6.1.4).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    lang: String,
    value: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Uri {
    lang: String,
    uri_value: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    #[serde(rename = "LoTEPolicy")]
    policy: Uri,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OperatorAddress {
    scheme_operator_postal_address: Vec<PostalAddress>,
    scheme_operator_electronic_address: Vec<Uri>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntityAddress {
    #[serde(rename = "TEPostalAddress")]
    postal: Vec<PostalAddress>,
    #[serde(rename = "TEElectronicAddress")]
    electronic: Vec<Uri>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PostalAddress {
    #[serde(rename = "lang")]
    lang: String,
    street_address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locality: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state_or_province: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    postal_code: Option<String>,
    country: String,
}

/// Reads the file's bytes, when there are not too many.
///
/// # Errors
/// When it cannot be read or is too long.
pub(crate) fn directory_bytes(file: &Path) -> anyhow::Result<Vec<u8>> {
    let length = std::fs::metadata(file)?.len();
    ensure!(
        length <= MAX_BYTES,
        "it has {length} bytes, at most {MAX_BYTES} are read"
    );
    Ok(std::fs::read(file)?)
}

impl Directory {
    /// Reads the file.
    ///
    /// # Errors
    /// Names the first member that a list could not carry.
    pub(crate) fn parse(text: &[u8]) -> anyhow::Result<Self> {
        let read: Self = serde_json::from_slice(text)?;
        read.scheme.check().context("scheme")?;
        for (did, entity) in &read.entities {
            ChopDid::parse(did).with_context(|| format!("{did:?} under entities"))?;
            entity
                .check()
                .with_context(|| format!("the entity {did}"))?;
        }
        Ok(read)
    }
}

impl Scheme {
    /// The operator's first name.
    pub(crate) fn operator(&self) -> &str {
        let first = self.scheme_operator_name.first();
        first.map_or("", |name| name.value.as_str())
    }

    /// The territory.
    pub(crate) fn territory(&self) -> Option<&str> {
        self.scheme_territory.as_deref()
    }

    fn check(&self) -> anyhow::Result<()> {
        texts("SchemeOperatorName", &self.scheme_operator_name)?;
        if let Some(address) = &self.scheme_operator_address {
            postal(&address.scheme_operator_postal_address)?;
            uris(
                "SchemeOperatorElectronicAddress",
                &address.scheme_operator_electronic_address,
            )?;
        }
        let explicit = [
            self.scheme_name.is_some(),
            self.scheme_information_uri.is_some(),
            self.status_determination_approach.is_some(),
            self.scheme_type_community_rules.is_some(),
            self.policy_or_legal_notice.is_some(),
        ];
        ensure!(
            explicit.iter().all(|given| *given) || !explicit.contains(&true),
            "SchemeName, SchemeInformationURI, StatusDeterminationApproach, SchemeTypeCommunityRules and \
            PolicyOrLegalNotice stand together or not at all"
        );
        if let Some(names) = &self.scheme_name {
            texts("SchemeName", names)?;
        }
        let listed = [
            ("SchemeInformationURI", &self.scheme_information_uri),
            (
                "SchemeTypeCommunityRules",
                &self.scheme_type_community_rules,
            ),
        ];
        for (name, found) in listed {
            found.as_ref().map_or(Ok(()), |found| uris(name, found))?;
        }
        for policy in self.policy_or_legal_notice.iter().flatten() {
            policy.policy.check("LoTEPolicy")?;
        }
        let single = [
            ("LoTEType", &self.lote_type),
            (
                "StatusDeterminationApproach",
                &self.status_determination_approach,
            ),
        ];
        for (name, found) in single {
            found.as_ref().map_or(Ok(()), |found| uri(name, found))?;
        }
        self.territory().map_or(Ok(()), country)
    }
}

impl EntityInformation {
    fn check(&self) -> anyhow::Result<()> {
        // A name may come from the membership instead.
        for name in self.names.iter().chain(&self.trade_names) {
            name.check("TEName and TETradeName")?;
        }
        postal(&self.address.postal)?;
        uris("TEElectronicAddress", &self.address.electronic)?;
        uris("TEInformationURI", &self.information)
    }
}

impl Text {
    /// English words, when a list can carry them.
    pub(crate) fn english(value: &str) -> Option<Self> {
        let text = Self {
            lang: "en".to_owned(),
            value: value.to_owned(),
        };
        text.check("").is_ok().then_some(text)
    }

    fn check(&self, name: &str) -> anyhow::Result<()> {
        language(&self.lang)?;
        words(name, &self.value)
    }
}

impl Uri {
    fn check(&self, name: &str) -> anyhow::Result<()> {
        language(&self.lang)?;
        uri(name, &self.uri_value)
    }
}

fn texts(name: &str, found: &[Text]) -> anyhow::Result<()> {
    ensure!(!found.is_empty(), "{name} is empty");
    found.iter().try_for_each(|text| text.check(name))
}

fn uris(name: &str, found: &[Uri]) -> anyhow::Result<()> {
    ensure!(!found.is_empty(), "{name} is empty");
    found.iter().try_for_each(|uri| uri.check(name))
}

fn postal(found: &[PostalAddress]) -> anyhow::Result<()> {
    ensure!(!found.is_empty(), "a postal address is missing");
    for address in found {
        language(&address.lang)?;
        words("StreetAddress", &address.street_address)?;
        country(&address.country)?;
        let others = [
            ("Locality", &address.locality),
            ("StateOrProvince", &address.state_or_province),
            ("PostalCode", &address.postal_code),
        ];
        for (name, found) in others {
            found.as_ref().map_or(Ok(()), |found| words(name, found))?;
        }
    }
    Ok(())
}

/// Text without control characters, private characters, tags and mark-up (annex B.2).
fn words(name: &str, text: &str) -> anyhow::Result<()> {
    let strange = |c: char| {
        c.is_control()
            || matches!(c, '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e007f}' | '\u{f0000}'..='\u{10ffff}')
    };
    let good = !text.trim().is_empty()
        && text.chars().count() <= MAX_TEXT
        && !text.chars().any(strange)
        && (!text.contains('<') || !text.contains('>'));
    ensure!(
        good,
        "{name} is 1 to {MAX_TEXT} characters without control characters and mark-up, got {text:?}"
    );
    Ok(())
}

/// The beginning of an RFC 5646 tag.
fn language(lang: &str) -> anyhow::Result<()> {
    let good = (2..=35).contains(&lang.len())
        && lang
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && lang.starts_with(|c: char| c.is_ascii_lowercase());
    ensure!(good, "lang is a language tag such as en, got {lang:?}");
    Ok(())
}

fn country(code: &str) -> anyhow::Result<()> {
    ensure!(
        code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()),
        "a country is two capital letters, got {code:?}"
    );
    Ok(())
}

fn uri(name: &str, text: &str) -> anyhow::Result<()> {
    ensure!(
        text.len() <= MAX_TEXT && Url::parse(text).is_ok(),
        "{name} is a URI, got {text:?}"
    );
    Ok(())
}
