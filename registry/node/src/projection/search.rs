//! Search: by height, by hash or the beginning of one, by the beginning of a DID, and by the words of names.

use std::collections::BTreeSet;

use chop_did::{ChopDid, LedgerId};
use chop_integrity::Hash;
use chop_protocol::http::listed::Hit;
use chop_protocol::keys;
use sqlx::any::AnyRow;

use super::ProjectionError;
use super::read::{Reading, SCAN};
use super::sql::{number, text};
use super::table::{ACCREDITATIONS, BLOCKS, Cell, DIDS, PROPOSALS, TERMS, TRANSACTIONS};
use super::words::{behind, fold};
use crate::store::Snapshot;

/// The shortest beginning of a hash or an identifier that is looked for.
const MIN_PREFIX: usize = 4;

/// What is looked for, and where.
pub(crate) struct Search<'a> {
    /// As it was typed.
    pub(crate) asked: &'a str,
    pub(crate) ledger: LedgerId,
    /// The newest state, which knows anchors, documents and batches by their whole digest; it may be ahead of the model.
    pub(crate) state: &'a Snapshot,
    /// The item that was asked for by its whole DID and has no state of its own, which the model does not know.
    pub(crate) item: Option<ChopDid>,
    /// Most hits.
    pub(crate) limit: usize,
}

impl Search<'_> {
    /// Looks in the model and in the state; at most `limit` hits, and whether there may be more.
    ///
    /// # Errors
    /// When the database or the store fails.
    pub(crate) async fn run(
        &self,
        reading: &mut Reading,
    ) -> Result<(Vec<Hit>, bool), ProjectionError> {
        let asked = self.asked.trim();
        let mut hits = Vec::new();
        if let Ok(height) = asked.parse::<u64>()
            && let Some(block) = reading.block(height).await?
        {
            hits.push(hit("block", block.height.to_string(), Some(block.hash)));
        }
        self.digests(asked, &mut hits)?;
        hits.extend(self.item.map(|did| hit("item", did.to_string(), None)));
        if asked.len() >= MIN_PREFIX && asked.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.prefixes(asked, reading, &mut hits).await?;
        }
        let cut_off = self.words(asked, reading, &mut hits).await?;
        let mut seen = BTreeSet::new();
        hits.retain(|hit| seen.insert((hit.kind.clone(), hit.id.clone())));
        let more = cut_off || hits.len() > self.limit;
        hits.truncate(self.limit);
        Ok((hits, more))
    }

    /// What the state knows under a whole digest.
    fn digests(&self, asked: &str, hits: &mut Vec<Hit>) -> Result<(), ProjectionError> {
        let Ok(digest) = asked.parse::<Hash>() else {
            return Ok(());
        };
        for (kind, key) in [
            ("anchor", keys::anchor(&digest)),
            ("document", keys::schema_body(&digest)),
            ("batch", keys::batch(&digest)),
        ] {
            if self.state.value(&key)?.is_some() {
                hits.push(hit(kind, digest.to_string(), None));
            }
        }
        Ok(())
    }

    /// What has a name of its own that begins so.
    async fn prefixes(
        &self,
        asked: &str,
        reading: &mut Reading,
        hits: &mut Vec<Hit>,
    ) -> Result<(), ProjectionError> {
        let identifier = if asked.starts_with("did:") {
            asked.to_owned()
        } else {
            format!("did:chop:{}:{asked}", self.ledger.short())
        };
        let lower = asked.to_ascii_lowercase();
        for (kind, table, column, prefix) in [
            ("did", DIDS.name, "did", identifier),
            ("transaction", TRANSACTIONS.name, "hash", lower.clone()),
            ("accreditation", ACCREDITATIONS.name, "id", lower.clone()),
            ("proposal", PROPOSALS.name, "id", lower),
        ] {
            let sql = format!(
                "SELECT DISTINCT {column} AS id FROM {table} WHERE {column} >= $1 AND {column} < $2 ORDER BY {column} LIMIT $3"
            );
            for row in self.range(reading, sql, &prefix).await? {
                hits.push(hit(kind, text(&row, "id")?, None));
            }
        }
        let sql = format!(
            "SELECT height, hash FROM {} WHERE hash >= $1 AND hash < $2 ORDER BY hash LIMIT $3",
            BLOCKS.name
        );
        let upper = asked.to_ascii_uppercase();
        for row in self.range(reading, sql, &upper).await? {
            let height = number(&row, "height")?.to_string();
            hits.push(hit("block", height, Some(text(&row, "hash")?)));
        }
        Ok(())
    }

    /// What has a name with a word that begins so, each once however many of its words do; whether the bound on the words that
    /// are looked at cut some off.
    async fn words(
        &self,
        asked: &str,
        reading: &mut Reading,
        hits: &mut Vec<Hit>,
    ) -> Result<bool, ProjectionError> {
        let word = fold(asked);
        let found = format!(
            "SELECT term, kind, id, label FROM {} WHERE term >= $1 AND term < $2 ORDER BY term, kind, id",
            TERMS.name
        );
        let sql = format!(
            "SELECT kind, id, MIN(label) AS label FROM ({found} LIMIT {SCAN}) near GROUP BY kind, id \
             ORDER BY MIN(term), kind, id LIMIT $3"
        );
        for row in self.range(reading, sql, &word).await? {
            let kind = text(&row, "kind")?;
            hits.push(hit(&kind, text(&row, "id")?, Some(text(&row, "label")?)));
        }
        let beyond = format!("{found} LIMIT 1 OFFSET {SCAN}");
        let beyond = reading.rows(beyond, vec![word.as_str().into(), behind(&word).into()]);
        Ok(!beyond.await?.is_empty())
    }

    async fn range(
        &self,
        reading: &mut Reading,
        sql: String,
        prefix: &str,
    ) -> Result<Vec<AnyRow>, ProjectionError> {
        let cells = vec![
            prefix.into(),
            behind(prefix).into(),
            Cell::from(self.limit as u64 + 1),
        ];
        reading.rows(sql, cells).await
    }
}

fn hit(kind: &str, id: String, label: Option<String>) -> Hit {
    let path = match kind {
        "block" => format!("/v1/blocks/{id}"),
        "transaction" => format!("/v1/transactions/{id}"),
        "did" | "item" => format!("/1.0/identifiers/{id}"),
        "member" => format!("/v1/members/{id}"),
        "proposal" => format!("/v1/proposals/{id}"),
        "accreditation" => format!("/v1/state/accreditation/{id}"),
        "anchor" => format!("/v1/state/anchor/{id}"),
        "schema" => format!("/v1/schemas/{id}"),
        "document" => format!("/schemas/{id}"),
        "batch" => format!("/v1/batches/{id}"),
        _ => {
            let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
            format!("/v1/accreditations?type={id}")
        }
    };
    Hit {
        kind: kind.to_owned(),
        label: label.filter(|label| *label != id),
        id,
        path,
    }
}
