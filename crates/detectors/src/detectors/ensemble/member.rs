//! A member of the Ensemble: a fitted detector and the tail of its scores.

use anomal_core::{Code, Result};
use anomal_spec::Parameters;

use super::{COVARIANCES, MemberRequest, looks_for_neighbors, tail::Tail};
use crate::{
    context::Context,
    detector::{Detector, Scorer},
    matrix::{MISSING, Matrix, Values},
};

/// Covariances of fewer rows are meaningless.
const FEWEST_ROWS: usize = 10;
/// The extension level of a forest on numeric features.
const EXTENSION_LEVEL: usize = 3;
/// The member that uses categories only.
const OF_CATEGORIES: &str = "CategoricalFrequency";

pub(super) struct Member {
    pub name: String,
    /// Divided by the sum of all weights.
    pub weight: f64,
    pub tail: Tail,
    pub scorer: Box<dyn Scorer>,
}

impl Member {
    /// Fits the detector on `matrix`. Returns it with the tail of its scores of `sampled` and these scores, or the
    /// reason why it is excluded.
    pub fn fit(
        detector: &dyn Detector,
        request: &MemberRequest,
        matrix: &Matrix,
        sampled: &Matrix,
        context: &Context<'_>,
    ) -> Result<Result<(Self, Vec<f64>), String>> {
        if let Some(why) = unfit(&request.name, matrix) {
            return Ok(Err(why.into()));
        }
        let scorer = match detector.fit(matrix, &parameters(request, matrix), context) {
            Ok(fitted) => fitted.scorer,
            Err(error) if error.code == Code::InvalidRequest => return Ok(Err(error.message)),
            Err(error) => return Err(error),
        };
        let scores = scorer.score(sampled, false, context.cancel)?.scores;
        let Some(tail) = Tail::from_scores(scores.clone()) else {
            return Ok(Err("all rows have the same score".into()));
        };
        let (name, weight) = (request.name.clone(), request.weight);
        Ok(Ok((Self { name, weight, tail, scorer }, scores)))
    }
}

/// The weight of a member that is given none.
pub(super) fn default_weight(name: &str, matrix: &Matrix) -> f64 {
    if looks_for_neighbors(name) {
        if has_categories(matrix) { 4.0 } else { 2.0 }
    } else if name == OF_CATEGORIES && has_categories(matrix) {
        let sum = |which: fn(&Values) -> bool| -> f64 {
            let columns = matrix.columns.iter().filter(|column| which(&column.values));
            columns.map(|column| column.weight).sum()
        };
        sum(is_category) / sum(|_| true)
    } else {
        1.0
    }
}

/// The parameters that differ from the detector's defaults.
fn parameters(request: &MemberRequest, matrix: &Matrix) -> Parameters {
    let mut given = Parameters::new();
    if looks_for_neighbors(&request.name) {
        given.insert("nNeighbors".into(), request.neighbors.into());
    }
    // Categories have no directions.
    if request.name == "IsolationForest" && !has_categories(matrix) {
        given.insert("extensionLevel".into(), EXTENSION_LEVEL.into());
    }
    given
}

/// The reason why a detector cannot serve the data, as far as it is visible without fitting.
fn unfit(name: &str, matrix: &Matrix) -> Option<&'static str> {
    if name == OF_CATEGORIES {
        return (!has_categories(matrix)).then_some("no categories");
    }
    if !COVARIANCES.contains(&name) {
        return None;
    }
    if matrix.rows < FEWEST_ROWS {
        Some("too few rows")
    } else if has_numbers(matrix) {
        None
    } else {
        Some("no numbers that differ")
    }
}

fn has_categories(matrix: &Matrix) -> bool {
    any(matrix, is_category)
}

fn is_category(values: &Values) -> bool {
    matches!(values, Values::Codes { .. })
}

/// Whether any numeric feature varies.
fn has_numbers(matrix: &Matrix) -> bool {
    any(matrix, |values| !is_category(values) && varies(values))
}

/// The number of features that vary among the rows.
pub(super) fn varying(matrix: &Matrix) -> usize {
    matrix.columns.iter().filter(|column| varies(&column.values)).count()
}

fn varies(values: &Values) -> bool {
    fn differ<T: PartialEq>(mut there: impl Iterator<Item = T>) -> bool {
        let first = there.next();
        there.any(|value| Some(value) != first)
    }
    match values {
        Values::Numeric(values) => differ(values.iter().filter(|value| !value.is_nan())),
        Values::Codes { codes, .. } => differ(codes.iter().filter(|code| **code != MISSING)),
    }
}

/// Whether any feature of weight above 0 satisfies `what`.
fn any(matrix: &Matrix, what: impl Fn(&Values) -> bool) -> bool {
    matrix.columns.iter().filter(|column| column.weight > 0.0).any(|column| what(&column.values))
}
