//! MISP warning lists (<https://github.com/MISP/misp-warninglists>): a JSON object with `type` and `list`.

use anomal_spec::{ListMatch, ListSettings, ListType};
use serde::Deserialize;
use serde_json::Value as Json;

use super::time;
use crate::{builder::Builder, list::ListError, periods::Period};

#[derive(Deserialize)]
struct WarningList {
    #[serde(rename = "type")]
    list_type: String,
    list: Vec<Json>,
    /// A number such as 20260801, or 2.
    #[serde(default)]
    version: Json,
}

pub(crate) fn read(
    bytes: &[u8],
    settings: &ListSettings,
    builder: &mut Builder,
) -> Result<(), ListError> {
    let list: WarningList = serde_json::from_slice(bytes)
        .map_err(|error| ListError(format!("this is no MISP warning list: {error}")))?;
    // How MISP matches: hostname also as the parent of a name, string as a whole.
    let (own_type, matching) = match list.list_type.as_str() {
        "hostname" => (ListType::Domain, ListMatch::Subdomains),
        "cidr" => (ListType::Ip, ListMatch::Exact),
        "string" => (ListType::Text, ListMatch::Exact),
        other => {
            return Err(ListError(format!(
                "MISP warning lists of type `{other}` are not supported; those of type hostname, string and cidr are"
            )));
        }
    };
    let entry_type = settings.entry_type.unwrap_or(own_type);
    let matching = if own_type == ListType::Domain { matching } else { ListMatch::Exact };
    for (place, entry) in (1..).zip(&list.list) {
        match entry.as_str() {
            Some(text) => {
                builder.add_matching(place, text, entry_type, matching, Period::default());
            }
            None => builder.count_unsupported(),
        }
    }
    builder.set_date(time(&list.version.to_string()));
    Ok(())
}
