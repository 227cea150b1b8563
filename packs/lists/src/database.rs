//! Fields of MaxMind databases.

use anomal_components::{Component, Computation, Input, Metric, MetricValue, ParameterError};
use anomal_core::proto::component::Type;
use anomal_indicators::FieldPath;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::lookup::items;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// The name of a list of the settings with the format mmdb.
    list: String,
    /// The path to a field, such as `country.iso_code`, `autonomous_system_organization` or `subdivisions.0.iso_code`.
    field: String,
}

pub(crate) fn mmdb_field() -> Component {
    let component = Component::with_lists(
        Type::Metric,
        "mmdb_field",
        "A field of the record of an address in a MaxMind database, as text; missing without one.",
        vec![Input::text("address")],
        |Parameters { list: name, field }, lists| {
            let named = lists.get(&name).map_err(|message| ParameterError::new("list", message))?;
            if named.list.database().is_none() {
                let message =
                    format!("`{name}` is no MaxMind database; a list of format mmdb is one");
                return Err(ParameterError::new("list", message));
            }
            let path = FieldPath::parse(&field)
                .map_err(|message| ParameterError::new("field", message))?;
            let metric = Metric::<String>::text(move |cell| {
                let database = named.list.database()?;
                let field = |text: &str| database.field(text, &path);
                field(cell).or_else(|| items(cell).iter().find_map(|item| field(item)))
            });
            Ok(Computation::from(metric))
        },
    );
    component.with_output(String::DATA_TYPE)
}
