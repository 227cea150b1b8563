//! The metrics of a stream.

use std::fmt;

use anomal_runner::StreamStatus;
use anomal_telemetry::prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};
use tokio::sync::watch;

/// The latest status of a stream, as metrics at each scrape.
#[derive(Debug)]
pub struct StreamMetrics(pub watch::Receiver<Option<StreamStatus>>);

impl Collector for StreamMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let status = self.0.borrow();
        let Some(StreamStatus { summary, .. }) = status.as_ref() else { return Ok(()) };
        let status = status.as_ref().into_iter().flat_map(gauges);
        let models = summary.models.unwrap_or_default();
        let counters = [
            ("rejected", "Records that could not be read", summary.rejected),
            ("filtered", "Rows that filters left out", summary.filtered),
            ("results", "Rows with results", summary.results),
            ("lost", "Records that were gone before they were read", summary.lost),
            ("refused", "Results that an output has refused", summary.refused),
            ("suspicious", "Suspicious rows", summary.suspicious),
            ("flagged", "Rows that flags hit", summary.flagged),
            ("late", "Rows too far behind the watermark", summary.late),
            ("skewed", "Rows with times of the future", summary.skewed),
            ("drifts", "Changes of the records", models.drifts.into()),
            ("models_refused", "Models that were fitted and not taken", models.refused.into()),
            ("records", "Records that were read", summary.rows),
        ];
        let evicted = summary.entities.map(|entities| {
            ("evicted", "Entities whose profile was dropped for others", entities.evicted)
        });
        let forgotten = summary.memory.map(|memory| {
            ("state_evicted", "Entities and keys that were forgotten for memory", memory.evicted)
        });
        let evicted = evicted.into_iter().chain(forgotten);
        // The registry puts the program's name before them.
        for (name, help, value) in counters.into_iter().chain(evicted) {
            let (name, metric) = (format!("stream_{name}"), ConstCounter::new(value));
            metric.encode(encoder.encode_descriptor(&name, help, None, metric.metric_type())?)?;
        }
        for (name, help, value) in status {
            let (name, metric) = (format!("stream_{name}"), ConstGauge::new(value));
            metric.encode(encoder.encode_descriptor(&name, help, None, metric.metric_type())?)?;
        }
        Ok(())
    }
}

fn gauges(status: &StreamStatus) -> Vec<(&'static str, &'static str, f64)> {
    let is = |yes: bool| f64::from(u8::from(yes));
    let models = status.summary.models.unwrap_or_default();
    let is_down = |name: &str| is(status.down.contains(name));
    let outputs =
        status.down.iter().filter(|name| !["input", "checkpoints"].contains(&name.as_str()));
    let mut gauges = vec![
        ("warm", "Whether rows are scored", is(status.summary.warm)),
        ("caught_up", "Whether the input has no more records", is(status.caught_up)),
        ("checkpoint_age_seconds", "Seconds since the last checkpoint", status.checkpoint_age),
        ("waiting_bytes", "Bytes of results that wait for outputs", status.waiting_bytes as f64),
        ("model_generation", "The number of the model in use", f64::from(models.generation)),
        ("input_down", "Whether the input does not answer", is_down("input")),
        ("checkpoints_down", "Whether no checkpoint can be saved", is_down("checkpoints")),
        ("outputs_down", "Outputs that do not answer", outputs.count() as f64),
    ];
    if let Some(entities) = status.summary.entities {
        gauges.push(("entities", "Entities that have a profile", entities.known as f64));
    }
    if let Some(memory) = status.summary.memory {
        gauges.push(("state_bytes", "Memory of the state, roughly", memory.bytes as f64));
        gauges.push(("state_limit_bytes", "Memory that the state may have", memory.limit as f64));
    }
    if let Some(silent) = &status.silent {
        let help = "Entities that pause for longer than they ever did";
        gauges.push(("entities_silent", help, silent.count as f64));
    }
    if let Some(lag) = status.lag {
        gauges.push(("lag_records", "Records of topics that were not read", lag.records as f64));
        let help = "The age of the record that was read last, while others wait";
        gauges.push(("lag_seconds", help, lag.seconds));
    }
    if let Some(partitions) = status.summary.partitions {
        let help = "Partitions that belong to this process";
        gauges.push(("partitions", help, partitions.owned as f64));
        gauges.push(("partitions_read", "Those of them that it reads", partitions.read as f64));
    }
    if let Some(watermark) = status.watermark {
        gauges.push(("watermark_seconds", "Before which no record is expected", watermark));
    }
    gauges
}
