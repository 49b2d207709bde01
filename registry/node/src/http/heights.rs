//! Metrics of how far the ledger is, how far its read model, and whether that is kept out of its database.

use std::fmt;

use chop_http::Metrics;
use chop_http::metrics::prometheus_client::collector::Collector;
use chop_http::metrics::prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use chop_http::metrics::prometheus_client::metrics::gauge::ConstGauge;

use crate::engine::Engine;
use crate::projection::Projection;

/// Lets the process's metrics say all three.
pub(super) fn register(metrics: &Metrics, engine: Engine, projection: Projection) {
    let heights = Heights { engine, projection };
    metrics.register(|registry| registry.register_collector(Box::new(heights)));
}

/// The heights, read when they are asked for.
#[derive(Debug)]
struct Heights {
    engine: Engine,
    projection: Projection,
}

impl Collector for Heights {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let ledger = self.engine.view().last_block();
        for (name, help, value) in [
            ("ledger_height", "Height of the last block", ledger),
            (
                "read_model_height",
                "Height of the last block that lists show",
                self.projection.height(),
            ),
            (
                "read_model_refused",
                "1 while the read model's database refuses the node's user or password",
                u64::from(self.projection.is_refused()),
            ),
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
