//! Tables to test detectors on.

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::matrix::{MISSING, Matrix, MatrixColumn, Values};

pub(crate) fn numeric(name: &str, values: Vec<f64>) -> MatrixColumn {
    MatrixColumn { name: name.into(), weight: 1.0, values: Values::Numeric(values) }
}

pub(crate) fn codes(name: &str, codes: Vec<u32>) -> MatrixColumn {
    let most = codes.iter().filter(|code| **code != MISSING).max().map_or(0, |most| most + 1);
    let levels = (0..most).map(|code| format!("level {code}")).collect();
    MatrixColumn { name: name.into(), weight: 1.0, values: Values::Codes { codes, levels } }
}

pub(crate) fn table(columns: Vec<MatrixColumn>) -> Matrix {
    let rows = match &columns[0].values {
        Values::Numeric(values) => values.len(),
        Values::Codes { codes, .. } => codes.len(),
    };
    Matrix { rows, columns }
}

pub(crate) fn bell(random: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
}

/// A table with planted anomalies; for each its row and the anomalous feature.
pub(crate) type PlantedCase = (Matrix, Vec<(usize, usize)>);

/// Weakly correlated numbers of different scales, and a category; in every `every`th row one number is far
/// above the others, or below.
pub(crate) fn far_off(rows: usize, features: usize, every: usize, below: bool) -> PlantedCase {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut columns = vec![vec![0.0; rows]; features];
    let scale = |place: usize| 10_f64.powi(i32::try_from(place).unwrap() - 2);
    for row in 0..rows {
        let common = bell(&mut random);
        for (place, column) in columns.iter_mut().enumerate() {
            column[row] = (bell(&mut random) + 0.6 * common) * scale(place) + 3.0;
        }
    }
    let mut planted = Vec::new();
    for (place, row) in (0..rows).step_by(every).enumerate() {
        let feature = place % features;
        let sign = if below && (place / features).is_multiple_of(2) { -1.0 } else { 1.0 };
        columns[feature][row] = 3.0 + 9.0 * sign * scale(feature);
        planted.push((row, feature));
    }
    let category = (0..rows).map(|_| random.random_range(0..4)).collect();
    let names = ["a", "b", "c", "d", "e"];
    let mut columns: Vec<MatrixColumn> =
        names.iter().zip(columns).map(|(name, values)| numeric(name, values)).collect();
    columns.push(codes("f", category));
    (table(columns), planted)
}

pub(crate) fn numbers_far_off() -> PlantedCase {
    far_off(1_500, 5, 50, true)
}

/// For detectors by ranks: few anomalies, in the longer tail.
pub(crate) fn few_numbers_far_above() -> PlantedCase {
    far_off(4_000, 3, 200, false)
}

/// Three categories that are equal in most rows, an independent one, and two numbers. One row in fifty has a
/// rare value, or one that contradicts the others.
pub(crate) fn categories_out_of_place() -> PlantedCase {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let rows = 2_000;
    let mut all = vec![vec![0_u32; rows]; 4];
    for row in 0..rows {
        let common = random.random_range(0..5);
        all.iter_mut().take(3).for_each(|column| column[row] = common);
        all[3][row] = random.random_range(0..6);
    }
    let mut planted = Vec::new();
    for row in (0..rows).step_by(50) {
        let feature = row / 50 % 4;
        let value = &mut all[feature][row];
        *value =
            if feature == 3 { 6 + u32::try_from(row / 400).unwrap() } else { (*value + 2) % 5 };
        planted.push((row, feature));
    }
    let names = ["a", "b", "c", "d"];
    let mut columns: Vec<MatrixColumn> =
        names.iter().zip(all).map(|(name, values)| codes(name, values)).collect();
    for name in ["e", "f"] {
        columns.push(numeric(name, (0..rows).map(|_| random.random::<f64>()).collect()));
    }
    (table(columns), planted)
}

/// Numbers, two constants, categories with many levels and with two, some values missing, duplicates.
pub(crate) fn mixed(rows: usize, seed: u64) -> Matrix {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut numbers = |every: usize| -> Vec<f64> {
        (0..rows)
            .map(|row| {
                let value = (bell(&mut random) * 8.0).round() / 4.0;
                if row % every == every - 1 { f64::NAN } else { value }
            })
            .collect()
    };
    let (a, b, c) = (numbers(7), numbers(11), numbers(rows + 1));
    let sum = b.iter().zip(&c).map(|(b, c)| b + c * 1e-3).collect();
    let mut of = |most: u32, missing: usize| -> Vec<u32> {
        (0..rows)
            .map(|row| {
                let code = random.random_range(0..most) * random.random_range(0..most) / most;
                if row % missing == missing - 1 { MISSING } else { code }
            })
            .collect()
    };
    let (many, two, three) = (of(60, 13), of(2, rows + 1), of(3, 5));
    table(vec![
        numeric("a", a),
        numeric("b", sum),
        numeric("constant", vec![4.5; rows]),
        codes("many", many),
        numeric("c", c),
        codes("two", two),
        codes("three", three),
        numeric("nothing", vec![f64::NAN; rows]),
    ])
}

pub(crate) fn huge() -> [f64; 8] {
    [1e308, -1e308, 1e308, 5e307, -3.0, 0.0, 1e-300, f64::NAN]
}

/// Tables with little variation, and with numbers at the ends of their range.
pub(crate) fn poor_cases() -> Vec<(&'static str, Matrix)> {
    let wide = |rows: usize, columns: usize| {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let column = |place: usize| {
            numeric(&format!("n{place}"), (0..rows).map(|_| bell(&mut random)).collect())
        };
        table((0..columns).map(column).collect())
    };
    let huge = huge();
    let tiny = [5e-324, 0.0, -5e-324, 1e-320, 0.0, 0.0, 1e-310, 2e-312];
    vec![
        ("constant", table(vec![numeric("a", vec![0.1; 9]), codes("b", vec![0; 9])])),
        ("nothing", table(vec![numeric("a", vec![f64::NAN; 9]), codes("b", vec![MISSING; 9])])),
        ("two rows", mixed(2, 3)),
        ("two equal rows", mixed(2, 3).select(&[0, 0])),
        ("three rows", mixed(3, 3)),
        ("more features than rows", wide(8, 40)),
        ("one feature", wide(50, 1)),
        (
            "only categories",
            table(vec![codes("a", (0..60).map(|row| row % 7).collect()), codes("b", vec![3; 60])]),
        ),
        ("all alike", table(vec![codes("a", (0..60).collect())])),
        (
            "huge",
            table(vec![numeric("a", huge.to_vec()), numeric("b", (0..8).map(f64::from).collect())]),
        ),
        ("tiny", table(vec![numeric("a", tiny.to_vec()), numeric("b", huge.to_vec())])),
        (
            "nearly constant",
            table(vec![
                numeric("a", (0..99).map(|row| f64::from(row / 98)).collect()),
                numeric("b", (0..99).map(|row| f64::from(row / 97)).collect()),
            ]),
        ),
        ("the same twice", {
            let mut matrix = wide(80, 3);
            matrix.columns[2].values = matrix.columns[0].values.clone();
            matrix
        }),
    ]
}
