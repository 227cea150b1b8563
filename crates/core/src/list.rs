//! Cells that hold a list, in the forms in which exports write lists.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// The items of a cell. These forms of a list are recognised, in this order:
///
/// - a JSON array; items that are strings are unescaped, nulls left out, others remain JSON;
/// - Packetbeat's `[a";"b]`;
/// - Python's `['a', "b"]`, also with round or curly brackets;
/// - items between commas, in brackets or not, as Zeek writes vectors and sets, if each of them is an address, a host name
///   or base 64.
///
/// Any other cell is one item, without quotes or square brackets around it; an empty cell and Zeek's `(empty)` have none.
pub fn list_items(cell: &str) -> Vec<Cow<'_, str>> {
    let cell = cell.trim();
    if cell == EMPTY {
        return Vec::new();
    }
    if cell.starts_with('[')
        && let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(cell)
    {
        return items.into_iter().filter_map(json_item).collect();
    }
    let between = |open: char, close: char| cell.strip_prefix(open)?.strip_suffix(close);
    let in_square = between('[', ']');
    let in_others = between('(', ')').or_else(|| between('{', '}'));
    if let Some(list) = in_square.filter(|list| list.contains(PACKETBEAT)) {
        return list.split(PACKETBEAT).map(|item| Cow::Borrowed(unquoted(item))).collect();
    }
    if let Some(items) = in_square.or(in_others).and_then(python_items) {
        return items;
    }
    let (list, least) = match in_square.or(in_others) {
        Some(list) => (list, 1),
        None => (cell, 2),
    };
    if let Some(items) = plain_items(list, least) {
        return items;
    }
    let item = unquoted(in_square.unwrap_or(cell));
    if item.is_empty() { Vec::new() } else { vec![Cow::Borrowed(item)] }
}

/// Between the items of Packetbeat's lists in CSV exports.
const PACKETBEAT: &str = "\";\"";
/// Zeek's set or vector without an item.
const EMPTY: &str = "(empty)";

/// A cell as a JSON array without blanks, of which [`list_items`] returns the same items. Items of a JSON array remain as
/// they are, without nulls; those of other forms are strings. `separator`: what stands between the items of a cell that is
/// neither a JSON array nor in Packetbeat's form; none: any form of [`list_items`].
pub fn json_list(cell: &str, separator: Option<&str>) -> String {
    let cell = cell.trim();
    if cell.starts_with('[')
        && let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(cell)
    {
        let items = items.into_iter().map(RawValue::get).filter(|item| *item != "null");
        return array(items.map(|item| compact(item).into()));
    }
    let parts = |separator: &str| {
        let parts = cell.split(separator).map(unquoted).filter(|part| !part.is_empty());
        array(parts.map(|part| json_string(part).into()))
    };
    match separator {
        Some(separator) if !separator.is_empty() && !is_packetbeat(cell) && cell != EMPTY => {
            parts(separator)
        }
        _ => array(list_items(cell).into_iter().map(|item| json_string(&item).into())),
    }
}

fn array<'a>(items: impl Iterator<Item = Cow<'a, str>>) -> String {
    let mut list = String::from("[");
    for item in items {
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str(&item);
    }
    list.push(']');
    list
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A JSON value without blanks between its parts.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for character in json.chars() {
        if in_string {
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if character.is_ascii_whitespace() {
            continue;
        } else {
            in_string = character == '"';
        }
        out.push(character);
    }
    out
}

fn is_packetbeat(cell: &str) -> bool {
    cell.starts_with('[') && cell.ends_with(']') && cell.contains(PACKETBEAT)
}

fn json_item(item: &RawValue) -> Option<Cow<'_, str>> {
    let json = item.get();
    if json.starts_with('"') {
        return serde_json::from_str(json).ok().map(Cow::Owned);
    }
    (json != "null").then_some(Cow::Borrowed(json))
}

fn unquoted(item: &str) -> &str {
    item.trim().trim_matches('"')
}

/// The items of a list as Python prints it, without its brackets; none if it is no such list, or has no quotes.
fn python_items(list: &str) -> Option<Vec<Cow<'_, str>>> {
    let mut items = Vec::new();
    let mut rest = list.trim();
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|first| matches!(first, '\'' | '"'));
        let after = if let Some(quote) = quote {
            let (item, after) = quoted_item(&rest[1..], quote)?;
            items.push(Cow::Owned(item));
            after
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let item = rest[..end].trim();
            if item != "None" {
                items.push(Cow::Borrowed(item));
            }
            &rest[end..]
        };
        rest = match after.trim_start() {
            "" => "",
            after => after.strip_prefix(',')?.trim_start(),
        };
    }
    let has_quotes = items.iter().any(|item| matches!(item, Cow::Owned(_)));
    has_quotes.then_some(items)
}

