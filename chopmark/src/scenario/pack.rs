//! A scenario pack as data: roles, policies and a story of declarative steps (`schemas/scenarios/README.md`).

use std::collections::BTreeMap;

use chop_schemas::Scenario;
use serde::Deserialize;
use serde_json::Value;

/// A whole pack, as `pack.json` states it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pack {
    /// The pack's name.
    #[serde(rename = "pack")]
    pub(crate) name: String,
    /// The version of the step vocabulary: 1.
    pub format: u32,
    /// The pack's own version.
    pub version: String,
    /// One line that says what it is about.
    pub title: String,
    /// What a reader learns from it.
    pub text: String,
    /// JSON-LD contexts that it brings.
    pub contexts: Vec<Context>,
    /// JSON Schemas that it brings.
    pub schemas: Vec<Schema>,
    /// Who plays.
    pub roles: BTreeMap<String, Role>,
    /// What each credential type needs.
    pub policies: Vec<CredentialPolicy>,
    /// What happens, in order.
    pub story: Vec<Step>,
}

/// A JSON-LD context file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Context {
    /// The URL that credentials name.
    pub url: String,
    /// The file in the pack.
    pub file: String,
}

/// A JSON Schema file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Schema {
    /// The URL that credentials name.
    pub id: String,
    /// The file in the pack.
    pub file: String,
}

/// Who somebody or something in the story is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Role {
    /// What it is, for the reader.
    pub title: String,
    /// Its name.
    pub name: String,
    /// The class of its DID.
    pub class: String,
    /// The role that controls its DID; absent when it has keys of its own.
    #[serde(default)]
    pub controller: Option<String>,
}

/// What a verifier of this pack asks of one credential type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CredentialPolicy {
    /// The type.
    pub credential_type: String,
    /// The roles that issue it.
    pub issued_by: Vec<String>,
    /// The role that it is about.
    pub about: String,
    /// The URL of its schema.
    pub schema: String,
    /// `required` or `optional`.
    pub accreditation: Demand,
    /// `required` or `optional`.
    pub anchor: Demand,
    /// `required` or `optional`.
    pub status: Demand,
}

/// Whether something must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Demand {
    /// Without it the credential is refused.
    Required,
    /// It counts where it is there.
    Optional,
}

/// One step of the story.
#[derive(Debug, Deserialize)]
#[serde(
    tag = "op",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(super) enum Step {
    /// A heading and a sentence.
    Chapter {
        /// The heading.
        title: String,
        /// The sentence.
        text: String,
    },
    /// Creates a role's DID.
    CreateDid {
        /// The role.
        who: String,
    },
    /// Makes an issuing instance for a role and binds it to the role's DID.
    CreateIssuer {
        /// The role.
        who: String,
        /// The securing suite.
        suite: String,
    },
    /// Accredits a role for credential types.
    Accredit {
        /// The accrediting role, or `operator`, the ledger's founder.
        by: String,
        /// The accredited role.
        to: String,
        /// The credential types.
        types: Vec<String>,
        /// How many levels it may accredit below itself.
        depth: u8,
        /// The name of the accreditation that it hangs from; absent at the root.
        #[serde(default)]
        under: Option<String>,
        /// How long it lives: digits and `s`, `m`, `h` or `d`.
        #[serde(rename = "for")]
        lasts: String,
        /// The name that later steps use.
        #[serde(rename = "as")]
        name: String,
    },
    /// Issues a credential through the issuing service.
    Issue {
        /// The issuing role.
        by: String,
        /// The template in the pack.
        credential: String,
        /// The name that later steps use.
        #[serde(rename = "as")]
        name: String,
    },
    /// Anchors a credential on the ledger.
    Anchor {
        /// The issuing role.
        by: String,
        /// The credential's name.
        credential: String,
    },
    /// Has a credential verified and compares the verdict.
    Verify {
        /// The credential's name.
        credential: String,
        /// The outcome that must come.
        expect: String,
        /// The check that must have failed.
        #[serde(default)]
        failing: Option<String>,
        /// The check that must have passed with a remark.
        #[serde(default)]
        marked: Option<String>,
    },
    /// Creates many DIDs controlled by a role.
    CreateProducts {
        /// How many.
        count: usize,
        /// The controlling role.
        by: String,
        /// The class of the DIDs.
        class: String,
        /// The document of each, `${serial}` replaced.
        document: Value,
        /// The name that later steps use.
        #[serde(rename = "as")]
        name: String,
    },
    /// Resolves a DID, with a checked proof when asked.
    Resolve {
        /// A role, or `NAME[N]` of created products.
        who: String,
        /// Whether the proof is checked from the pinned trust root.
        proof: bool,
    },
    /// Alters a proven answer bit by bit and demands that every altered one is refused.
    ResolveAltered {
        /// A role, or `NAME[N]` of created products.
        who: String,
        /// How many single bits are flipped, spread over the whole answer.
        flips: usize,
        /// `refused`.
        expect: String,
    },
    /// Alters a credential: sets members, or flips one character.
    Tamper {
        /// The credential's name.
        credential: String,
        /// JSON Pointers and the values put there.
        #[serde(default)]
        set: BTreeMap<String, Value>,
        /// The JSON Pointer of a text of which one character is changed.
        #[serde(default)]
        flip: Option<String>,
        /// The name of the altered one.
        #[serde(rename = "as")]
        name: String,
    },
    /// Signs a credential in a role's name with a stranger's key.
    Forge {
        /// The template in the pack.
        credential: String,
        /// The role whose name is put as issuer.
        pretend: String,
        /// The name of the forged one.
        #[serde(rename = "as")]
        name: String,
    },
    /// Revokes a credential in its status list.
    Revoke {
        /// The issuing role.
        by: String,
        /// The credential's name.
        credential: String,
    },
    /// Remembers the ledger's time as `${time.NAME}`.
    Mark {
        /// The name.
        #[serde(rename = "as")]
        name: String,
    },
    /// Suspends an accreditation.
    Suspend {
        /// The role that gave it.
        by: String,
        /// The accreditation's name.
        accreditation: String,
        /// Why.
        reason: String,
    },
    /// Signs a credential with a role's own key under an earlier date.
    BackDate {
        /// The issuing role.
        by: String,
        /// The template in the pack.
        credential: String,
        /// The date that it claims.
        to: String,
        /// The name of the back-dated one.
        #[serde(rename = "as")]
        name: String,
    },
    /// Tells the buyer what holds.
    Summary {
        /// Names of the credentials.
        credentials: Vec<String>,
        /// The name of the products.
        products: String,
    },
}

