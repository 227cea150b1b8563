//! Parameters of components: their schema, and their values.

use crate::{
    define::Problem,
    json::{Json, quote},
};

/// The parameters of a component. Derived for structs.
pub trait Parameters: Sized {
    /// The JSON Schema.
    fn schema() -> String;

    /// # Errors
    /// The first parameter that is refused.
    fn from_json(values: &[(String, Json)]) -> Result<Self, Problem>;

    /// # Errors
    /// It is no object, or a parameter is refused.
    fn parse(text: &str) -> Result<Self, Problem> {
        match Json::parse(text) {
            Some(Json::Object(values)) => Self::from_json(&values),
            _ => Err(Problem {
                parameter: None,
                message: "the parameters are no JSON object".into(),
            }),
        }
    }
}

/// The parameters of a component that has none.
pub struct NoParameters;

impl Parameters for NoParameters {
    fn schema() -> String {
        schema(&[])
    }

    fn from_json(_: &[(String, Json)]) -> Result<Self, Problem> {
        Ok(Self)
    }
}

/// A parameter in a schema.
pub struct Property {
    pub name: &'static str,
    pub description: &'static str,
    /// The schema of its type.
    pub of_type: &'static str,
    /// As JSON.
    pub default: Option<String>,
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    pub required: bool,
}

/// The JSON Schema of an object with these properties.
pub fn schema(properties: &[Property]) -> String {
    let property = |property: &Property| {
        let Property { name, description, of_type, default, minimum, maximum, .. } = property;
        let mut parts = vec![(*of_type).to_owned()];
        if !description.is_empty() {
            parts.push(format!("\"description\":{}", quote(description)));
        }
        parts.extend(default.as_ref().map(|value| format!("\"default\":{value}")));
        parts.extend(minimum.map(|value| format!("\"minimum\":{value}")));
        parts.extend(maximum.map(|value| format!("\"maximum\":{value}")));
        format!("{}:{{{}}}", quote(name), parts.join(","))
    };
    let required = properties.iter().filter(|property| property.required);
    let required: Vec<String> = required.map(|property| quote(property.name)).collect();
    let properties: Vec<String> = properties.iter().map(property).collect();
    format!(
        "{{\"type\":\"object\",\"properties\":{{{}}},\"required\":[{}],\"additionalProperties\":false}}",
        properties.join(","),
        required.join(",")
    )
}

/// A type of a parameter.
pub trait ParameterValue: Sized {
    /// Members of its schema.
    const TYPE: &'static str;
    /// In messages.
    const WANTED: &'static str;
    const REQUIRED: bool = true;

    fn from_json(value: &Json) -> Option<Self>;

    /// The value where settings have none.
    fn absent() -> Option<Self> {
        None
    }

    /// As JSON.
    fn to_json(&self) -> String;

    /// For `minimum` and `maximum`.
    fn number(&self) -> Option<f64> {
        None
    }
}

/// # Errors
/// It is absent and has no default, or of another type, or out of its range.
pub fn value<T: ParameterValue>(
    values: &[(String, Json)],
    name: &str,
    default: Option<T>,
    range: (Option<f64>, Option<f64>),
) -> Result<T, Problem> {
    let problem = |message: String| Problem { parameter: Some(name.to_owned()), message };
    let Some((_, found)) = values.iter().find(|(known, _)| known == name) else {
        let absent = default.or_else(T::absent);
        return absent.ok_or_else(|| problem("this parameter must be set".into()));
    };
    let value = T::from_json(found).ok_or_else(|| problem(format!("it must be {}", T::WANTED)))?;
    if let Some(number) = value.number() {
        let (least, most) = range;
        if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
            let bounds = [
                least.map(|least| format!("at least {least}")),
                most.map(|most| format!("at most {most}")),
            ];
            let bounds: Vec<String> = bounds.into_iter().flatten().collect();
            return Err(problem(format!("it must be {}", bounds.join(" and "))));
        }
    }
    Ok(value)
}

impl ParameterValue for i64 {
    const TYPE: &'static str = "\"type\":\"integer\"";
    const WANTED: &'static str = "a whole number";

    fn from_json(value: &Json) -> Option<Self> {
        let Json::Number(number) = value else { return None };
        number.parse().ok()
    }

    fn to_json(&self) -> String {
        self.to_string()
    }

    fn number(&self) -> Option<f64> {
        Some(*self as f64)
    }
}

impl ParameterValue for f64 {
    const TYPE: &'static str = "\"type\":\"number\"";
    const WANTED: &'static str = "a number";

    fn from_json(value: &Json) -> Option<Self> {
        let Json::Number(number) = value else { return None };
        number.parse().ok()
    }

    fn to_json(&self) -> String {
        self.to_string()
    }

    fn number(&self) -> Option<f64> {
        Some(*self)
    }
}

impl ParameterValue for bool {
    const TYPE: &'static str = "\"type\":\"boolean\"";
    const WANTED: &'static str = "true or false";

    fn from_json(value: &Json) -> Option<Self> {
        let Json::Boolean(value) = value else { return None };
        Some(*value)
    }

    fn to_json(&self) -> String {
        self.to_string()
    }
}

impl ParameterValue for String {
    const TYPE: &'static str = "\"type\":\"string\"";
    const WANTED: &'static str = "a text";

    fn from_json(value: &Json) -> Option<Self> {
        let Json::Text(text) = value else { return None };
        Some(text.clone())
    }

    fn to_json(&self) -> String {
        quote(self)
    }
}

impl ParameterValue for Vec<String> {
    const TYPE: &'static str = "\"type\":\"array\",\"items\":{\"type\":\"string\"}";
    const WANTED: &'static str = "a list of texts";

    fn from_json(value: &Json) -> Option<Self> {
        let Json::List(items) = value else { return None };
        items.iter().map(String::from_json).collect()
    }

    fn to_json(&self) -> String {
        let items: Vec<String> = self.iter().map(|item| quote(item)).collect();
        format!("[{}]", items.join(","))
    }
}

impl<T: ParameterValue> ParameterValue for Option<T> {
    const TYPE: &'static str = T::TYPE;
    const WANTED: &'static str = T::WANTED;
    const REQUIRED: bool = false;

    fn from_json(value: &Json) -> Option<Self> {
        T::from_json(value).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn to_json(&self) -> String {
        self.as_ref().map_or_else(|| "null".to_owned(), T::to_json)
    }

    fn number(&self) -> Option<f64> {
        self.as_ref()?.number()
    }
}
