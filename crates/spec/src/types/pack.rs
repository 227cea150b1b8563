//! Packs: named sets of components, as settings name them and as `pack.yaml` defines them.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    AggregateFunction, Auth, Feature, Filter, Flag, ListSettings, Parameters, Severity,
    input::is_default,
};

/// The only `apiVersion` of a manifest.
pub const PACK_API_VERSION: &str = "anomal.dev/pack/v1";

/// A pack that a job uses: its name, or a map with where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PackSetting {
    /// A pack that is part of the product.
    Name(String),
    Detailed(Box<PackDetails>),
}

/// A pack with where it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackDetails {
    /// Its name in this job: its components are `NAME/COMPONENT`.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z][a-z0-9_-]*$"))]
    pub name: String,
    /// Where it is: the folder that has its `pack.yaml`, a file, or an address that starts with `oci://`, `https://`,
    /// `s3://`, `gs://` or `az://`.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub reference: Option<String>,
    /// In a registry, the digest of its manifest; elsewhere, that of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^sha256:[0-9a-f]{64}$"))]
    pub digest: Option<String>,
    /// The credentials for the registry or the server: a Secret of type kubernetes.io/dockerconfigjson, or with the keys
    /// `username` and `password`; its key `ca.crt` is an authority to trust. Absent: those of the user's Docker
    /// configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Whether the registry is reached without TLS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plain_http: bool,
    /// How the registry is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<PackTls>,
    /// Its components, in place of `ref`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<PackContents>,
    /// What happens where its WebAssembly component fails for a value: `error` ends the run and reports the row and the
    /// value, `missing` counts the value as missing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_trap: OnTrap,
    /// onTrap missing: the most values of a batch that may fail; absent: 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_traps: Option<u64>,
}

/// What happens where a WebAssembly component fails for a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnTrap {
    #[default]
    Error,
    Missing,
}

/// How a registry is verified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackTls {
    /// A PEM file of the authorities to trust, besides those of the system.
    #[schemars(length(min = 1, max = 4096))]
    pub ca: String,
}

/// What a pack has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackContents {
    /// Metrics, filters and flags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub components: Vec<ComponentDefinition>,
    /// Sets of filters, features and flags by name, which a job takes over by `use`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub profiles: BTreeMap<String, Profile>,
}

/// A pack's manifest, `pack.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackManifest {
    /// Always `anomal.dev/pack/v1`.
    #[schemars(extend("const" = PACK_API_VERSION), length(max = 64))]
    pub api_version: String,
    /// Its name: lower-case letters, digits, `-` and `_`.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z][a-z0-9_-]*$"))]
    pub name: String,
    /// Its version, such as `1.4.2`.
    #[schemars(
        length(min = 1, max = 64),
        regex(pattern = r"^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$")
    )]
    pub version: String,
    /// What it is for, in a sentence.
    #[schemars(length(min = 1, max = 1024))]
    pub description: String,
    /// Its licence, as an SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub license: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub authors: Vec<String>,
    /// Where its source is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub source: Option<String>,
    /// Lists of indicators in its folder. Where a job uses the pack, their names are `PACK/LIST`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub lists: Vec<ListSettings>,
    /// The file of its WebAssembly component, beside the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$")
    )]
    pub component: Option<String>,
    /// The interface of its WebAssembly component, such as `anomal:pack@0.1.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub world: Option<String>,
    /// Limits of its WebAssembly component. They can't be above those of the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<PackLimits>,
    /// Whether its WebAssembly component keeps no state from one call to the next, so that an instance can serve several
    /// chunks of rows; `anomal pack test` checks it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stateless: bool,
    /// Metrics, filters and flags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub components: Vec<ComponentDefinition>,
    /// Sets of filters, features and flags by name, which a job takes over by `use`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub profiles: BTreeMap<String, Profile>,
}

/// Limits of a WebAssembly component.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackLimits {
    /// Memory of an instance, such as `64MiB`; at most 256 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 4, max = 6), regex(pattern = r"^[1-9][0-9]{0,2}MiB$"))]
    pub memory: Option<String>,
    /// Texts of an answer have at most this many times the bytes of the texts of the call, or 1 MiB; at most 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16))]
    pub output_ratio: Option<u32>,
}

impl PackLimits {
    /// The memory of an instance in bytes.
    pub fn memory_bytes(&self) -> Option<u64> {
        let mebibytes = self.memory.as_ref()?.strip_suffix("MiB")?.parse::<u64>().ok()?;
        Some(mebibytes << 20)
    }
}

impl PackManifest {
    pub fn contents(&self) -> PackContents {
        PackContents { components: self.components.clone(), profiles: self.profiles.clone() }
    }
}

/// A component by an SQL expression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComponentDefinition {
    /// Its name in the pack: lower-case letters, digits and `_`.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z][a-z0-9_]*$"))]
    pub name: String,
    /// What it gives.
    #[serde(rename = "type")]
    pub component_type: ComponentType,
    /// What it is, in a sentence that users read.
    #[schemars(length(min = 1, max = 1024))]
    pub description: String,
    /// The columns that it reads, in the order in which a job names them.
    #[schemars(length(min = 1, max = 16))]
    pub inputs: Vec<InputDefinition>,
    /// Values that a job can set, by name: letters and digits, such as `maxNames`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub parameters: BTreeMap<String, ParameterDefinition>,
    /// A figure over the rows with the same key, which `expression` can read as `{aggregate}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<AggregateDefinition>,
    /// Polars SQL, in which `{NAME}` stands for an input or a parameter: the value of a metric, or whether a filter removes
    /// a row, or whether a flag hits it.
    #[schemars(length(min = 1, max = 4096))]
    pub expression: String,
    /// flag: how bad a hit is where a job does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// flag: reported when there are hits, where a job does not say; `{count}` is their number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub message: Option<String>,
}

