//! Settings compiled against the columns of an input: steps with their inputs and scopes.

use anomal_components::{ComponentRegistry, Input, Pack};
use anomal_core::{
    Error, FeatureSettings, Result, Scope,
    proto::{
        Column, DataType, Diagnostic, FeatureColumn, FeatureKind, NamedNumber, Severity,
        TimeReading, component::Type, plan,
    },
    words,
};
use anomal_packs::Digest;
use anomal_spec::{
    Feature, FeatureKind as WantedKind, FeatureType, Filter, Flag, FlagType, PackSetting,
    suggestion,
};

use crate::{
    aggregate::Aggregate,
    binding::bind_component,
    columns::Columns,
    findings::facts_of_expression,
    lists::JobLists,
    packs::{AvailablePacks, JobPacks},
    step::{Step, Work},
    window_flag::bind_window,
};

/// The names of a title that each flag has.
const TITLE_NAMES: [&str; 4] = ["count", "actor", "target", "time"];

/// A step that computes a feature.
pub(crate) struct FeatureStep {
    pub step: Step,
    pub column: FeatureColumn,
    /// The type of the feature.
    pub data_type: DataType,
}

/// Compiled settings.
pub(crate) struct Program {
    /// The input columns that are read, in input order.
    pub columns: Vec<Column>,
    pub filters: Vec<Step>,
    pub features: Vec<FeatureStep>,
    pub flags: Vec<(Step, plan::Flag)>,
    pub diagnostics: Vec<Diagnostic>,
    /// The packs that the settings name by digest.
    pub packs: Vec<Digest>,
}

impl Program {
    /// # Errors
    /// `InvalidSettings` with the path.
    pub fn compile(
        settings: &FeatureSettings,
        schema: &[Column],
        times: &[TimeReading],
        packs: &AvailablePacks,
    ) -> Result<Self> {
        let JobPacks { components, mut digests } = packs.for_job(&settings.packs)?;
        let components = &components;
        let JobLists { lists, diagnostics } = packs.lists_for_job(settings, &mut digests)?;
        check_packs(&settings.packs, components)?;
        let mut columns = Columns::new(schema, times, components, &lists, settings);
        let mut program = Self {
            columns: Vec::new(),
            filters: Vec::new(),
            features: Vec::new(),
            flags: Vec::new(),
            diagnostics,
            packs: digests,
        };
        for (index, filter) in settings.filters.iter().enumerate() {
            let step = filter_step(filter, &format!("filters[{index}]"), &mut columns)?;
            columns.widen_keyed_scope(step.scope);
            program.filters.push(step);
        }
        for (index, feature) in settings.features.iter().enumerate() {
            let path = format!("features[{index}]");
            let step = program.feature_step(feature, &path, &mut columns)?;
            columns.add_feature(&step.column.name, step.data_type, step.step.scope);
            program.features.push(step);
        }
        for (index, flag) in settings.flags.iter().enumerate() {
            let path = format!("flags[{index}]");
            let name = flag.alias.as_ref().unwrap_or(&flag.name);
            if program.flags.iter().any(|(_, known)| known.name == *name) {
                return Err(duplicate_name(&path, "flag", name));
            }
            program.flags.push(flag_step(flag, name, &path, &mut columns)?);
        }
        if let Some(name) = &settings.time_column {
            columns.read_row_time(name)?;
        }
        program.steps_mut().for_each(|step| step.settle_names(&columns));
        for (index, (step, flag)) in program.flags.iter_mut().enumerate() {
            if !matches!(step.work, Work::Component { .. } | Work::Window(_)) {
                flag.facts = facts_of_expression(&step.work, &columns);
            }
            check_title(flag, &format!("flags[{index}].title"))?;
        }
        program.columns = columns.to_read();
        Ok(program)
    }

    /// Compiles the settings of a plan, as JSON.
    ///
    /// # Errors
    /// `InvalidSettings` if they are not those of a plan; those of [`Program::compile`].
    pub fn from_plan(settings: &str, schema: &[Column], packs: &AvailablePacks) -> Result<Self> {
        // The columns of a plan have the types in which they are read.
        Self::compile(&settings_of_plan(settings)?, schema, &[], packs)
    }

