//! The definition of a component.

use anomal_core::proto::{
    self, DataType,
    component::Type,
    plan::{FactUnit, KeySide},
};
use anomal_indicators::Lists;
use anomal_registry::{ParameterError, parameters, schema_of};
use anomal_spec::{ComponentDefinition, Parameters};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

use crate::computation::{AggregationFlag, Computation, DirectFlag, Filter, Metric, MetricValue};

/// What builds a component: a function, or an expression that the engine evaluates.
enum Build {
    Native(NativeBuild),
    Declared(Box<ComponentDefinition>),
}

type NativeBuild =
    Box<dyn Fn(&Parameters, &Lists) -> Result<Computation, ParameterError> + Send + Sync>;

/// A metric, filter or flag that settings can name.
///
/// Each constructor takes a function from deserialised parameters `P` to the computation. A field of `P` without a
/// default is a parameter that settings must give. The schema of `P` is that of the parameters.
pub struct Component {
    name: String,
    aliases: Vec<String>,
    description: String,
    inputs: Vec<Input>,
    component_type: Type,
    output: DataType,
    schema: serde_json::Value,
    build: Build,
    key: Vec<KeyPart>,
    title: String,
    facts: Vec<Fact>,
    value: String,
}

/// A figure or a text that a flag reports of what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    pub name: &'static str,
    /// How it is written for people.
    pub unit: FactUnit,
}

impl Fact {
    pub const fn new(name: &'static str, unit: FactUnit) -> Self {
        Self { name, unit }
    }
}

/// A part of the key by which the hits of a flag are grouped: an input, and what its values are to the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPart {
    pub input: &'static str,
    pub side: KeySide,
    /// Whether names are compared by their registered domains.
    pub registered_domain: bool,
}

impl KeyPart {
    /// What acts.
    pub const fn actor(input: &'static str) -> Self {
        Self { input, side: KeySide::Actor, registered_domain: false }
    }

    /// The domain that is acted on, of a column of names.
    pub const fn target_domain(input: &'static str) -> Self {
        Self { input, side: KeySide::Target, registered_domain: true }
    }

    /// A value that neither acts nor is acted on.
    pub const fn value(input: &'static str) -> Self {
        Self { input, side: KeySide::Unspecified, registered_domain: false }
    }
}

/// The description of a component that is read at run time.
#[derive(Clone, Debug)]
pub struct Description {
    pub name: String,
    /// A sentence, shown to users.
    pub text: String,
    pub inputs: Vec<Input>,
    pub component_type: Type,
    /// The type of a metric's values; `Unspecified` for other components.
    pub output: DataType,
    /// The JSON Schema of the parameters, which is that of an object.
    pub schema: serde_json::Value,
}

/// A column that a component reads: given by position in `dataNeeded`, or by a parameter of this name.
#[derive(Clone, Debug)]
pub struct Input {
    pub name: String,
    /// The types that are accepted. Any column can be read as text.
    pub types: Vec<DataType>,
    pub optional: bool,
    /// Whether its texts are lists in any of the forms of [`list_items`](anomal_core::list_items).
    pub list: bool,
    /// Whether it is the time of the row: the job's `timeColumn` where settings give no other column.
    pub row_time: bool,
}

impl Input {
    pub fn text(name: &str) -> Self {
        Self::new(name, &[DataType::String])
    }

    /// Texts that are lists.
    pub fn list(name: &str) -> Self {
        Self { list: true, ..Self::text(name) }
    }

    pub fn number(name: &str) -> Self {
        Self::new(name, &[DataType::Integer, DataType::Float])
    }

    pub fn time(name: &str) -> Self {
        Self::new(name, &[DataType::Datetime])
    }

    /// The time of the row, which may be unknown.
    pub fn row_time() -> Self {
        Self { row_time: true, ..Self::time("time").optional() }
    }

    /// An input that settings can omit.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    fn new(name: &str, types: &[DataType]) -> Self {
        let types = types.to_vec();
        Self { name: name.to_owned(), types, optional: false, list: false, row_time: false }
    }
}

