//! Features that were constant when fitted.

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::{
    data::{bell, codes, numeric, table},
    expected::{Effect, Expectation},
    *,
};
use crate::matrix::MISSING;

/// The constant features of [`fitted`].
const SMALL: usize = 1;
const LEVEL: usize = 3;
const LARGE: usize = 5;

/// Three numbers and a category that vary, and three constants.
fn fitted() -> Matrix {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    let mut bells = || (0..300).map(|_| bell(&mut random)).collect::<Vec<f64>>();
    let (a, b, c) = (bells(), bells(), bells());
    let category = (0..300).map(|_| random.random_range(0..3)).collect();
    table(vec![
        numeric("a", a),
        numeric("small", vec![1.0; 300]),
        numeric("b", b),
        codes("level", vec![0; 300]),
        codes("category", category),
        numeric("large", vec![-443.0; 300]),
        numeric("c", c),
    ])
}

fn number(matrix: &mut Matrix, feature: usize, row: usize, value: f64) {
    let Values::Numeric(values) = &mut matrix.columns[feature].values else { panic!("{feature}") };
    values[row] = value;
}

fn level(matrix: &mut Matrix, row: usize, code: u32) {
    let Values::Codes { codes, levels } = &mut matrix.columns[LEVEL].values else { panic!() };
    levels.resize(2, "other".into());
    codes[row] = code;
}

#[track_caller]
fn has_effect(effect: Effect, scores: &[f64], row: usize, fitted: &[f64]) {
    let highest = fitted.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (usual, score) = (scores[0], scores[row]);
    match effect {
        Effect::None => assert_eq!(score.to_bits(), usual.to_bits(), "{score} and {usual}"),
        Effect::Raised => assert!(score > usual, "{score} and {usual}"),
        Effect::Highest => assert!(score > highest, "{score} and {highest}"),
    }
}

pub(super) fn constants(name: &str, expected: &Expectation) {
    let matrix = fitted();
    let scorer = fit(name, &matrix);
    let all = score(scorer.as_ref(), &matrix);
    let mut order: Vec<usize> = (0..300).collect();
    order.sort_by(|one, other| all.scores[*one].total_cmp(&all.scores[*other]));
    // A row in the middle with other values: the first has none.
    let mut new = matrix.select(&[order[150]; 7]);
    number(&mut new, SMALL, 1, 500.0);
    number(&mut new, SMALL, 2, 1.25);
    level(&mut new, 3, 1);
    number(&mut new, LARGE, 4, 0.0);
    level(&mut new, 5, 1);
    number(&mut new, SMALL, 5, 0.0);
    level(&mut new, 6, MISSING);
    number(&mut new, LARGE, 6, f64::NAN);
    let found = score(scorer.as_ref(), &new);
    sound(&found, 7, 7);
    assert_eq!(found.scores[0].to_bits(), all.scores[order[150]].to_bits());
    for row in 1..6 {
        has_effect(expected.other, &found.scores, row, &all.scores);
    }
    has_effect(expected.missing, &found.scores, 6, &all.scores);
    if expected.other == Effect::None {
        return;
    }
    let top = |row: usize| {
        (0..7).max_by(|a, b| found.shares[*a][row].total_cmp(&found.shares[*b][row])).unwrap()
    };
    assert_eq!([1, 2, 3, 4].map(top), [SMALL, SMALL, LEVEL, LARGE]);
    let (level, small) = (found.shares[LEVEL][5], found.shares[SMALL][5]);
    assert!(level > 0.0 && small > 0.0, "{level} and {small}");
    assert!(found.scores[5] > found.scores[2].min(found.scores[3]));
    // The features that vary have the same shares of what is left.
    let again = score(
        detector(name).load(&scorer.state().unwrap(), &features(&matrix)).unwrap().as_ref(),
        &new,
    );
    assert!(again.scores == found.scores && again.shares == found.shares);
}

/// A table of constants alone: rows differ by these.
#[test]
fn nothing_but_constants() {
    let matrix = table(vec![numeric("a", vec![2.0; 30]), codes("b", vec![0; 30])]);
    let mut new = table(vec![numeric("a", vec![2.0, 7.0, 2.0]), codes("b", vec![0, 0, 1])]);
    new.columns[1].values =
        Values::Codes { codes: vec![0, 0, 1], levels: vec!["level 0".into(), "other".into()] };
    let names = [
        "HBOS",
        "ECOD",
        "COPOD",
        "PCA",
        "MCD",
        "GaussianMixture",
        "CategoricalFrequency",
        "OCSVM",
        "KNN",
        "LOF",
        "CBLOF",
        "Gower",
        "Ensemble",
    ];
    for name in names {
        let found = score(fit(name, &matrix).as_ref(), &new);
        let [usual, number, level] = found.scores[..] else { panic!("{name}") };
        assert!(number > usual && level > usual, "{name}: {:?}", found.scores);
        assert_eq!([found.shares[0][1], found.shares[1][2]], [1.0, 1.0], "{name}");
    }
}

/// A feature that varies in the table, but not among the rows that a member of the Ensemble is fitted to.
#[test]
fn a_sample_makes_no_constant() {
    let mut matrix = mixed(1_000, 1);
    let rare = (0..1_000).map(|row| u32::from(row % 200 == 0)).collect();
    matrix.columns.push(codes("rare", rare));
    let state: Value =
        serde_json::from_str(fit("Ensemble", &matrix).state().unwrap().get()).unwrap();
    let constants = |state: &Value| -> Vec<u64> {
        let all = state["constants"].as_array().unwrap().iter();
        all.map(|constant| constant["feature"].as_u64().unwrap()).collect()
    };
    assert_eq!(constants(&state), [2, 5]);
    let members = state["members"].as_array().unwrap().iter();
    let encodings: Vec<&Value> =
        members.filter_map(|member| member["state"].get("encoding")).collect();
    // Both fits of MCD and GaussianMixture.
    assert_eq!(encodings.len(), 4);
    assert!(encodings.iter().all(|encoding| constants(encoding).is_empty()));
}
