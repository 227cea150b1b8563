//! Selects the documents to read: the query, and the time range.
//!
//! The server evaluates date math once per run, by its own clock, so that all requests of a run use the same range.

use anomal_core::{Error, Result};
use anomal_spec::ElasticsearchInput;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The formats of `from` and `to`, besides date math.
const FORMAT: &str = "strict_date_optional_time||epoch_millis";

/// The filters for the documents to read, without the time range.
pub(super) fn filters(input: &ElasticsearchInput) -> Vec<Value> {
    let dsl = input.query.clone().map(Value::Object);
    let typed = input.query_string.as_deref().map(|text| {
        json!({"query_string": {"query": lucene(text), "analyze_wildcard": true, "time_zone": "UTC"}})
    });
    dsl.into_iter().chain(typed).collect()
}

/// A search that evaluates `from` and `to` without reading documents; `None` if neither is set.
pub(super) fn range_request(input: &ElasticsearchInput) -> Option<Value> {
    if input.from.is_none() && input.to.is_none() {
        return None;
    }
    let ends = [("from", &input.from), ("to", &input.to)];
    let ends =
        ends.into_iter().filter_map(|(key, end)| Some((key.to_owned(), json!(end.as_ref()?))));
    let range: Map<String, Value> = ends.collect();
    Some(json!({
        "size": 0,
        "query": {"match_none": {}},
        "aggs": {"range": {"date_range": {"field": input.time_field, "format": FORMAT, "ranges": [range]}}},
    }))
}

/// A time range in milliseconds since the epoch. `to` is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Range {
    pub from: Option<i64>,
    pub to: Option<i64>,
}

#[derive(Deserialize)]
struct Answer {
    aggregations: Aggregations,
}

#[derive(Deserialize)]
struct Aggregations {
    range: Buckets,
}

#[derive(Deserialize)]
struct Buckets {
    buckets: Vec<Bucket>,
}

#[derive(Deserialize)]
struct Bucket {
    from: Option<f64>,
    to: Option<f64>,
}

impl Range {
    /// From the response to [`range_request`].
    ///
    /// # Errors
    /// `InvalidSettings` if the range is empty.
    pub fn from_response(body: &[u8], input: &ElasticsearchInput) -> Result<Self> {
        let unknown = |reason: &str| {
            Error::settings(
                "input.elasticsearch.from",
                "TIME_RANGE_UNKNOWN",
                format!("the server cannot evaluate this time range: {reason}"),
            )
        };
        let answer: Answer =
            serde_json::from_slice(body).map_err(|error| unknown(&error.to_string()))?;
        let bucket = answer.aggregations.range.buckets.first();
        let bucket = bucket.ok_or_else(|| unknown("the response has no bucket"))?;
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds are whole, within 2^53")]
        let millis = |end: f64| end as i64;
        let range = Self { from: bucket.from.map(millis), to: bucket.to.map(millis) };
        if input.from.is_some() != range.from.is_some() || input.to.is_some() != range.to.is_some()
        {
            return Err(unknown("the response lacks an end"));
        }
        if range.from.zip(range.to).is_some_and(|(from, to)| from >= to) {
            return Err(Error::settings(
                "input.elasticsearch.to",
                "TIME_RANGE_EMPTY",
                format!(
                    "`{}` is not after `{}`, the start of the range",
                    input.to.as_deref().unwrap_or_default(),
                    input.from.as_deref().unwrap_or_default()
                ),
            ));
        }
        Ok(range)
    }

    pub fn filter(self, field: &str) -> Option<Value> {
        let ends = [("gte", self.from), ("lt", self.to)];
        let mut ends: Map<String, Value> = ends
            .into_iter()
            .filter_map(|(key, end)| Some((key.to_owned(), json!(end?.to_string()))))
            .collect();
        if ends.is_empty() {
            return None;
        }
        ends.insert("format".into(), "epoch_millis".into());
        Some(json!({"range": {field: ends}}))
    }
}

