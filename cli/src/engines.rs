//! The engines of a run: in this process unless the settings or the command line name endpoints.

use std::sync::Arc;

use anomal_classification::{LocalClassificationEngine, RemoteClassificationEngine};
use anomal_core::{ClassificationEngine, FeatureEngine, Result};
use anomal_feature::{LocalFeatureEngine, RemoteFeatureEngine};
use anomal_runner::Engines;
use anomal_spec::{Classification, RemoteEngine};

/// Connects to the engines of the settings. `engine: External` replaces the classification engine.
///
/// # Errors
/// `Unavailable` or `Incompatible` with the endpoint.
pub async fn connect(
    settings: Option<&anomal_spec::Engines>,
    classification: Option<&Classification>,
) -> Result<Engines> {
    let feature = settings.and_then(|engines| engines.feature.as_ref());
    let external = classification.and_then(external);
    let remote = settings.and_then(|engines| engines.classification.as_ref());
    Ok(Engines {
        feature: feature_engine(feature).await?,
        classification: match &external {
            Some(external) => {
                Arc::new(RemoteClassificationEngine::connect_at(external, "classification").await?)
            }
            None => classification_engine(remote).await?,
        },
    })
}

/// The server of `engine: External`.
fn external(settings: &Classification) -> Option<RemoteEngine> {
    let endpoints = vec![settings.endpoint.clone()?];
    Some(RemoteEngine { endpoints, tls: settings.tls.clone(), ..RemoteEngine::default() })
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
