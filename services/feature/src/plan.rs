//! Settings held against the columns of an input.

use std::collections::BTreeMap;

use anomal_core::{
    Error, FeatureSettings, PlanRequest, Result,
    proto::{Column, DataType, Plan, component::Type},
};
use anomal_proto::SETTINGS_VERSION;
use anomal_spec::{Feature, FeatureType, nearest};
use polars::prelude::{DataFrame, DataType as Dtype, Schema, TimeUnit};

use crate::{
    component::Definition,
    expression::{Expression, missing},
    packs::{self, PACKS},
    program::{Program, Step},
};

/// Features after patterns are expanded.
const MOST_FEATURES: usize = 2_048;

/// # Errors
/// `InvalidSettings` with the path.
pub(crate) fn plan(request: &PlanRequest) -> Result<Plan> {
    let (settings, origins) = expanded(&request.settings, &request.schema)?;
    let program = Program::compile(&settings, &request.schema)
        .map_err(|error| as_written(error, &origins))?;
    let whole: Vec<&Step> = program.steps().filter(|step| step.whole_table).collect();
    let is_feature = |name: &&String| {
        !program.columns.iter().any(|column| column.name == **name)
            && program.features.iter().any(|feature| feature.column.name == **name)
    };
    let mut names: Vec<&String> = whole.iter().flat_map(|step| &step.reads).collect();
    names.sort();
    names.dedup();
    let of_steps = |wanted: bool| {
        names.iter().copied().filter(|name| is_feature(name) == wanted).cloned().collect::<Vec<_>>()
    };
    // What is made in the whole-table phase itself is not sent to it.
    let made_there = |name: &String| {
        program.features.iter().any(|known| known.column.name == *name && known.step.whole_table)
    };
    let whole_table_features =
        of_steps(true).into_iter().filter(|name| !made_there(name)).collect();
    let json = serde_json::to_string(&settings)
        .map_err(|error| Error::internal(format!("settings as JSON: {error}")))?;
    Ok(Plan {
        settings: json,
        settings_version: SETTINGS_VERSION,
        features: program.features.iter().map(|feature| feature.column.clone()).collect(),
        whole_table_features,
        whole_table_columns: of_steps(false),
        whole_table: !whole.is_empty(),
        flags: program.flags.iter().map(|(_, flag)| flag.clone()).collect(),
        diagnostics: program.diagnostics,
        columns: program.columns,
    })
}

/// An error about a feature at its place in the settings as they were written.
fn as_written(mut error: Error, origins: &[usize]) -> Error {
    for violation in &mut error.violations {
        let place = violation.path.strip_prefix("features[").and_then(|rest| rest.split_once(']'));
        let Some((index, rest)) = place else { continue };
        if let Some(origin) = index.parse().ok().and_then(|index: usize| origins.get(index)) {
            violation.path = format!("features[{origin}]{rest}");
        }
    }
    error
}

/// The settings with `match` patterns replaced by the columns that they stand for, and the place of each
/// feature before.
fn expanded(
    settings: &FeatureSettings,
    schema: &[Column],
) -> Result<(FeatureSettings, Vec<usize>)> {
    let (mut features, mut origins) = (Vec::new(), Vec::new());
    for (index, feature) in settings.features.iter().enumerate() {
        origins.resize(features.len(), index.saturating_sub(1));
        let Some(pattern) = &feature.pattern else {
            features.push(feature.clone());
            continue;
        };
        let excepted = |name: &str| feature.except.iter().any(|except| matches(except, name));
        let before = features.len();
        features.extend(
            schema
                .iter()
                .filter(|column| matches(pattern, &column.name) && !excepted(&column.name))
                .map(|column| Feature {
                    feature_type: FeatureType::Field,
                    name: Some(column.name.clone()),
                    pattern: None,
                    except: Vec::new(),
                    ..feature.clone()
                }),
        );
        if features.len() == before {
            let names: Vec<&str> = schema.iter().map(|column| column.name.as_str()).collect();
            let message = format!("no column matches `{pattern}`; there are {}", names.join(", "));
            return Err(Error::settings(format!("features[{index}].match"), "NO_MATCH", message));
        }
    }
    if features.len() > MOST_FEATURES {
        let message = format!("{} features; at most {MOST_FEATURES} are allowed", features.len());
        return Err(Error::settings("features", "TOO_MANY_FEATURES", message));
    }
    origins.resize(features.len(), settings.features.len().saturating_sub(1));
    Ok((FeatureSettings { features, ..settings.clone() }, origins))
}

