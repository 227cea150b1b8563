//! The classification engine in this process.

use anomal_core::{
    Cancel, Classification, ClassificationEngine, ClassifyRequest, Code, Error, Fitted, Model, Result,
    Scored, Table, blocking,
    proto::{Analysis, Detector, FeatureColumn, StepStatistics},
};
use async_trait::async_trait;

use crate::{
    analysis::{correlations, summaries},
    detectors::{self, Context, DETECTORS, Scores},
    features::matrix,
    matrix::Matrix,
    model::ModelFile,
    rows::{Ranking, rows, unscored},
    threshold::decide,
};

/// Rows whose shares are looked at for the means of the analysis.
const SHARED_ROWS: usize = 200_000;
/// Bytes of a value in a matrix.
const VALUE_BYTES: usize = 8;

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

/// Computes on this machine's threads. It holds no state: an answer depends on the request alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalClassificationEngine {
    options: Options,
}

impl LocalClassificationEngine {
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// Before any work, by what is known of the table.
    fn admit(&self, rows: usize, columns: usize) -> Result<()> {
        let Some(most) = self.options.max_table else { return Ok(()) };
        let needed = rows.saturating_mul(columns).saturating_mul(VALUE_BYTES);
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
        let options = self.options;
        blocking(move |cancel| {
            let work = Work::new(&request, options, cancel)?;
            let done = work.fit()?;
            let rows = match done.scores {
                // The shares of a detector that scores row by row are not there yet.
                Some((scores, ..)) if scores.shares.is_empty() => score(done.model, &request.table, cancel)?,
                Some((scores, suspicious, ranking)) => {
                    rows(&request.table, &work.names(), scores, &suspicious, &ranking)?
                }
                None => unscored(&request.table, &work.names())?,
            };
            Ok(Classification { rows, analysis: done.analysis, steps: done.steps })
        })
        .await
    }

    async fn fit(&self, request: ClassifyRequest) -> Result<Fitted> {
        self.admit(request.table.height(), request.features.len())?;
        let options = self.options;
        blocking(move |cancel| {
            let work = Work::new(&request, options, cancel)?;
            let done = work.fit()?;
            Ok(Fitted { model: done.model.to_model()?, analysis: done.analysis, steps: done.steps })
        })
        .await
    }

    async fn score(&self, model: &Model, table: Table) -> Result<Scored> {
        let model = model.clone();
        let engine = *self;
        blocking(move |cancel| {
            let file = ModelFile::from_model(&model)?;
            engine.admit(table.height(), file.features.len())?;
            let started = std::time::Instant::now();
            let rows = score(file, &table, cancel)?;
            let steps = vec![detectors::step("score", table.height(), started)];
            Ok(Scored { rows, steps })
        })
        .await
    }
}

fn score(file: ModelFile, table: &Table, cancel: &Cancel) -> Result<Table> {
    let bad = |why: String| {
        Error::new(Code::InvalidRequest, "MODEL_INVALID", format!("the model can't be used: {why}"))
    };
    let names: Vec<&str> = file.features.iter().map(|feature| feature.name.as_str()).collect();
    let matrix = matrix(table, &file.features)?;
    let Some(state) = file.state else { return unscored(table, &names) };
    let detector = detectors::find(&file.detector).map_err(|error| bad(error.message))?;
    let scorer = detector.load(state).map_err(bad)?;
    let mut scores = scorer.score(&matrix, true, cancel)?;
    let suspicious = match (file.cut_bits, scores.smallest_cluster.take()) {
        (Some(bits), _) => {
            let cut = f64::from_bits(bits);
            scores.scores.iter().map(|score| *score >= cut).collect()
        }
        (None, Some(smallest)) => smallest,
        (None, None) => vec![false; table.height()],
    };
    rows(table, &names, scores, &suspicious, &file.ranking)
}

