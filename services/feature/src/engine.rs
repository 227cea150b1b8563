//! The feature engine in this process.

use std::sync::{Arc, Mutex, PoisonError};

use anomal_core::{
    Error, ExtractRequest, Extraction, FeatureEngine, FeatureSettings, PlanRequest, Result,
    blocking,
    proto::{Column, Component, Plan},
};
use async_trait::async_trait;

use crate::{extract::extract, packs, plan::plan, program::Program};

/// Programs kept: those of the jobs that are run at the same time.
const KEPT: usize = 16;

/// Computes on this machine's threads. An answer depends on the request alone: what it keeps are the last
/// programs, since the batches of a job come with the same settings.
#[derive(Clone, Default)]
pub struct LocalFeatureEngine {
    /// The last used first.
    programs: Arc<Mutex<Vec<Compiled>>>,
}

#[derive(Clone)]
struct Compiled {
    settings: Arc<str>,
    columns: Vec<Column>,
    program: Arc<Program>,
}

impl LocalFeatureEngine {
    fn program(&self, settings: &Arc<str>, columns: &[Column]) -> Result<Arc<Program>> {
        let same = |known: &Compiled| known.settings == *settings && known.columns == columns;
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = programs.iter().position(same) {
            programs[..=place].rotate_right(1);
            return Ok(Arc::clone(&programs[0].program));
        }
        drop(programs);
        let parsed: FeatureSettings = serde_json::from_str(settings).map_err(|error| {
            let message = format!("the settings are not as planned: {error}");
            Error::settings("", "SETTINGS_INVALID", message)
        })?;
        let program = Arc::new(Program::compile(&parsed, columns)?);
        let (settings, columns) = (Arc::clone(settings), columns.to_vec());
        let compiled = Compiled { settings, columns, program: Arc::clone(&program) };
        programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        programs.insert(0, compiled);
        programs.truncate(KEPT);
        Ok(program)
    }
}

#[async_trait]
impl FeatureEngine for LocalFeatureEngine {
    async fn list_components(&self) -> Result<Vec<Component>> {
        Ok(packs::describe())
    }

    async fn plan(&self, request: PlanRequest) -> Result<Plan> {
        blocking(move |_| plan(&request)).await
    }

    async fn extract(&self, request: ExtractRequest) -> Result<Extraction> {
        let engine = self.clone();
        blocking(move |cancel| {
            let program = engine.program(&request.settings, &request.columns)?;
            extract(&program, request.phase, request.table, cancel)
        })
        .await
    }
}
