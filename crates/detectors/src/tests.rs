//! The contract of every detector that scores by a fitted model, whatever its method.

use std::sync::LazyLock;

use anomal_core::{
    Cancel, Code, Result,
    proto::{FeatureColumn, FeatureKind},
};
use anomal_spec::Parameters;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use serde_json::Value;

use self::{
    constants::constants,
    damage::damaged,
    data::{
        PlantedCase, categories_out_of_place, few_numbers_far_above, huge, mixed, numbers_far_off,
        poor_cases,
    },
    expected::Expectation,
};
use crate::{
    context::Context,
    detector::{Detector, FittedDetector, Scorer},
    matrix::{Matrix, MatrixColumn, Values},
    registry::DetectorRegistry,
    scores::Scores,
};

mod constants;
mod damage;
pub(crate) mod data;
mod expected;
mod figures;
mod wide;

macro_rules! contract {
    ($module:ident, $name:literal, $planted:expr, $expected:ident) => {
        mod $module {
            use super::*;

            #[test]
            fn finds_the_planted_rows_and_explains_them() {
                finds($name, $planted);
            }

            #[test]
            fn a_row_alone_has_the_bits_that_it_has_among_others() {
                alone($name, &expected::$expected);
            }

            #[test]
            fn a_stored_model_scores_the_same() {
                kept($name);
            }

            #[test]
            fn the_order_of_rows_and_features_changes_nothing() {
                orders($name);
            }

            #[test]
            fn the_names_of_features_change_nothing() {
                names($name);
            }

            #[test]
            fn the_number_of_threads_changes_nothing() {
                threads($name);
            }

            #[test]
            fn weights_are_respected() {
                weights($name, &expected::$expected);
            }

            #[test]
            fn poor_data_are_scored_or_refused() {
                poor($name, &expected::$expected);
            }

            #[test]
            fn another_value_than_a_constant_counts() {
                constants($name, &expected::$expected);
            }

            #[test]
            fn a_damaged_state_never_panics() {
                damaged($name);
            }

            #[test]
            fn a_cancelled_fit_ends() {
                cancelled($name);
            }
        }
    };
}

