//! The feature table in the form that detectors compute on.

/// The code of a missing value.
pub const MISSING: u32 = u32::MAX;

/// Columns of equal length, each with its weight.
#[derive(Clone, Debug)]
pub struct Matrix {
    pub rows: usize,
    pub columns: Vec<MatrixColumn>,
}

#[derive(Clone, Debug)]
pub struct MatrixColumn {
    pub name: String,
    /// The feature's multiplier, >= 0.
    pub weight: f64,
    pub values: Values,
}

#[derive(Clone, Debug)]
pub enum Values {
    /// Finite numbers; NaN where missing.
    Numeric(Vec<f64>),
    /// Categories and booleans as codes in order of first appearance, with the text of each code; [`MISSING`]
    /// where missing.
    Codes { codes: Vec<u32>, levels: Vec<String> },
}

impl Matrix {
    /// Some of the rows, in the order given.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let column = |column: &MatrixColumn| MatrixColumn {
            name: column.name.clone(),
            weight: column.weight,
            values: match &column.values {
                Values::Numeric(values) => {
                    Values::Numeric(rows.iter().map(|row| values[*row]).collect())
                }
                Values::Codes { codes, levels } => Values::Codes {
                    codes: rows.iter().map(|row| codes[*row]).collect(),
                    levels: levels.clone(),
                },
            },
        };
        Self { rows: rows.len(), columns: self.columns.iter().map(column).collect() }
    }
}
