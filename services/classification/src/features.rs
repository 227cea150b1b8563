//! The feature table as a matrix.

use std::collections::HashMap;

use anomal_core::{
    Error, Result, Table,
    proto::{FeatureColumn, FeatureKind},
};
use polars::prelude::{Column, DataType, StringChunked};
use rayon::prelude::*;

use crate::matrix::{MISSING, Matrix, MatrixColumn, Values};

/// # Errors
/// `InvalidRequest` if the table's columns are not the features.
pub(crate) fn matrix(table: &Table, features: &[FeatureColumn]) -> Result<Matrix> {
    let columns: Vec<MatrixColumn> = features
        .par_iter()
        .map(|feature| {
            let column = table.columns().column(&feature.name).map_err(|_| {
                Error::new(
                    anomal_core::Code::InvalidRequest,
                    "FEATURE_MISSING",
                    format!("the table has no column for the feature `{}`", feature.name),
                )
            })?;
            Ok(MatrixColumn {
                name: feature.name.clone(),
                weight: feature.weight,
                values: values(&column.rechunk(), feature.kind())?,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Matrix { rows: table.height(), columns })
}

fn values(column: &Column, kind: FeatureKind) -> Result<Values> {
    if kind == FeatureKind::Numeric {
        let numbers = column.to_physical_repr().cast(&DataType::Float64)?;
        let numbers = numbers.f64()?;
        let finite = |number: Option<f64>| number.filter(|n| n.is_finite()).unwrap_or(f64::NAN);
        return Ok(Values::Numeric(numbers.iter().map(finite).collect()));
    }
    let text = column.cast(&DataType::String)?;
    Ok(codes(text.str()?))
}

fn codes(text: &StringChunked) -> Values {
    let mut places: HashMap<&str, u32> = HashMap::new();
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
