//! The operator's metrics.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kube::runtime::reflector::Store;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{
        MetricType,
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::Registry,
};

use crate::api::AnomalyJob;

/// Bounds in seconds, from half a millisecond to half a minute.
const BUCKETS: [f64; 15] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

/// The metrics of an operator. No job's name is a label: there may be thousands.
pub struct Metrics {
    reconciled: Family<ResultLabel, Counter>,
    duration: Histogram,
    in_flight: Gauge,
    leader: Gauge,
    jobs: Jobs,
}

impl Metrics {
    pub fn register(registry: &mut Registry) -> Arc<Self> {
        let registry = registry.sub_registry_with_prefix("operator");
        let (reconciled, duration) = (Family::default(), Histogram::new(BUCKETS));
        let (in_flight, leader, jobs) = (Gauge::default(), Gauge::default(), Jobs::default());
        let help = "Jobs reconciled, by result";
        registry.register("reconcile", help, Family::clone(&reconciled));
        registry.register("reconcile_duration_seconds", "Time of a reconcile", duration.clone());
        registry.register("reconciles_in_flight", "Jobs being reconciled", in_flight.clone());
        registry.register("leader", "Whether this replica reconciles", leader.clone());
        registry.register_collector(Box::new(jobs.clone()));
        Arc::new(Self { reconciled, duration, in_flight, leader, jobs })
    }

    pub fn reconcile_started(&self) {
        self.in_flight.inc();
    }

    pub fn reconcile_ended(&self, time: Duration, success: bool) {
        self.in_flight.dec();
        let result = if success { "success" } else { "error" };
        self.reconciled.get_or_create(&ResultLabel { result }).inc();
        self.duration.observe(time.as_secs_f64());
    }

    pub fn set_leader(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// Counts the jobs of this cache too.
    pub fn add_cache(&self, cache: Store<AnomalyJob>) {
        self.jobs.0.lock().unwrap_or_else(PoisonError::into_inner).push(cache);
    }
}

/// Jobs by state, counted when the metrics are scraped.
#[derive(Clone, Default)]
struct Jobs(Arc<Mutex<Vec<Store<AnomalyJob>>>>);

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jobs")
    }
}

impl Collector for Jobs {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut counts = BTreeMap::<_, i64>::new();
        let caches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for job in caches.iter().flat_map(Store::state) {
            *counts
                .entry(job.status.as_ref().map(|status| status.phase).unwrap_or_default())
                .or_default() += 1;
        }
        let kind = MetricType::Gauge;
        let mut family = encoder.encode_descriptor("jobs", "AnomalyJobs by state", None, kind)?;
        for (phase, count) in counts {
            let labels = [("state", format!("{phase:?}"))];
            ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