    /// All steps, in the order in which they run.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        let features = self.features.iter().map(|feature| &feature.step);
        let flags = self.flags.iter().map(|(step, _)| step);
        self.filters.iter().chain(features).chain(flags)
    }

    fn steps_mut(&mut self) -> impl Iterator<Item = &mut Step> {
        let features = self.features.iter_mut().map(|feature| &mut feature.step);
        let flags = self.flags.iter_mut().map(|(step, _)| step);
        self.filters.iter_mut().chain(features).chain(flags)
    }

    fn feature_step(
        &self,
        feature: &Feature,
        path: &str,
        columns: &mut Columns,
    ) -> Result<FeatureStep> {
        let name = feature.alias.as_ref().or(feature.name.as_ref());
        let name =
            name.ok_or_else(|| Error::settings(path, "NAME_MISSING", "a feature has a name"))?;
        if self.features.iter().any(|known| known.column.name == *name) {
            return Err(duplicate_name(path, "feature", name));
        }
        let mut named = named_numbers(feature, path)?;
        let (work, data_type, scope, origin) = match feature.feature_type {
            FeatureType::Field => {
                let column = feature.data_needed.first().or(feature.name.as_ref()).unwrap_or(name);
                let place = format!("{path}.name");
                let origin = format!("field {column}");
                if feature.kind == Some(WantedKind::Categorical) {
                    // Labels never pass through numbers: 007 is not 7.
                    let text = columns.read_text(column, &place)?;
                    (Work::Field(text), DataType::String, Scope::Row, origin)
                } else {
                    let data_type = columns.read(column, &place)?;
                    (Work::Field(column.clone()), data_type, Scope::Row, origin)
                }
            }
            FeatureType::Metric => {
                let component = feature.name.as_ref().unwrap_or(name);
                let bound = bind_component(
                    component,
                    Type::Metric,
                    &feature.data_needed,
                    &feature.params,
                    path,
                    columns,
                )?;
                if let Work::Component { computation, .. } = &bound.work {
                    let known =
                        |other: &NamedNumber| named.iter().all(|n| n.number != other.number);
                    let more: Vec<_> =
                        computation.named().iter().filter(|other| known(other)).cloned().collect();
                    named.extend(more);
                }
                (bound.work, bound.data_type, bound.scope, format!("metric {component}"))
            }
            FeatureType::Expression => {
                let (expression, data_type, scope) = columns.expression(
                    feature.expression.as_deref().unwrap_or_default(),
                    &format!("{path}.expression"),
                )?;
                (Work::Expression(expression), data_type, scope, "expression".to_owned())
            }
            FeatureType::Aggregate => {
                let (aggregate, data_type, scope) =
                    Aggregate::compile(feature, name, path, columns)?;
                let origin = format!("aggregate {}", aggregate.function.name());
                (Work::Aggregate(aggregate), data_type, scope, origin)
            }
        };
        let kind = feature_kind(data_type, feature.kind, &format!("{path}.kind"))?;
        let column = FeatureColumn {
            name: name.clone(),
            kind: kind.into(),
            weight: feature.multiplier,
            origin,
            named,
        };
        if kind != FeatureKind::Numeric && !column.named.is_empty() {
            let message = format!("`values` names numbers, and the values of `{name}` are none");
            return Err(Error::settings(format!("{path}.values"), "VALUES_INVALID", message));
        }
        let data_type = match (data_type, kind) {
            // Seconds since the epoch.
            (DataType::Datetime, _) => DataType::Float,
            (DataType::Boolean, FeatureKind::Numeric) => DataType::Integer,
            (other, _) => other,
        };
        let step = Step::new(name, work, scope);
        Ok(FeatureStep { step, column, data_type })
    }
}

/// # Errors
/// `InvalidSettings` if they are not those of a plan.
pub(crate) fn settings_of_plan(settings: &str) -> Result<FeatureSettings> {
    serde_json::from_str(settings).map_err(|error| {
        let message = format!("the settings are not those of a plan: {error}");
        Error::settings("", "SETTINGS_INVALID", message)
    })
}

/// The names that the settings give to numbers of a feature.
fn named_numbers(feature: &Feature, path: &str) -> Result<Vec<NamedNumber>> {
    let named = feature.values.iter().map(|(number, text)| match number.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(NamedNumber { number: value, text: text.clone() }),
        _ => {
            let message = format!(
                "`{number}` is not a number; `values` names numbers, such as \"-1\": unknown"
            );
            Err(Error::settings(format!("{path}.values.{number}"), "VALUES_INVALID", message))
        }
    });
    named.collect()
}

pub(crate) fn check_packs(packs: &[PackSetting], components: &ComponentRegistry) -> Result<()> {
    let names = || components.packs().map(Pack::name);
    let Some(index) = packs.iter().position(|pack| !names().any(|name| name == pack.name())) else {
        return Ok(());
    };
    let name = packs[index].name();
    let hint = suggestion(name, names());
    let message = format!("there is no pack `{name}`; {hint}");
    Err(Error::settings(format!("packs[{index}]"), "PACK_UNKNOWN", message))
}

