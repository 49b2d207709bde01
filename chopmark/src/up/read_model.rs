//! Where a node keeps its read model.

use chop_node::projection::Place;

use crate::cli::Failure;

/// Where the read model is kept.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ReadModelArgs {
    /// Where to keep the read model: sqlite:PATH or `postgres://USER@HOST/DATABASE`, one for each node; a file in the data
    /// folder when absent
    // Not parsed by clap, which would repeat a password in its complaint.
    #[arg(
        long,
        env = "CHOPMARK_READ_MODEL",
        value_name = "PLACE",
        hide_env_values = true
    )]
    read_model: Option<String>,
}

impl ReadModelArgs {
    /// The place, when one was named.
    ///
    /// # Errors
    /// When it is neither a file nor a database.
    pub(crate) fn place(&self) -> Result<Option<Place>, Failure> {
        let place = self.read_model.as_deref().map(Place::parse);
        place.transpose().map_err(Failure::usage)
    }
}
