//! The description of a guest, which is untrusted.

use std::{collections::HashSet, sync::Arc};

use anomal_components::Input;
use anomal_core::proto::component::Type;
use serde_json::Value as Json;

use crate::{
    buffers::Kind,
    limits::shorten,
    world::{WireComponent, WireInput},
};

const MAX_COMPONENTS: usize = 256;
const MAX_INPUTS: usize = 16;
const MAX_NAME: usize = 63;
const MAX_TEXT: usize = 4096;
const MAX_SCHEMA: usize = 64 << 10;
const MAX_DEPTH: usize = 10;

/// A component as its guest describes it, checked.
#[derive(Debug)]
pub(crate) struct GuestComponent {
    pub name: String,
    pub role: Role,
    pub description: String,
    pub inputs: Vec<GuestInput>,
    pub schema: Json,
    /// Whether it gets distinct texts.
    pub distinct: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Metric(Kind),
    Filter,
    Flag,
    GroupFlag,
}

impl Role {
    pub fn component_type(self) -> Type {
        match self {
            Self::Metric(_) => Type::Metric,
            Self::Filter => Type::Filter,
            Self::Flag => Type::FlagDirect,
            Self::GroupFlag => Type::FlagAggregation,
        }
    }
}

#[derive(Debug)]
pub(crate) struct GuestInput {
    pub input: Input,
    pub purpose: Purpose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Value,
    /// Part of the key of groups.
    Group,
    /// The time by which the rows of a group are sorted.
    Time,
}

/// # Errors
/// The component and the limit that it breaks.
pub(crate) fn check(described: Vec<WireComponent>) -> Result<Vec<Arc<GuestComponent>>, String> {
    if described.is_empty() || described.len() > MAX_COMPONENTS {
        let count = described.len();
        return Err(format!("it describes {count} components; a pack has 1 to {MAX_COMPONENTS}"));
    }
    let mut names = HashSet::new();
    let mut components = Vec::with_capacity(described.len());
    for component in described {
        let name = shorten(&component.0, 100);
        let wrong = |message: String| format!("its component `{name}`: {message}");
        let checked = check_component(component).map_err(wrong)?;
        if !names.insert(checked.name.clone()) {
            return Err(format!("it describes two components `{name}`"));
        }
        components.push(Arc::new(checked));
    }
    Ok(components)
}

fn check_component(component: WireComponent) -> Result<GuestComponent, String> {
    let (name, role, description, inputs, schema, output, distinct) = component;
    check_name(&name)?;
    check_length("description", &description, MAX_TEXT)?;
    check_length("schema of parameters", &schema, MAX_SCHEMA)?;
    let role = check_role(role, output)?;
    if inputs.is_empty() || inputs.len() > MAX_INPUTS {
        return Err(format!("it has {} inputs, not 1 to {MAX_INPUTS}", inputs.len()));
    }
    let mut checked: Vec<GuestInput> = Vec::with_capacity(inputs.len());
    for input in inputs {
        let input = check_input(input)?;
        if checked.iter().any(|known| known.input.name == input.input.name) {
            return Err(format!("it has two inputs `{}`", input.input.name));
        }
        checked.push(input);
    }
    if checked[0].input.optional {
        return Err("its first input is optional".into());
    }
    check_purposes(role, &checked)?;
    if distinct && (checked.len() != 1 || role == Role::GroupFlag || !is_text(&checked[0])) {
        return Err("only a component with one text input can get distinct values".into());
    }
    let schema = check_schema(&schema)?;
    Ok(GuestComponent { name, role, description, inputs: checked, schema, distinct })
}

fn check_role(role: u8, output: Option<u8>) -> Result<Role, String> {
    let role = match role {
        0 => {
            let kind = output.and_then(Kind::from_wire);
            Role::Metric(kind.ok_or("a metric needs a type of its values, 0 to 4")?)
        }
        1 => Role::Filter,
        2 => Role::Flag,
        3 => Role::GroupFlag,
        other => return Err(format!("it has the role {other}, not 0 to 3")),
    };
    if output.is_some() && !matches!(role, Role::Metric(_)) {
        return Err("only a metric has a type of values".into());
    }
    Ok(role)
}

fn check_input((name, kinds, purpose, optional): WireInput) -> Result<GuestInput, String> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(format!("the name of an input has {} bytes, not 1 to {MAX_NAME}", name.len()));
    }
    let wrong = |message: &str| format!("its input `{name}` {message}");
    let types: Option<Vec<Kind>> = kinds.iter().map(|kind| Kind::from_wire(*kind)).collect();
    let types = types.filter(|types| !types.is_empty() && types.len() <= 5);
    let types = types.ok_or_else(|| wrong("has no types, or unknown ones"))?;
    let purpose = match purpose {
        0 => Purpose::Value,
        1 => Purpose::Group,
        2 => Purpose::Time,
        _ => return Err(wrong("has a purpose other than 0 to 2")),
    };
    let types = types.into_iter().map(Kind::data_type).collect();
    Ok(GuestInput { input: Input { name, types, optional, list: false, row_time: false }, purpose })
}

