//! Expected figures, and parameters, of single detectors.

use serde_json::json;

use super::{
    data::{bell, codes, numeric, table},
    *,
};

fn check(name: &str, given: &Value) -> Option<String> {
    let given: Parameters = serde_json::from_value(given.clone()).unwrap();
    detector(name)
        .check(&given)
        .err()
        .map(|error| format!("{}: {}", error.parameter, error.message))
}

#[test]
fn parameters_have_ranges() {
    let good = [
        ("ECOD", json!({})),
        ("PCA", json!({"nComponents": 3, "nSelectedComponents": 2, "weighted": false})),
        ("MCD", json!({"supportFraction": 0.5, "shrunk": false})),
        ("GaussianMixture", json!({"nComponents": 50, "regCovar": 1e-6})),
        ("CategoricalFrequency", json!({"nBins": 64, "maxPairs": 0})),
        ("OCSVM", json!({"nu": 0.1, "gamma": 0.5})),
        ("IsolationForest", json!({"nEstimators": 1, "maxSamples": 65_536})),
        ("IsolationForest", json!({"extensionLevel": 10_000})),
        ("KNN", json!({"nNeighbors": 1_000, "method": "median"})),
        ("LOF", json!({"nNeighbors": 1})),
        ("LODA", json!({"nRandomCuts": 1, "nBins": 2})),
        ("CBLOF", json!({"nClusters": 100, "alpha": 0.5, "beta": 1, "useWeights": true})),
        ("Ensemble", json!({"members": ["HBOS", "MCD"], "weights": [0.0, 2.0]})),
    ];
    for (name, given) in good {
        assert_eq!(check(name, &given), None, "{name}");
    }
    let bad = [
        ("COPOD", json!({"nBins": 3}), "nBins"),
        ("PCA", json!({"nComponents": 0}), "nComponents"),
        ("PCA", json!({"nSelectedComponents": 100_001}), "nSelectedComponents"),
        ("MCD", json!({"supportFraction": 0.4}), "supportFraction"),
        ("GaussianMixture", json!({"nComponents": 51}), "nComponents"),
        ("GaussianMixture", json!({"regCovar": 0.0}), "regCovar"),
        ("CategoricalFrequency", json!({"nBins": 65}), "nBins"),
        ("OCSVM", json!({"nu": 1.5}), "nu"),
        ("OCSVM", json!({"gamma": 0}), "gamma"),
        ("IsolationForest", json!({"nEstimators": 0}), "nEstimators"),
        ("IsolationForest", json!({"maxSamples": 1}), "maxSamples"),
        ("IsolationForest", json!({"extensionLevel": -1}), "extensionLevel"),
        ("KNN", json!({"nNeighbors": 0}), "nNeighbors"),
        ("KNN", json!({"method": "least"}), "method"),
        ("LOF", json!({"nNeighbors": 1_001}), "nNeighbors"),
        ("LODA", json!({"nRandomCuts": 0}), "nRandomCuts"),
        ("LODA", json!({"nBins": 1}), "nBins"),
        ("CBLOF", json!({"nClusters": 0}), "nClusters"),
        ("CBLOF", json!({"alpha": 0.4}), "alpha"),
        ("CBLOF", json!({"beta": 0.9}), "beta"),
        ("Ensemble", json!({"members": ["Ensemble"]}), "members"),
        ("Ensemble", json!({"members": ["MCD", "MCD"]}), "members"),
        ("Ensemble", json!({"members": ["KNN"], "weights": [0.0]}), "weights"),
    ];
    for (name, given, parameter) in bad {
        let message = check(name, &given).unwrap();
        assert!(message.starts_with(&format!("{parameter}: ")), "{name}: {message}");
    }
}