contract!(hbos, "HBOS", few_numbers_far_above, MARGINAL);
contract!(hbos_dynamic, r#"HBOS {"binWidth":"dynamic"}"#, few_numbers_far_above, MARGINAL);
contract!(ecod, "ECOD", few_numbers_far_above, MARGINAL);
contract!(copod, "COPOD", few_numbers_far_above, MARGINAL);
contract!(pca, "PCA", numbers_far_off, DISTANCE);
contract!(mcd, "MCD", numbers_far_off, DISTANCE);
contract!(mixture, "GaussianMixture", numbers_far_off, DENSITY);
contract!(frequency, "CategoricalFrequency", categories_out_of_place, MARGINAL);
contract!(ocsvm, "OCSVM", numbers_far_off, BORDER);
contract!(forest, "IsolationForest", numbers_far_off, ISOLATION);
contract!(pairs_of_features, r#"IsolationForest {"extensionLevel":1}"#, numbers_far_off, ISOLATION);
contract!(all_features, r#"IsolationForest {"extensionLevel":9}"#, numbers_far_off, ISOLATION);
contract!(knn, "KNN", numbers_far_off, NEIGHBORS);
contract!(lof, "LOF", numbers_far_off, DISTANCE);
contract!(loda, "LODA", numbers_far_off, PROJECTIONS);
contract!(cblof, "CBLOF", numbers_far_off, DISTANCE);
contract!(ensemble, "Ensemble", numbers_far_off, ENSEMBLE);

const SEED: u64 = 11;

/// The detector of a name, which parameters may follow as JSON.
fn detector(name: &str) -> &'static dyn Detector {
    static DETECTORS: LazyLock<DetectorRegistry> = LazyLock::new(DetectorRegistry::builtin);
    DETECTORS.find(name.split(' ').next().unwrap()).unwrap()
}

fn given(name: &str) -> Parameters {
    name.split_once(' ').map(|(_, given)| serde_json::from_str(given).unwrap()).unwrap_or_default()
}

fn try_fit(name: &str, matrix: &Matrix) -> Result<FittedDetector> {
    let cancel = Cancel::default();
    let context = Context {
        seed: SEED,
        memory_budget: 1 << 30,
        cancel: &cancel,
        progress: &anomal_core::FitProgress::NONE,
        whole: true,
    };
    detector(name).fit(matrix, &given(name), &context)
}

fn fit(name: &str, matrix: &Matrix) -> Box<dyn Scorer> {
    try_fit(name, matrix).unwrap().scorer
}

fn score(scorer: &dyn Scorer, matrix: &Matrix) -> Scores {
    scorer.score(matrix, true, &Cancel::default()).unwrap()
}

fn features(matrix: &Matrix) -> Vec<FeatureColumn> {
    let feature = |column: &MatrixColumn| {
        let kind = match column.values {
            Values::Numeric(_) => FeatureKind::Numeric,
            Values::Codes { .. } => FeatureKind::Categorical,
        };
        FeatureColumn {
            name: column.name.clone(),
            kind: kind.into(),
            weight: column.weight,
            ..FeatureColumn::default()
        }
    };
    matrix.columns.iter().map(feature).collect()
}

fn area_under_curve(scores: &[f64], planted: &[(usize, usize)]) -> f64 {
    let is_planted = |row: usize| planted.iter().any(|(other, _)| *other == row);
    let (mut better, mut pairs) = (0.0, 0.0);
    for (row, _) in planted {
        for other in (0..scores.len()).filter(|other| !is_planted(*other)) {
            pairs += 1.0;
            better += f64::from(u8::from(scores[*row] > scores[other]))
                + 0.5 * f64::from(u8::from(scores[*row] == scores[other]));
        }
    }
    better / pairs
}

fn finds(name: &str, planted: impl Fn() -> PlantedCase) {
    let (matrix, planted) = planted();
    let found = score(fit(name, &matrix).as_ref(), &matrix);
    let area = area_under_curve(&found.scores, &planted);
    assert!(area > 0.95, "{area}");
    let top = |row: usize| {
        (0..matrix.columns.len())
            .max_by(|a, b| found.shares[*a][row].total_cmp(&found.shares[*b][row]))
            .unwrap()
    };
    let right = planted.iter().filter(|(row, feature)| top(*row) == *feature).count();
    assert!(right * 100 >= planted.len() * 95, "{right} of {}", planted.len());
}

#[track_caller]
fn sound(found: &Scores, rows: usize, features: usize) {
    assert_eq!((found.scores.len(), found.shares.len()), (rows, features));
    for row in 0..rows {
        assert!(found.scores[row].is_finite(), "row {row}: {}", found.scores[row]);
        let shares: Vec<f64> = found.shares.iter().map(|shares| shares[row]).collect();
        let total: f64 = shares.iter().sum();
        assert!(shares.iter().all(|share| *share >= 0.0), "row {row}: {shares:?}");
        let explained = shares.iter().any(|share| *share > 0.0);
        let expected = f64::from(u8::from(explained));
        assert!((total - expected).abs() < 1e-9, "row {row}: {shares:?}");
    }
}

fn alone(name: &str, expected: &Expectation) {
    let scorer = fit(name, &mixed(700, 1));
    let new = mixed(600, 2);
    let all = score(scorer.as_ref(), &new);
    sound(&all, 600, 8);
    expected.reasons.check(&all);
    let without = scorer.score(&new, false, &Cancel::default()).unwrap();
    assert!(without.shares.is_empty() && without.scores == all.scores);
    for row in (0..600).step_by(7).chain(505..520) {
        let one = score(scorer.as_ref(), &new.select(&[row]));
        assert_eq!(one.scores[0].to_bits(), all.scores[row].to_bits(), "row {row}");
        for (one, all) in one.shares.iter().zip(&all.shares) {
            assert_eq!(one[0].to_bits(), all[row].to_bits(), "row {row}");
        }
    }
}

fn kept(name: &str) {
    let (fitted, new) = (mixed(400, 1), mixed(300, 2));
    let scorer = fit(name, &fitted);
    let state = scorer.state().unwrap();
    let read = detector(name).load(&state, &features(&fitted)).unwrap();
    assert_eq!(read.state().unwrap().get(), state.get());
    let (one, other) = (score(read.as_ref(), &new), score(scorer.as_ref(), &new));
    assert!(one.scores == other.scores && one.shares == other.shares);
    assert!(detector(name).load(&state, &features(&fitted)[..3]).is_err());
    let mut others = features(&fitted);
    others.iter_mut().for_each(|feature| {
        let numeric = feature.kind() == FeatureKind::Numeric;
        feature.set_kind(if numeric { FeatureKind::Categorical } else { FeatureKind::Numeric });
    });
    assert!(detector(name).load(&state, &others).is_err());
}

#[track_caller]
fn near(one: &[f64], other: &[f64]) {
    for (row, (one, other)) in one.iter().zip(other).enumerate() {
        let difference = (one - other).abs();
        assert!(difference <= 1e-6 * one.abs().max(1.0), "row {row}: {one} and {other}");
    }
}

fn orders(name: &str) {
    let matrix = mixed(700, 1);
    let scores = score(fit(name, &matrix).as_ref(), &matrix).scores;
    let backwards: Vec<usize> = (0..700).rev().collect();
    let reversed = matrix.select(&backwards);
    let of_reversed = score(fit(name, &reversed).as_ref(), &reversed).scores;
    near(&scores, &of_reversed.into_iter().rev().collect::<Vec<_>>());
    let mut turned = matrix.clone();
    turned.columns.reverse();
    near(&scores, &score(fit(name, &turned).as_ref(), &turned).scores);
}

fn names(name: &str) {
    let matrix = mixed(700, 1);
    let mut renamed = matrix.clone();
    for (column, letter) in renamed.columns.iter_mut().rev().zip('a'..) {
        column.name = letter.into();
    }
    let (one, other) = (
        score(fit(name, &matrix).as_ref(), &matrix),
        score(fit(name, &renamed).as_ref(), &renamed),
    );
    assert!(one.scores == other.scores && one.shares == other.shares);
}

fn threads(name: &str) {
    let matrix = mixed(3_000, 1);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let scorer = fit(name, &matrix);
            (scorer.state().unwrap().get().to_owned(), score(scorer.as_ref(), &matrix).scores)
        })
    };
    assert!(with(1) == with(3));
}

