//! `chopmark ledger reindex`: the read model, built again.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use chop_node::projection::{Moment, Place, Projection, Stage};
use clap::Parser;
use indicatif::ProgressBar;
use serde_json::json;

use super::opened;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use crate::up::{READ_MODEL, ReadModelArgs, is_in_use, refuse_copy};

/// How often a line is written where nobody watches, beside one at the end of each stage.
const LINES: Duration = Duration::from_secs(5);

#[derive(Debug, Parser)]
#[command(
    after_help = "What the state says of DIDs, proposals and accreditations comes from the state; transactions come from the blocks that \
        the node still holds.\n\nExample:\n  chopmark ledger reindex --data ./data"
)]
pub(super) struct Reindex {
    /// The data folder
    #[arg(long, default_value = "chopmark-data")]
    data: PathBuf,
    #[command(flatten)]
    read_model: ReadModelArgs,
}

impl Reindex {
    pub(super) async fn run(&self, terminal: &Terminal) -> Result<Done, Failure> {
        let place = self.read_model.place()?;
        if self.data.exists() && is_in_use(&self.data) {
            return Err(Failure::usage(anyhow!(
                "{} is in use by another process: stop the node first",
                self.data.display()
            )));
        }
        refuse_copy(&self.data).map_err(Failure::usage)?;
        let (genesis, store) = opened(&self.data)?;
        let place = place.unwrap_or_else(|| Place::file(self.data.join(READ_MODEL)));
        let snapshot = store.snapshot().map_err(Failure::internal)?;
        let last = snapshot.last_block().map_err(Failure::internal)?;
        let Some((height, _)) = last else {
            return Err(Failure::usage(anyhow!("the ledger has no block yet")));
        };
        let projection = Projection::begin_anew(&place, genesis.id())
            .await
            .map_err(Failure::usage)?;
        let mut teller = Teller::begin(terminal);
        let moment = Moment::stored(snapshot, height);
        let rebuilt = projection
            .catch_up(&moment, |stage| teller.tell(stage))
            .await;
        teller.end();
        projection.close().await;
        let rebuilt = rebuilt.map_err(Failure::internal)?;
        let value = json!({
            "readModel": place.to_string(), "height": rebuilt.height, "from": rebuilt.first, "last": height
        });
        let mut page = Page::new()
            .heading(Mark::Good, "the read model is built")
            .field("kept in", &place)
            .field("blocks", format!("{} to {}", rebuilt.first, rebuilt.height));
        if rebuilt.first > 1 {
            page = page.field(
                "not in it",
                format!(
                    "transactions of the blocks before {}: this node does not hold them",
                    rebuilt.first
                ),
            );
        }
        if rebuilt.height < height {
            page = page.field(
                "still to come",
                format!("block {height}, when the running node has its header"),
            );
        }
        Ok(Done::new(value, page))
    }
}

/// Tells how far it is: a bar on a terminal, a line now and then where nobody watches.
struct Teller {
    bar: ProgressBar,
    live: bool,
    told: Instant,
}

impl Teller {
    fn begin(terminal: &Terminal) -> Self {
        Self {
            bar: terminal.progress(0, "state"),
            live: terminal.live(),
            told: Instant::now(),
        }
    }

    fn tell(&mut self, stage: Stage) {
        let what = if stage.blocks { "blocks" } else { "state" };
        if self.live {
            self.bar.set_message(what);
            self.bar.set_length(stage.of);
            self.bar.set_position(stage.done);
        } else if stage.done == stage.of || self.told.elapsed() >= LINES {
            self.told = Instant::now();
            // Nothing can be done when standard error is gone.
            let _ = writeln!(std::io::stderr(), "{what}: {} of {}", stage.done, stage.of);
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}