/// `*` stands for any characters, `?` for one.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            // The last star takes one character more.
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// How a column is used: its type as it is, or as text.
#[derive(Clone, Copy, Default)]
struct Use {
    as_it_is: bool,
    as_text: bool,
}

/// The columns that there are, and what is read of them.
pub(crate) struct Columns<'a> {
    schema: &'a [Column],
    packs: &'a [String],
    used: BTreeMap<String, Use>,
    /// Features so far, with their types and whether they need the whole table.
    features: Vec<(String, DataType, bool)>,
}

impl<'a> Columns<'a> {
    pub fn new(schema: &'a [Column], packs: &'a [String]) -> Self {
        Self { schema, packs, used: BTreeMap::new(), features: Vec::new() }
    }

    pub fn add_feature(&mut self, name: &str, data_type: DataType, whole_table: bool) {
        self.features.push((name.to_owned(), data_type, whole_table));
    }

    fn names(&self) -> Vec<&'a str> {
        self.schema.iter().map(|column| column.name.as_str()).collect()
    }

    fn find(&self, name: &str, path: &str) -> Result<&'a Column> {
        self.schema
            .iter()
            .find(|column| column.name == name)
            .ok_or_else(|| Error::settings(path, "COLUMN_MISSING", missing(name, &self.names())))
    }

    /// Reads a column as it is.
    pub fn read(&mut self, name: &str, path: &str) -> Result<DataType> {
        let column = self.find(name, path)?;
        self.used.entry(name.to_owned()).or_default().as_it_is = true;
        Ok(column.data_type())
    }

    /// Reads a column for a component that takes some types only.
    pub fn read_as(
        &mut self,
        name: &str,
        types: &[DataType],
        component: &str,
        path: &str,
    ) -> Result<()> {
        let column = self.find(name, path)?;
        let used = self.used.entry(name.to_owned()).or_default();
        if types.contains(&column.data_type()) {
            used.as_it_is = true;
        } else if types == [DataType::String] {
            used.as_text = true;
        } else {
            let wanted: Vec<&str> = types.iter().map(|of| kind(*of)).collect();
            let message = format!(
                "{component} needs {} and the column `{name}` holds {}; its type can be given in the input's `types`",
                wanted.join(" or "),
                kind(column.data_type())
            );
            return Err(Error::settings(path, "TYPE_MISMATCH", message));
        }
        Ok(())
    }

    /// A component that settings may use here.
    pub fn component(&self, name: &str, wanted: Type, path: &str) -> Result<&'static Definition> {
        let Some((pack, definition)) = packs::find(name) else {
            let of_type = PACKS.iter().flat_map(|pack| pack.components).filter(|known| {
                (known.build)(&anomal_spec::Parameters::default())
                    .is_ok_and(|built| built.kind() == wanted)
            });
            let names: Vec<&str> = of_type.map(|known| known.name).collect();
            let hint = match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.join(", ")),
            };
            let message = format!("there is no {} `{name}`; {hint}", type_name(wanted));
            return Err(Error::settings(path, "COMPONENT_UNKNOWN", message));
        };
        if !self.packs.iter().any(|listed| listed == pack) {
            let message = format!("`{name}` belongs to the pack {pack}; add it: `packs: [{pack}]`");
            return Err(Error::settings(path, "PACK_MISSING", message));
        }
        let built = (definition.build)(&anomal_spec::Parameters::default());
        if let Ok(built) = built
            && built.kind() != wanted
        {
            let message =
                format!("`{name}` is a {} and no {}", type_name(built.kind()), type_name(wanted));
            return Err(Error::settings(path, "COMPONENT_TYPE", message));
        }
        Ok(definition)
    }

    /// An expression with the type of its values and whether it needs the whole table.
    pub fn expression(&mut self, sql: &str, path: &str) -> Result<(Expression, DataType, bool)> {
        let names = self.names();
        let mut known = names.clone();
        let features = self.features.clone();
        known.extend(features.iter().map(|feature| feature.0.as_str()));
        let expression = Expression::parse(sql, &known)
            .map_err(|message| Error::settings(path, "EXPRESSION_INVALID", message))?;
        let mut whole_table = expression.whole_table;
        let mut schema = Schema::default();
        for name in &expression.columns {
            let data_type = if names.contains(&name.as_str()) {
                self.read(name, path)?
            } else {
                let feature = features.iter().find(|feature| feature.0 == *name);
                let (_, data_type, whole) = feature
                    .ok_or_else(|| Error::internal(format!("the feature {name} is not there")))?;
                whole_table |= whole;
                *data_type
            };
            schema.insert(name.as_str().into(), dtype(data_type));
        }
        let value = expression.evaluate(&DataFrame::empty_with_schema(&schema));
        let value = value.map_err(|error| {
            Error::settings(path, "EXPRESSION_INVALID", format!("it can't be computed: {error}"))
        })?;
        let data_type = match value.dtype() {
            Dtype::Boolean => DataType::Boolean,
            Dtype::String => DataType::String,
            Dtype::Date | Dtype::Datetime(..) => DataType::Datetime,
            of if of.is_integer() => DataType::Integer,
            of if of.is_float() || matches!(of, Dtype::Null | Dtype::Duration(_)) => {
                DataType::Float
            }
            other => {
                let message =
                    format!("its values are of type {other}, which no feature has; use CAST");
                return Err(Error::settings(path, "EXPRESSION_INVALID", message));
            }
        };
        Ok((expression, data_type, whole_table))
    }

    /// An expression that is true or false.
    pub fn predicate(&mut self, sql: &str, path: &str) -> Result<(Expression, bool)> {
        let (expression, data_type, whole_table) = self.expression(sql, path)?;
        if data_type != DataType::Boolean {
            let message = format!(
                "this must be true or false for each row; its values are {}",
                kind(data_type)
            );
            return Err(Error::settings(path, "EXPRESSION_INVALID", message));
        }
        Ok((expression, whole_table))
    }

    /// The columns that are read, in input order, with the types that they must have.
    pub fn used(&self) -> Result<Vec<Column>> {
        let mut columns = Vec::new();
        for column in self.schema {
            let Some(used) = self.used.get(&column.name) else { continue };
            if used.as_it_is && used.as_text {
                let message = format!(
                    "the column `{}` is used as text and as {}; give it one type in the input's `types`",
                    column.name,
                    kind(column.data_type())
                );
                return Err(Error::settings("features", "TYPE_MISMATCH", message));
            }
            let data_type = if used.as_text { DataType::String.into() } else { column.data_type };
            columns.push(Column { name: column.name.clone(), data_type });
        }
        Ok(columns)
    }
}

pub(crate) fn dtype(of: DataType) -> Dtype {
    match of {
        DataType::Integer => Dtype::Int64,
        DataType::Float => Dtype::Float64,
        DataType::Boolean => Dtype::Boolean,
        DataType::Datetime => Dtype::Datetime(TimeUnit::Microseconds, None),
        DataType::String | DataType::Unspecified => Dtype::String,
    }
}

fn kind(of: DataType) -> &'static str {
    match of {
        DataType::Integer => "whole numbers",
        DataType::Float => "numbers",
        DataType::Boolean => "truth values",
        DataType::Datetime => "times",
        DataType::String | DataType::Unspecified => "text",
    }
}

fn type_name(of: Type) -> &'static str {
    match of {
        Type::Metric => "metric",
        Type::Filter => "filter",
        Type::FlagDirect => "direct flag",
        Type::FlagAggregation => "aggregation flag",
        Type::Unspecified => "component",
    }
}
