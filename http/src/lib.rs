//! What every HTTP service shares: problem details, authorisation, limits, telemetry, shutdown, the guarded outbound client.
//!
//! A binary merges its services' routers, wraps them once with [`stack::wrap`] and hands the result to [`server::serve`]; answers
//! that a service has [`Ready`] come before the routes.
//! A handler takes its body through [`JsonBytes`], checks writes through [`AdminToken`] and fails with a [`Problem`].

pub mod auth;
pub mod body;
pub mod client;
pub mod clock;
pub mod front;
pub mod host;
pub mod json;
pub mod metrics;
pub mod outbound;
pub mod peer;
pub mod problem;
pub mod random;
pub mod server;
pub mod stack;
pub mod telemetry;
pub mod tls;

pub use auth::AdminToken;
pub use body::JsonBytes;
pub use client::{PeerAddress, Proxies};
pub use front::{Front, Ready};
pub use host::HostGuard;
pub use json::{JsonAnswer, ToJson};
pub use metrics::Metrics;
pub use outbound::Guarded;
pub use problem::Problem;
