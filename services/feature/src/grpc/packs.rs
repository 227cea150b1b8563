//! The packs that a client has, for replicas that lack them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use anomal_core::{
    PackUpload, Result,
    proto::{ListPacksRequest, feature_engine_client::FeatureEngineClient},
};
use anomal_packs::{Artifact, Digest};
use anomal_rpc::{from_status, outgoing, replicas::EngineChannel};
use futures::{lock::Mutex as AsyncMutex, stream};
use tonic::Status;

use super::upload;
use crate::store::PACK_ABSENT;

type Client = FeatureEngineClient<EngineChannel>;

/// Packs by their pins.
#[derive(Debug, Default)]
pub(super) struct ClientPacks {
    packs: Mutex<BTreeMap<Digest, Arc<PackUpload>>>,
    /// Held while packs are sent, so that concurrent calls send each once.
    sending: AsyncMutex<()>,
}

impl ClientPacks {
    /// # Errors
    /// `InvalidSettings` if it is damaged.
    pub fn add(&self, pack: Arc<PackUpload>) -> Result<()> {
        let artifact = Artifact::from_upload(&pack).map_err(|error| error.at("packs"))?;
        self.packs.lock().unwrap_or_else(PoisonError::into_inner).insert(artifact.pin(), pack);
        Ok(())
    }

    /// Makes a call, and where the replica lacks packs, makes it again once it has them.
    ///
    /// # Errors
    /// Those of the call and of sending packs.
    pub async fn call<T, F>(
        &self,
        client: impl Fn() -> Client,
        call: impl Fn(Client) -> F,
    ) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        match call(client()).await {
            Err(status) if from_status(&status).reason == PACK_ABSENT => {
                self.send_missing(&client).await?;
                call(client()).await
            }
            answer => answer,
        }
    }

    async fn send_missing(&self, client: &impl Fn() -> Client) -> Result<(), Status> {
        let _sending = self.sending.lock().await;
        let answer = client().list_packs(outgoing(ListPacksRequest {})).await?.into_inner();
        let stored: Vec<String> = answer.packs.into_iter().map(|pack| pack.digest).collect();
        let packs = self.packs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (digest, pack) in packs {
            if !stored.contains(&digest.to_string()) {
                let messages = stream::iter(upload::messages(&pack));
                client().put_pack(outgoing(messages)).await?;
            }
        }
        Ok(())
    }
}
