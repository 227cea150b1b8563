//! Leader election: the replica that holds the Lease reconciles. The algorithm and its times are those of client-go.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};

/// A holder that has not renewed the lease for this long has lost it.
const LEASE: Duration = Duration::from_secs(15);
/// A holder that can't renew the lease for this long stops, before another replica starts.
const RENEW_WITHIN: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(2);

pub struct Election {
    api: Api<Lease>,
    name: String,
    identity: String,
    /// The last change of another holder's lease, with the time by this machine's clock, since clocks differ.
    observed: Option<(LeaseSpec, Timestamp)>,
}

impl Election {
    pub fn new(client: Client, namespace: &str, name: String, identity: String) -> Self {
        Self { api: Api::namespaced(client, namespace), name, identity, observed: None }
    }

    /// Waits until this replica leads.
    pub async fn acquire(&mut self) {
        loop {
            match self.attempt().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::warn!("cannot acquire the Lease {}: {error}", self.name),
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Renews the lease until it is lost, or can't be renewed.
    pub async fn hold(&mut self) {
        let mut renewed = tokio::time::Instant::now();
        loop {
            tokio::time::sleep(RETRY).await;
            let left = RENEW_WITHIN.saturating_sub(renewed.elapsed());
            match tokio::time::timeout(left, self.attempt()).await {
                Ok(Ok(true)) => renewed = tokio::time::Instant::now(),
                Ok(Ok(false)) | Err(_) => return,
                Ok(Err(error)) => {
                    tracing::warn!("cannot renew the Lease {}: {error}", self.name);
                    if renewed.elapsed() >= RENEW_WITHIN {
                        return;
                    }
                }
            }
        }
    }

    /// Releases the lease, so that another replica can lead at once.
    pub async fn release(&mut self) {
        let Ok(Some(mut lease)) = self.api.get_opt(&self.name).await else { return };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(self.identity.as_str()) {
            return;
        }
        spec.holder_identity = None;
        spec.lease_duration_seconds = Some(1);
        // If it fails, the lease expires.
        let _ = self.api.replace(&self.name, &PostParams::default(), &lease).await;
    }

    /// Acquires or renews the lease. False if another replica holds it or was faster.
    async fn attempt(&mut self) -> kube::Result<bool> {
        let now = Timestamp::now();
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            let lease =
                Lease { metadata, spec: Some(self.acquired_spec(&LeaseSpec::default(), now)) };
            return as_acquired(self.api.create(&PostParams::default(), &lease).await);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        if holder != self.identity && !holder.is_empty() && !self.has_expired(&spec, now) {
            return Ok(false);
        }
        // With its resource version: of two replicas that acquire it at once, one fails.
        lease.spec = Some(self.acquired_spec(&spec, now));
        as_acquired(self.api.replace(&self.name, &PostParams::default(), &lease).await)
    }

    /// Whether another's lease has not changed for its whole duration.
    fn has_expired(&mut self, spec: &LeaseSpec, now: Timestamp) -> bool {
        match &self.observed {
            Some((observed, since)) if observed == spec => {
                let seconds = i64::from(spec.lease_duration_seconds.unwrap_or(0));
                now.duration_since(*since) > SignedDuration::from_secs(seconds)
            }
            _ => {
                self.observed = Some((spec.clone(), now));
                false
            }
        }
    }

    fn acquired_spec(&self, old: &LeaseSpec, now: Timestamp) -> LeaseSpec {
        let mine = old.holder_identity.as_deref() == Some(self.identity.as_str());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE.as_secs()).ok(),
            acquire_time: if mine { old.acquire_time.clone() } else { Some(MicroTime(now)) },
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(old.lease_transitions.unwrap_or(0) + i32::from(!mine)),
            ..LeaseSpec::default()
        }
    }
}

fn as_acquired<T>(written: kube::Result<T>) -> kube::Result<bool> {
    match written {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(said)) if matches!(said.code, 404 | 409) => Ok(false),
        Err(error) => Err(error),
    }
}
