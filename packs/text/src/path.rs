//! Paths and URLs: how deep they are, their queries and their escapes (RFC 3986).

use anomal_components::Component;

use crate::{count, text_metric};

pub fn path_depth() -> Component {
    text_metric(
        "path_depth",
        "path",
        "How many names a path or URL has between slashes (`/` or `\\`), without scheme, host, drive letter, query and \
         fragment; 0 for `/` and an empty text.",
        |text| {
            let is_drive = |name: &str| name.len() == 2 && name.ends_with(':');
            count(path(text).split(['/', '\\']).filter(|name| !name.is_empty() && !is_drive(name)))
        },
    )
}

pub fn query_length() -> Component {
    text_metric(
        "query_length",
        "path",
        "How many characters a path or URL has between its first `?` and its fragment or end; 0 without a query.",
        |text| {
            let query = without_fragment(text).split_once('?');
            count(query.map_or("", |(_, query)| query).chars())
        },
    )
}

pub fn percent_escapes() -> Component {
    text_metric(
        "percent_escapes",
        "path",
        "How many escapes, `%` and two hexadecimal digits, a path or URL has.",
        |text| {
            let is_escape = |three: &&[u8]| {
                three[0] == b'%' && three[1].is_ascii_hexdigit() && three[2].is_ascii_hexdigit()
            };
            count(text.as_bytes().windows(3).filter(is_escape))
        },
    )
}

fn without_fragment(text: &str) -> &str {
    text.split_once('#').map_or(text, |(before, _)| before)
}

fn path(text: &str) -> &str {
    let text = without_fragment(text);
    let text = text.split_once('?').map_or(text, |(path, _)| path);
    match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '\\']) => {
            rest.find('/').map_or("", |start| &rest[start..])
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_values;

    #[test]
    fn paths_are_measured() {
        assert_values(&[
            (path_depth, "", Some("0")),
            (path_depth, "/", Some("0")),
            (path_depth, "/a/b.html?x=/y/z#/w", Some("2")),
            (path_depth, "https://a.example/b//c/", Some("2")),
            (path_depth, "https://a.example", Some("0")),
            (path_depth, "https://a.example?x=1/2", Some("0")),
            (path_depth, "/go?to=https://a.example/b/c", Some("1")),
            (path_depth, r"C:\Windows\System32\cmd.exe", Some("3")),
            (query_length, "/a", Some("0")),
            (query_length, "/a?", Some("0")),
            (query_length, "/a?bü=1?2#c?d", Some("6")),
            (query_length, "/a#b?c", Some("0")),
            (percent_escapes, "", Some("0")),
            (percent_escapes, "%2e%2E/100%/%zz%4", Some("2")),
            (percent_escapes, "%%41", Some("1")),
        ]);
    }
}
