//! Every case of tests/reference/gower, as its README describes; the numbers were made by SciPy and
//! scikit-learn, not by this engine.

use std::path::PathBuf;

use anomal_core::Cancel;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use serde_json::Value;

use super::{
    distances::{condensed, row_to_run},
    encoding::{EncodedRows, Encoding},
    linkage::{Tree, by_size},
    map::map,
    neighbors::{Index, Nearest, NeighborScores},
    nmds::{monotone, stress, stress_of},
    representatives,
    tiles::Tiles,
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

fn encoded(matrix: &Matrix) -> EncodedRows {
    Encoding::fit(matrix).apply(matrix)
}

/// The complete tree of all rows, duplicates merged first.
fn tree(rows: &EncodedRows) -> (Tree, Vec<u32>) {
    let (distinct, _, of_row) = rows.distinct();
    let tree = complete(&distinct);
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

fn complete(rows: &EncodedRows) -> Tree {
    let cancel = Cancel::default();
    Tree::complete(Tiles::from_rows(rows, &cancel).unwrap(), &cancel).unwrap()
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

/// Scores and shares of all rows, duplicates merged first.
fn scored(rows: &EncodedRows, k: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let (distinct, counts, of_row) = rows.distinct();
    let found = Index::new(&distinct).nearest(&distinct, k, true, &Cancel::default()).unwrap();
    let scored = NeighborScores::new(&distinct, &distinct, &found, &counts, true, k);
    let features = rows.places.iter().max().map_or(0, |last| last + 1);
    (scored.scores(&of_row), scored.shares(&of_row, &distinct.places, features))
}

#[test]
fn neighbors() {
    for Case { name, matrix, expected } in CASES.iter().map(|name| case(name)) {
        let wanted = expected["knn"]["scores"].as_array().unwrap();
        let Some(k) = matrix.rows.checked_sub(1).filter(|others| *others > 0) else {
            assert!(wanted[0].is_null(), "{name}: a single row");
            continue;
        };
        let wanted: Vec<f64> = wanted.iter().map(|score| score.as_f64().unwrap()).collect();
        let (scores, shares) = scored(&encoded(&matrix), k.min(10));
        near(name, "score", &scores, &wanted, 1e-6);
        for row in 0..matrix.rows {
            let total: f64 = shares.iter().map(|shares| shares[row]).sum();
            assert!(total == 0.0 || (total - 1.0).abs() < 1e-9, "{name}: row {row}: {total}");
        }
    }
}

#[test]
fn stress_of_the_given_points() {
    for Case { name, matrix, expected } in CASES.iter().map(|name| case(name)) {
        let nmds = &expected["nmds"]["primary"];
        let Some(points) = nmds["configuration"].as_array() else { continue };
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
        let mut fitted = Vec::new();
        monotone(&distances, &mut fitted);
        let found = stress(&distances, &fitted);
        let wanted = nmds["configuration_stress1"].as_f64().unwrap();
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

#[test]
fn far_more_rows_are_mapped_by_landmarks() {
    let rows = encoded(&many(2_000));
    let map = map(&rows, 0, &Cancel::default()).unwrap();
    assert!(map.landmarks);
    let all = stress_of(&rows, &map.points, &Cancel::default()).unwrap();
    // All pairs from classical scaling reach 0.30; points at random 0.44.
    assert!(all < 0.33 && (all - map.stress).abs() < 0.02, "{all}, reported {}", map.stress);
}

#[test]
fn equal_rows_and_lone_ones_have_a_map() {
    for n in 0..4 {
        let rows = encoded(&many(n));
        assert_eq!(map(&rows, 0, &Cancel::default()).unwrap().points.len(), n);
    }
    let same = encoded(&many(1)).select(&[0; 5]);
    let map = map(&same, 0, &Cancel::default()).unwrap();
    assert!(map.points.iter().flatten().all(|place| place.is_finite()));
}

#[test]
fn a_lone_row_far_off_stands_for_itself() {
    let mut matrix = many(3_000);
    let Values::Numeric(values) = &mut matrix.columns[0].values else { unreachable!() };
    values[1_234] = 1e6;
    let rows = encoded(&matrix);
    let chosen = representatives::choose(&rows, 50, 7, &Cancel::default()).unwrap();
    assert_eq!(chosen.rows.len(), 50);
    let place = chosen.rows.binary_search(&1_234).unwrap();
    assert_eq!(chosen.of_row.iter().filter(|of| **of as usize == place).count(), 1);
    // Twice the least radius that there is, at most (Gonzalez 1985), of the half that is chosen so.
    assert!(chosen.radius < 0.5, "{}", chosen.radius);
}

#[test]
fn the_largest_numbers_have_a_range() {
    let column = |values: Vec<f64>| MatrixColumn {
        name: "a".into(),
        weight: f64::MAX,
        values: Values::Numeric(values),
    };
    let matrix = Matrix {
        rows: 3,
        columns: vec![
            column(vec![f64::MIN, 0.0, f64::MAX]),
            column(vec![0.0, f64::from_bits(1), 0.0]),
        ],
    };
    let found = condensed(&encoded(&matrix), &Cancel::default()).unwrap();
    assert_eq!(found, [0.75, 0.5, 0.75]);
}

#[test]
fn what_was_not_fitted_is_far() {
    let fitted = many(50);
    let encoding = Encoding::fit(&fitted);
    let mut new = fitted.clone();
    let Values::Numeric(values) = &mut new.columns[0].values else { unreachable!() };
    values.fill(1e9);
    let Values::Codes { levels, .. } = &mut new.columns[2].values else { unreachable!() };
    levels.iter_mut().for_each(|level| level.push('!'));
    let (new, fitted) = (encoding.apply(&new), encoding.apply(&fitted));
    let mut distances = [0.0; 50];
    row_to_run(&new, 0, &fitted, 0, &mut distances);
    // A third of the weight each: at least the distance to the upper border and a range more; no level is equal.
    assert!(
        distances.iter().all(|distance| (2.0 / 3.0 - 1e-6..=4.0 / 3.0).contains(distance)),
        "{distances:?}"
    );
}

/// Rows of three features, no two alike.
fn many(rows: usize) -> Matrix {
    let mut random = ChaCha8Rng::seed_from_u64(rows as u64);
    let mut numbers = || Values::Numeric((0..rows).map(|_| random.random::<f64>()).collect());
    let (a, b) = (numbers(), numbers());
    let codes = (0..rows).map(|_| random.random_range(0..3)).collect();
    let c = Values::Codes { codes, levels: ["x", "y", "z"].map(String::from).to_vec() };
    let column =
        |(name, values): (&str, Values)| MatrixColumn { name: name.into(), weight: 1.0, values };
    Matrix { rows, columns: [("a", a), ("b", b), ("c", c)].map(column).to_vec() }
}

/// With missing values in one of so many cells, or none.
fn matrix(missing: u32, most: usize) -> impl Strategy<Value = Matrix> {
    let value = prop_oneof![4 => (-5_i32..5).prop_map(f64::from), missing => Just(f64::NAN)];
    let row = (value.clone(), value, prop_oneof![4 => 0_u32..3, missing => Just(MISSING)]);
    prop::collection::vec(row, 2..most).prop_map(|rows| Matrix {
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

/// As the index should find them: by comparing with all.
fn nearest_of_all(from: &EncodedRows, to: &EncodedRows, k: usize, same: bool) -> Vec<Nearest> {
    let of_row = |row: usize| {
        let mut distances = vec![0.0_f32; to.rows];
        row_to_run(from, row, to, 0, &mut distances);
        let mut all: Nearest = distances.into_iter().zip(0..).collect();
        all.retain(|one| !(same && one.1 as usize == row));
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.truncate(k);
        all
    };
    (0..from.rows).map(of_row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_distance_is_between_0_and_1_and_the_same_both_ways(matrix in matrix(1, 30)) {
        let rows = encoded(&matrix);
        let mut there = vec![0.0; rows.rows];
        let mut back = [0.0];
        for row in 0..rows.rows {
            row_to_run(&rows, row, &rows, 0, &mut there);
            for (other, distance) in there.iter().enumerate() {
                prop_assert!((0.0..=1.0 + 1e-6).contains(distance), "{}", distance);
                row_to_run(&rows, other, &rows, row, &mut back);
                prop_assert_eq!(*distance, back[0]);
            }
        }
    }

    #[test]
    fn a_distance_has_the_same_bits_among_rows_with_missing_values(matrix in matrix(0, 30)) {
        let rows = encoded(&matrix);
        let mut other = rows.clone();
        other.missing = true;
        prop_assert_eq!(
            condensed(&rows, &Cancel::default()).unwrap(),
            condensed(&other, &Cancel::default()).unwrap()
        );
    }

    #[test]
    fn the_index_finds_what_comparing_all_finds(matrix in matrix(1, 700), k in 1_usize..12) {
        let rows = encoded(&matrix);
        let found = Index::new(&rows).nearest(&rows, k, true, &Cancel::default()).unwrap();
        prop_assert_eq!(found, nearest_of_all(&rows, &rows, k, true));
        let some: Vec<usize> = (0..rows.rows).step_by(3).collect();
        let some = rows.select(&some);
        let found = Index::new(&some).nearest(&rows, k, false, &Cancel::default()).unwrap();
        prop_assert_eq!(found, nearest_of_all(&rows, &some, k, false));
    }

    #[test]
    fn the_order_of_rows_changes_no_score(matrix in matrix(1, 60), k in 1_usize..12) {
        let k = k.min(matrix.rows - 1);
        let order: Vec<usize> = (0..matrix.rows).rev().collect();
        let (scores, _) = scored(&encoded(&matrix), k);
        let (mut back, _) = scored(&encoded(&matrix.select(&order)), k);
        back.reverse();
        for (one, other) in scores.iter().zip(&back) {
            prop_assert!((one - other).abs() < 1e-6, "{} {}", one, other);
        }
    }

    #[test]
    fn merging_equal_rows_changes_no_score(matrix in matrix(1, 60), k in 1_usize..12) {
        let rows = encoded(&matrix);
        let k = k.min(rows.rows - 1);
        let (scores, _) = scored(&rows, k);
        for (score, found) in scores.iter().zip(nearest_of_all(&rows, &rows, k, true)) {
            let whole = found.iter().map(|one| f64::from(one.0)).sum::<f64>() / k as f64;
            prop_assert!((score - whole).abs() < 1e-6, "{} {}", score, whole);
        }
    }

    #[test]
    fn merging_equal_rows_changes_no_height(matrix in matrix(0, 30)) {
        let rows = encoded(&matrix);
        let whole = complete(&rows);
        let (merged, _) = tree(&rows);
        let whole: Vec<f32> = whole.heights().filter(|height| *height > 0.0).collect();
        let merged: Vec<f32> = merged.heights().collect();
        prop_assert_eq!(whole.last(), merged.last());
    }

    #[test]
    fn a_cut_has_at_most_k_clusters_by_size(matrix in matrix(1, 60), k in 2_usize..8) {
        let (tree, of_row) = tree(&encoded(&matrix));
        let (clusters, height) = tree.cut(k);
        let of_rows: Vec<u32> = of_row.iter().map(|leaf| clusters[*leaf as usize]).collect();
        let (labels, sizes) = by_size(&of_rows);
        prop_assert!(sizes.len() <= k && sizes.is_sorted_by(|a, b| a >= b));
        for (size, label) in sizes.iter().zip(1..) {
            prop_assert_eq!(*size, labels.iter().filter(|of| **of == label).count() as u64);
        }
        // What is left above the cut is higher than it.
        let above = tree.heights().filter(|merge| *merge > height + 1e-6).count();
        prop_assert_eq!(above + 1, sizes.len());
    }

    #[test]
    fn the_monotone_fit_ascends_and_keeps_the_mean(values in prop::collection::vec(0.0_f64..10.0, 1..50)) {
        let mut fitted = Vec::new();
        monotone(&values, &mut fitted);
        prop_assert!(fitted.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
        let difference = values.iter().sum::<f64>() - fitted.iter().sum::<f64>();
        prop_assert!(difference.abs() < 1e-9);
    }
}
