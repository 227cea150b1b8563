//! The classification engine over the feature table: in one call, or, where a row's score needs no other row and there
//! are many rows for replicas to share, fitted once and scored in batches.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use anomal_core::{
    ClassificationEngine, ClassifyRequest, Error, FitProgress, Model, Result, Table, add_steps,
    blocking,
    proto::{Analysis, Detector, FeatureColumn, Plan, SavedModel, StepStatistics},
};
use anomal_dataflow::{GlobalOperator, Inputs, OperatorOutput};
use anomal_spec::{Classification, EXTERNAL};
use async_trait::async_trait;
use futures::{StreamExt, stream::FuturesOrdered};
use tracing::Instrument;

use crate::{
    drift::{Drift, diagnostics, since},
    model_file,
    progress::Observer,
};

/// Rows scored by one call. A constant, so that results do not depend on who scores.
const BATCH_ROWS: usize = 65_536;

/// What classification found beside the scores; filled when it has run.
pub(crate) type ScoringReport = Arc<OnceLock<Scoring>>;

/// See [`ScoringReport`].
#[derive(Clone, Debug)]
pub(crate) struct Scoring {
    pub analysis: Analysis,
    pub steps: Vec<StepStatistics>,
    /// Since a model that was loaded was fitted.
    pub drift: Vec<Drift>,
}

/// Scores all rows.
pub(crate) struct Classify {
    engine: Arc<dyn ClassificationEngine>,
    settings: Classification,
    plan: Arc<Plan>,
    /// The model to score by, instead of fitting one.
    model: Option<Arc<SavedModel>>,
    inputs: Inputs,
    report: ScoringReport,
    observer: Arc<dyn Observer>,
}

impl Classify {
    pub const NAME: &str = "classification";

    pub fn new(
        engine: &Arc<dyn ClassificationEngine>,
        settings: &Classification,
        plan: &Arc<Plan>,
        model: Option<Arc<SavedModel>>,
        report: ScoringReport,
        observer: &Arc<dyn Observer>,
    ) -> Self {
        let names = plan.features.iter().map(|feature| feature.name.clone());
        Self {
            engine: Arc::clone(engine),
            settings: settings.clone(),
            plan: Arc::clone(plan),
            model,
            inputs: Inputs { features: names.collect(), typed: Vec::new() },
            report,
            observer: Arc::clone(observer),
        }
    }
}

#[async_trait]
impl GlobalOperator for Classify {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Measured with HBOS: features, their encoded form, scores and a contribution for each feature.
    fn memory_factor(&self) -> u64 {
        5
    }

    async fn run(&mut self, rows: Table) -> Result<OperatorOutput> {
        let Self { engine, settings, plan, model, observer, .. } = self;
        let (scores, scoring) = match model {
            Some(model) => {
                let features = plan.features.as_slice();
                by_model(engine, settings, model, features, &rows, observer.as_ref()).await?
            }
            None => fitted(engine, settings, plan, &rows, observer).await?,
        };
        if self.report.set(scoring).is_err() {
            return Err(Error::internal("rows were classified twice"));
        }
        Ok(OperatorOutput { scores: Some(scores), ..OperatorOutput::default() })
    }
}

/// Whether a detector's model and a row are all that a score needs.
pub(crate) fn row_wise(settings: &Classification, detectors: &[Detector]) -> bool {
    let name = if settings.engine == EXTERNAL {
        // The server's choice where the parameters name none.
        let named = settings.parameters.get("detector").and_then(|name| name.as_str());
        named.or(detectors.first().map(|known| known.name.as_str()))
    } else {
        Some(settings.engine.as_str())
    };
    detectors.iter().any(|known| Some(known.name.as_str()) == name && known.row_wise)
}

/// Fits on the rows and scores them.
async fn fitted(
    engine: &Arc<dyn ClassificationEngine>,
    settings: &Classification,
    plan: &Plan,
    table: &Table,
    observer: &Arc<dyn Observer>,
) -> Result<(Table, Scoring)> {
    let save = settings.model.as_ref().and_then(|file| file.save.as_deref()).map(Path::new);
    let detectors = engine.list_detectors().await?;
    let request = ClassifyRequest {
        // Files and addresses are the runner's business.
        settings: Classification { model: None, endpoint: None, tls: None, ..settings.clone() },
        features: plan.features.clone(),
        table: table.clone(),
        progress: {
            let (observer, rows) = (Arc::clone(observer), table.height() as u64);
            FitProgress::new(move |step| observer.step(rows, step))
        },
    };
    let row_wise = row_wise(settings, &detectors);
    if !row_wise && save.is_some() {
        return Err(model_file::no_model(&settings.engine, &detectors));
    }
    // Rows that no replica shares are fitted and scored in one call, so that each row is scored once.
    let alone = engine.in_process() || table.height() <= BATCH_ROWS;
    let at_once = save.is_none() && alone && settings.engine != EXTERNAL;
    if !row_wise || at_once {
        let done = engine.classify(request).await?;
        let (analysis, steps) = (done.analysis, done.steps);
        return Ok((done.rows, Scoring { analysis, steps, drift: Vec::new() }));
    }
    let fitted = engine.fit(request).await?;
    if let Some(path) = save {
        let saved = model_file::from_fit(&settings.engine, &fitted, plan, table)?;
        let path = path.to_owned();
        blocking(move |_| model_file::write(&path, &saved)).await?;
    }
    let (rows, steps) = score(engine, &fitted.model, table, observer.as_ref()).await?;
    let steps = [fitted.steps, steps].concat();
    Ok((rows, Scoring { analysis: fitted.analysis, steps, drift: Vec::new() }))
}

/// Scores by a model that was fitted before.
async fn by_model(
    engine: &Arc<dyn ClassificationEngine>,
    settings: &Classification,
    saved: &SavedModel,
    features: &[FeatureColumn],
    table: &Table,
    observer: &dyn Observer,
) -> Result<(Table, Scoring)> {
    model_file::check(saved, &settings.engine, features)?;
    let (rows, steps) = score(engine, &model_file::engine_model(saved), table, observer).await?;
    let drift = since(features, &saved.distributions, table.columns())?;
    let analysis = Analysis { diagnostics: diagnostics(&drift), ..model_file::analysis(saved) };
    Ok((rows, Scoring { analysis, steps, drift }))
}

async fn score(
    engine: &Arc<dyn ClassificationEngine>,
    model: &Model,
    table: &Table,
    observer: &dyn Observer,
) -> Result<(Table, Vec<StepStatistics>)> {
    let mut in_flight = FuturesOrdered::new();
    let (mut next, mut rows, mut sum) = (0, None::<Table>, Vec::new());
    let mut done = 0;
    loop {
        while next < table.height() && in_flight.len() < engine.parallelism() {
            let (engine, model) = (Arc::clone(engine), model.clone());
            let batch = table.slice(next, BATCH_ROWS);
            let work = async move { engine.score(&model, batch).await };
            in_flight.push_back(tokio::spawn(work.in_current_span()));
            next += BATCH_ROWS;
        }
        let Some(scored) = in_flight.next().await else { break };
        let scored =
            scored.map_err(|error| Error::internal(format!("scoring failed: {error}")))??;
        done += scored.rows.height() as u64;
        observer.progress(done, done, Some(table.height() as u64));
        add_steps(&mut sum, &scored.steps);
        scored.rows.append_to(&mut rows)?;
    }
    let mut rows = rows.ok_or_else(|| Error::internal("no rows to score"))?;
    rows.rechunk();
    Ok((rows, sum))
}
