//! Why an exchange did not come about, or was refused.

/// Says what went wrong.
#[derive(Debug, thiserror::Error)]
pub enum InteropError {
    /// The party was asked, and refuses.
    #[error("{reason}")]
    Refused {
        /// The party's own words.
        reason: String,
    },
    /// What a peer needs to run is not installed.
    #[error("{peer} cannot run: {reason}")]
    Missing {
        /// The peer's folder.
        peer: String,
        /// What is missing.
        reason: String,
    },
    /// A peer's process ended, or did not answer in time.
    #[error("{peer} gave no answer: {reason}")]
    Silent {
        /// The peer's folder.
        peer: String,
        /// What was seen.
        reason: String,
    },
    /// A file of the exchange cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A fixed key is none.
    #[error(transparent)]
    Key(#[from] chop_keys::KeyError),
    /// Something is not the JSON that it has to be.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl InteropError {
    /// Refuses for a reason.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a failure is handed over by value"
    )]
    pub(super) fn refused(reason: impl ToString) -> Self {
        Self::Refused {
            reason: reason.to_string(),
        }
    }
}
