//! The engines of a run: in this process unless the settings or the command line name others.

use std::sync::Arc;

use anomal_classification::{LocalClassificationEngine, RemoteClassificationEngine};
use anomal_core::{ClassificationEngine, FeatureEngine, Result};
use anomal_feature::{LocalFeatureEngine, RemoteFeatureEngine};
use anomal_pipeline::Engines;
use anomal_spec::RemoteEngine;

/// # Errors
/// `Unavailable` or `Incompatible` with the endpoint.
pub async fn connect(settings: Option<&anomal_spec::Engines>) -> Result<Engines> {
    let feature = settings.and_then(|engines| engines.feature.as_ref());
    let classification = settings.and_then(|engines| engines.classification.as_ref());
    Ok(Engines {
        feature: feature_engine(feature).await?,
        classification: classification_engine(classification).await?,
    })
}

async fn feature_engine(remote: Option<&RemoteEngine>) -> Result<Arc<dyn FeatureEngine>> {
    Ok(match remote {
        Some(remote) => Arc::new(RemoteFeatureEngine::connect(remote).await?),
        None => Arc::new(LocalFeatureEngine::default()),
    })
}

async fn classification_engine(
    remote: Option<&RemoteEngine>,
) -> Result<Arc<dyn ClassificationEngine>> {
    Ok(match remote {
        Some(remote) => Arc::new(RemoteClassificationEngine::connect(remote).await?),
        None => Arc::new(LocalClassificationEngine::default()),
    })
}
