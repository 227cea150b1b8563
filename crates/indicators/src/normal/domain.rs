//! Domain names: in lower case, in ASCII (IDNA), without a dot at the end.

use std::borrow::Cow;

/// RFC 1035, section 2.3.4.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// A name in its normal form; nothing if it is no name. Underscores are allowed, as in names of services. An address is
/// no name.
pub(crate) fn domain(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim_ascii();
    let text = text.strip_suffix('.').unwrap_or(text);
    if !text.is_ascii() {
        let ascii = idna::domain_to_ascii(text).ok()?;
        let ascii = ascii.strip_suffix('.').map(str::to_owned).unwrap_or(ascii);
        return (case_of_name(&ascii)? == Case::Lower).then_some(Cow::Owned(ascii));
    }
    Some(match case_of_name(text)? {
        Case::Lower => Cow::Borrowed(text),
        Case::Mixed => Cow::Owned(text.to_ascii_lowercase()),
    })
}

/// The host of a URL as it is written, without its port.
pub(crate) fn host(text: &str) -> Option<&str> {
    let colon = memchr::memchr(b':', text.as_bytes())?;
    let (scheme, rest) = text.split_at(colon);
    let rest = rest.strip_prefix("://")?;
    // A path can contain the URL of another page.
    if scheme.contains(['/', '?', '#']) {
        return None;
    }
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let authority = authority.rsplit('@').next()?;
    if let Some(address) = authority.strip_prefix('[') {
        return address.split(']').next();
    }
    authority.split(':').next()
}

#[derive(PartialEq)]
enum Case {
    Lower,
    Mixed,
}

/// The case of an ASCII name, in one pass, because each value of a column gets here; nothing if it is no name.
fn case_of_name(text: &str) -> Option<Case> {
    let mut case = Case::Lower;
    // The last label of an address has digits alone (RFC 3696, section 2), as no top-level domain has.
    let (mut length, mut digits) = (0, true);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'-' | b'_' => digits = false,
            b'0'..=b'9' => {}
            b'.' if length > 0 => {
                (length, digits) = (0, true);
                continue;
            }
            b'A'..=b'Z' => (case, digits) = (Case::Mixed, false),
            _ => return None,
        }
        length += 1;
        if length > LONGEST_LABEL {
            return None;
        }
    }
    (length > 0 && !digits && text.len() <= LONGEST_NAME).then_some(case)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_have_one_form() {
        for (text, name) in [
            ("example.com", Some("example.com")),
            (" Example.COM. ", Some("example.com")),
            ("_dmarc.example.com", Some("_dmarc.example.com")),
            ("b\u{fc}cher.example", Some("xn--bcher-kva.example")),
            ("B\u{dc}CHER.Example", Some("xn--bcher-kva.example")),
            ("a\u{3002}example", Some("a.example")),
            ("", None),
            (".", None),
            ("a..b", None),
            ("a b.example", None),
            ("*.example.com", None),
            ("192.0.2.1", None),
            ("http://example.com", None),
        ] {
            assert_eq!(domain(text).as_deref(), name, "{text}");
        }
        let long = format!("{}.example", "a".repeat(64));
        assert_eq!(domain(&long), None);
        assert_eq!(domain(&"a.".repeat(128)), None);
    }

    #[test]
    fn hosts_of_urls() {
        for (url, expected) in [
            ("https://user:x@Example.com:8443/a?b#c", Some("Example.com")),
            ("http://[2001:db8::1]:80/", Some("2001:db8::1")),
            ("http://192.0.2.1/", Some("192.0.2.1")),
            ("example.com/a", None),
            ("example.com/save/http://a.example/", None),
            ("://", Some("")),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own(text in "[a-zA-Z0-9\u{fc}\u{df}.\u{3002}_-]{0,20}|.{0,12}") {
            if let Some(name) = domain(&text) {
                prop_assert_eq!(domain(&name), Some(Cow::Borrowed(&*name)));
            }
        }
    }
}
