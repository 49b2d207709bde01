//! Those who cheat: what they alter, forge and back-date.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use chop_integrity::Timestamp;
use chop_keys::Signer;
use serde_json::{Value, json};

use super::{Play, label, now};
use crate::scenario::{actor, pack, proof, sign};

impl Play<'_, '_> {
    pub(super) async fn resolve_altered(
        &mut self,
        who: &str,
        flips: usize,
        expect: &str,
    ) -> anyhow::Result<()> {
        ensure!(
            expect == "refused",
            "an altered proof can only be refused, the story expects {expect}"
        );
        let did = self.did(who)?;
        proof::refuse_altered(self.stack, &did, flips).await?;
        self.tale.refused(&format!(
            "{flips} answers about {did}, each altered in one bit, all refused"
        ));
        Ok(())
    }

    pub(super) fn tamper(
        &mut self,
        credential: &str,
        set: &BTreeMap<String, Value>,
        flip: Option<&str>,
        name: &str,
    ) -> anyhow::Result<()> {
        let mut altered = self.credential(credential)?.clone();
        for (pointer, value) in set {
            *altered
                .pointer_mut(pointer)
                .with_context(|| format!("nothing at {pointer}"))? = value.clone();
        }
        if let Some(pointer) = flip {
            let member = altered
                .pointer_mut(pointer)
                .with_context(|| format!("nothing at {pointer}"))?;
            let text = member
                .as_str()
                .with_context(|| format!("no text at {pointer}"))?;
            *member = Value::String(exchange_last(text));
        }
        self.tale
            .attack(&format!("somebody alters “{}”", label(&altered)));
        self.credentials.insert(name.to_owned(), altered);
        Ok(())
    }

    pub(super) fn forge(
        &mut self,
        template: &str,
        pretend: &str,
        name: &str,
    ) -> anyhow::Result<()> {
        let stranger = actor::fresh()?;
        let method = stranger.public_key().did_key_url();
        let forged = self.signed_by(template, pretend, &stranger, &method, now())?;
        self.tale.attack(&format!(
            "a stranger signs “{}” in the name of {}",
            label(&forged),
            self.title(pretend)
        ));
        self.credentials.insert(name.to_owned(), forged);
        Ok(())
    }

    pub(super) fn back_date(
        &mut self,
        by: &str,
        template: &str,
        to: &str,
        name: &str,
    ) -> anyhow::Result<()> {
        let known = |name: &str| self.value_of(name);
        let filled = pack::fill(&json!(to), &known)
            .map_err(|name| anyhow::anyhow!("unknown ${{{name}}}"))?;
        let earlier = Timestamp::parse_xml(filled.as_str().unwrap_or_default())?;
        let actor = self.actor(by)?;
        let method = format!("{}#assert", actor.did);
        let dated = self.signed_by(template, by, &actor.assert, &method, earlier)?;
        self.tale.attack(&format!(
            "{} signs “{}” today and dates it before the suspension",
            self.title(by),
            label(&dated)
        ));
        self.credentials.insert(name.to_owned(), dated);
        Ok(())
    }

    /// A template of the pack, in `issuer`'s name, signed outside any service.
    fn signed_by(
        &self,
        template: &str,
        issuer: &str,
        signer: &dyn Signer,
        method: &str,
        at: Timestamp,
    ) -> anyhow::Result<Value> {
        let mut credential = self.template(template)?;
        let members = credential
            .as_object_mut()
            .context("a template is an object")?;
        members.insert("issuer".to_owned(), json!(self.did(issuer)?));
        members.insert("validFrom".to_owned(), json!(at.to_seconds_text()));
        sign::with_key(members, signer, method, at)
    }
}

/// The text with its last character exchanged for another of the base58 alphabet.
fn exchange_last(text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    if let Some(last) = characters.last_mut() {
        *last = if *last == '2' { '3' } else { '2' };
    }
    characters.into_iter().collect()
}
