//! The classification engine over the feature table: in one call, or, where a row's score needs no other row and there
//! are many rows for replicas to share, fitted once and scored in batches.

use std::{path::Path, sync::Arc};

use anomal_core::{
    ClassificationEngine, ClassifyRequest, Error, Model, Result, Table, blocking,
    proto::{Analysis, Detector, FeatureColumn, StepStatistics},
};
use anomal_spec::{Classification, EXTERNAL};
use futures::{StreamExt, stream::FuturesOrdered};
use tracing::Instrument;

use crate::{
    drift::{Drift, since, told},
    model,
    progress::Observer,
    steps,
};

/// Rows scored by one call. A constant, so that results do not depend on who scores.
const BATCH_ROWS: usize = 65_536;

/// All rows with their scores, in the order of the feature table.
pub(crate) struct Judged {
    pub rows: Table,
    pub analysis: Analysis,
    pub steps: Vec<StepStatistics>,
    /// Since a model that was loaded was fitted.
    pub drift: Vec<Drift>,
}

impl Judged {
    /// What only the summary tells.
    pub fn take_figures(&mut self) -> (Vec<StepStatistics>, Vec<Drift>) {
        (std::mem::take(&mut self.steps), std::mem::take(&mut self.drift))
    }
}

/// Whether a detector's model and a row are all that a score needs.
fn row_wise(settings: &Classification, detectors: &[Detector]) -> bool {
    let name = if settings.engine == EXTERNAL {
        // The server's choice where the parameters name none.
        let named = settings.parameters.get("detector").and_then(|name| name.as_str());
        named.or(detectors.first().map(|known| known.name.as_str()))
    } else {
        Some(settings.engine.as_str())
    };
    detectors.iter().any(|known| Some(known.name.as_str()) == name && known.row_wise)
}

pub(crate) async fn classify(
    engine: &Arc<dyn ClassificationEngine>,
    settings: &Classification,
    features: &[FeatureColumn],
    table: &Table,
    observer: &dyn Observer,
) -> Result<Judged> {
    let height = table.height();
    let file = settings.model.as_ref();
    let judged = if let Some(path) = file.and_then(|file| file.load.as_ref()) {
        by_model(engine, settings, Path::new(path), features, table, observer).await?
    } else {
        let save = file.and_then(|file| file.save.as_ref());
        fitted(engine, settings, save.map(Path::new), features, table, observer).await?
    };
    if judged.rows.height() != height {
        return Err(Error::internal(format!(
            "the classification engine answered {} rows for {height}",
            judged.rows.height()
        )));
    }
    Ok(judged)
}

/// Scores by what these rows teach.
async fn fitted(
    engine: &Arc<dyn ClassificationEngine>,
    settings: &Classification,
    save: Option<&Path>,
    features: &[FeatureColumn],
    table: &Table,
    observer: &dyn Observer,
) -> Result<Judged> {
    let detectors = engine.list_detectors().await?;
    let request = ClassifyRequest {
        // Files and addresses are the runner's business.
        settings: Classification { model: None, endpoint: None, tls: None, ..settings.clone() },
        features: features.to_vec(),
        table: table.clone(),
    };
    let row_wise = row_wise(settings, &detectors);
    if !row_wise && save.is_some() {
        return Err(model::none_of(&settings.engine, &detectors));
    }
    // What nobody shares is done at once, so that each row is scored once.
    let alone = engine.in_process() || table.height() <= BATCH_ROWS;
    let at_once = save.is_none() && alone && settings.engine != EXTERNAL;
    if !row_wise || at_once {
        let done = engine.classify(request).await?;
        let (rows, analysis, steps) = (done.rows, done.analysis, done.steps);
        return Ok(Judged { rows, analysis, steps, drift: Vec::new() });
    }
    let fitted = engine.fit(request).await?;
    if let Some(path) = save {
        let saved = model::saved(&settings.engine, &fitted, features, table)?;
        let path = path.to_owned();
        blocking(move |_| model::write(&path, &saved)).await?;
    }
    let (rows, steps) = score(engine, &fitted.model, table, observer).await?;
    let steps = [fitted.steps, steps].concat();
    Ok(Judged { rows, analysis: fitted.analysis, steps, drift: Vec::new() })
}

/// Scores by what was learnt before.
async fn by_model(
    engine: &Arc<dyn ClassificationEngine>,
    settings: &Classification,
    path: &Path,
    features: &[FeatureColumn],
    table: &Table,
    observer: &dyn Observer,
) -> Result<Judged> {
    let path = path.to_owned();
    let saved = blocking(move |_| model::read(&path)).await?;
    model::fits(&saved, &settings.engine, features)?;
    let (rows, steps) = score(engine, &model::engine_model(&saved), table, observer).await?;
    let drift = since(features, &saved.distributions, table.columns())?;
    let analysis = Analysis { diagnostics: told(&drift), ..model::analysis(&saved) };
    Ok(Judged { rows, analysis, steps, drift })
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
        steps::add(&mut sum, &scored.steps);
        match &mut rows {
            Some(rows) => rows.append(&scored.rows)?,
            none => *none = Some(scored.rows),
        }
    }
    let mut rows = rows.ok_or_else(|| Error::internal("no rows to score"))?;
    rows.rechunk();
    Ok((rows, sum))
}
