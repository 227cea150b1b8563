//! The classification engine over the feature table: in one call, or fitted once and scored in
//! batches where a row's score needs no other row.

use std::sync::Arc;

use anomal_core::{
    ClassificationEngine, ClassifyRequest, Error, Model, Result, Table,
    proto::{Analysis, FeatureColumn, StepStatistics},
};
use anomal_spec::Classification;
use futures::{StreamExt, stream::FuturesOrdered};

use crate::{progress::Observer, steps};

/// Rows scored by one call. A constant, so that results do not depend on who scores.
const BATCH_ROWS: usize = 65_536;

/// All rows with their scores, in the order of the feature table.
pub(crate) struct Judged {
    pub rows: Table,
    pub analysis: Analysis,
    pub steps: Vec<StepStatistics>,
}

pub(crate) async fn classify(
    engine: &Arc<dyn ClassificationEngine>,
    settings: &Classification,
    features: &[FeatureColumn],
    table: &Table,
    observer: &dyn Observer,
) -> Result<Judged> {
    let height = table.height();
    let detectors = engine.list_detectors().await?;
    let row_wise = detectors.iter().any(|known| known.name == settings.engine && known.row_wise);
    let request = ClassifyRequest {
        settings: settings.clone(),
        features: features.to_vec(),
        table: table.clone(),
    };
    let judged = if row_wise {
        let fitted = engine.fit(request).await?;
        let (rows, steps) = score(engine, &fitted.model, table, observer).await?;
        Judged { rows, analysis: fitted.analysis, steps: [fitted.steps, steps].concat() }
    } else {
        let done = engine.classify(request).await?;
        Judged { rows: done.rows, analysis: done.analysis, steps: done.steps }
    };
    if judged.rows.height() != height {
        return Err(Error::internal(format!(
            "the classification engine answered {} rows for {height}",
            judged.rows.height()
        )));
    }
    Ok(judged)
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
            in_flight.push_back(tokio::spawn(async move { engine.score(&model, batch).await }));
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
