//! The classification engine in this process.

use std::{sync::Arc, time::Instant};

use anomal_core::{
    Cancel, Classification, ClassificationEngine, ClassifyRequest, Code, Error, FittedModel, Model,
    ModelId, Result, ScoredTable, Table, blocking, proto,
};
use anomal_detectors::{Detector, DetectorRegistry, step};
use async_trait::async_trait;

use crate::{
    fitting::{TableFit, fit},
    loaded_model::LoadedModel,
    model_cache::ModelCache,
};

/// The default of [`Options::model_budget`].
pub const DEFAULT_MODEL_BUDGET: usize = 512 << 20;

/// The reason of the error for an id whose model is not held.
pub const MODEL_UNKNOWN: &str = "MODEL_UNKNOWN";

/// The bounds of an engine.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes for the distances of all pairs of rows; beyond them representatives are compared.
    pub memory_budget: usize,
    /// Bytes of encoded models that are held in memory; the least recently used are dropped beyond it.
    pub model_budget: usize,
    /// Bytes of a table's numbers; a larger table is refused. None: no bound.
    pub max_table: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self { memory_budget: 1 << 30, model_budget: DEFAULT_MODEL_BUDGET, max_table: None }
    }
}

/// An engine that holds models in memory, so that calls can name them by id.
#[async_trait]
pub trait ModelHost: ClassificationEngine {
    /// Decodes a model and holds it; it may be dropped again for others.
    ///
    /// # Errors
    /// `InvalidRequest` if the model is damaged, or its detector is unknown.
    async fn load_model(&self, model: Model) -> Result<ModelId>;

    /// As [`ClassificationEngine::score`], by a model that is held.
    ///
    /// # Errors
    /// `NotFound` with the reason [`MODEL_UNKNOWN`] if it is not held.
    async fn score_by_id(&self, id: ModelId, table: Table) -> Result<ScoredTable>;
}

/// Computes on this machine's threads. An answer depends on the request alone; decoded models are held
/// between calls, since many calls score by one model. Clones share them.
#[derive(Clone)]
pub struct LocalClassificationEngine {
    options: Options,
    detectors: Arc<DetectorRegistry>,
    models: Arc<ModelCache<LoadedModel>>,
}

impl Default for LocalClassificationEngine {
    fn default() -> Self {
        Self::new(Options::default())
    }
}

impl LocalClassificationEngine {
    /// An engine with the built-in detectors.
    pub fn new(options: Options) -> Self {
        Self::with_detectors(options, DetectorRegistry::builtin())
    }

    /// An engine with these detectors.
    pub fn with_detectors(options: Options, detectors: DetectorRegistry) -> Self {
        let models = Arc::new(ModelCache::new(options.model_budget));
        Self { options, detectors: Arc::new(detectors), models }
    }

    fn fit_table(
        &self,
        request: &ClassifyRequest,
        rows: bool,
        cancel: &Cancel,
    ) -> Result<TableFit> {
        fit(request, &self.detectors, rows, self.options.memory_budget, cancel)
    }

    /// The decoded model, which is held afterwards.
    fn hold(&self, model: &Model) -> Result<Arc<LoadedModel>> {
        self.models.get_or_decode(model, |model| LoadedModel::from_model(model, &self.detectors))
    }

    fn score_table(
        &self,
        model: &LoadedModel,
        table: &Table,
        cancel: &Cancel,
    ) -> Result<ScoredTable> {
        self.admit(table.height(), model.header.features.len())?;
        let started = Instant::now();
        let rows = model.score(table, cancel)?;
        let steps = vec![step("score", table.height(), started)];
        Ok(ScoredTable { rows, steps })
    }

    /// Checks the table's size before any work.
    fn admit(&self, rows: usize, columns: usize) -> Result<()> {
        let Some(most) = self.options.max_table else { return Ok(()) };
        // A number and a share for each value; scores, ranks and their order.
        let values = columns.saturating_mul(2).saturating_add(4);
        let needed = rows.saturating_mul(values).saturating_mul(size_of::<f64>());
        if needed <= most {
            return Ok(());
        }
        Err(Error::new(
            Code::ResourceExhausted,
            "TABLE_TOO_LARGE",
            format!(
                "{rows} rows of {columns} features need about {} MiB and this engine takes {} MiB a request; give it \
                 more, or leave features out",
                needed >> 20,
                most >> 20
            ),
        ))
    }
}

#[async_trait]
impl ClassificationEngine for LocalClassificationEngine {
    async fn list_detectors(&self) -> Result<Vec<proto::Detector>> {
        Ok(self.detectors.iter().map(Detector::describe).collect())
    }

    async fn classify(&self, request: ClassifyRequest) -> Result<Classification> {
        self.admit(request.table.height(), request.features.len())?;
        let engine = self.clone();
        blocking(move |cancel| {
            let mut fitted = engine.fit_table(&request, true, cancel)?;
            let (analysis, steps) =
                (std::mem::take(&mut fitted.analysis), std::mem::take(&mut fitted.steps));
            Ok(Classification { rows: fitted.rows(&request.table, cancel)?, analysis, steps })
        })
        .await
    }

    async fn fit(&self, request: ClassifyRequest) -> Result<FittedModel> {
        self.admit(request.table.height(), request.features.len())?;
        let engine = self.clone();
        blocking(move |cancel| {
            let fitted = engine.fit_table(&request, false, cancel)?;
            let model = fitted.model.to_model()?;
            Ok(FittedModel { model, analysis: fitted.analysis, steps: fitted.steps })
        })
        .await
    }

    async fn score(&self, model: &Model, table: Table) -> Result<ScoredTable> {
        let (engine, model) = (self.clone(), model.clone());
        blocking(move |cancel| engine.score_table(&*engine.hold(&model)?, &table, cancel)).await
    }
}

#[async_trait]
impl ModelHost for LocalClassificationEngine {
    async fn load_model(&self, model: Model) -> Result<ModelId> {
        let engine = self.clone();
        blocking(move |_| engine.hold(&model).map(|_| model.id())).await
    }

    async fn score_by_id(&self, id: ModelId, table: Table) -> Result<ScoredTable> {
        let model = self.models.get(id).ok_or_else(|| {
            let message =
                format!("the engine holds no model {id}; load it, or send it with the call");
            Error::new(Code::NotFound, MODEL_UNKNOWN, message)
        })?;
        let engine = self.clone();
        blocking(move |cancel| engine.score_table(&model, &table, cancel)).await
    }
}
