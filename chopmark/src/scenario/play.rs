//! Plays a story: each step against the running stack, each expectation checked, each sentence for a buyer to read.

mod attacks;
mod identifiers;
mod verdicts;

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use chop_did::{ChopDid, Class};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{PublicKey, Signer};
use chop_protocol::terms::CredentialType;
use chop_protocol::{
    Accredit, Action, AnchorCredential, SuspendAccreditation, accreditation_id, anchor_digest,
};
use chop_schemas::Scenario;
use serde_json::{Value, json};

use super::actor::Actor;
use super::pack::{self, Pack, Step};
use super::stack::Stack;
use super::tale::Tale;

/// Creates that travel in one envelope; the door takes 64 actions.
const CREATES_PER_ENVELOPE: usize = 50;
/// The id of the issuing service's key in an actor's document.
const SERVICE_KEY: &str = "#service";

/// What the story has made so far.
pub(super) struct Play<'a, 't> {
    stack: &'a Stack,
    pack: &'a Pack,
    scenario: &'static Scenario,
    tale: &'a mut Tale<'t>,
    /// Keeps instance names of repeated plays apart.
    run: String,
    actors: BTreeMap<String, Actor>,
    assets: BTreeMap<String, ChopDid>,
    products: BTreeMap<String, Vec<ChopDid>>,
    accreditations: BTreeMap<String, Hash>,
    credentials: BTreeMap<String, Value>,
    times: BTreeMap<String, Timestamp>,
}

impl<'a, 't> Play<'a, 't> {
    /// Sets the stage.
    pub(super) fn new(
        stack: &'a Stack,
        pack: &'a Pack,
        scenario: &'static Scenario,
        tale: &'a mut Tale<'t>,
    ) -> Self {
        Self {
            stack,
            pack,
            scenario,
            tale,
            run: data_encoding::HEXLOWER.encode(&chop_http::random::bytes::<4>()),
            actors: BTreeMap::new(),
            assets: BTreeMap::new(),
            products: BTreeMap::new(),
            accreditations: BTreeMap::new(),
            credentials: BTreeMap::new(),
            times: BTreeMap::new(),
        }
    }

    /// Plays one step.
    ///
    /// # Errors
    /// When the stack refuses what the story needs, or accepts what it must refuse.
    pub(super) async fn step(&mut self, step: &Step) -> anyhow::Result<()> {
        match step {
            Step::Chapter { title, text } => {
                self.tale.chapter(title, text);
                Ok(())
            }
            Step::CreateDid { who } => self.create_did(who).await,
            Step::CreateIssuer { who, suite } => self.create_issuer(who, suite).await,
            Step::Accredit {
                by,
                to,
                types,
                depth,
                under,
                lasts,
                name,
            } => {
                let terms = Terms {
                    types,
                    depth: *depth,
                    under: under.as_deref(),
                    lasts,
                };
                self.accredit(by, to, &terms, name).await
            }
            Step::Issue {
                by,
                credential,
                name,
            } => self.issue(by, credential, name).await,
            Step::Anchor { by, credential } => self.anchor(by, credential).await,
            Step::Verify {
                credential,
                expect,
                failing,
                marked,
            } => {
                self.verify(credential, expect, failing.as_deref(), marked.as_deref())
                    .await
            }
            Step::CreateProducts {
                count,
                by,
                class,
                document,
                name,
            } => {
                self.create_products(*count, by, class, document, name)
                    .await
            }
            Step::Resolve { who, proof } => self.resolve(who, *proof).await,
            Step::ResolveAltered { who, flips, expect } => {
                self.resolve_altered(who, *flips, expect).await
            }
            Step::Tamper {
                credential,
                set,
                flip,
                name,
            } => self.tamper(credential, set, flip.as_deref(), name),
            Step::Forge {
                credential,
                pretend,
                name,
            } => self.forge(credential, pretend, name),
            Step::Revoke { by, credential } => self.revoke(by, credential).await,
            Step::Mark { name } => self.mark(name).await,
            Step::Suspend {
                by,
                accreditation,
                reason,
            } => self.suspend(by, accreditation, reason).await,
            Step::BackDate {
                by,
                credential,
                to,
                name,
            } => self.back_date(by, credential, to, name),
            Step::Summary {
                credentials,
                products,
            } => self.summary(credentials, products),
        }
    }

