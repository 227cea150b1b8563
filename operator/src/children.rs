//! The objects of a job: a `ConfigMap` with its settings, and a `Job`, `CronJob` or `StatefulSet` that runs them; of a stream
//! also a `PodDisruptionBudget`, and a `Service` for what is pushed.

mod config_map;
mod cron_job;
mod disruption_budget;
mod installation;
mod job;
mod pod;
mod service;
mod settings;
mod stateful_set;

pub use config_map::config_map;
pub use cron_job::cron_job;
pub use disruption_budget::disruption_budget;
pub use installation::Installation;
pub use job::{MUTABLE, job};
pub use pod::{CONTAINER, DATA, METRICS};
pub use service::service;
pub use settings::run_spec;
pub use stateful_set::{pods, stateful_set};

use anomal_spec::AnomalyJobSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::{Value, json};

use crate::labels;

/// The `AnomalyJob` that owns objects.
#[derive(Clone, Debug)]
pub struct Owner<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    pub reference: &'a OwnerReference,
    pub spec: &'a AnomalyJobSpec,
}

impl Owner<'_> {
    /// The metadata of an object of that name, which is deleted with the job.
    fn metadata(&self, name: &str) -> Value {
        json!({
            "name": name,
            "namespace": self.namespace,
            "labels": labels::for_job(self.name),
            "ownerReferences": [self.reference],
        })
    }
}

/// A hash of eight characters, the same on every machine and in every version.
pub fn short_hash(text: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let hash = xxhash_rust::xxh3::xxh3_64(text);
    let letter =
        |index: u32| char::from(ALPHABET[usize::try_from(hash >> (5 * index) & 31).unwrap_or(0)]);
    (0..8).map(letter).collect()
}
