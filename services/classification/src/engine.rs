//! The classification engine in this process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anomal_core::{
    Classification, ClassificationEngine, ClassifyRequest, Code, Error, FittedModel, Model, Result,
    ScoredTable, Table, blocking, proto::Detector,
};
use async_trait::async_trait;

use crate::{
    detectors::{DETECTORS, step},
    fitting::fit,
    loaded_model::LoadedModel,
};

/// What an engine may take.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes that the distances of all pairs may take; beyond it representatives stand for the rows.
    pub memory_budget: usize,
    /// Bytes that a table may have as numbers; a larger one is refused. None: as much as there is.
    pub max_table: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self { memory_budget: 1 << 30, max_table: None }
    }
}

/// Computes on this machine's threads. An answer depends on the request alone: what it keeps is the last
/// model read, since a table is scored by many calls with one model.
#[derive(Clone, Default)]
pub struct LocalClassificationEngine {
    options: Options,
    last: Arc<Mutex<Option<Read>>>,
}

#[derive(Clone)]
struct Read {
    from: Model,
    model: Arc<LoadedModel>,
}

impl LocalClassificationEngine {
    pub fn new(options: Options) -> Self {
        Self { options, last: Arc::default() }
    }

    fn read(&self, model: &Model) -> Result<Arc<LoadedModel>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = last.as_ref().filter(|read| read.from == *model) {
            return Ok(Arc::clone(&read.model));
        }
        let ready = Arc::new(LoadedModel::from_model(model)?);
        *last = Some(Read { from: model.clone(), model: Arc::clone(&ready) });
        Ok(ready)
    }

    /// Before any work, by what is known of the table.
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
    async fn list_detectors(&self) -> Result<Vec<Detector>> {
        Ok(DETECTORS.iter().map(|detector| detector.describe()).collect())
    }

    async fn classify(&self, request: ClassifyRequest) -> Result<Classification> {
        self.admit(request.table.height(), request.features.len())?;
        let budget = self.options.memory_budget;
        blocking(move |cancel| {
            let mut done = fit(&request, true, budget, cancel)?;
            let (analysis, steps) =
                (std::mem::take(&mut done.analysis), std::mem::take(&mut done.steps));
            Ok(Classification { rows: done.rows(&request.table, cancel)?, analysis, steps })
        })
        .await
    }

    async fn fit(&self, request: ClassifyRequest) -> Result<FittedModel> {
        self.admit(request.table.height(), request.features.len())?;
        let budget = self.options.memory_budget;
        blocking(move |cancel| {
            let done = fit(&request, false, budget, cancel)?;
            Ok(FittedModel {
                model: done.model.to_model()?,
                analysis: done.analysis,
                steps: done.steps,
            })
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
