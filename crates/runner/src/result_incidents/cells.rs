//! The cells of a result file as they were before they were written: lists, and the signature of a row.

use std::borrow::Cow;

use anomal_connectors::{csv::flat, text};
use anomal_core::{Batch, FactValue, Facts, Result, proto::plan::Flag};
use polars::prelude::AnyValue;
use serde_json::Value;

use crate::incidents::{Signature, SignatureState};

/// The texts of a column, lists as CSV has them; empty where the file lacks it.
///
/// # Errors
/// `Internal`.
pub(super) fn texts(batch: &Batch, name: &str) -> Result<Vec<String>> {
    let Ok(column) = batch.raw.column(name) else {
        return Ok(vec![String::new(); batch.height()]);
    };
    let column = flat(column)?;
    let cell = |row| {
        let mut cell = String::new();
        text::push(&mut cell, &column.get(row).unwrap_or(AnyValue::Null));
        cell
    };
    Ok((0..batch.height()).map(cell).collect())
}

/// The items of a list of texts: JSON, or separated by semicolons.
pub(super) fn items(cell: &str) -> Vec<Cow<'_, str>> {
    match json(cell) {
        Some(items) => {
            let text = |item: &Value| Some(Cow::Owned(item.as_str()?.to_owned()));
            items.iter().filter_map(text).collect()
        }
        None => cell.split(';').filter(|item| !item.is_empty()).map(Cow::Borrowed).collect(),
    }
}

fn json(cell: &str) -> Option<Vec<Value>> {
    cell.starts_with('[').then(|| serde_json::from_str(cell).ok())?
}

/// The features of `anomal.reasons`, the largest share first.
pub(super) fn reasons(cell: &str) -> Vec<String> {
    match json(cell) {
        Some(items) => {
            let name = |item: &Value| Some(item["feature"].as_str()?.to_owned());
            items.iter().filter_map(name).collect()
        }
        None => {
            let pairs = cell.split(';').filter_map(|item| item.rsplit_once('='));
            pairs.map(|(feature, _)| feature.to_owned()).collect()
        }
    }
}

/// The facts of a flag in `anomal.details`, if it has some there.
pub(super) fn facts(cell: &str, flag: &Flag) -> Option<Facts> {
    let mut values = vec![FactValue::Missing; flag.facts.len()];
    let mut set = |name: &str, value: FactValue| {
        if let Some(place) = flag.facts.iter().position(|fact| fact.name == name) {
            values[place] = value;
        }
    };
    if let Some(items) = json(cell) {
        for item in items.iter().filter(|item| item["flag"].as_str() == Some(&flag.name)) {
            let Some(name) = item["name"].as_str() else { continue };
            match (item["number"].as_f64(), item["text"].as_str()) {
                (Some(number), _) => set(name, number.into()),
                (None, Some(text)) => set(name, text.into()),
                (None, None) => {}
            }
        }
    } else {
        let prefix = format!("{}.", flag.name);
        for item in cell.split(';').filter_map(|item| item.strip_prefix(&prefix)) {
            let Some((name, value)) = item.split_once('=') else { continue };
            let value = value.replace("%3B", ";");
            set(name, value.parse::<f64>().map_or_else(|_| value.as_str().into(), FactValue::from));
        }
    }
    let has_any = values.iter().any(|value| *value != FactValue::Missing);
    has_any.then(|| values.into())
}