/// Converts the syntax of Kibana's search bar to that of `query_string`: `and`, `or`, `not` in any case, and
/// `field >= 5`. Everything else stays unchanged.
fn lucene(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    // Whether a field's value is expected.
    let mut value = false;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => closed(rest, &['"']),
            // A range may mix both kinds of brackets.
            '[' | '{' => closed(rest, &[']', '}']),
            '/' => closed(rest, &['/']),
            '<' | '>' => {
                let operator = if rest[1..].starts_with('=') { 2 } else { 1 };
                if !value {
                    out.truncate(out.trim_end().len());
                    out.push(':');
                }
                out.push_str(&rest[..operator]);
                rest = rest[operator..].trim_start();
                value = true;
                continue;
            }
            c if word(c) => {
                let length = word_length(rest);
                let named = rest[length..].starts_with(':');
                let upper = rest[..length].to_ascii_uppercase();
                if !value && !named && matches!(upper.as_str(), "AND" | "OR" | "NOT") {
                    out.push_str(&upper);
                } else {
                    out.push_str(&rest[..length]);
                }
                value = false;
                rest = &rest[length..];
                continue;
            }
            ':' => {
                value = true;
                1
            }
            c => {
                value &= c.is_whitespace();
                c.len_utf8()
            }
        };
        if length > 1 {
            value = false;
        }
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

fn word(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '"' | '(' | ')' | '[' | '{' | ':' | '<' | '>')
}

/// The length of the first word; a character after a backslash belongs to it.
fn word_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().find(|(_, c)| {
        let ends = !escaped && !word(*c);
        escaped = !escaped && *c == '\\';
        ends
    });
    end.map_or(text.len(), |(place, _)| place)
}

/// The length up to and including the closing character, or of the whole text if there is none.
fn closed(text: &str, ends: &[char]) -> usize {
    let mut escaped = false;
    let found = text.char_indices().skip(1).find(|(_, c)| {
        let ended = !escaped && ends.contains(c);
        escaped = !escaped && *c == '\\';
        ended
    });
    found.map_or(text.len(), |(place, c)| place + c.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_bar_syntax_is_converted() {
        for (typed, expected) in [
            (
                "dns.type: answer and not source.ip: 10.0.0.1",
                "dns.type: answer AND NOT source.ip: 10.0.0.1",
            ),
            ("a:1 AND b:2", "a:1 AND b:2"),
            ("a : (x or y)", "a : (x OR y)"),
            ("bytes >= 10 and bytes<20", "bytes:>=10 AND bytes:<20"),
            ("bytes:>=10 or a: > 5", "bytes:>=10 OR a: >5"),
            // Values, quoted texts, and names that resemble keywords stay unchanged.
            ("state: or", "state: or"),
            ("name: \"salt and pepper\"", "name: \"salt and pepper\""),
            ("order: and.more or android", "order: and.more OR android"),
            (
                "not:1 and t:[2020 TO 2021} or p:/a and b/",
                "not:1 AND t:[2020 TO 2021} OR p:/a and b/",
            ),
            ("path:\\/a\\ and\\ b or x", "path:\\/a\\ and\\ b OR x"),
            ("üml: ä or \"", "üml: ä OR \""),
            ("", ""),
            (">", ":>"),
        ] {
            assert_eq!(lucene(typed), expected, "{typed}");
        }
    }

    #[test]
    fn a_range_is_requested_and_parsed() {
        let mut input = ElasticsearchInput::new("http://h:9200", "logs");
        assert_eq!(range_request(&input), None);
        assert_eq!(Range::default().filter("@timestamp"), None);
        input.from = Some("now-1h/h".into());
        let asked = range_request(&input).unwrap();
        assert_eq!(asked["aggs"]["range"]["date_range"]["ranges"], json!([{"from": "now-1h/h"}]));
        let body = |bucket: Value| {
            json!({"aggregations": {"range": {"buckets": [bucket]}}}).to_string().into_bytes()
        };
        let range =
            Range::from_response(&body(json!({"from": 5000.0, "from_as_string": "x"})), &input)
                .unwrap();
        assert_eq!(range, Range { from: Some(5000), to: None });
        let filter = range.filter("@timestamp").unwrap();
        assert_eq!(
            filter,
            json!({"range": {"@timestamp": {"gte": "5000", "format": "epoch_millis"}}})
        );
        input.to = Some("now-2h".into());
        let error =
            Range::from_response(&body(json!({"from": 5000.0, "to": 5000.0})), &input).unwrap_err();
        assert_eq!(error.reason, "TIME_RANGE_EMPTY");
        assert!(Range::from_response(&body(json!({"from": 5000.0})), &input).is_err());
        assert!(Range::from_response(b"{}", &input).is_err());
    }

    #[test]
    fn both_queries_apply() {
        let mut input = ElasticsearchInput::new("http://h:9200", "logs");
        assert!(filters(&input).is_empty());
        input.query = json!({"term": {"a": 1}}).as_object().cloned();
        input.query_string = Some("b:2 and c:3".into());
        let filters = filters(&input);
        assert_eq!(filters[0], json!({"term": {"a": 1}}));
        assert_eq!(filters[1]["query_string"]["query"], "b:2 AND c:3");
    }
}