/// The text up to a quote, and what follows the quote.
fn quoted_item(text: &str, quote: char) -> Option<(String, &str)> {
    let mut item = String::new();
    let mut chars = text.char_indices();
    while let Some((place, next)) = chars.next() {
        match next {
            '\\' => item.push(chars.next()?.1),
            next if next == quote => return Some((item, &text[place + 1..])),
            next => item.push(next),
        }
    }
    None
}

/// The items between commas, if there are at least `least` and each could be an address, a host name or base 64.
fn plain_items(list: &str, least: usize) -> Option<Vec<Cow<'_, str>>> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=_-.:".contains(&byte);
    let items: Vec<&str> = list.split(',').map(str::trim).collect();
    let all_plain = items.iter().all(|item| !item.is_empty() && item.bytes().all(is_plain));
    (items.len() >= least && all_plain).then(|| items.into_iter().map(Cow::Borrowed).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_in_any_form_have_the_same_items() {
        for list in [
            r#"["192.0.2.1","c2VjcmV0IQ=="]"#,
            r#" [ "192.0.2.1", null, "c2Vjcm\u0056\u0030IQ==" ] "#,
            r#"[192.0.2.1";"c2VjcmV0IQ==]"#,
            r#"["192.0.2.1";"c2VjcmV0IQ=="]"#,
            "['192.0.2.1', 'c2VjcmV0IQ==']",
            r#"['192.0.2.1', None, "c2VjcmV0IQ=="]"#,
            "('192.0.2.1', 'c2VjcmV0IQ==',)",
            "{'192.0.2.1', 'c2VjcmV0IQ=='}",
            "192.0.2.1,c2VjcmV0IQ==",
            "192.0.2.1, c2VjcmV0IQ==",
            "[192.0.2.1, c2VjcmV0IQ==]",
            "{192.0.2.1,c2VjcmV0IQ==}",
        ] {
            assert_eq!(list_items(list), ["192.0.2.1", "c2VjcmV0IQ=="], "{list}");
        }
    }

    #[test]
    fn other_cells_are_one_item() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("(empty)", &[]),
            ("[]", &[]),
            ("{}", &["{}"]),
            ("[a]", &["a"]),
            ("{a}", &["a"]),
            ("\"a\"", &["a"]),
            (
                "v=spf1 ip4:192.0.2.0/24, include:example.com -all",
                &["v=spf1 ip4:192.0.2.0/24, include:example.com -all"],
            ),
            (r#"{"rrname": "a,b"}"#, &[r#"{"rrname": "a,b"}"#]),
            (r#"[{"rrname": "a,b"}, ["x"], 7]"#, &[r#"{"rrname": "a,b"}"#, r#"["x"]"#, "7"]),
            (r#"[v=DKIM1; k=rsa; p=MII";"AQ8]"#, &["v=DKIM1; k=rsa; p=MII", "AQ8"]),
            ("['it\\'s', \"it's\"]", &["it's", "it's"]),
            ("['unclosed]", &["'unclosed"]),
            ("a,,b", &["a,,b"]),
            ("2001:db8::1,fe80::1", &["2001:db8::1", "fe80::1"]),
        ];
        for (cell, items) in cases {
            assert_eq!(list_items(cell), *items, "{cell}");
        }
    }

    #[test]
    fn lists_have_one_form() {
        for (cell, separator, list) in [
            (
                r#" [ 1.50, null, {"a": "x y"}, "\u00fc\" ]" ] "#,
                None,
                r#"[1.50,{"a":"x y"},"\u00fc\" ]"]"#,
            ),
            ("a|b c|", Some("|"), r#"["a","b c"]"#),
            ("[a\";\"b,c]", Some(","), r#"["a","b,c"]"#),
            (r#"["a,b"]"#, Some(","), r#"["a,b"]"#),
            ("a b, c d", Some(","), r#"["a b","c d"]"#),
            ("a b, c d", None, r#"["a b, c d"]"#),
            ("['a', 'b']", None, r#"["a","b"]"#),
            ("192.0.2.1,example.com", None, r#"["192.0.2.1","example.com"]"#),
            ("", None, "[]"),
            ("(empty)", Some(","), "[]"),
        ] {
            assert_eq!(json_list(cell, separator), list, "{cell}");
        }
    }

    proptest! {
        #[test]
        fn one_form_has_the_same_items(cell in "[\\[\\](){}'\",;\\\\aé =.1]{0,20}") {
            let list = json_list(&cell, None);
            prop_assert_eq!(list_items(&list), list_items(&cell));
            prop_assert_eq!(json_list(&list, None), list);
        }

        #[test]
        fn any_items_are_read_back_from_json(items in prop::collection::vec(any::<String>(), 0..5)) {
            let cell = serde_json::to_string(&items).unwrap();
            prop_assert_eq!(list_items(&cell), items);
        }

        #[test]
        fn any_cell_is_read(cell in "[\\[\\](){}'\",;\\\\aé =.]{0,20}") {
            prop_assert!(list_items(&cell).len() <= cell.len());
        }
    }
}
