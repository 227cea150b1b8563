//! The feature engine in this process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anomal_components::ComponentRegistry;
use anomal_core::{
    ExtractRequest, Extraction, FeatureEngine, FeatureSettings, KeyedSteps, PackUpload,
    PlanRequest, Result, blocking,
    proto::{Column, Component, ListPacksResponse, Plan},
};
use anomal_rpc::Tenant;
use anomal_spec::PackSetting;
use async_trait::async_trait;

use crate::{
    checks,
    extract::extract,
    grpc::MultiTenantEngine,
    keyed::{self, RowOrder},
    lists::ParsedLists,
    packs::{AvailablePacks, builtin_components},
    plan::plan,
    program::Program,
    store::PackStore,
};

/// The number of cached programs: those of jobs that run at the same time.
const MAX_CACHED: usize = 16;

/// Runs on the threads of this process. A response depends on its request only; the last programs are cached,
/// because the batches of a job have the same settings.
#[derive(Clone)]
pub struct LocalFeatureEngine {
    components: ComponentRegistry,
    packs: Arc<PackStore>,
    tenant: Tenant,
    lists: Arc<ParsedLists>,
    check_guests: bool,
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
        Self {
            components,
            packs: Arc::default(),
            tenant: Tenant::default(),
            lists: Arc::default(),
            check_guests: false,
            programs: Arc::default(),
        }
    }

    /// The same engine with this store of packs.
    #[must_use]
    pub fn with_store(self, packs: PackStore) -> Self {
        Self { packs: Arc::new(packs), ..self }
    }

    /// The same engine, which computes answers of packs of WebAssembly twice and fails if they differ.
    #[must_use]
    pub fn checking_guests(self) -> Self {
        Self { check_guests: true, ..self }
    }

    /// The components of the packs of a job that are not part of the engine.
    ///
    /// # Errors
    /// `InvalidSettings` with the path; `NotFound` for a digest that was not sent.
    pub fn job_components(&self, packs: &[PackSetting]) -> Result<Vec<Component>> {
        let available =
            AvailablePacks { components: ComponentRegistry::default(), ..self.available() };
        Ok(available.for_job(packs)?.components.describe())
    }

    /// Checks packs, lists, components and their parameters where the columns of the input are not known.
    ///
    /// # Errors
    /// `InvalidSettings` with the path; `NotFound` for the digest of a pack that was not sent.
    pub fn check(&self, settings: &FeatureSettings) -> Result<()> {
        checks::check(settings, &self.available())
    }

    fn available(&self) -> AvailablePacks {
        AvailablePacks {
            components: self.components.clone(),
            store: Arc::clone(&self.packs),
            tenant: self.tenant.clone(),
            lists: Arc::clone(&self.lists),
            check_guests: self.check_guests,
        }
    }

    fn program(&self, settings: &Arc<str>, columns: &[Column]) -> Result<Arc<Program>> {
        let same =
            |cached: &CachedProgram| cached.settings == *settings && cached.columns == columns;
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = programs.iter().position(same) {
            programs[..=position].rotate_right(1);
            let program = Arc::clone(&programs[0].program);
            drop(programs);
            // Another tenant may have compiled it, with packs that this one has not sent.
            for digest in &program.packs {
                self.packs.get(&self.tenant, digest, Instant::now())?;
            }
            return Ok(program);
        }
        drop(programs);
        let program = Arc::new(Program::from_plan(settings, columns, &self.available())?);
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
        let packs = self.available();
        blocking(move |_| plan(&request, &packs)).await
    }

    async fn extract(&self, request: ExtractRequest) -> Result<Extraction> {
        let engine = self.clone();
        blocking(move |cancel| {
            let program = engine.program(&request.settings, &request.columns)?;
            extract(&program, request.scope, request.table, None, RowOrder::Time, cancel)
        })
        .await
    }

    async fn put_pack(&self, pack: Arc<PackUpload>) -> Result<()> {
        let (packs, tenant) = (Arc::clone(&self.packs), self.tenant.clone());
        blocking(move |_| packs.put(&tenant, &pack, Instant::now())).await
    }

    async fn list_packs(&self) -> Result<ListPacksResponse> {
        Ok(self.packs.list(&self.tenant))
    }

    fn keyed_steps(&self, plan: &Plan) -> Result<Option<Box<dyn KeyedSteps>>> {
        keyed::keyed_steps(plan, self.components.clone())
    }
}

impl MultiTenantEngine for LocalFeatureEngine {
    fn for_tenant(&self, tenant: &Tenant) -> Arc<dyn FeatureEngine> {
        Arc::new(Self { tenant: tenant.clone(), ..self.clone() })
    }
}
