//! URLs. Two that differ in the scheme (HTTP or HTTPS), a default port, user name, fragment, case of the host, or in
//! how unreserved characters are written (RFC 3986, section 6.2.2) are the same.

use anomal_spec::is_url;
use url::Url;

/// The longest URL: browsers and proxies accept none that is longer.
const LONGEST: usize = 65_536;

/// A URL in its normal form, with the lengths of its parts.
pub(crate) struct Forms {
    /// Host, path and query.
    text: String,
    host: usize,
    path: usize,
}

impl Forms {
    /// The form by which an entry is stored: a URL with a query is all of it, one with a path is host and path, and one
    /// without is the host.
    pub fn entry(&self) -> &str {
        if self.path < self.text.len() { &self.text } else { self.without_query() }
    }

    /// The forms of entries that match the URL, the most specific first.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let with_query = (self.path < self.text.len()).then_some(self.text.as_str());
        let with_path = Some(self.without_query()).filter(|text| text.len() > self.host);
        [with_query, with_path, Some(&self.text[..self.host])].into_iter().flatten()
    }

    fn without_query(&self) -> &str {
        let text = &self.text[..self.path];
        if self.path == self.host + 1 { &text[..self.host] } else { text }
    }
}

/// The forms of a URL; nothing if it is none. Without a scheme it is that of a web page.
pub(crate) fn url_forms(text: &str) -> Option<Forms> {
    let text = text.trim();
    if text.len() > LONGEST || text.is_empty() {
        return None;
    }
    // A path can contain the URL of another page.
    let url = if is_url(text) {
        Url::parse(text).ok()?
    } else {
        Url::parse(&format!("http://{}", text.trim_start_matches("//"))).ok()?
    };
    let mut normal = match url.scheme() {
        "http" | "https" => String::new(),
        scheme => format!("{scheme}://"),
    };
    let host = url.host_str()?;
    let host = host.strip_suffix('.').unwrap_or(host);
    // A name has no empty labels; without the last of them, one could end in a number, as an address.
    if host.split('.').any(str::is_empty) {
        return None;
    }
    normal.push_str(host);
    if let Some(port) = url.port().filter(|port| !matches!(port, 80 | 443)) {
        normal.push(':');
        normal.push_str(&port.to_string());
    }
    let host = normal.len();
    push_unreserved(&mut normal, url.path());
    if normal.len() == host {
        normal.push('/');
    }
    let path = normal.len();
    if let Some(query) = url.query().filter(|query| !query.is_empty()) {
        normal.push('?');
        push_unreserved(&mut normal, query);
    }
    Some(Forms { text: normal, host, path })
}

/// Appends a part of a URL with unreserved characters as they are, other encoded ones in upper-case digits, and a `%`
/// that encodes nothing encoded.
fn push_unreserved(normal: &mut String, part: &str) {
    let mut rest = part;
    while let Some((plain, encoded)) = rest.split_once('%') {
        normal.push_str(plain);
        let digits =
            encoded.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                normal.push(char::from(byte));
            }
            Some(_) => {
                normal.push('%');
                normal.push_str(&encoded[..2].to_ascii_uppercase());
            }
            None => normal.push_str("%25"),
        }
        rest = if byte.is_some() { &encoded[2..] } else { encoded };
    }
    normal.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(text: &str) -> Option<String> {
        url_forms(text).map(|forms| forms.entry().to_owned())
    }

    #[test]
    fn urls_have_one_form() {
        for (text, expected) in [
            ("http://Example.com", Some("example.com")),
            ("https://example.com:443/", Some("example.com")),
            ("http://u:p@example.com/a/../b#c", Some("example.com/b")),
            ("example.com/a?b=1", Some("example.com/a?b=1")),
            ("example.com/?b=1", Some("example.com/?b=1")),
            ("example.com:8080/%7euser/%2f", Some("example.com:8080/~user/%2F")),
            ("http://b\u{fc}cher.example/\u{e9}", Some("xn--bcher-kva.example/%C3%A9")),
            ("example.com/save/http://a.example/", Some("example.com/save/http://a.example/")),
            ("ftp://example.com/a", Some("ftp://example.com/a")),
            ("http://example.com/100%", Some("example.com/100%25")),
            ("http://[2001:DB8::1]/", Some("[2001:db8::1]")),
            ("http://0x7f.1/a", Some("127.0.0.1/a")),
            ("/", None),
            ("http://", None),
            ("", None),
            ("javascript:alert(1)", None),
            ("http://example.com./a", Some("example.com/a")),
            ("....a..7..", None),
            ("a..example", None),
        ] {
            assert_eq!(entry(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn entries_of_three_forms_match() {
        let forms = url_forms("https://example.com/a/b?c=d").unwrap();
        let keys: Vec<&str> = forms.keys().collect();
        assert_eq!(keys, ["example.com/a/b?c=d", "example.com/a/b", "example.com"]);
        let forms = url_forms("https://example.com/").unwrap();
        assert_eq!(forms.keys().collect::<Vec<_>>(), ["example.com"]);
        let forms = url_forms("https://example.com/?c").unwrap();
        assert_eq!(forms.keys().collect::<Vec<_>>(), ["example.com/?c", "example.com"]);
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own(text in "(https?://|ftp://)?[a-zA-Z0-9.%:@/?#&=\u{fc} \\\\-]{0,30}|.{0,20}") {
            if let Some(forms) = url_forms(&text) {
                let again = url_forms(&forms.text);
                prop_assert_eq!(again.map(|again| again.text), Some(forms.text));
            }
        }
    }
}
