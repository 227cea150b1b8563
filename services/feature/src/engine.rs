//! The feature engine in this process.

use std::sync::{Arc, Mutex, PoisonError};

use anomal_components::ComponentRegistry;
use anomal_core::{
    ExtractRequest, Extraction, FeatureEngine, KeyedSteps, PlanRequest, Result, blocking,
    proto::{Column, Component, Plan},
};
use async_trait::async_trait;

use crate::{extract::extract, keyed, packs::builtin_components, plan::plan, program::Program};

/// The number of cached programs: those of jobs that run at the same time.
const MAX_CACHED: usize = 16;

/// Runs on the threads of this process. A response depends on its request only; the last programs are cached,
/// because the batches of a job have the same settings.
#[derive(Clone)]
pub struct LocalFeatureEngine {
    components: ComponentRegistry,
    /// The most recently used first.
    programs: Arc<Mutex<Vec<CachedProgram>>>,
}

#[derive(Clone)]
struct CachedProgram {
    settings: Arc<str>,
    columns: Vec<Column>,
    program: Arc<Program>,
}

impl Default for LocalFeatureEngine {
    /// An engine with the built-in packs.
    fn default() -> Self {
        Self::with_components(builtin_components())
    }
}

impl LocalFeatureEngine {
    /// An engine with these packs.
    pub fn with_components(components: ComponentRegistry) -> Self {
        Self { components, programs: Arc::default() }
    }

    fn program(&self, settings: &Arc<str>, columns: &[Column]) -> Result<Arc<Program>> {
        let same =
            |cached: &CachedProgram| cached.settings == *settings && cached.columns == columns;
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = programs.iter().position(same) {
            programs[..=position].rotate_right(1);
            return Ok(Arc::clone(&programs[0].program));
        }
        drop(programs);
        let program = Arc::new(Program::from_plan(settings, columns, &self.components)?);
        let (settings, columns) = (Arc::clone(settings), columns.to_vec());
        let cached = CachedProgram { settings, columns, program: Arc::clone(&program) };
        programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        programs.insert(0, cached);
        programs.truncate(MAX_CACHED);
        Ok(program)
    }
}

#[async_trait]
impl FeatureEngine for LocalFeatureEngine {
    async fn list_components(&self) -> Result<Vec<Component>> {
        Ok(self.components.describe())
    }

    async fn plan(&self, request: PlanRequest) -> Result<Plan> {
        let components = self.components.clone();
        blocking(move |_| plan(&request, &components)).await
    }

    async fn extract(&self, request: ExtractRequest) -> Result<Extraction> {
        let engine = self.clone();
        blocking(move |cancel| {
            let program = engine.program(&request.settings, &request.columns)?;
            extract(&program, request.scope, request.table, None, cancel)
        })
        .await
    }

    fn keyed_steps(&self, plan: &Plan) -> Result<Option<Box<dyn KeyedSteps>>> {
        keyed::keyed_steps(plan)
    }
}