fn check_purposes(role: Role, inputs: &[GuestInput]) -> Result<(), String> {
    let of = |purpose| inputs.iter().filter(move |input| input.purpose == purpose);
    if role != Role::GroupFlag {
        let value = inputs.iter().all(|input| input.purpose == Purpose::Value);
        return if value { Ok(()) } else { Err("only group flags group or sort rows".into()) };
    }
    if of(Purpose::Group).count() == 0 || !of(Purpose::Group).all(is_text) {
        return Err("a group flag needs an input to group by, and such inputs are texts".into());
    }
    let times = [anomal_core::proto::DataType::Datetime];
    if of(Purpose::Time).count() > 1
        || !of(Purpose::Time).all(|input| input.input.types == times)
        || of(Purpose::Group).any(|input| input.input.optional)
    {
        return Err("a group flag is sorted by at most one time, and its keys are required".into());
    }
    Ok(())
}

fn is_text(input: &GuestInput) -> bool {
    input.input.types == [anomal_core::proto::DataType::String]
}

fn check_name(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let first = name.starts_with(|first: char| first.is_ascii_lowercase());
    if first && name.len() <= MAX_NAME && name.bytes().all(plain) {
        return Ok(());
    }
    Err(format!("a name has lower-case letters, digits and `_`, at most {MAX_NAME}"))
}

fn check_length(part: &str, text: &str, most: usize) -> Result<(), String> {
    if text.len() <= most {
        return Ok(());
    }
    Err(format!("its {part} has {} bytes; at most {most} are allowed", text.len()))
}

fn check_schema(schema: &str) -> Result<Json, String> {
    let schema: Json = serde_json::from_str(schema)
        .map_err(|error| format!("the schema of its parameters is not JSON: {error}"))?;
    if !schema.is_object() || schema.get("properties").is_some_and(|known| !known.is_object()) {
        return Err("the schema of its parameters is not that of an object".into());
    }
    if depth(&schema) > MAX_DEPTH {
        return Err(format!("the schema of its parameters is nested more than {MAX_DEPTH} deep"));
    }
    Ok(schema)
}

fn depth(value: &Json) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Json::Object(items) => 1 + items.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric() -> WireComponent {
        let input = ("name".to_owned(), vec![0], 0, false);
        let schema = r#"{"type": "object", "properties": {}}"#;
        ("length".into(), 0, "A length.".into(), vec![input], schema.into(), Some(1), true)
    }

    #[test]
    fn a_description_is_checked() {
        let checked = check(vec![metric()]).unwrap();
        assert_eq!(checked[0].role, Role::Metric(Kind::Integer));
        assert_eq!(checked[0].role.component_type(), Type::Metric);
        type Change = fn(&mut WireComponent);
        let changes: [(Change, &str); 15] = [
            (|it| it.0 = "Length".into(), "a name has lower-case letters"),
            (|it| it.0 = "x".repeat(64), "a name has lower-case letters"),
            (|it| it.1 = 4, "it has the role 4"),
            (|it| it.1 = 1, "only a metric has a type of values"),
            (|it| it.2 = "x".repeat(4097), "its description has 4097 bytes"),
            (|it| it.3.clear(), "it has 0 inputs"),
            (|it| it.3 = vec![it.3[0].clone(); 2], "it has two inputs `name`"),
            (|it| it.3[0].1 = vec![7], "has no types, or unknown ones"),
            (|it| it.3[0].2 = 1, "only group flags group or sort rows"),
            (|it| it.3[0].3 = true, "its first input is optional"),
            (|it| it.3[0].1 = vec![0, 1], "only a component with one text input"),
            (|it| it.4 = "{".into(), "is not JSON"),
            (|it| it.4 = "[]".into(), "is not that of an object"),
            (
                |it| it.4 = format!("{{\"x\": {}1{}}}", "[".repeat(10), "]".repeat(10)),
                "nested more than 10",
            ),
            (|it| it.5 = None, "a metric needs a type of its values"),
        ];
        for (change, part) in changes {
            let mut component = metric();
            change(&mut component);
            let message = check(vec![component]).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
        assert!(check(vec![metric(); 2]).unwrap_err().contains("two components `length`"));
        assert!(check(vec![metric(); 257]).unwrap_err().contains("257 components"));
        let mut group = metric();
        (group.1, group.5, group.6) = (3, None, false);
        assert!(check(vec![group.clone()]).unwrap_err().contains("needs an input to group by"));
        group.3[0].2 = 1;
        assert_eq!(check(vec![group]).unwrap()[0].role, Role::GroupFlag);
    }
}