fn weights(name: &str, expected: &Expectation) {
    let matrix = mixed(500, 1);
    let mut without = matrix.clone();
    let unused = [0, 3, 6];
    unused.iter().for_each(|feature| without.columns[*feature].weight = 0.0);
    let mut other = without.clone();
    for (feature, column) in mixed(500, 9).columns.into_iter().enumerate() {
        if unused.contains(&feature) {
            other.columns[feature] = MatrixColumn { weight: 0.0, ..column };
        }
    }
    let (one, two) =
        (score(fit(name, &without).as_ref(), &without), score(fit(name, &other).as_ref(), &other));
    assert!(one.scores == two.scores && one.shares == two.shares, "a weight of 0 has a say");
    assert!(unused.iter().all(|feature| one.shares[*feature].iter().all(|share| *share == 0.0)));
    let mut heavy = matrix.clone();
    heavy.columns[4].weight = 1e6;
    let heavy = score(fit(name, &heavy).as_ref(), &heavy);
    sound(&heavy, 500, 8);
    let even = score(fit(name, &matrix).as_ref(), &matrix);
    expected.reasons.check(&heavy);
    let part = |found: &Scores| expected.weight.part(found, 4);
    assert!(part(&heavy) > part(&even) * 1.2, "{} and {}", part(&heavy), part(&even));
    let mut large = matrix.clone();
    large.columns.iter_mut().for_each(|column| column.weight = 1e300);
    sound(&score(fit(name, &large).as_ref(), &large), 500, 8);
}

fn poor(name: &str, expected: &Expectation) {
    let huge = huge();
    for (case, matrix) in poor_cases() {
        let fitted = match try_fit(name, &matrix) {
            Ok(fitted) => fitted,
            Err(error) => {
                assert_eq!(error.code, Code::InvalidRequest, "{case}: {error}");
                continue;
            }
        };
        let features = matrix.columns.len();
        let found = score(fitted.scorer.as_ref(), &matrix);
        sound(&found, matrix.rows, features);
        expected.reasons.check(&found);
        let mut far = matrix.clone();
        for column in &mut far.columns {
            match &mut column.values {
                Values::Numeric(values) => values
                    .iter_mut()
                    .zip(huge.iter().cycle())
                    .for_each(|(value, huge)| *value = *huge),
                Values::Codes { codes, levels } => {
                    levels.push("never seen".into());
                    codes.fill(u32::try_from(levels.len() - 1).unwrap());
                }
            }
        }
        let found = score(fitted.scorer.as_ref(), &far);
        sound(&found, far.rows, features);
        expected.reasons.check(&found);
        let state = fitted.scorer.state().unwrap();
        detector(name)
            .load(&state, &self::features(&matrix))
            .unwrap_or_else(|why| panic!("{case}: {why}"));
        sound(&score(fitted.scorer.as_ref(), &matrix.select(&[])), 0, features);
    }
}

fn cancelled(name: &str) {
    let cancel = Cancel::default();
    cancel.cancel();
    let context = Context {
        seed: 0,
        memory_budget: 1 << 30,
        cancel: &cancel,
        progress: &anomal_core::FitProgress::NONE,
        whole: true,
    };
    let error = detector(name).fit(&mixed(50, 1), &given(name), &context).err().unwrap();
    assert_eq!(error.code, Code::Cancelled);
    let scorer = fit(name, &mixed(50, 1));
    assert!(scorer.score(&mixed(50, 1), false, &cancel).is_err());
}
