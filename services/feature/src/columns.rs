//! The columns of an input while settings are compiled: lookups by name, and the use of each column.

mod views;

use std::collections::BTreeMap;

use anomal_components::{Component, ComponentRegistry, Lists, Pack};
use anomal_core::{
    Error, FeatureSettings, Result, Scope, column_of_view,
    proto::{Column, DataType, TimeReading, component::Type},
    text_view, time_view,
};
use anomal_spec::suggestion;
use polars::prelude::{DataType as Dtype, Schema, TimeUnit};

use self::views::Usage;
use crate::expression::{Expression, missing_column};

/// The columns and features that a step may read, and how the steps so far read them.
pub(crate) struct Columns<'a> {
    schema: &'a [Column],
    times: &'a [TimeReading],
    components: &'a ComponentRegistry,
    lists: &'a Lists,
    settings: &'a FeatureSettings,
    usage: BTreeMap<String, Usage>,
    /// Features so far, with their types and scopes.
    features: Vec<(String, DataType, Scope)>,
    /// Of a step over the rows of a key that reads columns of the input alone.
    keyed_scope: Scope,
}

impl<'a> Columns<'a> {
    /// The columns of an input, and the components of which those of the settings' packs may be used.
    pub fn new(
        schema: &'a [Column],
        times: &'a [TimeReading],
        components: &'a ComponentRegistry,
        lists: &'a Lists,
        settings: &'a FeatureSettings,
    ) -> Self {
        let (usage, features) = (BTreeMap::new(), Vec::new());
        let keyed_scope = if settings.keyed { Scope::Keyed } else { Scope::Global };
        Self { schema, times, components, lists, settings, usage, features, keyed_scope }
    }

