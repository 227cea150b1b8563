//! Rules of `roles`: its short forms name the same columns, and parts go together. A file is checked here, so that each
//! problem has its own place; the API server has the same in CEL.

use serde_json::{Value as Json, json};

use crate::{Place, check::Check};

const TIME: &str = "`timeColumn` and `roles.time` name different columns; remove `timeColumn`";
const ENTITY: &str = "`entity` and `roles.entities` name different columns; remove `entity`";
const UNIT: &str = "`timeUnit` goes with `time`, the column whose numbers it is the unit of";
const UNIT_AND_COLUMN: &str =
    "`timeColumn` is a column of times, and `timeUnit` is for numbers; remove one of them";
const TWICE: &str = "a column has one role: it is listed twice in `entities`";

/// The rules for the API server.
pub(crate) fn rules() -> [Json; 5] {
    let rule = |rule: &str, message: &str| json!({"rule": rule, "message": message});
    [
        rule(
            "!has(self.timeColumn) || !has(self.roles) || !has(self.roles.time) || has(self.roles.timeUnit) || \
             self.timeColumn == self.roles.time",
            TIME,
        ),
        rule(
            "!has(self.entity) || !has(self.roles) || !has(self.roles.entities) || \
             self.entity.all(e, self.roles.entities.exists(r, r.column == e))",
            ENTITY,
        ),
        rule("!has(self.roles) || !has(self.roles.timeUnit) || has(self.roles.time)", UNIT),
        rule(
            "!has(self.timeColumn) || !has(self.roles) || !has(self.roles.timeUnit) || \
             self.timeColumn != self.roles.time",
            UNIT_AND_COLUMN,
        ),
        rule(
            "!has(self.roles) || !has(self.roles.entities) || \
             self.roles.entities.all(r, self.roles.entities.exists_one(s, s.column == r.column))",
            TWICE,
        ),
    ]
}

/// Checks a `spec`.
pub(crate) fn check(check: &mut Check, spec: &Json, prefix: &str) {
    let roles = &spec["roles"];
    let mut problems = Vec::new();
    let (time, unit) = (roles["time"].as_str(), roles.get("timeUnit"));
    if let (Some(column), Some(time)) = (spec["timeColumn"].as_str(), time) {
        match unit {
            None if column != time => problems.push(("timeColumn".to_owned(), TIME)),
            Some(_) if column == time => {
                problems.push(("roles.timeUnit".to_owned(), UNIT_AND_COLUMN));
            }
            _ => {}
        }
    }
    if unit.is_some() && time.is_none() {
        problems.push(("roles.timeUnit".to_owned(), UNIT));
    }
    let entities = roles["entities"].as_array().map_or(&[][..], Vec::as_slice);
    let column = |entity: &Json| entity["column"].as_str().map(str::to_owned);
    let columns: Vec<Option<String>> = entities.iter().map(column).collect();
    let short = spec["entity"].as_array().map_or(&[][..], Vec::as_slice);
    let differs = |name: &&Json| !columns.iter().flatten().any(|column| *name == column);
    if !columns.is_empty() && short.iter().any(|name| differs(&name)) {
        problems.push(("entity".to_owned(), ENTITY));
    }
    for (index, column) in columns.iter().enumerate() {
        if columns[..index].contains(column) {
            problems.push((format!("roles.entities[{index}].column"), TWICE));
        }
    }
    for (path, message) in problems {
        let path = format!("{prefix}{path}");
        let place = check.places.nearest(&path).unwrap_or(Place::NONE);
        check.wrong(place, &path, message);
    }
}