/// In which way a row is odd, by its reasons and the sentence that was made from them ([`crate::explain::Explainer`]).
pub(super) fn signature(reasons: &[String], explanation: &str) -> Option<Signature> {
    if reasons.is_empty() {
        return None;
    }
    let combination = || Signature {
        features: reasons.iter().take(2).cloned().collect(),
        state: SignatureState::Combination,
    };
    // The first clause is that of the first reason whose value is not common.
    let begins = |feature: &&String| {
        explanation.strip_prefix(feature.as_str()).is_some_and(|rest| rest.starts_with(" is "))
    };
    let Some(feature) = reasons.iter().filter(begins).max_by_key(|feature| feature.len()) else {
        return Some(combination());
    };
    let clause = &explanation[feature.len() + " is ".len()..];
    let clause = clause.split("; ").next().unwrap_or(clause);
    let (value, place) = clause.rsplit_once(", ").unwrap_or((clause, ""));
    let state = match place {
        _ if place.starts_with("higher than") || clause.contains(" the median (") => {
            SignatureState::High
        }
        _ if place.starts_with("lower than") => SignatureState::Low,
        _ if value == "missing" && place.starts_with("as in ") => SignatureState::Missing,
        _ if ["in ", "as in ", "one of "].iter().any(|start| place.starts_with(start)) => {
            SignatureState::Value(value.to_owned())
        }
        _ => return Some(combination()),
    };
    Some(Signature { features: vec![feature.clone()], state })
}

#[cfg(test)]
mod tests {
    use anomal_core::proto::plan::FactInfo;

    use super::*;

    #[test]
    fn lists_are_read_in_all_forms() {
        assert_eq!(items("a;b"), ["a", "b"]);
        assert_eq!(items(r#"["a","b"]"#), ["a", "b"]);
        assert!(items("").is_empty());
        assert_eq!(reasons("a=0.5000;b=c=0.2500"), ["a", "b=c"]);
        assert_eq!(reasons(r#"[{"feature":"a","share":0.5}]"#), ["a"]);
    }

    #[test]
    fn details_are_facts_again() {
        let fact = |name: &str| FactInfo { name: name.into(), ..FactInfo::default() };
        let facts = vec![fact("names"), fact("answer")];
        let flag = Flag { name: "a.b".into(), facts, ..Flag::default() };
        let expected: Facts = vec![21.0.into(), "x;y=".into()].into();
        let json = r#"[{"flag":"a.b","name":"names","number":21,"text":null},{"flag":"a.b","name":"answer","text":"x;y="}]"#;
        for cell in ["a.b.target=c;a.b.names=21;a.b.answer=x%3By=;c.names=4", json] {
            assert_eq!(super::facts(cell, &flag).as_ref(), Some(&expected), "{cell}");
        }
        assert_eq!(super::facts("c.names=4", &flag), None);
        assert_eq!(super::facts("", &flag), None);
    }

    #[test]
    fn sentences_have_signatures() {
        let reasons = ["bytes".to_owned(), "type".to_owned(), "bytes in".to_owned()];
        let state = |explanation: &str| signature(&reasons, explanation).unwrap();
        let one = |feature: &str, state| Signature { features: vec![feature.into()], state };
        let cases = [
            ("bytes is 400, 40 times the median (10)", one("bytes", SignatureState::High)),
            (
                "bytes is 19.5, higher than 99 % of the rows (median 1,000); type is A, in 3 of 5,000 rows",
                one("bytes", SignatureState::High),
            ),
            (
                "bytes is 1, lower than 95 % of the rows (median 2)",
                one("bytes", SignatureState::Low),
            ),
            ("bytes in is missing, as in 7 of 500 rows", one("bytes in", SignatureState::Missing)),
            ("type is a, b, in 3 of 5,000 rows", one("type", SignatureState::Value("a, b".into()))),
            (
                "type is not in the list, as in 1,900 of 5,000 rows; together with bytes 11, which is common",
                one("type", SignatureState::Value("not in the list".into())),
            ),
            (
                "type is PTR, one of 1,234 different values",
                one("type", SignatureState::Value("PTR".into())),
            ),
        ];
        for (explanation, expected) in cases {
            assert_eq!(state(explanation), expected, "{explanation}");
        }
        for common in [
            "no single value is unusual; the combination is: type A with bytes 11",
            "bytes is 3 (median 4)",
        ] {
            assert_eq!(state(common).state, SignatureState::Combination, "{common}");
        }
        assert_eq!(signature(&[], "x"), None);
    }
}
