//! The models that a client has sent to each replica, so that each is sent once.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anomal_core::ModelId;
use futures::lock::Mutex as AsyncMutex;
use tonic::{Code, Status};

/// How a call names its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ModelReference {
    /// By its id, which the replica was sent in this upload.
    ById { upload: u64 },
    /// With the call: the replica holds no models.
    Inline,
}

/// The state of all replicas of one client.
#[derive(Debug, Default)]
pub(super) struct ReplicaModels {
    replicas: Mutex<HashMap<SocketAddr, Arc<AsyncMutex<ReplicaState>>>>,
}

#[derive(Debug, Default)]
struct ReplicaState {
    /// The replica does not implement `LoadModel`.
    inline_only: bool,
    /// The last upload of each model.
    uploads: HashMap<ModelId, u64>,
    /// Counts the uploads, so that a late report of a lost model does not cause a second upload.
    last_upload: u64,
}

impl ReplicaModels {
    /// Sends a model to a replica unless it was sent before. Concurrent calls for one replica wait for the
    /// upload. `addresses` are those of all replicas: the state of others is dropped.
    ///
    /// # Errors
    /// Those of `upload`, except that it is not implemented.
    pub async fn send_once<F>(
        &self,
        address: SocketAddr,
        addresses: impl FnOnce() -> Vec<SocketAddr>,
        id: ModelId,
        upload: impl FnOnce() -> F,
    ) -> Result<ModelReference, Status>
    where
        F: Future<Output = Result<(), Status>>,
    {
        let replica = self.replica(address, addresses);
        let mut state = replica.lock().await;
        if state.inline_only {
            return Ok(ModelReference::Inline);
        }
        if let Some(upload) = state.uploads.get(&id) {
            return Ok(ModelReference::ById { upload: *upload });
        }
        match upload().await {
            Ok(()) => {
                state.last_upload += 1;
                let upload = state.last_upload;
                state.uploads.insert(id, upload);
                Ok(ModelReference::ById { upload })
            }
            Err(status) if status.code() == Code::Unimplemented => {
                state.inline_only = true;
                Ok(ModelReference::Inline)
            }
            Err(status) => Err(status),
        }
    }

    /// Records that a replica no longer holds the model of an upload.
    pub async fn forget(&self, address: SocketAddr, id: ModelId, upload: u64) {
        let replica = self.replica(address, || vec![address]);
        let mut state = replica.lock().await;
        if state.uploads.get(&id) == Some(&upload) {
            state.uploads.remove(&id);
        }
    }

    fn replica(
        &self,
        address: SocketAddr,
        addresses: impl FnOnce() -> Vec<SocketAddr>,
    ) -> Arc<AsyncMutex<ReplicaState>> {
        let mut replicas = self.replicas.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(replica) = replicas.get(&address) {
            return Arc::clone(replica);
        }
        let current = addresses();
        replicas.retain(|known, _| current.contains(known));
        Arc::clone(replicas.entry(address).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use anomal_core::Model;
    use futures::future::join_all;

    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[tokio::test]
    async fn concurrent_calls_cause_one_upload() {
        let (models, id) = (ReplicaModels::default(), Model::new("a").id());
        let uploads = AtomicUsize::new(0);
        let upload = || async {
            uploads.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(())
        };
        let calls = (0..8).map(|_| models.send_once(address(1), Vec::new, id, upload));
        for reference in join_all(calls).await {
            assert_eq!(reference.unwrap(), ModelReference::ById { upload: 1 });
        }
        assert_eq!(uploads.load(Ordering::Relaxed), 1);
        // Two calls report the loss of the same upload: one more upload is enough.
        for _ in 0..2 {
            models.forget(address(1), id, 1).await;
            let reference = models.send_once(address(1), Vec::new, id, upload).await.unwrap();
            assert_eq!(reference, ModelReference::ById { upload: 2 });
        }
        assert_eq!(uploads.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_replica_without_load_model_gets_models_inline() {
        let (models, id) = (ReplicaModels::default(), Model::new("a").id());
        let unimplemented = || async { Err(Status::unimplemented("")) };
        let reference = models.send_once(address(1), Vec::new, id, unimplemented).await.unwrap();
        assert_eq!(reference, ModelReference::Inline);
        let unexpected = || async { Err(Status::internal("a second upload")) };
        let reference = models.send_once(address(1), Vec::new, id, unexpected).await.unwrap();
        assert_eq!(reference, ModelReference::Inline);
        // A failure is reported, and the next call tries again.
        let failing = || async { Err(Status::unavailable("")) };
        assert!(models.send_once(address(2), Vec::new, id, failing).await.is_err());
        let working = || async { Ok(()) };
        let reference = models.send_once(address(2), Vec::new, id, working).await.unwrap();
        assert_eq!(reference, ModelReference::ById { upload: 1 });
    }

    #[tokio::test]
    async fn replicas_that_are_gone_are_dropped() {
        let (models, id) = (ReplicaModels::default(), Model::new("a").id());
        for port in 1..4 {
            let current = || vec![address(port)];
            models.send_once(address(port), current, id, || async { Ok(()) }).await.unwrap();
        }
        assert_eq!(models.replicas.lock().unwrap().len(), 1);
    }
}
