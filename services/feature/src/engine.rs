//! The feature engine in this process.

use anomal_core::{
    Error, ExtractRequest, Extraction, FeatureEngine, FeatureSettings, PlanRequest, Result,
    blocking,
    proto::{Component, Plan},
};
use async_trait::async_trait;

use crate::{extract::extract, packs, plan::plan, program::Program};

/// Computes on this machine's threads. It holds no state: an answer depends on the request alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalFeatureEngine;

#[async_trait]
impl FeatureEngine for LocalFeatureEngine {
    async fn list_components(&self) -> Result<Vec<Component>> {
        Ok(packs::describe())
    }

    async fn plan(&self, request: PlanRequest) -> Result<Plan> {
        blocking(move |_| plan(&request)).await
    }

    async fn extract(&self, request: ExtractRequest) -> Result<Extraction> {
        blocking(move |cancel| {
            let settings: FeatureSettings =
                serde_json::from_str(&request.settings).map_err(|error| {
                    Error::settings(
                        "",
                        "SETTINGS_INVALID",
                        format!("the settings are not as planned: {error}"),
                    )
                })?;
            let program = Program::compile(&settings, &request.columns)?;
            extract(&program, request.phase, request.table, cancel)
        })
        .await
    }
}