/// A table to fit.
struct Work<'a> {
    request: &'a ClassifyRequest,
    matrix: Matrix,
    context: Context<'a>,
}

/// A table fitted.
struct Done {
    /// Absent where there was nothing to compare.
    scores: Option<(Scores, Vec<bool>, Ranking)>,
    model: ModelFile,
    analysis: Analysis,
    steps: Vec<StepStatistics>,
}

impl<'a> Work<'a> {
    fn new(request: &'a ClassifyRequest, options: Options, cancel: &'a Cancel) -> Result<Self> {
        detectors::find(&request.settings.engine)?.check(&request.settings.parameters)?;
        let matrix = matrix(&request.table, &request.features)?;
        let seed = request.settings.seed;
        let context = Context { seed, memory_budget: options.memory_budget, cancel };
        Ok(Self { request, matrix, context })
    }

    fn names(&self) -> Vec<&'a str> {
        self.request.features.iter().map(|feature: &FeatureColumn| feature.name.as_str()).collect()
    }

    fn fit(&self) -> Result<Done> {
        let settings = &self.request.settings;
        let detector = detectors::find(&settings.engine)?;
        let matrix = &self.matrix;
        let mut analysis =
            Analysis { detector: settings.engine.clone(), rows: matrix.rows as u64, ..Analysis::default() };
        let mut model = ModelFile {
            detector: settings.engine.clone(),
            features: self.request.features.clone(),
            cut_bits: None,
            ranking: Ranking::default(),
            state: None,
        };
        if matrix.rows < 2 || !matrix.columns.iter().any(|column| column.weight > 0.0) {
            let none = vec![false; matrix.rows];
            analysis.features = summaries(matrix, &self.request.features, &none, &[], &[]);
            return Ok(Done { scores: None, model, analysis, steps: Vec::new() });
        }
        let fitted = detector.fit(matrix, &settings.parameters, &self.context)?;
        let mut steps = fitted.steps;
        // The shares of some rows are enough for their means; all are told where a row is scored.
        let shared: Vec<usize> =
            (0..matrix.rows).step_by(matrix.rows.div_ceil(SHARED_ROWS)).collect();
        let (scores, shares) = match fitted.rows {
            Some(scores) => {
                let of = |shares: &Vec<f64>| shared.iter().map(|row| shares[*row]).collect();
                let shares: Vec<Vec<f64>> = scores.shares.iter().map(of).collect();
                (scores, shares)
            }
            None => {
                let started = std::time::Instant::now();
                let scores = fitted.scorer.score(matrix, false, self.context.cancel)?;
                steps.push(detectors::step("scores", matrix.rows, started));
                let sample = matrix.select(&shared);
                (scores, fitted.scorer.score(&sample, true, self.context.cancel)?.shares)
            }
        };
        let default = detector.default_threshold();
        let threshold = settings.threshold.as_ref().unwrap_or(&default);
        let decision = decide(threshold, &scores.scores, fitted.smallest_cluster.as_deref())?;
        let ranking = Ranking::new(&scores.scores);
        let started = std::time::Instant::now();
        if let Some(view) = fitted.view {
            let suspicious = &decision.suspicious;
            let drawn = view.analyse(&scores.scores, suspicious, &self.context, &mut steps)?;
            analysis = Analysis { detector: analysis.detector, ..drawn };
        }
        let features = &self.request.features;
        analysis.features = summaries(matrix, features, &decision.suspicious, &shares, &shared);
        let (correlations, diagnostics) = correlations(matrix);
        analysis.correlations = correlations;
        analysis.diagnostics.extend(diagnostics);
        analysis.threshold = Some(decision.told);
        steps.push(detectors::step("analysis", matrix.rows, started));
        model.cut_bits = decision.cut.map(f64::to_bits);
        model.state = Some(fitted.state);
        model.ranking = ranking.clone();
        Ok(Done { scores: Some((scores, decision.suspicious, ranking)), model, analysis, steps })
    }
}