    async fn create_issuer(&mut self, who: &str, suite: &str) -> anyhow::Result<()> {
        let name = format!("{}-{who}-{}", self.pack.name, self.run);
        let made = self
            .stack
            .post(&["v1", "issuers"], &json!({"name": name, "suite": suite}))
            .await?;
        let multikey = member(&made, "publicKeyMultibase")
            .as_str()
            .context("the issuing service named no key")?;
        let key = PublicKey::from_multikey(multikey)?;
        let stack = self.stack;
        let actor = self
            .actors
            .get_mut(who)
            .with_context(|| format!("{who} has no keys of its own"))?;
        actor.publish(stack, SERVICE_KEY, &key).await?;
        self.stack
            .put(&["v1", "issuers", &name], &json!({"did": actor.did}))
            .await?;
        actor.instance = Some(name);
        self.tale.done(&format!(
            "{} can issue credentials ({suite})",
            self.title(who)
        ));
        Ok(())
    }

    async fn accredit(
        &mut self,
        by: &str,
        to: &str,
        terms: &Terms<'_>,
        name: &str,
    ) -> anyhow::Result<()> {
        let lasts = pack::span_ms(terms.lasts)
            .with_context(|| format!("{} is no span of time", terms.lasts))?;
        let valid_until = Some(now().plus_ms(lasts));
        let subject = self.did(to)?;
        let mut actions = Vec::new();
        for credential_type in terms.types {
            let parent = match terms.under {
                None => None,
                Some(under) => Some(self.accreditation(under, credential_type)?),
            };
            let credential_type = CredentialType::parse(credential_type)?;
            let depth = terms.depth;
            let jurisdiction = None;
            let valid_from = None;
            actions.push(Action::Accredit(Accredit {
                subject,
                credential_type,
                jurisdiction,
                valid_from,
                valid_until,
                depth,
                parent,
            }));
        }
        let (actor, signers) = self.voice(by)?;
        let envelope = self.stack.submit(&actor, actions, &signers).await?;
        for (index, credential_type) in (0_u16..).zip(terms.types) {
            self.accreditations.insert(
                format!("{name}/{credential_type}"),
                accreditation_id(&envelope, index),
            );
        }
        self.tale.done(&format!(
            "{} accredits {} for {}",
            self.title(by),
            self.title(to),
            terms.types.join(" and ")
        ));
        Ok(())
    }

    async fn issue(&mut self, by: &str, template: &str, name: &str) -> anyhow::Result<()> {
        let credential = self.template(template)?;
        let instance = self
            .actor(by)?
            .instance
            .clone()
            .with_context(|| format!("{by} has no issuing instance"))?;
        let body = json!({"credential": credential, "options": {"credentialStatus": {"statusPurpose": "revocation"}}});
        let issued = self
            .stack
            .post(&["v1", "issuers", &instance, "credentials"], &body)
            .await?;
        let issued = member(&issued, "verifiableCredential").clone();
        self.tale
            .done(&format!("{} issues “{}”", self.title(by), label(&issued)));
        self.credentials.insert(name.to_owned(), issued);
        Ok(())
    }

    async fn anchor(&mut self, by: &str, credential: &str) -> anyhow::Result<()> {
        let secured = chop_integrity::canonicalize(self.credential(credential)?)?;
        let action = Action::Anchor(AnchorCredential {
            digest: anchor_digest(&secured),
            credential_type: None,
            subject: None,
        });
        let (actor, signers) = self.voice(by)?;
        self.stack.submit(&actor, vec![action], &signers).await?;
        self.tale.done(&format!(
            "the ledger remembers the digest and the time of “{}”",
            label(self.credential(credential)?)
        ));
        Ok(())
    }

    async fn revoke(&mut self, by: &str, credential: &str) -> anyhow::Result<()> {
        let instance = self
            .actor(by)?
            .instance
            .clone()
            .with_context(|| format!("{by} has no issuing instance"))?;
        let held = self.credential(credential)?;
        let id = member(held, "id")
            .as_str()
            .context("the credential has no id")?;
        let body = json!({"credentialId": id, "credentialStatus": {"statusPurpose": "revocation"}, "status": true});
        self.stack
            .post(&["v1", "issuers", &instance, "status"], &body)
            .await?;
        self.tale
            .done(&format!("{} revokes “{}”", self.title(by), label(held)));
        Ok(())
    }

    async fn mark(&mut self, name: &str) -> anyhow::Result<()> {
        let status = self.stack.get(&["v1", "status"]).await?;
        let time = member(&status, "time")
            .as_str()
            .context("the ledger's status has no time")?;
        self.times.insert(name.to_owned(), Timestamp::parse(time)?);
        Ok(())
    }

