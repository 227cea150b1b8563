//! Components from their definitions.

use anomal_components::{Component, Input};
use anomal_core::{
    Error, Result,
    proto::{DataType, component::Type},
};
use anomal_spec::{
    AGGREGATE, ComponentDefinition, ComponentType, InputType, PackContents, ParameterDefinition,
    ParameterType,
};
use serde_json::{Value as Json, json};

use super::template;
use crate::expression::Expression;

/// The components that a pack defines. `path`: that of the pack's contents.
///
/// # Errors
/// `InvalidSettings` with the path: an expression that is refused.
pub(crate) fn components(contents: &PackContents, path: &str) -> Result<Vec<Component>> {
    let definitions = contents.components.iter().enumerate();
    let components = definitions.map(|(index, definition)| {
        component(definition).map_err(|(key, message)| {
            let path = format!("{path}.components[{index}].{key}");
            Error::settings(path, "EXPRESSION_INVALID", message)
        })
    });
    components.collect()
}

/// A component with its expressions checked. The error has the key of the faulty part.
fn component(definition: &ComponentDefinition) -> Result<Component, (&'static str, String)> {
    let whole_table =
        check(definition, &definition.expression).map_err(|error| ("expression", error))?;
    if let Some(condition) =
        definition.aggregate.as_ref().and_then(|aggregate| aggregate.condition.as_ref())
    {
        let known = ComponentDefinition { aggregate: None, ..definition.clone() };
        if check(&known, condition).map_err(|error| ("aggregate.where", error))? {
            return Err(("aggregate.where", "it can't look at other rows".into()));
        }
    }
    let looks_at_others = whole_table || definition.aggregate.is_some();
    let component_type = match definition.component_type {
        ComponentType::Metric => Type::Metric,
        ComponentType::Filter => Type::Filter,
        ComponentType::Flag if looks_at_others => Type::FlagAggregation,
        ComponentType::Flag => Type::FlagDirect,
    };
    let inputs = definition.inputs.iter().map(|input| Input {
        name: input.name.clone(),
        types: data_types(input.input_type),
        optional: false,
        list: false,
        row_time: false,
    });
    Ok(Component::declared(
        definition.clone(),
        component_type,
        inputs.collect(),
        schema(definition),
    ))
}

/// Whether a valid expression of a component looks at other rows.
fn check(definition: &ComponentDefinition, sql: &str) -> Result<bool, String> {
    let example = |parameter: &ParameterDefinition| {
        parameter.default.clone().unwrap_or_else(|| example(parameter))
    };
    let expression = expression(definition, sql, &mut |parameter, _| example(parameter))?;
    Ok(expression.whole_table)
}

/// An expression over the inputs of a component, by their names, and its aggregate.
pub(super) fn expression(
    definition: &ComponentDefinition,
    sql: &str,
    value: &mut dyn FnMut(&ParameterDefinition, &str) -> Json,
) -> Result<Expression, String> {
    let mut known: Vec<&str> = definition.inputs.iter().map(|input| input.name.as_str()).collect();
    if definition.aggregate.is_some() {
        known.push(AGGREGATE);
    }
    let tokens = template::fill(sql, &mut |name| match definition.parameters.get(name) {
        Some(parameter) => Some(template::literal(parameter, &value(parameter, name))),
        None => known.contains(&name).then(|| template::column(name)),
    })?;
    Expression::from_tokens(tokens, &known)
}

/// Some value of a parameter, to check expressions with.
fn example(parameter: &ParameterDefinition) -> Json {
    let number = parameter.minimum.or(parameter.maximum).unwrap_or(1.0);
    match parameter.parameter_type {
        #[expect(clippy::cast_possible_truncation, reason = "any whole number does")]
        ParameterType::Integer => json!(number as i64),
        ParameterType::Number => json!(number),
        ParameterType::Boolean => json!(true),
        ParameterType::Text => json!(parameter.choices.first().map_or("x", String::as_str)),
        ParameterType::Texts => json!([parameter.choices.first().map_or("x", String::as_str)]),
        ParameterType::Duration => json!("1h"),
    }
}

fn data_types(input_type: InputType) -> Vec<DataType> {
    match input_type {
        InputType::Text => vec![DataType::String],
        InputType::Number => vec![DataType::Integer, DataType::Float],
        InputType::Boolean => vec![DataType::Boolean],
        InputType::Datetime => vec![DataType::Datetime],
    }
}