    /// The lists of the job.
    pub fn lists(&self) -> &'a Lists {
        self.lists
    }

    /// Whether the settings name the column of the times of rows.
    pub fn has_time_column(&self) -> bool {
        self.settings.time_column.is_some()
    }

    /// The type of a column, of one of its views, or of a feature.
    pub fn type_of(&self, name: &str) -> DataType {
        if let Some(column) = self.schema.iter().find(|column| column.name == name) {
            return column.data_type();
        }
        if let Some((_, data_type, _)) = self.features.iter().find(|(feature, ..)| feature == name)
        {
            return *data_type;
        }
        if name == time_view(column_of_view(name)) { DataType::Datetime } else { DataType::String }
    }

    pub fn add_feature(&mut self, name: &str, data_type: DataType, scope: Scope) {
        self.features.push((name.to_owned(), data_type, scope));
    }

    /// Takes in the scope of a filter: rows of a key are counted when the filter has removed its own.
    pub fn widen_keyed_scope(&mut self, filter: Scope) {
        if filter > Scope::Row {
            self.keyed_scope = self.keyed_scope.max(filter);
        }
    }

    /// The scope of a step over the rows of a key that reads these columns and features.
    pub fn keyed_scope<'b>(&self, reads: impl IntoIterator<Item = &'b str>) -> Scope {
        let scopes = reads.into_iter().map(|name| self.scope(name));
        scopes.fold(self.keyed_scope, Scope::max)
    }

    /// Of a column or a feature. A column takes precedence over a feature of its name.
    fn scope(&self, name: &str) -> Scope {
        if self.schema.iter().any(|column| column.name == name) {
            return Scope::Row;
        }
        let feature = self.features.iter().find(|feature| feature.0 == name);
        feature.map_or(Scope::Row, |feature| feature.2)
    }

    fn names(&self) -> Vec<&'a str> {
        self.schema.iter().map(|column| column.name.as_str()).collect()
    }

    /// # Errors
    /// The column does not exist, or is the label's.
    fn find(&self, name: &str, path: &str) -> Result<&'a Column> {
        self.check_label(name, path)?;
        self.schema.iter().find(|column| column.name == name).ok_or_else(|| {
            Error::settings(path, "COLUMN_MISSING", missing_column(name, &self.names()))
        })
    }

    /// # Errors
    /// The column is that of the label: a step that reads it would find what it says, and nothing else.
    fn check_label(&self, name: &str, path: &str) -> Result<()> {
        if self.settings.label_column.as_deref() != Some(name) {
            return Ok(());
        }
        let message = format!(
            "`{name}` is the `labelColumn`, which says which rows are anomalies; features, filters and flags can't read \
             it: take it out here, or remove `labelColumn`"
        );
        Err(Error::settings(path, "LABEL_READ", message))
    }

    /// Marks a column as read in its own type.
    ///
    /// # Errors
    /// The column does not exist.
    pub fn read(&mut self, name: &str, path: &str) -> Result<DataType> {
        let column = self.find(name, path)?;
        self.usage.entry(name.to_owned()).or_default().as_typed = true;
        Ok(column.data_type())
    }

    /// Marks a column as read as the text that was read, and returns the name under which that is selected if the column
    /// is read in its own type too.
    ///
    /// # Errors
    /// The column does not exist.
    pub fn read_text(&mut self, name: &str, path: &str) -> Result<String> {
        let column = self.find(name, path)?;
        let used = self.usage.entry(name.to_owned()).or_default();
        if column.data_type() == DataType::String {
            used.as_typed = true;
            return Ok(name.to_owned());
        }
        used.as_text = true;
        Ok(text_view(name))
    }

    /// Marks a column as read by a component that accepts some types only, and returns its name, or that of its text.
    /// Any column can be read as text.
    ///
    /// # Errors
    /// The column does not exist or has another type.
    pub fn read_as(
        &mut self,
        name: &str,
        types: &[DataType],
        component: &str,
        path: &str,
    ) -> Result<String> {
        if types == [DataType::Datetime]
            && let Some(view) = self.time_view(name, component, path)?
        {
            return Ok(view);
        }
        let column = self.find(name, path)?;
        if types.contains(&column.data_type()) {
            self.usage.entry(name.to_owned()).or_default().as_typed = true;
        } else if types == [DataType::String] {
            return self.read_text(name, path);
        } else {
            let wanted: Vec<&str> =
                types.iter().map(|data_type| describe_type(*data_type)).collect();
            let holds = describe_type(column.data_type());
            let remedy = if types == [DataType::Datetime] {
                format!(
                    ", in no known format of times; `types: {{{name}: {{type: datetime, format: '%d.%m.%Y %H:%M'}}}}` in the \
                     input sets the format"
                )
            } else {
                "; its type can be given in the input's `types`".to_owned()
            };
            let wanted = wanted.join(" or ");
            let message =
                format!("{component} needs {wanted} and the column `{name}` holds {holds}{remedy}");
            return Err(Error::settings(path, "TYPE_MISMATCH", message));
        }
        Ok(name.to_owned())
    }

    /// Marks a column as read in any type, or finds a feature, and returns its type.
    ///
    /// # Errors
    /// There is no column or feature of that name.
    pub fn read_value(&mut self, name: &str, path: &str) -> Result<DataType> {
        if let Some(column) = self.schema.iter().find(|column| column.name == name) {
            self.check_label(name, path)?;
            self.usage.entry(name.to_owned()).or_default().as_any = true;
            return Ok(column.data_type());
        }
        let feature = self.features.iter().find(|feature| feature.0 == name);
        feature.map(|feature| feature.1).ok_or_else(|| {
            let mut names = self.names();
            names.extend(self.features.iter().map(|feature| feature.0.as_str()));
            Error::settings(path, "COLUMN_MISSING", missing_column(name, &names))
        })
    }

    /// Marks a column as read as numbers or booleans, or finds such a feature, and returns its type.
    ///
    /// # Errors
    /// There is no column or feature of that name, or it has another type.
    pub fn read_number(&mut self, name: &str, reader: &str, path: &str) -> Result<DataType> {
        const TYPES: &[DataType] = &[DataType::Integer, DataType::Float, DataType::Boolean];
        let data_type = self.read_value(name, path)?;
        if self.schema.iter().any(|column| column.name == name) {
            self.read_as(name, TYPES, reader, path)?;
        } else if !TYPES.contains(&data_type) {
            let message = format!(
                "{reader} needs numbers and the feature `{name}` is {}",
                describe_type(data_type)
            );
            return Err(Error::settings(path, "TYPE_MISMATCH", message));
        }
        Ok(data_type)
    }

    /// Marks the time column as read.
    ///
    /// # Errors
    /// The settings name none, or it is missing or of another type.
    pub fn read_time(&mut self, reader: &str) -> Result<String> {
        let Some(name) = self.settings.time_column.as_deref() else {
            let message = format!(
                "{reader} needs `timeColumn`, the column with the times of the rows; add it to the settings"
            );
            return Err(Error::settings("timeColumn", "TIME_COLUMN_MISSING", message));
        };
        self.read_as(name, &[DataType::Datetime], reader, "timeColumn")
    }

    /// The component of a name, which may be preceded by its pack's name and `/`.
    ///
    /// # Errors
    /// It does not exist, its pack is not enabled, several enabled packs have it, or it is of another type.
    pub fn component(&self, name: &str, wanted: Type, path: &str) -> Result<&'a Component> {
        let found = self.components.find(name);
        let Some((first, _)) = found.first() else {
            let of_type = self.components.packs().flat_map(Pack::components);
            let of_type = of_type.filter(|known| known.component_type() == wanted);
            let hint = suggestion(name, of_type.map(Component::name));
            let message = format!("there is no {} `{name}`; {hint}", type_name(wanted));
            return Err(Error::settings(path, "COMPONENT_UNKNOWN", message));
        };
        let listed =
            |pack: &Pack| self.settings.packs.iter().any(|listed| listed.name() == pack.name());
        let mut enabled = found.iter().filter(|(pack, _)| listed(pack));
        let always = found.iter().find(|(pack, _)| pack.is_always_enabled());
        let Some((pack, component)) = enabled.next().or(always) else {
            let pack = first.name();
            let message = format!("`{name}` belongs to the pack {pack}; add it: `packs: [{pack}]`");
            return Err(Error::settings(path, "PACK_MISSING", message));
        };
        if let Some((other, _)) = enabled.next() {
            let (pack, other) = (pack.name(), other.name());
            let message = format!(
                "the packs {pack} and {other} both have `{name}`; write `{pack}/{name}` or `{other}/{name}`"
            );
            return Err(Error::settings(path, "COMPONENT_AMBIGUOUS", message));
        }
        let found = component.component_type();
        if found != wanted {
            let message =
                format!("`{name}` is a {} and no {}", type_name(found), type_name(wanted));
            return Err(Error::settings(path, "COMPONENT_TYPE", message));
        }
        Ok(component)
    }

    /// Parses an expression: with the type of its values and its scope.
    pub fn expression(&mut self, sql: &str, path: &str) -> Result<(Expression, DataType, Scope)> {
        let names = self.names();
        let mut readable = names.clone();
        let features = self.features.clone();
        readable.extend(features.iter().map(|feature| feature.0.as_str()));
        let expression = Expression::parse(sql, &readable)
            .map_err(|message| Error::settings(path, "EXPRESSION_INVALID", message))?;
        let mut scope = if expression.whole_table { Scope::Global } else { Scope::Row };
        let mut schema = Schema::default();
        for name in &expression.columns {
            let data_type = if names.contains(&name.as_str()) {
                self.read(name, path)?
            } else {
                let feature = features.iter().find(|feature| feature.0 == *name);
                let (_, data_type, of_feature) = feature
                    .ok_or_else(|| Error::internal(format!("the feature {name} is not there")))?;
                scope = scope.max(*of_feature);
                *data_type
            };
            schema.insert(name.as_str().into(), dtype(data_type));
        }
        let data_type = expression
            .data_type(&schema)
            .map_err(|message| Error::settings(path, "EXPRESSION_INVALID", message))?;
        Ok((expression, data_type, scope))
    }

    /// Parses an expression whose values are booleans.
    pub fn predicate(&mut self, sql: &str, path: &str) -> Result<(Expression, Scope)> {
        let (expression, data_type, scope) = self.expression(sql, path)?;
        if data_type != DataType::Boolean {
            let message = format!(
                "this must be true or false for each row; its values are {}",
                describe_type(data_type)
            );
            return Err(Error::settings(path, "EXPRESSION_INVALID", message));
        }
        Ok((expression, scope))
    }
}

pub(crate) fn dtype(data_type: DataType) -> Dtype {
    match data_type {
        DataType::Integer => Dtype::Int64,
        DataType::Float => Dtype::Float64,
        DataType::Boolean => Dtype::Boolean,
        DataType::Datetime => Dtype::Datetime(TimeUnit::Microseconds, None),
        DataType::String | DataType::Unspecified => Dtype::String,
    }
}

/// What a column of this type holds, for messages.
pub fn describe_type(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Integer => "whole numbers",
        DataType::Float => "numbers",
        DataType::Boolean => "truth values",
        DataType::Datetime => "times",
        DataType::String | DataType::Unspecified => "text",
    }
}

fn type_name(component_type: Type) -> &'static str {
    match component_type {
        Type::Metric => "metric",
        Type::Filter => "filter",
        Type::FlagDirect => "direct flag",
        Type::FlagAggregation => "aggregation flag",
        Type::Unspecified => "component",
    }
}