/// Other parameters find the planted rows as the defaults do.
#[test]
fn other_parameters_find_the_planted_rows_too() {
    let cases = [
        ("PCA", json!({"weighted": false})),
        ("PCA", json!({"nComponents": 7, "nSelectedComponents": 6})),
        ("MCD", json!({"shrunk": false})),
        ("MCD", json!({"supportFraction": 0.9})),
        ("GaussianMixture", json!({"nComponents": 2})),
        ("OCSVM", json!({"nu": 0.2})),
        ("LOF", json!({"nNeighbors": 50})),
        ("LODA", json!({"nRandomCuts": 300, "nBins": 10})),
        ("CBLOF", json!({"nClusters": 3})),
    ];
    let (matrix, planted) = numbers_far_off();
    // The fast form may select the rows of two categories, so it gets numbers only.
    let mut numbers = matrix.clone();
    numbers.columns.truncate(5);
    for (name, given) in cases {
        let matrix = if given["shrunk"] == false { &numbers } else { &matrix };
        let cancel = Cancel::default();
        let context = Context {
            seed: SEED,
            memory_budget: 1 << 30,
            cancel: &cancel,
            progress: &anomal_core::FitProgress::NONE,
            whole: true,
        };
        let parameters: Parameters = serde_json::from_value(given.clone()).unwrap();
        let fitted = detector(name).fit(matrix, &parameters, &context).unwrap();
        let found = score(fitted.scorer.as_ref(), matrix);
        sound(&found, matrix.rows, matrix.columns.len());
        let area = area_under_curve(&found.scores, &planted);
        assert!(area > 0.9, "{name} {given}: {area}");
    }
}

/// Thinned values give the tails of all values.
#[test]
fn many_values_have_the_tails_that_they_have() {
    let rows = 30_000;
    let values: Vec<f64> = (0..rows).map(|row| f64::from(row * 7_919 % rows).powi(2)).collect();
    let matrix = table(vec![numeric("a", values.clone())]);
    let found = score(fit("ECOD", &matrix).as_ref(), &matrix).scores;
    let n = f64::from(rows);
    for (value, found) in values.iter().zip(found) {
        let below = value.sqrt() + 1.0;
        let expected = -(below.min(n + 1.0 - below) / n).ln();
        assert!((found - expected).abs() < 0.011, "{value}: {found} and not {expected}");
    }
}

/// Computed by hand: three rows in four at or below 2, half at or above it; skewed to the right.
#[test]
fn tails_are_those_of_the_fitted_rows() {
    let matrix = table(vec![numeric("a", vec![1.0, 2.0, 2.0, 9.0])]);
    let new = table(vec![numeric("a", vec![2.0, 5.0, 0.0, f64::NAN])]);
    let log = |share: f64| -share.ln();
    let found = score(fit("ECOD", &matrix).as_ref(), &new).scores;
    let expected = [log(0.75), log(0.25), log(0.125), log(0.125)];
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    let found = score(fit("COPOD", &matrix).as_ref(), &new).scores;
    let expected = [log(0.75), log(0.25), 0.5 * log(0.125), log(0.125)];
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
}

/// Equal rows do not hide one another from the detectors by neighbours.
#[test]
fn copies_of_a_row_do_not_hide_it() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut columns = vec![Vec::new(); 3];
    for row in 0..400 {
        for (place, column) in columns.iter_mut().enumerate() {
            let far = if place == 0 { 12.0 } else { -9.0 };
            column.push(match row {
                0..40 => far,
                40..42 => -far,
                _ => random.random::<f64>() * 4.0,
            });
        }
    }
    let names = ["a", "b", "c"];
    let columns = names.iter().zip(columns).map(|(name, values)| numeric(name, values));
    let matrix = table(columns.collect());
    // Of two values the rarer one scores higher.
    let two = table(vec![numeric("a", (0..100).map(|row| f64::from(row / 98)).collect())]);
    for (name, times) in [("KNN", 2.0), ("LOF", 1.0)] {
        let scores = score(fit(name, &matrix).as_ref(), &matrix).scores;
        let usual = scores[42..].iter().copied().fold(0.0, f64::max);
        let far = &scores[..42];
        assert!(far.iter().all(|score| *score > times * usual), "{name} {usual}: {far:?}");
        let scores = score(fit(name, &two).as_ref(), &two).scores;
        assert!(scores[99] > 10.0 * scores[0], "{name} {} and {}", scores[99], scores[0]);
    }
}

