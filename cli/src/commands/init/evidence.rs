//! What speaks for each role of a column: what its values look like, and what its name says.

use anomal_core::proto::DataType;
use serde::Serialize;

use super::{
    column::ColumnProfile,
    names::{self, has},
    values,
};

/// Weights of values and names.
const VALUES: f64 = 0.6;
const NAME: f64 = 0.4;
/// Roles with less are not listed.
const LEAST: f64 = 0.2;

/// What speaks for a role.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// As [`super::roles::Role::name`] has it, or `identifier`.
    pub role: &'static str,
    /// The share, 0 to 1, of the different values that look like it.
    pub values: f64,
    /// Whether the name says it.
    pub name: bool,
    /// 0 to 1.
    pub score: f64,
}

/// The roles for which something speaks, the strongest evidence first.
pub fn evidence(column: &ColumnProfile) -> Vec<Evidence> {
    let name = |list: &[&str]| has(&column.name, list);
    let share = |predicate: fn(&str) -> bool| column.share(predicate);
    let flag = |is: bool| f64::from(u8::from(is));
    let few = column.distinct() <= 50;
    let is_text = column.data_type == DataType::String;
    let is_time = column.data_type == DataType::Datetime;
    let port = |text: &str| text.parse::<u16>().is_ok();
    let status = |text: &str| {
        values::is_failure(text) || text.parse::<u16>().is_ok_and(|code| (100..600).contains(&code))
    };
    let host = |text: &str| values::is_host_name(text) && values::has_public_suffix(text);
    let user = |text: &str| values::is_address(text) || values::is_user(text);
    let command = |text: &str| text.trim().contains(' ');
    let repeats = column.present() >= column.distinct() * 3;
    let rows = [
        ("time", flag(is_time), name(names::TIME)),
        ("label", share(values::is_verdict) * flag(column.distinct() <= 20), name(names::LABEL)),
        (
            "identifier",
            flag(column.is_unique()).max(share(values::is_token)),
            name(names::IDENTIFIER),
        ),
        ("entity", share(user) * flag(repeats), name(names::SOURCE) || name(names::USER)),
        ("host name", share(host), name(names::HOST_NAME)),
        ("path", share(values::is_path), name(names::PATH)),
        ("command line", share(command) * flag(is_text), name(names::COMMAND)),
        ("address", share(values::is_address), name(names::ADDRESS)),
        ("port", share(port) * flag(column.is_number()), name(names::PORT)),
        ("status", share(status) * flag(few), name(names::STATUS)),
        ("category", flag(few && column.distinct() > 1), name(names::CODE)),
        ("number", flag(column.is_number()), name(names::NUMBER)),
        ("text", share(values::is_sentence), name(names::TEXT)),
    ];
    let mut evidence: Vec<Evidence> = rows
        .into_iter()
        .map(|(role, values, name)| Evidence {
            role,
            values,
            name,
            score: VALUES * values + NAME * flag(name),
        })
        .filter(|evidence| evidence.values > 0.0 && evidence.score >= LEAST)
        .collect();
    evidence.sort_by(|a, b| b.score.total_cmp(&a.score));
    evidence
}

/// The strongest evidence for another role than the one that was chosen, from 0.4 on.
pub fn runner_up<'a>(evidence: &'a [Evidence], chosen: &str) -> Option<&'a Evidence> {
    evidence.iter().find(|other| other.role != chosen && other.score >= NAME)
}

#[cfg(test)]
mod tests {
    use super::{super::column::testing::profile, *};

    #[test]
    fn values_and_names_speak_for_roles() {
        let address = profile("src_ip", &["10.0.0.1", "10.0.0.2", "10.0.0.1"].repeat(3));
        let found = evidence(&address);
        assert_eq!((found[0].role, found[0].values, found[0].name), ("entity", 1.0, true));
        assert_eq!(runner_up(&found, "entity").unwrap().role, "address");
        let column = profile("x", &["a", "b"]);
        assert_eq!(evidence(&column)[0].role, "category");
        assert_eq!(runner_up(&evidence(&column), "category"), None);
    }
}
