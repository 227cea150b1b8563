//! Fits a detector to a table: the model, the scores of the table's rows, and the analysis for reports.

use std::time::Instant;

use anomal_core::{
    Cancel, ClassifyRequest, Result, Table,
    proto::{Analysis, StepStatistics},
};
use anomal_detectors::{
    Context, Detector, DetectorRegistry, Scorer, Scores, View,
    matrix::Matrix,
    parameter_error, step,
    threshold::{Decision, decide},
};
use rayon::prelude::*;

use crate::{
    analysis::{correlations, summaries},
    features::matrix,
    loaded_model::LoadedModel,
    model::Header,
    rows::{Ranking, rows},
};

/// The mean contributions of the analysis are taken over at most so many rows, evenly spaced.
const SHARED_ROWS: usize = 50_000;

/// A model fitted to a table, with the analysis of the table's rows.
pub(crate) struct TableFit {
    pub model: LoadedModel,
    pub analysis: Analysis,
    pub steps: Vec<StepStatistics>,
    matrix: Matrix,
    scores: RowScores,
}

/// The scores of the fitted rows.
enum RowScores {
    /// The detector's own, which differ from the model's, and which rows are suspicious.
    ByDetector(Scores, Vec<bool>),
    /// The model's.
    ByModel(Scores),
    /// Not computed: the caller asked for the model alone.
    NotComputed,
}

impl TableFit {
    /// The result rows of the table that was fitted.
    pub fn rows(self, table: &Table, cancel: &Cancel) -> Result<Table> {
        match self.scores {
            RowScores::ByDetector(scores, suspicious) => {
                rows(table, &self.model.names(), scores, &suspicious, &self.model.ranking)
            }
            RowScores::ByModel(scores) => self.model.to_rows(table, scores),
            RowScores::NotComputed => self.model.score_matrix(table, &self.matrix, cancel),
        }
    }
}

/// The scores of all rows, and the shares of some.
struct ScoredRows {
    scores: Scores,
    /// For each feature the shares of the rows at the places in `shared`.
    shares: Vec<Vec<f64>>,
    shared: Vec<usize>,
}

/// `rows`: whether the caller needs the rows' scores too, so that each row is scored once.
///
/// # Errors
/// `InvalidSettings` for a detector, parameter or threshold that is wrong.
pub(crate) fn fit(
    request: &ClassifyRequest,
    detectors: &DetectorRegistry,
    rows: bool,
    memory_budget: usize,
    cancel: &Cancel,
) -> Result<TableFit> {
    let settings = &request.settings;
    let detector = detectors.find(&settings.engine)?;
    detector.check(&settings.parameters).map_err(parameter_error)?;
    let started = Instant::now();
    let matrix = matrix(&request.table, &request.features)?;
    let mut steps = vec![step("features", matrix.rows, started)];
    let progress = &request.progress;
    let context = Context { seed: settings.seed, memory_budget, cancel, progress, whole: true };
    if matrix.rows < 2 || !matrix.columns.iter().any(|column| column.weight > 0.0) {
        return Ok(empty_fit(request, matrix, steps));
    }
    progress.begin(settings.engine.as_str(), 0, 0);
    let mut fitted = detector.fit(&matrix, &settings.parameters, &context)?;
    steps.append(&mut fitted.steps);
    let by_detector = fitted.rows.is_some();
    let scored = match fitted.rows.take() {
        Some(scores) => ScoredRows::from_scores(scores),
        None => ScoredRows::compute(fitted.scorer.as_ref(), &matrix, rows, &context, &mut steps)?,
    };
    let (decision, ranking) =
        apply_threshold(request, detector, &scored, fitted.smallest_cluster.as_deref())?;
    let analysis = analyse(
        request,
        &matrix,
        &scored,
        &decision,
        fitted.view.as_deref(),
        &context,
        &mut steps,
    )?;
    let header = Header {
        detector: settings.engine.clone(),
        features: request.features.clone(),
        cut_bits: decision.cut.map(f64::to_bits),
    };
    Ok(TableFit {
        model: LoadedModel { header, ranking, scorer: Some(fitted.scorer) },
        analysis,
        steps,
        matrix,
        scores: match (by_detector, rows) {
            (true, _) => RowScores::ByDetector(scored.scores, decision.suspicious),
            (false, true) => RowScores::ByModel(scored.scores),
            (false, false) => RowScores::NotComputed,
        },
    })
}

