//! STIX 2 bundles (OASIS STIX 2.1, sections 4.7 and 9): indicators whose pattern is one comparison of a value.

use anomal_spec::{ListMatch, ListSettings, ListType};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::time;
use crate::{builder::Builder, list::ListError, periods::Period};

#[derive(Deserialize)]
struct Bundle<'a> {
    /// Not parsed before they are known to be indicators: other objects have other fields.
    #[serde(borrow)]
    objects: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct ObjectType {
    #[serde(rename = "type", default)]
    object_type: String,
}

#[derive(Deserialize)]
struct Indicator {
    #[serde(default)]
    pattern: String,
    pattern_type: Option<String>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    confidence: Option<i64>,
    #[serde(default)]
    revoked: bool,
}

pub(crate) fn read(
    bytes: &[u8],
    settings: &ListSettings,
    builder: &mut Builder,
) -> Result<(), ListError> {
    let bundle: Bundle<'_> = serde_json::from_slice(bytes)
        .map_err(|error| ListError(format!("this is no STIX bundle: {error}")))?;
    for (place, object) in (1..).zip(bundle.objects) {
        let object_type = serde_json::from_str::<ObjectType>(object.get());
        if object_type.is_ok_and(|object| object.object_type != "indicator") {
            continue;
        }
        match serde_json::from_str::<Indicator>(object.get()) {
            Ok(indicator) => read_indicator(place, &indicator, settings, builder),
            Err(_) => builder.count_unsupported(),
        }
    }
    Ok(())
}

fn read_indicator(
    place: u64,
    indicator: &Indicator,
    settings: &ListSettings,
    builder: &mut Builder,
) {
    let is_pattern = indicator.pattern_type.as_deref().is_none_or(|language| language == "stix");
    let comparison = is_pattern.then(|| Comparison::parse(&indicator.pattern)).flatten();
    let Some(comparison) = comparison else {
        builder.count_unsupported();
        return;
    };
    let low = indicator
        .confidence
        .zip(settings.confidence)
        .is_some_and(|(found, least)| found < i64::from(least));
    if indicator.revoked || low || !builder.wants(comparison.entry_type) {
        builder.count_left_out();
        return;
    }
    let time = |text: &Option<String>| text.as_deref().map(time);
    // An indicator whose times can't be read would match when it should not.
    let (from, until) = match (time(&indicator.valid_from), time(&indicator.valid_until)) {
        (Some(None), _) | (_, Some(None)) => {
            builder.count_unsupported();
            return;
        }
        (from, until) => (from.flatten(), until.flatten()),
    };
    let period = Period { from, until };
    let Comparison { entry_type, value } = comparison;
    builder.add_matching(place, &value, entry_type, ListMatch::Exact, period);
}

/// A pattern such as `[domain-name:value = 'a.example']`.
#[derive(Debug, PartialEq, Eq)]
struct Comparison {
    entry_type: ListType,
    value: String,
}

impl Comparison {
    /// Nothing if the pattern is another one.
    fn parse(pattern: &str) -> Option<Self> {
        let inner = pattern.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
        let (path, rest) = inner.split_once(':')?;
        let (kind, entry_type) = match path.trim() {
            kind @ ("ipv4-addr" | "ipv6-addr") => (kind, ListType::Ip),
            kind @ "domain-name" => (kind, ListType::Domain),
            kind @ "url" => (kind, ListType::Url),
            kind @ "email-addr" => (kind, ListType::Email),
            kind @ "file" => (kind, ListType::Hash),
            _ => return None,
        };
        let rest = rest.trim_start();
        let rest = if kind == "file" {
            let rest = rest.strip_prefix("hashes.")?;
            let name = rest.trim_start_matches(['\'', '"']);
            let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))?;
            let (name, rest) = name.split_at(end);
            let name = name.to_ascii_uppercase().replace('-', "");
            if !matches!(name.as_str(), "MD5" | "SHA1" | "SHA256" | "SHA512") {
                return None;
            }
            rest.trim_start_matches(['\'', '"'])
        } else {
            rest.strip_prefix("value")?
        };
        let rest = rest.trim_start();
        let literal = match rest.strip_prefix("ISSUBSET") {
            Some(rest) if entry_type == ListType::Ip => rest,
            _ => rest.strip_prefix('=')?,
        };
        Some(Self { entry_type, value: string_literal(literal.trim())? })
    }
}

/// The value of a literal in single quotes, which is all of the text. A backslash precedes a quote or a backslash.
fn string_literal(text: &str) -> Option<String> {
    let mut characters = text.strip_prefix('\'')?.chars();
    let mut value = String::new();
    loop {
        match characters.next()? {
            '\\' => match characters.next()? {
                escaped @ ('\\' | '\'') => value.push(escaped),
                _ => return None,
            },
            '\'' => break,
            character => value.push(character),
        }
    }
    characters.as_str().is_empty().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_comparisons_are_read() {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        for (pattern, expected) in [
            ("[ipv4-addr:value = '192.0.2.1']", Some((ListType::Ip, "192.0.2.1"))),
            ("[ipv6-addr:value='2001:db8::/32']", Some((ListType::Ip, "2001:db8::/32"))),
            ("[ipv4-addr:value ISSUBSET '192.0.2.0/24']", Some((ListType::Ip, "192.0.2.0/24"))),
            (" [ domain-name:value = 'a.example' ] ", Some((ListType::Domain, "a.example"))),
            (
                r"[url:value = 'http://a.example/\'\\']",
                Some((ListType::Url, r"http://a.example/'\")),
            ),
            ("[email-addr:value = 'a@b.example']", Some((ListType::Email, "a@b.example"))),
            (&format!("[file:hashes.MD5 = '{md5}']"), Some((ListType::Hash, md5))),
            (&format!("[file:hashes.'MD5' = '{md5}']"), Some((ListType::Hash, md5))),
            ("[file:hashes.'SHA-256' = 'x']", Some((ListType::Hash, "x"))),
            ("[file:hashes.SSDEEP = 'x']", None),
            ("[file:name = 'x']", None),
            ("[domain-name:value = 'a' OR domain-name:value = 'b']", None),
            ("[domain-name:value != 'a']", None),
            ("[domain-name:value LIKE 'a%']", None),
            ("[domain-name:value = 'a'] AND [url:value = 'b']", None),
            ("[domain-name:value = 'a", None),
            ("[]", None),
            ("", None),
        ] {
            let found = Comparison::parse(pattern);
            let found = found.as_ref().map(|found| (found.entry_type, found.value.as_str()));
            assert_eq!(found, expected, "{pattern}");
        }
    }
}