/// Four rows in 6.5, with half of the gap behind them, and four in 33.5.
#[test]
fn dynamic_bins_hold_as_many_rows_and_count_by_their_width() {
    let values = vec![0.0, 1.0, 2.0, 3.0, 10.0, 20.0, 30.0, 40.0];
    let matrix = table(vec![numeric("a", values)]);
    let scorer = fit(r#"HBOS {"nBins":2,"binWidth":"dynamic"}"#, &matrix);
    let sparse = (33.5_f64 / 6.5).ln();
    let expected = [0.0, 0.0, 0.0, 0.0, sparse, sparse, sparse, sparse];
    near(&score(scorer.as_ref(), &matrix).scores, &expected);
    // Between them by the middle; what is outside has half a row in a bin of the mean width.
    let new = table(vec![numeric("a", vec![6.4, 6.6, 41.0])]);
    let outside = (4.5 / 6.5 * 20.0 / 0.5_f64).ln();
    near(&score(scorer.as_ref(), &new).scores, &[0.0, sparse, outside]);
    // Equal values are of one bin, however many.
    let spike = table(vec![numeric("a", (0..90).map(|row| f64::from(row / 80)).collect())]);
    let scorer = fit(r#"HBOS {"nBins":5,"binWidth":"dynamic"}"#, &spike);
    let found = score(scorer.as_ref(), &spike).scores;
    assert!(found[0] == 0.0 && found[85] > 1.0, "{found:?}");
}

/// All rows that are not themselves support vectors on the border have reasons.
#[test]
fn rows_on_the_border_have_no_reasons() {
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let values: Vec<f64> = (0..200).map(|_| bell(&mut random)).collect();
    let matrix = table(vec![numeric("a", values.clone())]);
    let scorer = fit("OCSVM", &matrix);
    let state: Value = serde_json::from_str(scorer.state().unwrap().get()).unwrap();
    let part = &state["encoding"]["parts"][0]["kind"]["Numeric"];
    let [unit, mean, deviation] =
        ["unit", "mean", "deviation"].map(|name| part[name].as_f64().unwrap());
    let border = usize::try_from(state["border"].as_u64().unwrap()).unwrap();
    let vectors = state["vectors"].as_array().unwrap().iter().take(border);
    let vectors: Vec<f64> = vectors.map(|vector| vector.as_f64().unwrap()).collect();
    assert!((1..50).contains(&border), "{border}");
    let found = score(scorer.as_ref(), &matrix);
    for (value, share) in values.iter().zip(&found.shares[0]) {
        let is_vector = vectors.contains(&((value / unit - mean) / deviation));
        assert_eq!(*share, f64::from(u8::from(!is_vector)), "{value}");
    }
}

/// Three points and one far off: the example of scikit-learn's documentation (`LocalOutlierFactor`).
#[test]
fn local_outlier_factors_are_those_of_the_paper() {
    let matrix = table(vec![numeric("a", vec![-1.1, 0.2, 101.1, 0.3])]);
    let given = r#"LOF {"nNeighbors":2}"#;
    let scorer = fit(given, &matrix);
    let found = score(scorer.as_ref(), &matrix).scores;
    let expected = [0.982_142, 1.037_037, 73.369_709, 0.982_142];
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}");
    // A new row reaches 0.2 by 1.3 and 0.3 by 1.4; the means of these are 1.4 and 1.35.
    let new = table(vec![numeric("a", vec![0.25])]);
    let found = score(scorer.as_ref(), &new).scores[0];
    assert!((found - 1.35 * (1.0 / 1.4 + 1.0 / 1.35) / 2.0).abs() < 1e-9, "{found}");
    // Ties of the last neighbour are neighbours: for 0 both 1 and -1.
    let line = table(vec![numeric("a", vec![-1.0, 0.0, 1.0, 5.0])]);
    let found = score(fit(r#"LOF {"nNeighbors":1}"#, &line).as_ref(), &line).scores;
    assert!(found.iter().zip([1.0, 1.0, 1.0, 4.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
}

/// Two clusters of different sizes, and three separate rows.
#[test]
fn rows_are_as_far_as_the_nearest_large_cluster() {
    let mut values: Vec<f64> = (0..60).map(|row| f64::from(row % 3) - 1.0).collect();
    values.extend((0..37).map(|_| 20.0));
    values.extend([50.0; 3]);
    let matrix = table(vec![numeric("a", values.clone())]);
    let unit = {
        let mean = values.iter().sum::<f64>() / 100.0;
        (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 100.0).sqrt()
    };
    let found = |given: &str| score(fit(given, &matrix).as_ref(), &matrix).scores;
    let plain = found(r#"CBLOF {"nClusters":3}"#);
    let expected =
        |row: usize| [1.0, 0.0, 1.0, 0.0, 30.0][if row < 60 { row % 3 } else { 3 + row / 97 }];
    for (row, score) in plain.iter().enumerate() {
        assert!((score * unit - expected(row)).abs() < 1e-9, "{row}: {}", score * unit);
    }
    let weighted = found(r#"CBLOF {"nClusters":3,"useWeights":true}"#);
    assert!((weighted[0] - plain[0] * 0.6).abs() < 1e-12);
    assert!((weighted[99] - plain[99] * 0.03).abs() < 1e-12);
}

/// The other members get the weight of an excluded one, and the state lists it with the reason.
#[test]
fn members_that_cannot_serve_the_data_are_excluded() {
    let categories = table(vec![codes("a", (0..60).map(|row| row * row % 7).collect())]);
    let fitted = try_fit("Ensemble", &categories).unwrap();
    let state: Value = serde_json::from_str(fitted.scorer.state().unwrap().get()).unwrap();
    let names = |list: &str| -> Vec<String> {
        let members = state[list].as_array().unwrap().iter();
        members.map(|member| member["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("out"), ["MCD", "GaussianMixture"]);
    assert_eq!(names("members"), ["IsolationForest", "KNN", "CategoricalFrequency"]);
    assert!(fitted.steps.iter().any(|step| step.step.starts_with("MCD excluded: no numbers")));
    let constant = table(vec![numeric("a", vec![2.0; 30])]);
    let fitted = try_fit("Ensemble", &constant).unwrap();
    assert!(score(fitted.scorer.as_ref(), &constant).scores.iter().all(|score| *score == 0.0));
}

/// A category of the farthest rows alone is not trimmed away.
#[test]
fn members_by_covariances_are_there_twice_where_one_form_sees_less() {
    let members = |common: usize| {
        let mut matrix = mixed(1_000, 1);
        let rare = (0..1_000).map(|row| u32::from(row % common == 0)).collect();
        matrix.columns.push(codes("rare", rare));
        let state = fit("Ensemble", &matrix).state().unwrap();
        let state: Value = serde_json::from_str(state.get()).unwrap();
        let members = state["members"].as_array().unwrap();
        let weights = members.iter().map(|member| member["weight"].as_f64().unwrap());
        assert!((weights.sum::<f64>() - 1.0).abs() < 1e-9);
        members.len()
    };
    assert_eq!((members(200), members(3)), (7, 5));
}

/// Exactly, for detectors that sample no rows.
#[test]
fn the_scale_of_numbers_changes_nothing() {
    let matrix = mixed(700, 1);
    let mut larger = matrix.clone();
    for (column, exponent) in larger.columns.iter_mut().zip([10, -7, 20, 3].iter().cycle()) {
        if let Values::Numeric(values) = &mut column.values {
            values.iter_mut().for_each(|value| *value *= 2_f64.powi(*exponent));
        }
    }
    for name in ["ECOD", "COPOD", "PCA", "MCD", "KNN", "LOF", "HBOS", "CategoricalFrequency"] {
        let scores = |matrix| score(fit(name, matrix).as_ref(), matrix).scores;
        near(&scores(&matrix), &scores(&larger));
    }
}

/// The centre of a cluster has its most frequent level, not a mean of levels.
#[test]
fn a_centre_has_of_a_category_the_level_that_most_rows_have() {
    let level = codes("a", (0..90).map(|row| u32::from(row % 3 == 0)).collect());
    let number = numeric("b", (0..90).map(|row| f64::from(row % 2)).collect());
    let matrix = table(vec![level, MatrixColumn { weight: 0.0, ..number }]);
    let found = score(fit(r#"CBLOF {"nClusters":1}"#, &matrix).as_ref(), &matrix).scores;
    assert!(found[1] < 1e-12 && found[0] > 1.0, "{} and {}", found[0], found[1]);
}

/// Up to rounding, for detectors that draw no features.
#[test]
fn a_feature_of_weight_two_counts_as_if_it_were_there_twice() {
    let plain = mixed(700, 1);
    let (mut heavy, mut twice) = (plain.clone(), plain.clone());
    for place in [1, 5] {
        heavy.columns[place].weight = 2.0;
        let column = &plain.columns[place];
        twice
            .columns
            .push(MatrixColumn { name: format!("{} again", column.name), ..column.clone() });
    }
    for name in ["ECOD", "COPOD", "KNN", "LOF", "HBOS", "CategoricalFrequency"] {
        // Relative to the mean, since weights are relative.
        let scores = |matrix| {
            let scores = score(fit(name, matrix).as_ref(), matrix).scores;
            let mean = scores.iter().sum::<f64>() / 700.0;
            scores.into_iter().map(|score| score / mean).collect::<Vec<f64>>()
        };
        near(&scores(&heavy), &scores(&twice));
    }
}
