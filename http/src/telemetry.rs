//! Structured logs on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people; in colour when asked for.
    Text {
        /// Whether to emit ANSI colours.
        colour: bool,
    },
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error.
///
/// The directives (for instance `info,chop_node=debug`) hold unless the environment's `RUST_LOG` says otherwise. A second
/// call changes nothing.
pub fn init(format: Format, directives: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(directives));
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // Only the first subscriber of a process counts; a later one is somebody's test.
    let _ = match format {
        Format::Text { colour } => registry
            .with(layer.with_ansi(colour).with_target(false))
            .try_init(),
        Format::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
}
