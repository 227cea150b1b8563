//! Models are fitted beside the stream.

use std::{io::Cursor, sync::Arc};

use anomal_core::{
    ClassificationEngine, ClassifyRequest, Error, FitProgress, Result, Table,
    proto::{Plan, SavedModel},
};
use anomal_spec::Classification;
use anomal_stream::StateObject;
use polars::prelude::{DataFrame, IdxCa};
use polars_io::{
    SerReader, SerWriter,
    ipc::{IpcStreamReader, IpcStreamWriter},
};
use tokio::task::JoinSet;

use crate::model_file;

/// With fewer rows there would be too few scores for p-values.
const FEWEST_FOR_HALVES: usize = 100;
/// Of fewer rows both halves are scored, each by a model of the other.
const FEWEST_FOR_ONE: usize = 1_000;

/// Fits the models of a stream.
#[derive(Clone)]
pub(super) struct Fitter {
    pub engine: Arc<dyn ClassificationEngine>,
    pub settings: Classification,
    pub plan: Arc<Plan>,
}

impl Fitter {
    /// # Errors
    /// Those of the engine.
    pub async fn fit(&self, table: Table) -> Result<SavedModel> {
        let request = ClassifyRequest {
            settings: Classification {
                model: None,
                endpoint: None,
                tls: None,
                ..self.settings.clone()
            },
            features: self.plan.features.clone(),
            table: table.clone(),
            progress: FitProgress::NONE,
        };
        let fitted = self.engine.fit(request).await?;
        model_file::from_fit(&self.settings.engine, &fitted, &self.plan, &table)
    }

    /// The scores of every second row by a model of the others, so that they are those of rows that a model has not seen; of few
    /// rows also those of the others by a model of these.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn unseen_scores(&self, table: &Table) -> Result<Vec<f64>> {
        if table.height() < FEWEST_FOR_HALVES {
            return Ok(Vec::new());
        }
        let half = |first: u32| -> Result<Table> {
            let places: Vec<u32> =
                (first..).step_by(2).take((table.height() + 1 - first as usize) / 2).collect();
            let rows = places.iter().map(|place| u64::from(*place)).collect();
            let columns = table.columns().take(&IdxCa::from_vec("".into(), places))?;
            let mut half = Table::new(rows, columns)?;
            half.rechunk();
            Ok(half)
        };
        let mut scores = self.scores_by(half(0)?, half(1)?).await?;
        if table.height() < FEWEST_FOR_ONE {
            scores.extend(self.scores_by(half(1)?, half(0)?).await?);
        }
        Ok(scores)
    }

    /// The scores of rows by a model of others.
    async fn scores_by(&self, fitted: Table, rows: Table) -> Result<Vec<f64>> {
        let model = self.fit(fitted).await?;
        let scored = self.engine.score(&model_file::engine_model(&model), rows).await?;
        Ok(scored.rows.into_columns().column("score")?.f64()?.iter().flatten().collect())
    }
}

/// A fit that goes on while rows are scored. It is aborted when dropped.
pub(super) struct PendingFit {
    /// The rows, so that it can be begun again.
    pub object: StateObject,
    rows: Table,
    task: Option<JoinSet<Result<SavedModel>>>,
}

impl PendingFit {
    /// # Errors
    /// `Internal`.
    pub fn of_rows(rows: Table) -> Result<Self> {
        let mut bytes = Vec::new();
        IpcStreamWriter::new(&mut bytes).finish(&mut rows.columns().clone())?;
        Ok(Self { object: StateObject::new(bytes), rows, task: None })
    }

    /// # Errors
    /// `Internal` if the object is damaged.
    pub fn of_object(object: StateObject) -> Result<Self> {
        let columns: DataFrame = IpcStreamReader::new(Cursor::new(object.bytes())).finish()?;
        let rows = Table::new((0..columns.height() as u64).collect(), columns)?;
        Ok(Self { object, rows, task: None })
    }

    /// Begins it, if it has not begun.
    pub fn start(&mut self, fitter: &Fitter) {
        if self.task.is_none() {
            let (fitter, rows) = (fitter.clone(), self.rows.clone());
            let mut task = JoinSet::new();
            task.spawn(async move { fitter.fit(rows).await });
            self.task = Some(task);
        }
    }

    /// Its model.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn finish(mut self, fitter: &Fitter) -> Result<SavedModel> {
        self.start(fitter);
        let ended = match &mut self.task {
            Some(task) => task.join_next().await,
            None => None,
        };
        match ended {
            Some(Ok(fitted)) => fitted,
            _ => Err(Error::internal("the fit has panicked")),
        }
    }
}
