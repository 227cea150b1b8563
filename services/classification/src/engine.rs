//! The classification engine in this process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anomal_core::{
    Cancel, Classification, ClassificationEngine, ClassifyRequest, Code, Error, FittedModel, Model,
    Result, ScoredTable, Table, blocking, proto,
};
use anomal_detectors::{Detector, DetectorRegistry, step};
use async_trait::async_trait;

use crate::{
    fitting::{TableFit, fit},
    loaded_model::LoadedModel,
};

/// The bounds of an engine.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes for the distances of all pairs of rows; beyond them representatives are compared.
    pub memory_budget: usize,
    /// Bytes of a table's numbers; a larger table is refused. None: no bound.
    pub max_table: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self { memory_budget: 1 << 30, max_table: None }
    }
}

/// Computes on this machine's threads. An answer depends on the request alone: the engine stores the last
/// decoded model, since many calls score a table by one model.
#[derive(Clone)]
pub struct LocalClassificationEngine {
    options: Options,
    detectors: Arc<DetectorRegistry>,
    last: Arc<Mutex<Option<DecodedModel>>>,
}

#[derive(Clone)]
struct DecodedModel {
    from: Model,
    model: Arc<LoadedModel>,
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
        Self { options, detectors: Arc::new(detectors), last: Arc::default() }
    }

    fn fit_table(
        &self,
        request: &ClassifyRequest,
        rows: bool,
        cancel: &Cancel,
    ) -> Result<TableFit> {
        fit(request, &self.detectors, rows, self.options.memory_budget, cancel)
    }

    fn read(&self, model: &Model) -> Result<Arc<LoadedModel>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = last.as_ref().filter(|read| read.from == *model) {
            return Ok(Arc::clone(&read.model));
        }
        let ready = Arc::new(LoadedModel::from_model(model, &self.detectors)?);
        *last = Some(DecodedModel { from: model.clone(), model: Arc::clone(&ready) });
        Ok(ready)
    }

    /// Checks the table's size before any work.
    fn admit(&self, rows: usize, columns: usize) -> Result<()> {
        let Some(most) = self.options.max_table else { return Ok(()) };
        // Each value once as a number and once as a share; scores, ranks and their order.
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
        let model = model.clone();
        let engine = self.clone();
        blocking(move |cancel| {
            let model = engine.read(&model)?;
            engine.admit(table.height(), model.header.features.len())?;
            let started = Instant::now();
            let rows = model.score(&table, cancel)?;
            let steps = vec![step("score", table.height(), started)];
            Ok(ScoredTable { rows, steps })
        })
        .await
    }
}
