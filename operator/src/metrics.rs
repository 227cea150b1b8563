//! What is counted and measured.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kube::runtime::reflector::Store;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::{api::AnomalyJob, controller::Error};

/// Seconds, from half a millisecond to half a minute.
const BUCKETS: [f64; 15] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: String,
}

/// Of an operator. No job's name is a label: there may be thousands.
pub struct Metrics {
    registry: Registry,
    reconciled: Family<Ended, Counter>,
    duration: Histogram,
    in_flight: Gauge,
    jobs: Family<State, Gauge>,
    leader: Gauge,
    caches: Mutex<Vec<Store<AnomalyJob>>>,
}

impl Metrics {
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("anomal_operator");
        let (reconciled, duration) = (Family::default(), Histogram::new(BUCKETS));
        let (in_flight, jobs, leader) = (Gauge::default(), Family::default(), Gauge::default());
        let told = "Jobs reconciled, by result";
        registry.register("reconcile", told, Family::clone(&reconciled));
        registry.register("reconcile_duration_seconds", "Time of a reconcile", duration.clone());
        registry.register("reconciles_in_flight", "Jobs being reconciled", in_flight.clone());
        registry.register("jobs", "AnomalyJobs by state", Family::clone(&jobs));
        registry.register("leader", "Whether this replica reconciles", leader.clone());
        let caches = Mutex::default();
        Arc::new(Self { registry, reconciled, duration, in_flight, jobs, leader, caches })
    }

    pub fn started(&self) {
        self.in_flight.inc();
    }

    pub fn reconciled<T>(&self, time: Duration, result: &Result<T, Error>) {
        self.in_flight.dec();
        let result = if result.is_ok() { "success" } else { "error" };
        self.reconciled.get_or_create(&Ended { result }).inc();
        self.duration.observe(time.as_secs_f64());
    }

    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// Jobs of this cache are counted.
    pub fn cache(&self, cache: Store<AnomalyJob>) {
        self.caches.lock().unwrap_or_else(PoisonError::into_inner).push(cache);
    }

    /// As Prometheus scrapes it.
    pub fn text(&self) -> String {
        self.jobs.clear();
        let caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        for job in caches.iter().flat_map(Store::state) {
            let phase = job.status.as_ref().map(|status| status.phase).unwrap_or_default();
            self.jobs.get_or_create(&State { state: format!("{phase:?}") }).inc();
        }
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
