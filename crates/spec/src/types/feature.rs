use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Parameters;

/// Rows that are left out: a component of a pack by `name`, or an SQL predicate in `remove`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filter {
    /// The component, or the filter's own name where it has `remove`.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Columns that the component reads, in the order that it names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub data_needed: Vec<String>,
    /// The component's parameters.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub params: Parameters,
    /// A Polars SQL predicate over the columns; rows for which it holds are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub remove: Option<String>,
}

/// A column of the feature table. Which fields go together depends on `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Feature {
    /// What it is made from.
    #[serde(rename = "type")]
    pub feature_type: FeatureType,
    /// field: the column. metric: the component. expression, aggregate: the feature's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// field: a pattern of column names (`*` and `?`) in place of `name`, in input order.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub pattern: Option<String>,
    /// field with `match`: patterns of names to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)))]
    pub except: Vec<String>,
    /// metric: the columns that it reads, in the order that it names them. field: the column, where
    /// `name` is another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub data_needed: Vec<String>,
    /// metric: its parameters.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub params: Parameters,
    /// expression: Polars SQL over the columns and the features above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub expression: Option<String>,
    /// aggregate: what is computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<AggregateFunction>,
    /// aggregate: the column or feature with the values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub of: Option<String>,
    /// aggregate: a Polars SQL predicate over the columns and the features above; rows for which it holds are counted.
    /// Absent: all rows.
    #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub condition: Option<String>,
    /// aggregate: the columns and features of the key, such as a client's address. A missing value is a value. Absent:
    /// the first of `entity`. Empty, or without `entity`: all rows have the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253)))]
    pub by: Option<Vec<String>>,
    /// aggregate: the length of the window that ends with the row, such as `5m` (s, m, h, d or w). Absent: all rows of the
    /// key up to the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub window: Option<String>,
    /// The feature's name, where it is not `name`.
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub alias: Option<String>,
    /// Its weight, >= 0; 0 keeps it in the report and out of the distance.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0, max = 1e9))]
    pub multiplier: f64,
    /// How it is compared; by default from the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<FeatureKind>,
    /// Numbers that stand for something else, such as `"-1": unknown`: people read the text instead, and no median counts
    /// them. Files have the number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16, "additionalProperties" = {"type": "string", "maxLength": 80}))]
    pub values: BTreeMap<String, String>,
}

/// What a feature is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FeatureType {
    /// A column as it is.
    Field,
    /// A component of a pack, computed from columns.
    Metric,
    /// An SQL expression.
    Expression,
    /// A figure over the rows with the same key, in the window that ends with the row.
    Aggregate,
}

/// What an aggregate computes over the counted rows of the key in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AggregateFunction {
    /// The number of rows; with `of`, of those that have a value.
    Count,
    /// The number of different values.
    Distinct,
    /// The sum of the values.
    Sum,
    /// The mean of the values; without `of`, the share of the rows for which `where` holds.
    Mean,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The standard deviation of the values, of a sample (n - 1).
    Stddev,
    /// How far the value of this row is beyond the smallest and the largest one before, as a share of the range with it.
    Exceedance,
    /// Rows a second of the window; with `of`, of those that have a value.
    Rate,
    /// The share of the rows for which `where` holds; with `of`, of the rows with the value of this row.
    Share,
    /// Seconds since the previous row.
    SinceLast,
}

impl AggregateFunction {
    /// As settings have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Distinct => "distinct",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Stddev => "stddev",
            Self::Exceedance => "exceedance",
            Self::Rate => "rate",
            Self::Share => "share",
            Self::SinceLast => "sinceLast",
        }
    }
}

/// How a feature is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FeatureKind {
    Numeric,
    Categorical,
    Boolean,
}

/// A direct indicator: a component of a pack by `name`, or (direct flags) an SQL predicate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flag {
    /// What it judges a row by.
    #[serde(rename = "type")]
    pub flag_type: FlagType,
    /// The component, or the flag's own name where it has `expression`.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The flag's name in the results, where it is not `name`.
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub alias: Option<String>,
    /// Columns that the component reads, in the order that it names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub data_needed: Vec<String>,
    /// The component's parameters.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub params: Parameters,
    /// aggregation: the length of the window that ends with the row, such as `1h` (s, m, h, d or w): the row is judged with
    /// those of the window before it, in a stream too. Absent: with all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub window: Option<String>,
    /// A Polars SQL predicate: rows for which it holds are hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub expression: Option<String>,
    /// How bad it is when a row is hit. Absent: as the component of a pack says, else low.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// What it means when a row is hit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1024))]
    pub description: String,
    /// Reported when there are hits; `{count}` is their number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1024))]
    pub message: String,
    /// The title of an incident that the flag leads, with `{count}`, `{actor}`, `{target}` and `{time}` (`in 3 min`).
    /// Absent: that of the component, else `message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub title: Option<String>,
}

/// What a flag judges a row by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FlagType {
    /// Judges a row by itself.
    Direct,
    /// Judges a row by all rows, or by those of a `window`.
    Aggregation,
}

/// How bad a hit is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    #[default]
    Low,
    Medium,
    High,
}

fn one() -> f64 {
    1.0
}
