//! From a table to a model, what it says of the table's rows, and what a report draws of them.

use std::time::Instant;

use anomal_core::{
    Cancel, ClassifyRequest, Result, Table,
    proto::{Analysis, StepStatistics},
};
use rayon::prelude::*;

use crate::{
    analysis::{correlations, summaries},
    detectors::{self, Context, Detector, Scorer, Scores, View, step},
    features::matrix,
    matrix::Matrix,
    model::Header,
    ready::ReadyModel,
    rows::{Ranking, rows},
    threshold::{Decision, decide},
};

/// Rows whose shares are looked at for the means of the analysis: all, or every so many.
const SHARED_ROWS: usize = 50_000;

/// A table fitted.
pub(crate) struct Done {
    pub model: ReadyModel,
    pub analysis: Analysis,
    pub steps: Vec<StepStatistics>,
    matrix: Matrix,
    told: Told,
}

/// What was said of the fitted rows.
enum Told {
    /// More than the model says of each, and which of them are suspicious.
    More(Scores, Vec<bool>),
    /// What the model says of each.
    Same(Scores),
    /// It was not asked for.
    Unasked,
}

impl Done {
    /// The result rows of the table that was fitted.
    pub fn rows(self, table: &Table, cancel: &Cancel) -> Result<Table> {
        match self.told {
            Told::More(scores, suspicious) => {
                rows(table, &self.model.names(), scores, &suspicious, &self.model.ranking)
            }
            Told::Same(scores) => self.model.told(table, scores),
            Told::Unasked => self.model.score_matrix(table, &self.matrix, cancel),
        }
    }
}

/// What a detector made of the rows.
struct ScoredRows {
    scores: Scores,
    /// Of each feature, the shares of some rows, and which these are.
    shares: Vec<Vec<f64>>,
    shared: Vec<usize>,
}

/// `rows`: whether the fitted rows will be asked for, so that each is scored once.
///
/// # Errors
/// `InvalidSettings` for a detector, parameter or threshold that is wrong.
pub(crate) fn fit(
    request: &ClassifyRequest,
    rows: bool,
    memory_budget: usize,
    cancel: &Cancel,
) -> Result<Done> {
    let settings = &request.settings;
    let detector = detectors::find(&settings.engine)?;
    detector.check(&settings.parameters)?;
    let started = Instant::now();
    let matrix = matrix(&request.table, &request.features)?;
    let mut steps = vec![step("features", matrix.rows, started)];
    let context = Context { seed: settings.seed, memory_budget, cancel };
    if matrix.rows < 2 || !matrix.columns.iter().any(|column| column.weight > 0.0) {
        return Ok(nothing_to_compare(request, matrix, steps));
    }
    let mut fitted = detector.fit(&matrix, &settings.parameters, &context)?;
    steps.append(&mut fitted.steps);
    let says_more = fitted.rows.is_some();
    let scored = match fitted.rows.take() {
        Some(scores) => ScoredRows::of(scores),
        None => ScoredRows::by(fitted.scorer.as_ref(), &matrix, rows, cancel, &mut steps)?,
    };
    let (decision, ranking) =
        judge(request, detector, &scored, fitted.smallest_cluster.as_deref())?;
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
    Ok(Done {
        model: ReadyModel { header, ranking, scorer: Some(fitted.scorer) },
        analysis,
        steps,
        matrix,
        told: match (says_more, rows) {
            (true, _) => Told::More(scored.scores, decision.suspicious),
            (false, true) => Told::Same(scored.scores),
            (false, false) => Told::Unasked,
        },
    })
}

/// Of a lone row, or where no feature weighs.
fn nothing_to_compare(
    request: &ClassifyRequest,
    matrix: Matrix,
    steps: Vec<StepStatistics>,
) -> Done {
    let detector = request.settings.engine.clone();
    let none = vec![false; matrix.rows];
    let analysis = Analysis {
        detector: detector.clone(),
        rows: matrix.rows as u64,
        features: summaries(&matrix, &request.features, &none, &[], &[]),
        ..Analysis::default()
    };
    let header = Header { detector, features: request.features.clone(), cut_bits: None };
    let model = ReadyModel { header, ranking: Ranking::default(), scorer: None };
    Done { model, analysis, steps, matrix, told: Told::Unasked }
}

/// Which rows are suspicious, and the order of their scores.
fn judge(
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
    analysis.threshold = Some(decision.told.clone());
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
    fn of(scores: Scores) -> Self {
        let shared = shared_rows(scores.scores.len());
        let some = |shares: &Vec<f64>| shared.iter().map(|row| shares[*row]).collect();
        Self { shares: scores.shares.iter().map(some).collect(), scores, shared }
    }

    fn by(
        scorer: &dyn Scorer,
        matrix: &Matrix,
        all_shares: bool,
        cancel: &Cancel,
        steps: &mut Vec<StepStatistics>,
    ) -> Result<Self> {
        let started = Instant::now();
        let scores = scorer.score(matrix, all_shares, cancel)?;
        steps.push(step("scores", matrix.rows, started));
        if all_shares {
            return Ok(Self::of(scores));
        }
        let shared = shared_rows(matrix.rows);
        let shares = scorer.score(&matrix.select(&shared), true, cancel)?.shares;
        Ok(Self { scores, shares, shared })
    }
}
