//! Components of packs: their definitions, and the computations built from a definition and its parameters.

use std::sync::Arc;

use anomal_core::{
    Cancel, Result,
    proto::{self, DataType, component::Type},
};
pub(crate) use anomal_registry::{ParameterError, parameters, schema_of, within};
use anomal_spec::Parameters;
use polars::prelude::{
    BooleanChunked, Column, Float64Chunked, Int64Chunked, IntoColumn, NewChunkedArray,
    StringChunked,
};
use schemars::JsonSchema;

use crate::dictionary::{Dictionaries, Dictionary, Key};

/// A component that settings can name.
pub(crate) struct Definition {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    /// Shown by `anomal components` and ListComponents.
    pub description: &'static str,
    pub inputs: &'static [Input],
    pub schema: fn() -> serde_json::Value,
    pub build: fn(&Parameters) -> Result<Computation, ParameterError>,
}

/// A column that a component reads: given by position in `dataNeeded`, or by a parameter of this name.
pub(crate) struct Input {
    pub name: &'static str,
    pub types: &'static [DataType],
    pub optional: bool,
}

impl Input {
    pub const fn text(name: &'static str) -> Self {
        Self { name, types: &[DataType::String], optional: false }
    }

    pub const fn number(name: &'static str) -> Self {
        Self { name, types: &[DataType::Integer, DataType::Float], optional: false }
    }

    pub const fn time(name: &'static str) -> Self {
        Self { name, types: &[DataType::Datetime], optional: false }
    }

    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

/// A component with its parameters: ready to run.
pub(crate) enum Computation {
    Metric(TextFunction),
    /// A metric of a key derived from a text.
    KeyMetric(&'static Key, TextFunction),
    /// A metric of a column that is not text, with the type of its values.
    ColumnMetric(DataType, ColumnFunction),
    /// True for rows to remove; a missing value removes nothing.
    Filter(TextPredicate),
    /// The same for a key derived from a text.
    KeyFilter(&'static Key, TextPredicate),
    NumberFilter(Box<dyn Fn(f64) -> bool + Send + Sync>),
    Direct(Box<dyn DirectFlag>),
    Aggregation(Box<dyn AggregationFlag>),
}

pub(crate) type ColumnFunction = Box<dyn Fn(&Column) -> Result<Column> + Send + Sync>;
pub(crate) type TextPredicate = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// A function of one text. A missing text gives a missing value.
pub(crate) enum TextFunction {
    Integer(Box<dyn Fn(&str) -> Option<i64> + Send + Sync>),
    Float(Box<dyn Fn(&str) -> Option<f64> + Send + Sync>),
    Boolean(Box<dyn Fn(&str) -> Option<bool> + Send + Sync>),
    Text(Box<dyn Fn(&str) -> Option<String> + Send + Sync>),
}

impl TextFunction {
    fn output(&self) -> DataType {
        match self {
            Self::Integer(_) => DataType::Integer,
            Self::Float(_) => DataType::Float,
            Self::Boolean(_) => DataType::Boolean,
            Self::Text(_) => DataType::String,
        }
    }

    /// The value for each row of a dictionary.
    pub fn column(&self, dictionary: &Dictionary) -> Column {
        match self {
            Self::Integer(function) => {
                let values = dictionary.map(function);
                let rows = dictionary.rows(&values).map(Option::<&i64>::copied);
                Int64Chunked::from_iter_options("".into(), rows).into_column()
            }
            Self::Float(function) => {
                let values = dictionary.map(function);
                let rows = dictionary.rows(&values).map(Option::<&f64>::copied);
                Float64Chunked::from_iter_options("".into(), rows).into_column()
            }
            Self::Boolean(function) => {
                let values = dictionary.map(function);
                let rows = dictionary.rows(&values).map(Option::<&bool>::copied);
                BooleanChunked::from_iter_options("".into(), rows).into_column()
            }
            Self::Text(function) => {
                let values = dictionary.map(function);
                let rows = dictionary.rows(&values).map(|text| text.map(String::as_str));
                StringChunked::from_iter_options("".into(), rows).into_column()
            }
        }
    }
}

/// A row that was hit: its position in the columns, and the value that is reported.
pub(crate) type Hit = (usize, String);

/// A flag that depends on one row.
pub(crate) trait DirectFlag: Send + Sync {
    /// Hits by position. The columns are those of [`Definition::inputs`].
    fn hits(&self, inputs: &Inputs<'_>) -> Result<Vec<Hit>>;
}

/// A flag that depends on all rows.
pub(crate) trait AggregationFlag: Send + Sync {
    /// Hits by position. The columns have a single chunk.
    fn hits(&self, inputs: &Inputs<'_>, cancel: &Cancel) -> Result<Vec<Hit>>;
}

/// The columns of a component, in the order of its definition; one that is optional may be absent.
pub(crate) struct Inputs<'a> {
    pub columns: Vec<Option<&'a Column>>,
    pub dictionaries: &'a Dictionaries,
}

impl<'a> Inputs<'a> {
    pub fn get(&self, position: usize) -> Option<&'a Column> {
        self.columns.get(position).copied().flatten()
    }

    /// The dictionary of a text column that the plan has checked.
    pub fn dictionary(&self, position: usize) -> Result<Arc<Dictionary>> {
        self.dictionaries.get(self.required(position)?)
    }

    /// A column that the plan has checked.
    pub fn required(&self, position: usize) -> Result<&'a Column> {
        self.get(position).ok_or_else(|| anomal_core::Error::internal("a component lacks a column"))
    }
}

impl Computation {
    pub fn kind(&self) -> Type {
        match self {
            Self::Metric(_) | Self::KeyMetric(..) | Self::ColumnMetric(..) => Type::Metric,
            Self::Filter(_) | Self::KeyFilter(..) | Self::NumberFilter(_) => Type::Filter,
            Self::Direct(_) => Type::FlagDirect,
            Self::Aggregation(_) => Type::FlagAggregation,
        }
    }

