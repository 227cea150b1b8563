use super::*;

fn column(name: &str, weight: f64, values: Values) -> MatrixColumn {
    MatrixColumn { name: name.into(), weight, values }
}

fn categories(codes: Vec<u32>, count: usize) -> Values {
    Values::Codes { codes, levels: (0..count).map(|level| format!("level {level}")).collect() }
}

fn matrix() -> Matrix {
    let rows = 400_u32;
    let numbers = (0..rows).map(|row| if row % 9 == 0 { f64::NAN } else { f64::from(row % 37) });
    let of = |most: u32| (0..rows).map(|row| row * row % most).collect::<Vec<u32>>();
    let columns = vec![
        column("number", 2.0, Values::Numeric(numbers.collect())),
        column("constant", 1.0, Values::Numeric(vec![7.0; 400])),
        column("few", 4.0, categories(of(5), 5)),
        column("unused", 0.0, Values::Numeric((0..rows).map(f64::from).collect())),
        column("many", 1.0, categories(of(101), 101)),
        column("two", 1.0, categories(of(3).iter().map(|code| code % 2).collect(), 2)),
    ];
    Matrix { rows: 400, columns }
}

#[test]
fn a_category_varies_as_much_as_a_number() {
    let matrix = matrix();
    let encoding = Encoding::fit(&matrix, 6, Weights::Aside);
    // One, three levels that are there, six and all others, and one.
    assert_eq!(encoding.features(), [&[0][..], &[2; 3], &[4; 7], &[5]].concat());
    assert_eq!(encoding.weights()[..4], [0.5, 1.0, 1.0, 1.0]);
    let mut columns = Vec::new();
    encoding.bind(&matrix).unwrap().columns(&(0..400), &mut columns);
    let mut variances = [0.0; 6];
    for (column, feature) in columns.chunks(400).zip(encoding.features()) {
        assert!(column.iter().sum::<f64>().abs() < 1e-9);
        variances[feature] += column.iter().map(|value| value * value).sum::<f64>() / 400.0;
    }
    // A missing number is at the mean: eight in nine vary.
    let expected = [355.0 / 400.0, 0.0, 1.0, 0.0, 1.0, 1.0];
    for (found, expected) in variances.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-9, "{variances:?}");
    }
}

#[test]
fn weights_multiply_squares_where_they_are_applied() {
    let matrix = matrix();
    let (mut plain, mut weighted) = (Vec::new(), Vec::new());
    let aside = Encoding::fit(&matrix, 6, Weights::Aside);
    aside.bind(&matrix).unwrap().columns(&(0..400), &mut plain);
    let applied = Encoding::fit(&matrix, 6, Weights::Applied);
    applied.bind(&matrix).unwrap().columns(&(0..400), &mut weighted);
    for (place, root) in aside.roots().into_iter().enumerate() {
        for row in 0..400 {
            let (plain, weighted) = (plain[place * 400 + row], weighted[place * 400 + row]);
            assert!((plain * root - weighted).abs() < 1e-12);
        }
    }
}

#[test]
fn rows_are_the_columns_turned() {
    let matrix = matrix();
    let encoding = Encoding::fit(&matrix, 6, Weights::Applied);
    let encoder = encoding.bind(&matrix).unwrap();
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    encoder.columns(&(100..130), &mut columns);
    encoder.rows(&(100..130), &mut rows);
    for row in 0..30 {
        for column in 0..encoder.width() {
            assert_eq!(columns[column * 30 + row], rows[row * encoder.width() + column]);
        }
    }
}

#[test]
fn what_was_not_fitted_counts_with_the_others() {
    let fitted = matrix();
    let encoding = Encoding::fit(&fitted, 6, Weights::Aside);
    let mut new = fitted.select(&[0, 1]);
    for place in [2, 4, 5] {
        new.columns[place].values =
            Values::Codes { codes: vec![0, MISSING], levels: vec!["never seen".into()] };
    }
    let mut rows = Vec::new();
    let encoder = encoding.bind(&new).unwrap();
    encoder.rows(&(0..2), &mut rows);
    let (unseen, missing) = rows.split_at(encoder.width());
    assert!(missing[1..].iter().all(|value| *value == 0.0), "{missing:?}");
    assert!(unseen[1..4].iter().all(|value| *value < 0.0), "no column of its own: {unseen:?}");
    assert!(unseen[10] > 0.0 && unseen[4..10].iter().all(|value| *value < 0.0), "{unseen:?}");
    assert!(unseen[11] > 0.0, "as the rarer of two: {unseen:?}");
}
