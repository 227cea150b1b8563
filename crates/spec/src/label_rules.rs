//! The rule that nothing reads the column of the labels. A file is checked here, so that each problem has its own place; the
//! API server, which does not know places within lists, has the same in CEL. Expressions are checked by the engine, which
//! parses them.

use serde_json::{Value as Json, json};

use crate::{Place, check::Check};

pub(crate) const MESSAGE: &str = "`labelColumn` says which rows are anomalies: no feature, filter or flag may read it, and \
    it is no time, id or entity";

/// The same on a whole `spec`. Names in expressions are not seen.
const IN_CEL: &str = "!has(self.labelColumn) || !( \
    (has(self.timeColumn) && self.timeColumn == self.labelColumn) || \
    (has(self.idColumn) && self.idColumn == self.labelColumn) || \
    (has(self.entity) && self.labelColumn in self.entity) || \
    (has(self.roles) && has(self.roles.time) && self.roles.time == self.labelColumn) || \
    (has(self.roles) && has(self.roles.entities) && self.roles.entities.exists(e, e.column == self.labelColumn)) || \
    (has(self.filters) && self.filters.exists(f, has(f.dataNeeded) && self.labelColumn in f.dataNeeded)) || \
    (has(self.flags) && self.flags.exists(f, has(f.dataNeeded) && self.labelColumn in f.dataNeeded)) || \
    (has(self.features) && self.features.exists(f, \
      (f.type == 'field' && has(f.name) && !has(f.dataNeeded) && f.name == self.labelColumn) || \
      (has(f.dataNeeded) && self.labelColumn in f.dataNeeded) || \
      (has(f.of) && f.of == self.labelColumn) || \
      (has(f.by) && self.labelColumn in f.by))))";

/// The rule for the API server.
pub(crate) fn rule() -> Json {
    json!({"rule": IN_CEL, "message": MESSAGE})
}

/// Checks a `spec`.
pub(crate) fn check(check: &mut Check, spec: &Json, prefix: &str) {
    let Some(label) = spec["labelColumn"].as_str() else { return };
    let names = |value: &Json| match value {
        Json::Array(names) => names.iter().any(|name| name == label),
        name => name == label,
    };
    let keys = ["timeColumn", "idColumn", "entity"].into_iter();
    let mut readers: Vec<String> =
        keys.filter(|key| names(&spec[*key])).map(|key| format!("{prefix}{key}")).collect();
    if names(&spec["roles"]["time"]) {
        readers.push(format!("{prefix}roles.time"));
    }
    for (index, entity) in spec["roles"]["entities"].as_array().into_iter().flatten().enumerate() {
        if names(&entity["column"]) {
            readers.push(format!("{prefix}roles.entities[{index}].column"));
        }
    }
    for list in ["filters", "features", "flags"] {
        for (index, item) in spec[list].as_array().into_iter().flatten().enumerate() {
            let is_column = item["type"] == "field" && item.get("dataNeeded").is_none();
            let keys = [("name", is_column), ("dataNeeded", true), ("of", true), ("by", true)];
            let keys = keys.into_iter().filter(|(key, reads)| *reads && names(&item[*key]));
            readers.extend(keys.map(|(key, _)| format!("{prefix}{list}[{index}].{key}")));
        }
    }
    for path in readers {
        let place = check.places.nearest(&path).unwrap_or(Place::NONE);
        check.wrong(place, &path, format!("this is `{label}`; {MESSAGE}"));
    }
}
