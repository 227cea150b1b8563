//! The type `AnomalyJob`.

use std::borrow::Cow;

use anomal_spec::KIND;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{NamespaceResourceScope, Resource};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Status;

pub const GROUP: &str = "anomal.dev";
pub const VERSION: &str = "v1alpha1";
pub const PLURAL: &str = "anomalyjobs";

/// An `AnomalyJob` with its spec as JSON.
///
/// The spec is parsed when it is validated. So an object that an older or newer CRD accepted gets a message about its
/// problems, and does not prevent others from being read.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnomalyJob {
    pub metadata: ObjectMeta,
    #[serde(default)]
    pub spec: Spec,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// Any JSON, stored as text: thousands of them are cached, and text needs the least memory.
#[derive(Clone, Debug)]
pub struct Spec(Box<str>);

impl Spec {
    pub fn text(&self) -> &str {
        &self.0
    }

    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl From<&Value> for Spec {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

impl Default for Spec {
    fn default() -> Self {
        Self::from(&Value::Null)
    }
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(&Value::deserialize(deserializer)?))
    }
}

impl Serialize for Spec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

/// A status that can't be parsed is treated as absent, and written again.
fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Status>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.and_then(|value| serde_json::from_value(value).ok()))
}

impl Resource for AnomalyJob {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        KIND.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        VERSION.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        PLURAL.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