impl Pack {
    /// Checks that the pack is whole: every file that it names is in it, every role and schema that a policy names exists,
    /// and whoever must be accredited for a type is accredited in the story.
    ///
    /// # Errors
    /// The first thing that is missing.
    pub(super) fn check(&self, scenario: &Scenario) -> Result<(), String> {
        let files = self
            .contexts
            .iter()
            .map(|context| (&context.url, &context.file));
        for (url, file) in files.chain(self.schemas.iter().map(|schema| (&schema.id, &schema.file)))
        {
            if scenario.file(file).is_none() {
                return Err(format!(
                    "{url} is said to be in {file}, which is not in the pack"
                ));
            }
        }
        for policy in &self.policies {
            let credential_type = &policy.credential_type;
            let roles = policy.issued_by.iter().chain([&policy.about]);
            if let Some(role) = roles
                .into_iter()
                .find(|role| !self.roles.contains_key(*role))
            {
                return Err(format!(
                    "the policy for {credential_type} names the role {role}, which the pack does not have"
                ));
            }
            if !self.schemas.iter().any(|schema| schema.id == policy.schema) {
                return Err(format!(
                    "the policy for {credential_type} names the schema {}, which the pack does not have",
                    policy.schema
                ));
            }
            let missing = policy
                .issued_by
                .iter()
                .find(|role| !self.accredits(role, credential_type));
            if let (Demand::Required, Some(role)) = (policy.accreditation, missing) {
                return Err(format!(
                    "{credential_type} needs an accredited issuer, and the story accredits {role} for no such type"
                ));
            }
        }
        Ok(())
    }

    /// What the policy of a credential type asks of its anchor and of its status; nothing without a policy.
    pub(super) fn demands(&self, credential_type: &str) -> Option<(Demand, Demand)> {
        let policy = self
            .policies
            .iter()
            .find(|policy| policy.credential_type == credential_type)?;
        Some((policy.anchor, policy.status))
    }

    fn accredits(&self, role: &str, credential_type: &str) -> bool {
        self.story.iter().any(|step| {
            matches!(step, Step::Accredit { to, types, .. } if to == role && types.iter().any(|known| known == credential_type))
        })
    }
}

/// Replaces `${name}` in every string of a JSON value by what `value_of` knows.
///
/// # Errors
/// The first name that is not known.
pub(super) fn fill(
    template: &Value,
    value_of: &dyn Fn(&str) -> Option<String>,
) -> Result<Value, String> {
    Ok(match template {
        Value::String(text) => Value::String(fill_text(text, value_of)?),
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| fill(item, value_of))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| Ok((name.clone(), fill(member, value_of)?)))
                .collect::<Result<_, String>>()?,
        ),
        other => other.clone(),
    })
}

fn fill_text(text: &str, value_of: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}').ok_or_else(|| text.to_owned())?;
        filled.push_str(before);
        filled.push_str(&value_of(name).ok_or_else(|| name.to_owned())?);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// A span of time in milliseconds from digits and `s`, `m`, `h` or `d`.
pub(super) fn span_ms(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    text.get(..text.len() - 1)?
        .parse::<i64>()
        .ok()?
        .checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fills_every_string_and_names_what_it_does_not_know() {
        let known = |name: &str| (name == "did.lot").then(|| "did:chop:x".to_owned());
        assert_eq!(
            fill(&json!({"a": ["${did.lot}#k", 3]}), &known),
            Ok(json!({"a": ["did:chop:x#k", 3]}))
        );
        assert_eq!(fill(&json!("${nobody}"), &known), Err("nobody".to_owned()));
    }

    #[test]
    fn reads_spans() {
        assert_eq!(span_ms("120d"), Some(120 * 86_400_000));
        assert_eq!(span_ms("5"), None);
        assert_eq!(span_ms("d"), None);
    }
}
