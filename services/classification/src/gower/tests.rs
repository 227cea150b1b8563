//! Every case of tests/reference/gower, as its README tells; the numbers were made by SciPy and
//! scikit-learn, not by this engine.

use std::path::PathBuf;

use anomal_core::Cancel;
use proptest::prelude::*;
use serde_json::Value;

use super::{
    distances::condensed,
    encoded::{Encoded, Encoding},
    linkage::Tree,
    map::{map, monotone, stress},
    neighbors::{judge, nearest},
};
use crate::matrix::{MISSING, Matrix, MatrixColumn, Values};

const CASES: &[&str] = &[
    "constant_column",
    "duplicates",
    "max_zero",
    "missing",
    "missing_empty_rows",
    "mixed_weights",
    "n1",
    "n2",
    "n3",
    "numeric",
];

struct Case {
    name: &'static str,
    matrix: Matrix,
    expected: Value,
}

fn case(name: &'static str) -> Case {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/gower").join(name);
    let expected = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let text = std::fs::read_to_string(folder.join("input.csv")).unwrap();
    // One value holds a comma, and is quoted.
    let cells = |line: &str| -> Vec<String> {
        let mut cells = vec![String::new()];
        let mut quoted = false;
        for character in line.chars() {
            match character {
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                other => cells.last_mut().unwrap().push(other),
            }
        }
        cells
    };
    let mut lines = text.lines().map(cells);
    let header = lines.next().unwrap();
    let records: Vec<Vec<String>> = lines.collect();
    let column = |feature: &Value| {
        let name = feature["name"].as_str().unwrap();
        let place = header.iter().position(|column| column == name).unwrap();
        let cells = records.iter().map(|record| record[place].as_str());
        let values = if feature["kind"] == "numeric" {
            Values::Numeric(cells.map(|cell| cell.parse().unwrap_or(f64::NAN)).collect())
        } else {
            let mut levels: Vec<String> = Vec::new();
            let codes = cells.map(|cell| {
                if cell.is_empty() {
                    return MISSING;
                }
                let place = levels.iter().position(|level| level == cell);
                let place = place.unwrap_or_else(|| {
                    levels.push(cell.to_owned());
                    levels.len() - 1
                });
                u32::try_from(place).unwrap()
            });
            let codes = codes.collect();
            Values::Codes { codes, levels }
        };
        MatrixColumn { name: name.into(), weight: feature["weight"].as_f64().unwrap(), values }
    };
    let columns = expected["features"].as_array().unwrap().iter().map(column).collect();
    Case { name, matrix: Matrix { rows: records.len(), columns }, expected }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[track_caller]
fn near(name: &str, what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{name}: {what}");
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let difference = (found - expected).abs();
        assert!(difference <= tolerance, "{name}: {what} {place}: {found} and not {expected}");
    }
}

fn encoded(matrix: &Matrix) -> Encoded {
    Encoding::learn(matrix).apply(matrix)
}

/// The complete tree of all rows, duplicates merged first.
fn tree(rows: &Encoded) -> (Tree, Vec<u32>) {
    let (distinct, _, of_row) = rows.distinct();
    let tree = Tree::complete(condensed(&distinct, &Cancel::default()).unwrap(), distinct.rows);
    (tree, of_row)
}

fn in_order_of_appearance(labels: &[u32]) -> Vec<u64> {
    let mut names = Vec::new();
    let name = |label: &u32| {
        let place = names.iter().position(|name| name == label);
        let place = place.unwrap_or_else(|| {
            names.push(*label);
            names.len() - 1
        });
        place as u64
    };
    labels.iter().map(name).collect()
}

#[test]
fn distances() {
    for Case { name, matrix, expected } in CASES.iter().map(|name| case(name)) {
        let found = condensed(&encoded(&matrix), &Cancel::default()).unwrap();
        let found: Vec<f64> = found.into_iter().map(f64::from).collect();
        near(name, "distance", &found, &numbers(&expected["condensed"]), 1e-6);
    }
}

#[test]
fn heights_and_clusters() {
    for Case { name, matrix, expected } in CASES.iter().map(|name| case(name)) {
        let rows = encoded(&matrix);
        let (tree, of_row) = tree(&rows);
        if expected["heights_stable"] == true {
            // Merging equal rows first is merging them at height 0.
            let mut heights = vec![0.0; rows.rows - tree.leaves];
            heights.extend(tree.heights().map(f64::from));
            near(name, "height", &heights, &numbers(&expected["heights"]), 1e-6);
        }
        for k in 2..=7 {
            let wanted = &expected["clusters"][k.to_string()];
            if wanted["stable"] != true {
                continue;
            }
            let (labels, _) = tree.cut(k);
            let labels: Vec<u32> = of_row.iter().map(|row| labels[*row as usize]).collect();
            let labels = in_order_of_appearance(&labels);
            let wanted: Vec<u64> =
                wanted["labels"].as_array().unwrap().iter().map(|l| l.as_u64().unwrap()).collect();
            assert_eq!(labels, wanted, "{name}: {k} clusters");
        }
    }
}