    /// The type of a metric's values.
    pub fn output(&self) -> DataType {
        match self {
            Self::Metric(function) | Self::KeyMetric(_, function) => function.output(),
            Self::ColumnMetric(data_type, _) => *data_type,
            _ => DataType::Unspecified,
        }
    }
}

impl Definition {
    /// The entry of this component in ListComponents.
    pub fn describe(&self, pack: &str) -> proto::Component {
        let computation = (self.build)(&Parameters::default());
        let (kind, output) = computation
            .map_or((Type::Unspecified, DataType::Unspecified), |computation| {
                (computation.kind(), computation.output())
            });
        let input = |input: &Input| proto::component::Input {
            name: input.name.into(),
            data_types: input.types.iter().map(|data_type| (*data_type).into()).collect(),
            optional: input.optional,
        };
        proto::Component {
            pack: pack.into(),
            name: self.name.into(),
            r#type: kind.into(),
            description: self.description.into(),
            inputs: self.inputs.iter().map(input).collect(),
            parameters_schema: (self.schema)().to_string(),
            output: output.into(),
            aliases: self.aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        }
    }
}

/// The parameters of a component that has none.
#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParameters {}

/// A schema with a parameter that must be given.
pub(crate) fn required(mut schema: serde_json::Value, parameter: &str) -> serde_json::Value {
    schema["required"] = serde_json::json!([parameter]);
    schema
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The value of a metric for a text, formatted.
    pub fn evaluate(
        definition: &Definition,
        params: &serde_json::Value,
        text: &str,
    ) -> Option<String> {
        let computation = (definition.build)(params.as_object().unwrap()).unwrap();
        let (text, function) = match computation {
            Computation::Metric(function) => (text.to_owned(), function),
            Computation::KeyMetric(key, function) => ((key.derive)(text), function),
            _ => panic!("{} is not a metric of text", definition.name),
        };
        match function {
            TextFunction::Integer(function) => function(&text).map(|value| value.to_string()),
            TextFunction::Float(function) => function(&text).map(|value| value.to_string()),
            TextFunction::Boolean(function) => function(&text).map(|value| value.to_string()),
            TextFunction::Text(function) => function(&text),
        }
    }
}
