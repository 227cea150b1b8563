//! The form in which names are compared.

use std::{borrow::Cow, net::IpAddr, sync::LazyLock};

use anomal_components::Key;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// Cells by their normal form.
pub static NORMAL: LazyLock<Key> = LazyLock::new(|| Key::new(|cell| Some(normal(cell))));

/// Names by their normal form. Cells that are no names have none.
pub static NAME: LazyLock<Key> =
    LazyLock::new(|| Key::new(|cell| Some(normal(cell)).filter(|name| is_name(name))));

/// Cells by their registered domain in normal form, or by the whole normal form where there is none.
pub static DOMAIN: LazyLock<Key> = LazyLock::new(|| {
    Key::new(|cell| {
        Some(match normal(cell) {
            Cow::Borrowed(name) => registered(name).unwrap_or(name).into(),
            Cow::Owned(name) => registered(&name).unwrap_or(&name).to_owned().into(),
        })
    })
});

/// Whether a normal form is that of a name. Addresses and JSON arrays or objects are no names.
pub fn is_name(normal: &str) -> bool {
    !normal.starts_with(['[', '{']) && !is_address(normal)
}

/// The registered domain of a name in normal form.
pub fn registered(name: &str) -> Option<&str> {
    if is_address(name) { None } else { anomal_domains::registered(name) }
}

/// The normal form of a name (RFC 4343, UTS 46): ASCII letters in lower case, without the root's dot, with ideographic full
/// stops as dots and international labels as `xn--`, where they can be converted, and with the escapes `\DDD` of master
/// files (RFC 1035) decoded.
pub fn normal(name: &str) -> Cow<'_, str> {
    let is_normal = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase() && byte != b'\\';
    if !name.ends_with('.') && name.bytes().all(is_normal) {
        return Cow::Borrowed(name);
    }
    let name = unescaped(name);
    let mut name = if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        let (any, length) = (AsciiDenyList::EMPTY, DnsLength::Ignore);
        match Uts46::new().to_ascii(name.as_bytes(), any, Hyphens::Allow, length) {
            Ok(ascii) => ascii.into_owned(),
            Err(_) => name.to_lowercase().replace(FULL_STOPS, "."),
        }
    };
    name.truncate(name.trim_end_matches('.').len());
    Cow::Owned(name)
}

/// The full stops of UTS 46.
const FULL_STOPS: [char; 3] = ['\u{3002}', '\u{ff0e}', '\u{ff61}'];

fn is_address(name: &str) -> bool {
    // Most names end otherwise, and need not be parsed.
    let like_address = name.ends_with(|last: char| last.is_ascii_hexdigit() || last == ':');
    like_address && name.parse::<IpAddr>().is_ok()
}

/// A name with the escapes `\DDD` decoded, except those of a dot, which is no border of labels, and of a backslash. Without
/// a change if the bytes are not UTF-8.
fn unescaped(name: &str) -> Cow<'_, str> {
    if !name.contains('\\') {
        return Cow::Borrowed(name);
    }
    let bytes = name.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        let escape = bytes.get(place + 1..place + 4).filter(|_| *byte == b'\\');
        let digits = escape.and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(value) if value != b'.' && value != b'\\' => {
                decoded.push(value);
                place += 4;
            }
            _ => {
                decoded.push(*byte);
                place += 1;
            }
        }
    }
    String::from_utf8(decoded).map_or(Cow::Borrowed(name), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_have_one_form() {
        for (cell, expected) in [
            ("www.example.com", "www.example.com"),
            ("wWw.ExAmPle.COM.", "www.example.com"),
            (".", ""),
            ("angelinablog\u{3002}com\u{ff0e}de\u{ff61}", "angelinablog.com.de"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("xn--BCHER-kva.example", "xn--bcher-kva.example"),
            ("test.公司.cn", "test.xn--55qx5d.cn"),
            // Not transitional: ß is a letter of its own.
            ("faß.de", "xn--fa-hia.de"),
            ("_dmarc.Example.com", "_dmarc.example.com"),
            (r"My\032Printer.example.com", "my printer.example.com"),
            (r"b\195\188cher.example", "xn--bcher-kva.example"),
            (r"a\046b.example", r"a\046b.example"),
            (r"a\255.example", r"a\255.example"),
            (r"a\999\1", r"a\999\1"),
            // A label that UTS 46 refuses.
            ("xn--a\u{fffd}.Example\u{3002}com", "xn--a\u{fffd}.example.com"),
        ] {
            assert_eq!(normal(cell), expected, "{cell}");
            assert_eq!(normal(expected), expected);
        }
    }

    #[test]
    fn addresses_and_json_are_no_names() {
        for cell in [
            "192.0.2.7",
            "192.0.2.7.",
            "2001:DB8::1",
            "2001:db8::a",
            "1::",
            "::",
            r#"[{"rrname": "a.example"}]"#,
            "{}",
        ] {
            assert!(!is_name(&normal(cell)), "{cell}");
        }
        for cell in ["7.2.0.192.in-addr.arpa", "example1", "", "[email"] {
            assert_eq!(is_name(&normal(cell)), !cell.starts_with('['), "{cell}");
        }
    }

    proptest! {
        #[test]
        fn the_normal_form_of_any_text_is_stable_in_case(text in r"[a-zA-Z0-9.\\äÄß。-]{0,20}") {
            let once = normal(&text).into_owned();
            prop_assert!(!once.ends_with('.'), "{}", once);
            let upper = text.to_ascii_uppercase();
            prop_assert_eq!(&normal(&upper), &once);
        }
    }
}
