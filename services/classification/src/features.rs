//! The feature table as a matrix.

use anomal_core::{
    Code, Error, Result, Table,
    proto::{FeatureColumn, FeatureKind},
};
use polars::prelude::{Column, DataType, PlHashMap, PlHashSet, StringChunked, TimeUnit};
use rayon::prelude::*;

use anomal_detectors::matrix::{MISSING, Matrix, MatrixColumn, Values};

/// # Errors
/// `InvalidRequest` if the table's columns are not the features.
pub(crate) fn matrix(table: &Table, features: &[FeatureColumn]) -> Result<Matrix> {
    let mut names = PlHashSet::default();
    if let Some(twice) = features.iter().find(|feature| !names.insert(feature.name.as_str())) {
        let message = format!("the feature `{}` is there twice", twice.name);
        return Err(Error::new(Code::InvalidRequest, "FEATURE_TWICE", message));
    }
    let columns: Vec<MatrixColumn> = features
        .par_iter()
        .map(|feature| {
            let column = table.columns().column(&feature.name).map_err(|_| missing(feature))?;
            let values = match feature.kind() {
                FeatureKind::Numeric => numeric(&column.rechunk(), feature)?,
                _ => codes(column.rechunk().cast(&DataType::String)?.str()?),
            };
            Ok(MatrixColumn { name: feature.name.clone(), weight: feature.weight, values })
        })
        .collect::<Result<_>>()?;
    Ok(Matrix { rows: table.height(), columns })
}

fn missing(feature: &FeatureColumn) -> Error {
    let message = format!("the table has no column for the feature `{}`", feature.name);
    Error::new(Code::InvalidRequest, "FEATURE_MISSING", message)
}

/// Numbers unchanged, booleans as 0 and 1, times as seconds since the epoch. Values that are not finite are
/// missing.
fn numeric(column: &Column, feature: &FeatureColumn) -> Result<Values> {
    let scale = match column.dtype() {
        DataType::Datetime(TimeUnit::Milliseconds, _) => 1e3,
        DataType::Datetime(TimeUnit::Microseconds, _) => 1e6,
        DataType::Datetime(TimeUnit::Nanoseconds, _) => 1e9,
        DataType::Boolean | DataType::Null => 1.0,
        numeric if numeric.is_primitive_numeric() => 1.0,
        other => {
            let message =
                format!("the feature `{}` is numeric and its column holds {other}", feature.name);
            return Err(Error::new(Code::InvalidRequest, "FEATURE_TYPE", message));
        }
    };
    let numbers = column.to_physical_repr().cast(&DataType::Float64)?;
    let numbers = numbers.f64()?;
    let one = |number: f64| if number.is_finite() { number / scale } else { f64::NAN };
    Ok(Values::Numeric(match numbers.cont_slice() {
        Ok(numbers) => numbers.iter().map(|number| one(*number)).collect(),
        Err(_) => numbers.iter().map(|number| number.map_or(f64::NAN, one)).collect(),
    }))
}

fn codes(text: &StringChunked) -> Values {
    let mut places: PlHashMap<&str, u32> = PlHashMap::default();
    let mut levels = Vec::new();
    let codes = text.iter().map(|value| {
        let Some(value) = value else { return MISSING };
        *places.entry(value).or_insert_with(|| {
            levels.push(value.to_owned());
            u32::try_from(levels.len() - 1).unwrap_or(MISSING)
        })
    });
    let codes = codes.collect();
    Values::Codes { codes, levels }
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    #[test]
    fn a_feature_that_is_there_twice_is_refused() {
        let table = Table::new(vec![0, 1], df!("a" => [1.0, 2.0]).unwrap()).unwrap();
        let feature =
            FeatureColumn { name: "a".into(), kind: 1, weight: 1.0, ..FeatureColumn::default() };
        let error = matrix(&table, &[feature.clone(), feature]).unwrap_err();
        assert_eq!((error.code, error.reason.as_str()), (Code::InvalidRequest, "FEATURE_TWICE"));
    }
}