/// The model of a single row, or of features without weight: it scores nothing.
fn empty_fit(request: &ClassifyRequest, matrix: Matrix, steps: Vec<StepStatistics>) -> TableFit {
    let detector = request.settings.engine.clone();
    let none = vec![false; matrix.rows];
    let analysis = Analysis {
        detector: detector.clone(),
        rows: matrix.rows as u64,
        features: summaries(&matrix, &request.features, &none, &[], &[]),
        ..Analysis::default()
    };
    let header = Header { detector, features: request.features.clone(), cut_bits: None };
    let model = LoadedModel { header, ranking: Ranking::default(), scorer: None };
    TableFit { model, analysis, steps, matrix, scores: RowScores::NotComputed }
}

/// Applies the threshold and ranks the scores.
fn apply_threshold(
    request: &ClassifyRequest,
    detector: &dyn Detector,
    scored: &ScoredRows,
    smallest_cluster: Option<&[bool]>,
) -> Result<(Decision, Ranking)> {
    let default = detector.default_threshold();
    let threshold = request.settings.threshold.as_ref().unwrap_or(&default);
    let mut sorted = scored.scores.scores.clone();
    sorted.par_sort_unstable_by(f64::total_cmp);
    let decision = decide(threshold, &scored.scores.scores, &sorted, smallest_cluster)?;
    Ok((decision, Ranking::of_sorted(&sorted)))
}

fn analyse(
    request: &ClassifyRequest,
    matrix: &Matrix,
    scored: &ScoredRows,
    decision: &Decision,
    view: Option<&dyn View>,
    context: &Context<'_>,
    steps: &mut Vec<StepStatistics>,
) -> Result<Analysis> {
    let mut analysis = match view {
        Some(view) => view.analyse(&scored.scores.scores, &decision.suspicious, context, steps)?,
        None => Analysis::default(),
    };
    let started = Instant::now();
    context.cancel.check()?;
    analysis.detector.clone_from(&request.settings.engine);
    analysis.rows = matrix.rows as u64;
    analysis.threshold = Some(decision.result.clone());
    let ScoredRows { shares, shared, .. } = scored;
    analysis.features = summaries(matrix, &request.features, &decision.suspicious, shares, shared);
    context.cancel.check()?;
    let (correlations, diagnostics) = correlations(matrix, &analysis.features);
    analysis.correlations = correlations;
    analysis.diagnostics.extend(diagnostics);
    steps.push(step("analysis", matrix.rows, started));
    Ok(analysis)
}

fn shared_rows(rows: usize) -> Vec<usize> {
    (0..rows).step_by(rows.div_ceil(SHARED_ROWS).max(1)).collect()
}

impl ScoredRows {
    fn from_scores(scores: Scores) -> Self {
        let shared = shared_rows(scores.scores.len());
        let some = |shares: &Vec<f64>| shared.iter().map(|row| shares[*row]).collect();
        Self { shares: scores.shares.iter().map(some).collect(), scores, shared }
    }

    fn compute(
        scorer: &dyn Scorer,
        matrix: &Matrix,
        all_shares: bool,
        context: &Context<'_>,
        steps: &mut Vec<StepStatistics>,
    ) -> Result<Self> {
        let started = Instant::now();
        let Context { cancel, progress, .. } = context;
        let scores = scorer.score_fitted(matrix, all_shares, cancel, progress)?;
        steps.push(step("scores", matrix.rows, started));
        if all_shares {
            return Ok(Self::from_scores(scores));
        }
        let shared = shared_rows(matrix.rows);
        let shares = scorer.score(&matrix.select(&shared), true, cancel)?.shares;
        Ok(Self { scores, shares, shared })
    }
}