/// What a component gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ComponentType {
    /// A value for each row.
    Metric,
    /// Rows to leave out.
    Filter,
    /// Rows that are hit.
    Flag,
}

/// A column that a component reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InputDefinition {
    /// What expressions call it: letters and digits, such as `clientAddress`.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z][A-Za-z0-9]*$"))]
    pub name: String,
    /// The type that its column must have; any column can be read as text.
    #[serde(rename = "type")]
    pub input_type: InputType,
}

/// The type of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum InputType {
    Text,
    /// Whole numbers, or numbers with fractions.
    Number,
    Boolean,
    Datetime,
}

/// A value that a job can set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParameterDefinition {
    /// Its type.
    #[serde(rename = "type")]
    pub parameter_type: ParameterType,
    /// What it is, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub description: Option<String>,
    /// Its value where a job has none. Absent: a job must set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Json>,
    /// integer, number: the least value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// integer, number: the largest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// text: the values that it can have.
    #[serde(rename = "enum", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)))]
    pub choices: Vec<String>,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ParameterType {
    Integer,
    Number,
    Boolean,
    Text,
    /// A list of texts, for `IN`.
    Texts,
    /// A duration, such as `5m`, for a window.
    Duration,
}

/// A figure over the rows with the same key, in the window that ends with the row, as features of type aggregate have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AggregateDefinition {
    /// What is computed.
    pub function: AggregateFunction,
    /// The input with the values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub of: Option<String>,
    /// An SQL predicate; rows for which it holds are counted.
    #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub condition: Option<String>,
    /// The inputs of the key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 63)))]
    pub by: Vec<String>,
    /// The length of the window, such as `5m`, or `{NAME}` of a parameter of type duration. Absent: all rows of the key
    /// up to the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub window: Option<String>,
}

/// Filters, features and flags that a job takes over by `use`. In them `{NAME}` stands for a column of `needs`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// What it is for, in a sentence.
    #[schemars(length(min = 1, max = 1024))]
    pub description: String,
    /// Names for columns, each with the column that it is where a job does not say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub needs: BTreeMap<String, String>,
    /// Added to the job's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub filters: Vec<Filter>,
    /// Added to the job's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub features: Vec<Feature>,
    /// Added to the job's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    pub flags: Vec<Flag>,
}

/// A profile that a job takes over: `PACK/PROFILE`, or a map with its columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ProfileUse {
    Name(String),
    Detailed(ProfileWithColumns),
}

/// A profile with its columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileWithColumns {
    /// `PACK/PROFILE`.
    #[schemars(length(min = 1, max = 253))]
    pub profile: String,
    /// The columns of this input, by the names that the profile has for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub with: BTreeMap<String, String>,
}

/// A test of a component: rows, and what it gives for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackCase {
    /// The component.
    #[schemars(length(min = 1, max = 63))]
    pub component: String,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub params: Parameters,
    /// Values of its inputs by name, and of `time`, where it has an aggregate. What is absent is missing.
    #[schemars(length(min = 1, max = 10_000))]
    pub rows: Vec<BTreeMap<String, Cell>>,
    /// For each row the value of a metric, or whether a filter removes it, or whether a flag hits it.
    #[schemars(length(min = 1, max = 10_000))]
    pub expect: Vec<Cell>,
}

/// A single value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cell(pub Json);

impl JsonSchema for Cell {
    fn schema_name() -> Cow<'static, str> {
        "Cell".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": "Text, a number, true or false, or null."})
    }
}

impl PackSetting {
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Detailed(details) => &details.name,
        }
    }

    /// What the settings say of a pack that is not part of the product.
    pub fn details(&self) -> Option<&PackDetails> {
        match self {
            Self::Name(_) => None,
            Self::Detailed(details) => Some(details),
        }
    }
}

impl From<&str> for PackSetting {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl ProfileUse {
    /// `PACK/PROFILE`.
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Detailed(details) => &details.profile,
        }
    }

    /// The column of a name of the profile, where the job says it.
    pub fn column(&self, name: &str) -> Option<&str> {
        match self {
            Self::Name(_) => None,
            Self::Detailed(details) => details.with.get(name).map(String::as_str),
        }
    }
}

/// The schema of a setting with a short form, text, and a long one, a map.
fn short_or_long<T: JsonSchema>(generator: &mut SchemaGenerator, description: &str) -> Schema {
    let long = generator.subschema_for::<T>();
    json_schema!({
        "description": description,
        "oneOf": [{"type": "string", "minLength": 1, "maxLength": 253}, long],
    })
}

impl JsonSchema for PackSetting {
    fn schema_name() -> Cow<'static, str> {
        "PackSetting".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        short_or_long::<PackDetails>(generator, "A pack: its name, or a map with where it is.")
    }
}

impl JsonSchema for ProfileUse {
    fn schema_name() -> Cow<'static, str> {
        "ProfileUse".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let description = "A profile: `PACK/PROFILE`, or a map with its columns.";
        short_or_long::<ProfileWithColumns>(generator, description)
    }
}