/// The parameters of a component that has none.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoParameters {}

impl Component {
    /// A metric with values of type `T`. Its description is a sentence, shown to users.
    pub fn metric<P: DeserializeOwned + JsonSchema, T: MetricValue>(
        name: &str,
        description: &str,
        inputs: impl Into<Vec<Input>>,
        build: impl Fn(P) -> Result<Metric<T>, ParameterError> + Send + Sync + 'static,
    ) -> Self {
        let build = move |parameters| build(parameters).map(Computation::from);
        Self::new(Type::Metric, name, description, inputs.into(), build).with_output(T::DATA_TYPE)
    }

    /// A filter.
    pub fn filter<P: DeserializeOwned + JsonSchema>(
        name: &str,
        description: &str,
        inputs: impl Into<Vec<Input>>,
        build: impl Fn(P) -> Result<Filter, ParameterError> + Send + Sync + 'static,
    ) -> Self {
        let build = move |parameters| build(parameters).map(Computation::from);
        Self::new(Type::Filter, name, description, inputs.into(), build)
    }

    /// A flag that depends on one row.
    pub fn direct_flag<P: DeserializeOwned + JsonSchema, F: DirectFlag + 'static>(
        name: &str,
        description: &str,
        inputs: impl Into<Vec<Input>>,
        build: impl Fn(P) -> Result<F, ParameterError> + Send + Sync + 'static,
    ) -> Self {
        let build = move |parameters| build(parameters).map(Computation::direct_flag);
        Self::new(Type::FlagDirect, name, description, inputs.into(), build)
    }

    /// A flag that depends on all rows.
    pub fn aggregation_flag<P: DeserializeOwned + JsonSchema, F: AggregationFlag + 'static>(
        name: &str,
        description: &str,
        inputs: impl Into<Vec<Input>>,
        build: impl Fn(P) -> Result<F, ParameterError> + Send + Sync + 'static,
    ) -> Self {
        let build = move |parameters| build(parameters).map(Computation::aggregation_flag);
        Self::new(Type::FlagAggregation, name, description, inputs.into(), build)
    }

    fn new<P: DeserializeOwned + JsonSchema>(
        component_type: Type,
        name: &str,
        description: &str,
        inputs: Vec<Input>,
        build: impl Fn(P) -> Result<Computation, ParameterError> + Send + Sync + 'static,
    ) -> Self {
        let build = move |parameters, _: &Lists| build(parameters);
        Self::with_lists(component_type, name, description, inputs, build)
    }

    /// A component that looks values up in the lists of the job.
    pub fn with_lists<P: DeserializeOwned + JsonSchema>(
        component_type: Type,
        name: &str,
        description: &str,
        inputs: Vec<Input>,
        build: impl Fn(P, &Lists) -> Result<Computation, ParameterError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            aliases: Vec::new(),
            description: description.to_owned(),
            inputs,
            component_type,
            output: DataType::Unspecified,
            schema: schema_of::<P>(),
            build: Build::Native(Box::new(move |given, lists| build(parameters(given)?, lists))),
            key: Vec::new(),
            title: String::new(),
            facts: Vec::new(),
            value: String::new(),
        }
    }

    /// A component by an expression, which the engine evaluates. `schema`: that of the parameters.
    pub fn declared(
        definition: ComponentDefinition,
        component_type: Type,
        inputs: Vec<Input>,
        schema: serde_json::Value,
    ) -> Self {
        Self {
            name: definition.name.clone(),
            aliases: Vec::new(),
            description: definition.description.clone(),
            inputs,
            component_type,
            output: DataType::Unspecified,
            schema,
            build: Build::Declared(Box::new(definition)),
            key: Vec::new(),
            title: String::new(),
            facts: Vec::new(),
            value: String::new(),
        }
    }

    /// A component whose description is read at run time, such as that of a sandboxed pack.
    pub fn described(
        description: Description,
        build: impl Fn(&Parameters, &Lists) -> Result<Computation, ParameterError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let Description { name, text, inputs, component_type, output, schema } = description;
        Self {
            name,
            aliases: Vec::new(),
            description: text,
            inputs,
            component_type,
            output,
            schema,
            build: Build::Native(Box::new(build)),
            key: Vec::new(),
            title: String::new(),
            facts: Vec::new(),
            value: String::new(),
        }
    }

    /// The definition of a component by an expression.
    pub fn definition(&self) -> Option<&ComponentDefinition> {
        match &self.build {
            Build::Native(_) => None,
            Build::Declared(definition) => Some(definition),
        }
    }

    /// Sets the type of a metric's values.
    #[must_use]
    pub fn with_output(mut self, output: DataType) -> Self {
        self.output = output;
        self
    }

    /// Adds a name by which settings can also find the component.
    #[must_use]
    pub fn with_alias(mut self, alias: &str) -> Self {
        self.aliases.push(alias.to_owned());
        self
    }

    /// Groups the hits of a flag by the values of inputs.
    #[must_use]
    pub fn with_key(mut self, key: &[KeyPart]) -> Self {
        self.key = key.to_vec();
        self
    }

    /// Names what a flag measures, and the text of a finding with these names in braces.
    #[must_use]
    pub fn with_facts(mut self, facts: &[Fact], value: &str) -> Self {
        self.facts = facts.to_vec();
        value.clone_into(&mut self.value);
        self
    }

    /// The title of a group of hits, with the names of facts, `{count}` for the number of hits, `{actor}` and `{target}` for
    /// the values of the key, and `{time}` for the time that they took, as `in 3 min`. A part in square brackets is left out
    /// where a name in it has no value.
    #[must_use]
    pub fn with_title(mut self, title: &str) -> Self {
        title.clone_into(&mut self.title);
        self
    }

    pub fn key(&self) -> &[KeyPart] {
        &self.key
    }

    pub fn title(&self) -> &str {
        &self.title
    }

    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The text of a finding, with the names of facts in braces.
    pub fn value(&self) -> &str {
        &self.value
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name, then the aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(String::as_str)
    }

    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    pub fn component_type(&self) -> Type {
        self.component_type
    }

    /// The type of a metric's values; `Unspecified` for other components.
    pub fn output(&self) -> DataType {
        self.output
    }

    /// The names of the parameters that settings must give.
    pub fn required_parameters(&self) -> impl Iterator<Item = &str> {
        let required = self.schema["required"].as_array();
        required.into_iter().flatten().filter_map(serde_json::Value::as_str)
    }

    /// The component with these parameters.
    ///
    /// # Errors
    /// The first parameter that is unknown, of the wrong type, missing or out of its range; a component by an
    /// expression has no computation.
    pub fn build(&self, given: &Parameters) -> Result<Computation, ParameterError> {
        self.build_with(given, &Lists::default())
    }

    /// The component with these parameters and the lists of the job.
    ///
    /// # Errors
    /// Those of [`Component::build`]; there is no such list.
    pub fn build_with(
        &self,
        given: &Parameters,
        lists: &Lists,
    ) -> Result<Computation, ParameterError> {
        match &self.build {
            Build::Native(build) => build(given, lists),
            Build::Declared(_) => Err(ParameterError::new("", "it is computed by an expression")),
        }
    }

    /// The entry of this component in ListComponents.
    pub fn describe(&self, pack: &str) -> proto::Component {
        let input = |input: &Input| proto::component::Input {
            name: input.name.clone(),
            data_types: input.types.iter().map(|data_type| (*data_type).into()).collect(),
            optional: input.optional,
            list: input.list,
        };
        proto::Component {
            pack: pack.into(),
            name: self.name.clone(),
            r#type: self.component_type.into(),
            description: self.description.clone(),
            inputs: self.inputs.iter().map(input).collect(),
            parameters_schema: self.schema.to_string(),
            output: self.output.into(),
            aliases: self.aliases.clone(),
        }
    }
}