fn filter_step(filter: &Filter, path: &str, columns: &mut Columns) -> Result<Step> {
    if let Some(remove) = &filter.remove {
        let path = format!("{path}.remove");
        let (expression, scope) = columns.predicate(remove, &path)?;
        return Ok(Step::new(&filter.name, Work::Expression(expression), scope));
    }
    let bound = bind_component(
        &filter.name,
        Type::Filter,
        &filter.data_needed,
        &filter.params,
        path,
        columns,
    )?;
    bound.expect_truth_values(path)?;
    Ok(Step::new(&filter.name, bound.work, bound.scope))
}

/// The type of the components that a flag may name.
pub(crate) fn component_type(flag: &Flag) -> Type {
    match flag.flag_type {
        FlagType::Direct => Type::FlagDirect,
        FlagType::Aggregation => Type::FlagAggregation,
    }
}

fn flag_step(
    flag: &Flag,
    name: &str,
    path: &str,
    columns: &mut Columns,
) -> Result<(Step, plan::Flag)> {
    let (mut own_severity, mut description, mut message) = (None, String::new(), String::new());
    let (mut key, mut title) = (Vec::new(), String::new());
    let (mut facts, mut value) = (Vec::new(), String::new());
    let mut inputs: &[Input] = &[];
    let (mut work, mut scope) = if let Some(sql) = &flag.expression {
        let (expression, scope) = columns.predicate(sql, &format!("{path}.expression"))?;
        (Work::Expression(expression), scope)
    } else {
        let bound = bind_component(
            &flag.name,
            component_type(flag),
            &flag.data_needed,
            &flag.params,
            path,
            columns,
        )?;
        bound.expect_truth_values(path)?;
        if let Some(definition) = bound.definition {
            own_severity = definition.severity;
            definition.description.clone_into(&mut description);
            message = definition.message.clone().unwrap_or_default();
        }
        inputs = bound.inputs;
        (key, title) = (bound.key, bound.title.to_owned());
        (facts, value) = (bound.facts, bound.value.to_owned());
        (bound.work, bound.scope)
    };
    if let Some(window) = &flag.window {
        (work, scope) = bind_window(flag, window, work, inputs, path, columns)?;
    }
    let severity = match flag.severity.or(own_severity).unwrap_or_default() {
        anomal_spec::Severity::Low => Severity::Low,
        anomal_spec::Severity::Medium => Severity::Medium,
        anomal_spec::Severity::High => Severity::High,
    };
    let planned = plan::Flag {
        name: name.to_owned(),
        severity: severity.into(),
        description: if flag.description.is_empty() {
            description
        } else {
            flag.description.clone()
        },
        message: if flag.message.is_empty() { message } else { flag.message.clone() },
        key,
        title: flag.title.clone().unwrap_or(title),
        facts,
        value,
    };
    Ok((Step::new(name, work, scope), planned))
}

/// # Errors
/// `InvalidSettings` if a title has a name that nothing has.
fn check_title(flag: &plan::Flag, path: &str) -> Result<()> {
    let known = || {
        let facts = flag.facts.iter().map(|fact| fact.name.as_str());
        TITLE_NAMES.into_iter().chain(facts)
    };
    let unknown = words::names_in(&flag.title).find(|name| !known().any(|known| known == *name));
    let Some(name) = unknown else { return Ok(()) };
    let hint = suggestion(name, known());
    let message = format!("a title of this flag has no {{{name}}}; {hint}");
    Err(Error::settings(path, "TITLE_INVALID", message))
}

fn duplicate_name(path: &str, what: &str, name: &str) -> Error {
    let message =
        format!("a {what} above has the name `{name}` already; rename one of them with `as`");
    Error::settings(format!("{path}.name"), "NAME_TWICE", message)
}

fn feature_kind(
    data_type: DataType,
    wanted: Option<WantedKind>,
    path: &str,
) -> Result<FeatureKind> {
    let natural = match data_type {
        DataType::Integer | DataType::Float | DataType::Datetime => FeatureKind::Numeric,
        DataType::Boolean => FeatureKind::Boolean,
        DataType::String | DataType::Unspecified => FeatureKind::Categorical,
    };
    let refuse = |kind: &str| {
        let message =
            format!("its values are not {kind}; leave `kind` out, or set it to categorical");
        Err(Error::settings(path, "KIND_INVALID", message))
    };
    match (wanted, natural) {
        (None, natural) => Ok(natural),
        (Some(WantedKind::Categorical), _) => Ok(FeatureKind::Categorical),
        (Some(WantedKind::Numeric), FeatureKind::Categorical) => refuse("numbers"),
        (Some(WantedKind::Numeric), _) => Ok(FeatureKind::Numeric),
        (Some(WantedKind::Boolean), FeatureKind::Boolean) => Ok(FeatureKind::Boolean),
        (Some(WantedKind::Boolean), _) => refuse("truth values"),
    }
}
