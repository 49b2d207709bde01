//! Identifiers: made one by one and by the thousand, and resolved.

use anyhow::{Context as _, ensure};
use chop_did::Document;
use serde_json::{Value, json};

use super::{CREATES_PER_ENVELOPE, Play, class, member};
use crate::scenario::actor::Actor;
use crate::scenario::{pack, proof};

impl Play<'_, '_> {
    pub(super) async fn create_did(&mut self, who: &str) -> anyhow::Result<()> {
        let role = self
            .pack
            .roles
            .get(who)
            .with_context(|| format!("the pack has no role {who}"))?;
        let class = class(&role.class)?;
        let did = if let Some(controller) = &role.controller {
            let owner = self.actor(controller)?;
            let (genesis, create) = owner.controlled(self.stack, class, Document::empty())?;
            self.stack
                .submit(&owner.did, vec![create], &[&owner.invoke])
                .await?;
            self.assets.insert(who.to_owned(), genesis.did());
            genesis.did()
        } else {
            let actor = Actor::create(self.stack, class).await?;
            let did = actor.did;
            self.actors.insert(who.to_owned(), actor);
            did
        };
        self.tale.done(&format!("{} is {did}", role.name));
        Ok(())
    }

    pub(super) async fn create_products(
        &mut self,
        count: usize,
        by: &str,
        of: &str,
        document: &Value,
        name: &str,
    ) -> anyhow::Result<()> {
        let class = class(of)?;
        let mut made = Vec::with_capacity(count);
        let progress = self.tale.progress(count, "identifiers");
        for first in (0..count).step_by(CREATES_PER_ENVELOPE) {
            let owner = self.actor(by)?;
            let mut actions = Vec::new();
            for serial in first..count.min(first + CREATES_PER_ENVELOPE) {
                let serial = format!("{:06}", serial + 1);
                let document =
                    pack::fill(document, &|name| (name == "serial").then(|| serial.clone()))
                        .map_err(|name| {
                            anyhow::anyhow!("the product document names an unknown ${{{name}}}")
                        })?;
                let (genesis, create) =
                    owner.controlled(self.stack, class, Document::parse(document)?)?;
                made.push(genesis.did());
                actions.push(create);
            }
            progress.inc(actions.len() as u64);
            self.stack
                .submit(&owner.did, actions, &[&owner.invoke])
                .await?;
        }
        progress.finish_and_clear();
        self.tale.done(&format!(
            "{} gives {count} cartons an identifier each",
            self.title(by)
        ));
        self.products.insert(name.to_owned(), made);
        Ok(())
    }

    pub(super) async fn resolve(&mut self, who: &str, with_proof: bool) -> anyhow::Result<()> {
        let did = self.did(who)?;
        let resolved = self
            .stack
            .get(&["1.0", "identifiers", &did.to_string()])
            .await?;
        ensure!(
            *member(&resolved, "id") == json!(did),
            "{did} resolved to another document: {resolved}"
        );
        if with_proof {
            let checked = proof::check(self.stack, &did).await?;
            self.tale.accepted(&format!(
                "{did} resolves, proven at height {} by {} validator",
                checked.height, checked.validators
            ));
        } else {
            self.tale.accepted(&format!("{did} resolves"));
        }
        Ok(())
    }
}