/// The JSON Schema of a component's parameters.
fn schema(definition: &ComponentDefinition) -> Json {
    let mut properties = serde_json::Map::new();
    let mut required = Vec::new();
    for (name, parameter) in &definition.parameters {
        let mut property = match parameter.parameter_type {
            ParameterType::Integer => json!({"type": "integer"}),
            ParameterType::Number => json!({"type": "number"}),
            ParameterType::Boolean => json!({"type": "boolean"}),
            ParameterType::Text | ParameterType::Duration => json!({"type": "string"}),
            ParameterType::Texts => {
                json!({"type": "array", "items": {"type": "string"}, "minItems": 1})
            }
        };
        let choices = (!parameter.choices.is_empty()).then(|| json!(parameter.choices));
        let parts = [
            ("description", parameter.description.as_ref().map(|text| json!(text))),
            ("default", parameter.default.clone()),
            ("minimum", parameter.minimum.map(|least| json!(least))),
            ("maximum", parameter.maximum.map(|most| json!(most))),
        ];
        for (key, part) in parts.into_iter().filter_map(|(key, part)| Some((key, part?))) {
            property[key] = part;
        }
        match (parameter.parameter_type, choices) {
            (ParameterType::Texts, Some(choices)) => property["items"]["enum"] = choices,
            (_, Some(choices)) => property["enum"] = choices,
            (_, None) => {}
        }
        properties.insert(name.clone(), property);
        if parameter.default.is_none() {
            required.push(name.clone());
        }
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

#[cfg(test)]
mod tests {
    use anomal_core::proto;
    use anomal_spec::InputDefinition;
    use polars::df;
    use proptest::prelude::*;

    use super::*;

    fn definition(component_type: ComponentType, sql: &str) -> ComponentDefinition {
        let parameter = |parameter_type| ParameterDefinition {
            parameter_type,
            description: None,
            default: None,
            minimum: None,
            maximum: None,
            choices: Vec::new(),
        };
        ComponentDefinition {
            name: "test".into(),
            component_type,
            description: "A test.".into(),
            inputs: vec![InputDefinition { name: "name".into(), input_type: InputType::Text }],
            parameters: [
                ("text".to_owned(), parameter(ParameterType::Text)),
                ("list".to_owned(), parameter(ParameterType::Texts)),
                ("number".to_owned(), parameter(ParameterType::Number)),
            ]
            .into(),
            aggregate: None,
            expression: sql.into(),
            severity: None,
            message: None,
        }
    }

    fn declared(definition: ComponentDefinition) -> Result<Vec<proto::Component>> {
        let contents = PackContents { components: vec![definition], ..PackContents::default() };
        let components = components(&contents, "packs[0].inline")?;
        Ok(components.iter().map(|component| component.describe("house")).collect())
    }

    #[test]
    fn the_type_of_a_flag_is_that_of_its_expression() {
        let kind = |sql| declared(definition(ComponentType::Flag, sql)).unwrap()[0].r#type();
        assert_eq!(kind("{name} = {text}"), Type::FlagDirect);
        assert_eq!(kind("COUNT({name}) OVER (PARTITION BY {name}) > 1"), Type::FlagAggregation);
        let all = declared(definition(ComponentType::Metric, "LENGTH({name}) * {number}")).unwrap();
        assert_eq!((all[0].pack.as_str(), all[0].r#type()), ("house", Type::Metric));
        let schema: Json = serde_json::from_str(&all[0].parameters_schema).unwrap();
        assert_eq!(schema["required"], json!(["list", "number", "text"]));
    }

    #[test]
    fn an_expression_that_is_refused_has_its_place() {
        let error = declared(definition(ComponentType::Flag, "{name} IN (SELECT 1)")).unwrap_err();
        assert_eq!(error.violations[0].path, "packs[0].inline.components[0].expression");
        assert!(error.violations[0].message.contains("subquery"), "{error}");
    }

    proptest! {
        /// Whatever a parameter contains, it is compared as one value.
        #[test]
        fn a_parameter_is_one_value(text in any::<String>(), number in -1e9..1e9_f64) {
            let frame = df!("name" => [text.as_str(), "other than that"]).unwrap();
            let holds = |sql: &str| {
                let definition = definition(ComponentType::Flag, sql);
                let mut value = |parameter: &ParameterDefinition, _: &str| match parameter.parameter_type {
                    ParameterType::Texts => json!([text, "third"]),
                    ParameterType::Number => json!(number),
                    _ => json!(text),
                };
                let parsed = expression(&definition, sql, &mut value).unwrap();
                let holds = parsed.evaluate(&frame).unwrap();
                holds.bool().unwrap().iter().map(|holds| holds == Some(true)).collect::<Vec<_>>()
            };
            prop_assert_eq!(holds("{name} = {text}"), [true, false]);
            prop_assert_eq!(holds("{name} IN {list}"), [true, false]);
            let less = number < 2.5;
            prop_assert_eq!(holds("{number} < 2.5"), [less, less]);
        }
    }
}