#[test]
fn neighbors() {
    for Case { name, matrix, expected } in CASES.iter().map(|name| case(name)) {
        let rows = encoded(&matrix);
        let (distinct, counts, of_row) = rows.distinct();
        let k = 10.min(rows.rows - 1);
        let found = nearest(&distinct, &distinct, k, true, &Cancel::default()).unwrap();
        let wanted = expected["knn"]["scores"].as_array().unwrap();
        for (row, (place, wanted)) in of_row.iter().zip(wanted).enumerate() {
            let place = *place as usize;
            let copies = counts[place] as usize - 1;
            let judged = judge(&distinct, place, &distinct, &found[place], &counts, copies, k);
            let score = judged.as_ref().map(|judged| judged.score);
            match (score, wanted.as_f64()) {
                (Some(score), Some(wanted)) => {
                    assert!(
                        (score - wanted).abs() <= 1e-6,
                        "{name}: row {row}: {score} and not {wanted}"
                    );
                    let total: f64 = judged.unwrap().shares.iter().sum();
                    assert!(
                        total == 0.0 || (total - 1.0).abs() < 1e-9,
                        "{name}: row {row}: {total}"
                    );
                }
                (None, None) => {}
                other => panic!("{name}: row {row}: {other:?}"),
            }
        }
    }
}

#[test]
fn stress_of_the_given_points() {
    for Case { name, matrix, expected } in CASES.iter().map(|name| case(name)) {
        let told = &expected["nmds"]["primary"];
        let Some(points) = told["configuration"].as_array() else { continue };
        let points: Vec<Vec<f64>> = points.iter().map(numbers).collect();
        let dissimilarities = condensed(&encoded(&matrix), &Cancel::default()).unwrap();
        let mut pairs: Vec<(f32, f64)> = Vec::new();
        let mut next = dissimilarities.iter();
        for a in 0..points.len() {
            for b in a + 1..points.len() {
                let distance = (points[a][0] - points[b][0]).hypot(points[a][1] - points[b][1]);
                pairs.push((*next.next().unwrap(), distance));
            }
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let distances: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
        let found = stress(&distances, &monotone(&distances));
        let wanted = told["configuration_stress1"].as_f64().unwrap();
        assert!((found - wanted).abs() <= 1e-4, "{name}: {found} and not {wanted}");
    }
}

#[test]
fn maps_come_near_the_best_stress() {
    for Case { name, matrix, expected } in CASES.iter().map(|name| case(name)) {
        let nmds = &expected["nmds"];
        let Some(best) = nmds["primary"]["best_stress1"].as_f64() else { continue };
        if nmds["degenerate"] == true {
            continue;
        }
        let found = map(&encoded(&matrix), 0, &Cancel::default()).unwrap().stress;
        assert!(found <= best * 1.05 + 1e-4, "{name}: {found} and not {best}");
    }
}

/// With missing values in one of so many cells, or none.
fn matrix(missing: u32) -> impl Strategy<Value = Matrix> {
    let value = prop_oneof![4 => (-5_i32..5).prop_map(f64::from), missing => Just(f64::NAN)];
    let row = (value.clone(), value, prop_oneof![4 => 0_u32..3, missing => Just(MISSING)]);
    prop::collection::vec(row, 2..30).prop_map(|rows| Matrix {
        rows: rows.len(),
        columns: vec![
            MatrixColumn {
                name: "a".into(),
                weight: 1.0,
                values: Values::Numeric(rows.iter().map(|row| row.0).collect()),
            },
            MatrixColumn {
                name: "b".into(),
                weight: 2.5,
                values: Values::Numeric(rows.iter().map(|row| row.1).collect()),
            },
            MatrixColumn {
                name: "c".into(),
                weight: 0.5,
                values: Values::Codes {
                    codes: rows.iter().map(|row| row.2).collect(),
                    levels: ["x", "y", "z"].map(String::from).to_vec(),
                },
            },
        ],
    })
}

proptest! {
    #[test]
    fn a_distance_is_between_0_and_1(matrix in matrix(1)) {
        let rows = encoded(&matrix);
        for distance in condensed(&rows, &Cancel::default()).unwrap() {
            prop_assert!((0.0..=1.0 + 1e-6).contains(&distance), "{}", distance);
        }
        let order: Vec<usize> = (0..rows.rows).rev().collect();
        let mut there = condensed(&rows, &Cancel::default()).unwrap();
        let mut back = condensed(&rows.select(&order), &Cancel::default()).unwrap();
        there.sort_by(f32::total_cmp);
        back.sort_by(f32::total_cmp);
        prop_assert_eq!(there, back);
    }

    #[test]
    fn merging_equal_rows_changes_no_height(matrix in matrix(0)) {
        let rows = encoded(&matrix);
        let whole = Tree::complete(condensed(&rows, &Cancel::default()).unwrap(), rows.rows);
        let (merged, _) = tree(&rows);
        let whole: Vec<f32> = whole.heights().filter(|height| *height > 0.0).collect();
        let merged: Vec<f32> = merged.heights().collect();
        prop_assert_eq!(whole.last(), merged.last());
    }

    #[test]
    fn the_monotone_fit_ascends_and_keeps_the_mean(values in prop::collection::vec(0.0_f64..10.0, 1..50)) {
        let fitted = monotone(&values);
        prop_assert!(fitted.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
        let difference = values.iter().sum::<f64>() - fitted.iter().sum::<f64>();
        prop_assert!(difference.abs() < 1e-9);
    }
}