    async fn suspend(&mut self, by: &str, accreditation: &str, reason: &str) -> anyhow::Result<()> {
        let prefix = format!("{accreditation}/");
        let ids = self
            .accreditations
            .iter()
            .filter(|(name, _)| name.starts_with(&prefix))
            .map(|(_, id)| *id);
        let suspend = |accreditation| {
            Action::SuspendAccreditation(SuspendAccreditation {
                accreditation,
                effective: None,
            })
        };
        let actions: Vec<Action> = ids.map(suspend).collect();
        ensure!(
            !actions.is_empty(),
            "the story knows no accreditation {accreditation}"
        );
        let (actor, signers) = self.voice(by)?;
        self.stack.submit(&actor, actions, &signers).await?;
        self.tale.done(&format!(
            "{} suspends the accreditation: {reason}",
            self.title(by)
        ));
        Ok(())
    }

    fn summary(&mut self, credentials: &[String], products: &str) -> anyhow::Result<()> {
        let count = self.products.get(products).map_or(0, Vec::len);
        for name in credentials {
            let credential = self.credential(name)?;
            let words = member(credential, "description")
                .as_str()
                .unwrap_or_default();
            self.tale.done(&format!("{}: {words}", label(credential)));
        }
        self.tale.done(&format!("{count} cartons carry an identifier that any phone can check against the ledger's proof"));
        Ok(())
    }

    fn template(&self, path: &str) -> anyhow::Result<Value> {
        let text = self
            .scenario
            .file(path)
            .with_context(|| format!("the pack has no file {path}"))?;
        let value: Value = serde_json::from_str(text)?;
        pack::fill(&value, &|name| self.value_of(name))
            .map_err(|name| anyhow::anyhow!("{path} names an unknown ${{{name}}}"))
    }

    /// What `${name}` stands for: `did.ROLE`, `time.NAME`, `now`, `now+SPAN`, `now-SPAN`.
    fn value_of(&self, name: &str) -> Option<String> {
        if let Some(role) = name.strip_prefix("did.") {
            return self.did(role).ok().map(|did| did.to_string());
        }
        if let Some(mark) = name.strip_prefix("time.") {
            return self.times.get(mark).map(|time| time.to_seconds_text());
        }
        let now = now();
        let time = match name.strip_prefix("now")?.split_at_checked(1) {
            None => now,
            Some(("+", span)) => now.plus_ms(pack::span_ms(span)?),
            Some(("-", span)) => now.minus_ms(pack::span_ms(span)?),
            Some(_) => return None,
        };
        Some(time.to_seconds_text())
    }

    /// Who acts, and with which keys; the operator's are the node's own.
    fn voice(&self, who: &str) -> anyhow::Result<(ChopDid, Vec<&dyn Signer>)> {
        if who == "operator" {
            return Ok((*self.stack.operator(), Vec::new()));
        }
        let actor = self.actor(who)?;
        Ok((actor.did, vec![&actor.invoke]))
    }

    fn did(&self, who: &str) -> anyhow::Result<ChopDid> {
        if who == "operator" {
            return Ok(*self.stack.operator());
        }
        if let Some((name, index)) = who.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
            let product = self
                .products
                .get(name)
                .and_then(|made| made.get(index.parse::<usize>().ok()?));
            return product
                .copied()
                .with_context(|| format!("the story made no {who}"));
        }
        let own = self.actors.get(who).map(|actor| actor.did);
        own.or_else(|| self.assets.get(who).copied())
            .with_context(|| format!("{who} has no DID yet"))
    }

    fn actor(&self, who: &str) -> anyhow::Result<&Actor> {
        self.actors
            .get(who)
            .with_context(|| format!("{who} has no keys of its own"))
    }

    fn accreditation(&self, name: &str, credential_type: &str) -> anyhow::Result<Hash> {
        let id = self
            .accreditations
            .get(&format!("{name}/{credential_type}"))
            .copied();
        id.with_context(|| format!("the story knows no accreditation {name} for {credential_type}"))
    }

    fn credential(&self, name: &str) -> anyhow::Result<&Value> {
        self.credentials
            .get(name)
            .with_context(|| format!("the story has no credential {name}"))
    }

    fn title(&self, who: &str) -> String {
        if who == "operator" {
            return "the consortium".to_owned();
        }
        self.pack
            .roles
            .get(who)
            .map_or_else(|| who.to_owned(), |role| format!("the {}", role.title))
    }
}

/// The terms of an accreditation.
struct Terms<'a> {
    types: &'a [String],
    depth: u8,
    under: Option<&'a str>,
    lasts: &'a str,
}

fn now() -> Timestamp {
    Timestamp::from_unix_ms(chop_http::clock::now_ms())
}

fn class(name: &str) -> anyhow::Result<Class> {
    serde_json::from_value(json!(name)).with_context(|| format!("{name} is no class of DIDs"))
}

/// A member of an answer; null when it is not there.
fn member<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// What a credential is called.
fn label(credential: &Value) -> String {
    member(credential, "name")
        .as_str()
        .unwrap_or("a credential")
        .to_owned()
}
