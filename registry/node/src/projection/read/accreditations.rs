//! Accreditations, each with what it and its ancestors say about a moment.

use std::collections::{BTreeMap, BTreeSet};

use chop_integrity::{Hash, Timestamp};
use chop_protocol::accreditation::MAX_DEPTH;
use chop_protocol::http::listed::ListedAccreditation;
use chop_protocol::{Accreditation, Standing};

use super::{Order, Page, Reading, body};
use crate::projection::ProjectionError;
use crate::projection::table::{ACCREDITATIONS, Cell};

/// Which accreditations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accredited {
    pub(crate) subject: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) credential_type: Option<String>,
    /// Only those that are live then.
    pub(crate) live_at: Option<Timestamp>,
}

impl Reading {
    /// Accreditations, the newest first. Of those that are asked for as live at a time, a page holds what is live among the
    /// next `limit`.
    pub(crate) async fn accreditations(
        &mut self,
        asked: &Accredited,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<ListedAccreditation>, ProjectionError> {
        let order = Order {
            table: &ACCREDITATIONS,
            columns: ["height", "id"],
            filters: &[
                ("subject", asked.subject.clone()),
                ("issuer", asked.issuer.clone()),
                ("type", asked.credential_type.clone()),
            ],
        };
        let page = self.ordered(&order, after, limit).await?;
        let mut found: Vec<Accreditation> = Vec::with_capacity(page.items.len());
        for row in &page.items {
            found.push(body(row, "accreditation")?);
        }
        let at = match asked.live_at {
            Some(at) => at,
            None => self.time().await?,
        };
        let ancestors = self.ancestors(&found).await?;
        let listed = found.into_iter().map(|accreditation| {
            let chain = chain(&accreditation, &ancestors);
            ListedAccreditation {
                standing: accreditation.liveness_at(at, &chain).standing,
                accreditation,
            }
        });
        let only_live = asked.live_at.is_some();
        Ok(Page {
            items: listed
                .filter(|listed| !only_live || listed.standing == Standing::Live)
                .collect(),
            next: page.next,
        })
    }

    /// Everything that these hang from, level by level.
    async fn ancestors(
        &mut self,
        of: &[Accreditation],
    ) -> Result<BTreeMap<Hash, Accreditation>, ProjectionError> {
        let mut known: BTreeMap<Hash, Accreditation> = of
            .iter()
            .map(|accreditation| (accreditation.id, accreditation.clone()))
            .collect();
        for _ in 0..=MAX_DEPTH {
            let missing: BTreeSet<Hash> = known
                .values()
                .filter_map(|accreditation| accreditation.parent)
                .filter(|parent| !known.contains_key(parent))
                .collect();
            if missing.is_empty() {
                break;
            }
            let names: Vec<String> = (1..=missing.len()).map(|at| format!("${at}")).collect();
            let sql = format!(
                "SELECT body FROM {} WHERE id IN ({})",
                ACCREDITATIONS.name,
                names.join(", ")
            );
            let cells = missing
                .iter()
                .map(|id| Cell::from(id.to_string()))
                .collect();
            let rows = self.work.rows(sql, cells).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                let parent: Accreditation = body(row, "accreditation")?;
                known.insert(parent.id, parent);
            }
        }
        Ok(known)
    }
}

fn chain(of: &Accreditation, known: &BTreeMap<Hash, Accreditation>) -> Vec<Accreditation> {
    let mut chain = Vec::new();
    let mut parent = of.parent;
    while let Some(found) = parent.and_then(|id| known.get(&id)) {
        chain.push(found.clone());
        parent = found.parent;
        if chain.len() > usize::from(MAX_DEPTH) {
            break;
        }
    }
    chain
}
