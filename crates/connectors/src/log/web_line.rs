//! Lines of the access logs of web servers, divided from the outside in: address, time in brackets, request in quotes,
//! status and size, and what else is in quotes behind them.

use memchr::memchr2;

use super::line::find;
use crate::dialect::Span;

pub(super) const NO_FRAME: &str =
    "the line is not ADDRESS IDENT USER [TIME] \"REQUEST\" STATUS BYTES of an access log";
pub(super) const NO_DOMAIN: &str = "the line does not begin with a virtual host and an address";
pub(super) const NO_AGENT: &str =
    "the line has no referrer and user agent in quotes behind the status and size";

/// The positions of the parts of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct WebLine {
    pub domain: Option<Span>,
    pub address: Span,
    pub user: Span,
    pub time: Span,
    pub request: Span,
    pub status: Span,
    pub bytes: Span,
    /// The referrer and the user agent.
    pub agent: Option<(Span, Span)>,
    /// Where the fields behind these begin.
    pub rest: usize,
}

/// The parts of a request `METHOD target HTTP/version`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub method: Span,
    pub target: Span,
    pub version: Span,
}

impl WebLine {
    /// `vhost`: a virtual host precedes the address; `agent`: there are a referrer and a user agent.
    ///
    /// # Errors
    /// The reason, if the line has not these parts.
    pub fn parse(line: &str, vhost: bool, agent: bool) -> Result<Self, &'static str> {
        let bytes = line.as_bytes();
        let mut at = 0;
        let domain = if vhost {
            let end = find(b' ', bytes, 0).filter(|end| *end > 0).ok_or(NO_DOMAIN)?;
            at = end + 1;
            Some((0, end))
        } else {
            None
        };
        let end = find(b' ', bytes, at).filter(|end| *end > at).ok_or(NO_FRAME)?;
        let address = (at, end);
        let ident = find(b' ', bytes, end + 1).ok_or(NO_FRAME)?;
        let (open, close) = brackets(bytes, ident).ok_or(NO_FRAME)?;
        // A name may have blanks in it.
        let user = (ident + 1, open.saturating_sub(1));
        if user.0 >= user.1 {
            return Err(NO_FRAME);
        }
        let start = close + 3;
        let end = request_end(bytes, start).ok_or(NO_FRAME)?;
        let status = (end + 2, token_end(bytes, end + 2));
        let size = (status.1 + 1, token_end(bytes, status.1 + 1));
        let mut parts = Self {
            domain,
            address,
            user,
            time: (open + 1, close),
            request: (start, end),
            status,
            bytes: size,
            agent: None,
            rest: size.1,
        };
        if agent {
            let (referrer, agent) = quoted_pair(bytes, size.1).ok_or(NO_AGENT)?;
            (parts.agent, parts.rest) = (Some((referrer, agent)), agent.1 + 1);
        }
        Ok(parts)
    }

    /// The parts of the request, if it is one of HTTP.
    pub fn request(&self, line: &str) -> Option<Request> {
        let (start, end) = self.request;
        let text = &line[start..end];
        let (method, rest) = text.split_once(' ')?;
        let (target, protocol) = rest.rsplit_once(' ')?;
        let version = protocol.strip_prefix("HTTP/")?;
        let is_method = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_');
        let fits = !method.is_empty() && method.bytes().all(is_method) && !target.is_empty();
        fits.then_some(Request {
            method: (start, start + method.len()),
            target: (start + method.len() + 1, start + method.len() + 1 + target.len()),
            version: (end - version.len(), end),
        })
    }

    /// The fields behind the others: in quotes, or up to a blank.
    pub fn extra<'a>(&self, line: &'a str) -> ExtraFields<'a> {
        ExtraFields { bytes: line.as_bytes(), at: self.rest }
    }
}

pub(super) struct ExtraFields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Iterator for ExtraFields<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let blanks = self.bytes.get(self.at..)?.iter().take_while(|byte| **byte == b' ').count();
        let start = self.at + blanks;
        if start >= self.bytes.len() {
            return None;
        }
        if self.bytes[start] == b'"'
            && let Some(end) =
                quote_end(self.bytes, start + 1, |after| after == b"" || after[0] == b' ')
        {
            self.at = end + 1;
            return Some((start + 1, end));
        }
        self.at = token_end(self.bytes, start);
        Some((start, self.at))
    }
}

/// The positions of the brackets around the time, from the blank at `from` on.
fn brackets(bytes: &[u8], from: usize) -> Option<Span> {
    let mut at = from;
    loop {
        let open = find(b'[', bytes, at)?;
        at = open + 1;
        if bytes[open - 1] != b' ' {
            continue;
        }
        let close = find(b']', bytes, open)?;
        if bytes[close + 1..].starts_with(b" \"") {
            return Some((open, close));
        }
    }
}

/// The end of the request that begins at `start`: a quote with a status and a size behind it. In the first place one
/// without a backslash in front; not all servers escape quotes.
fn request_end(bytes: &[u8], start: usize) -> Option<usize> {
    quote_end(bytes, start, has_numbers)
}

/// Whether a text begins with a blank, a status, a blank and a size.
fn has_numbers(text: &[u8]) -> bool {
    let number = |from: usize| {
        let digits = text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let length = if digits == 0 { usize::from(text.get(from) == Some(&b'-')) } else { digits };
        (length > 0).then_some(from + length)
    };
    if text.first() != Some(&b' ') {
        return false;
    }
    let status = number(1).filter(|end| *end <= 5 && text.get(*end) == Some(&b' '));
    let size = status.and_then(|end| number(end + 1));
    size.is_some_and(|end| matches!(text.get(end), None | Some(b' ')))
}

/// The referrer and the user agent behind `from`.
fn quoted_pair(bytes: &[u8], from: usize) -> Option<(Span, Span)> {
    if !bytes[from..].starts_with(b" \"") {
        return None;
    }
    let start = from + 2;
    let end = quote_end(bytes, start, |after| after.starts_with(b" \""))?;
    let agent = end + 3;
    let close = quote_end(bytes, agent, |after| after == b"" || after[0] == b' ')?;
    Some(((start, end), (agent, close)))
}

/// The position of the first quote from `start` on with a text behind it that fits: one without a backslash in front, or
/// else any.
fn quote_end(bytes: &[u8], start: usize, fits: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let mut at = start;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        let place = at + found;
        if bytes[place] == b'\\' {
            at = place + 2;
            continue;
        }
        if fits(&bytes[place + 1..]) {
            return Some(place);
        }
        at = place + 1;
    }
    let rest = bytes.get(start..)?;
    let mut quotes = memchr::memchr_iter(b'"', rest).map(|place| start + place);
    quotes.find(|place| fits(&bytes[place + 1..]))
}

fn token_end(bytes: &[u8], from: usize) -> usize {
    find(b' ', bytes, from).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(line: &str, (start, end): Span) -> &str {
        &line[start..end]
    }

    fn request(text: &str) -> Option<(String, String, String)> {
        let line = format!("1.2.3.4 - - [t] \"{text}\" 200 5");
        let parts = WebLine::parse(&line, false, false).unwrap();
        assert_eq!(part(&line, parts.request), text);
        let request = parts.request(&line)?;
        let own = |span| part(&line, span).to_owned();
        Some((own(request.method), own(request.target), own(request.version)))
    }

    #[test]
    fn requests_are_those_of_http_or_whole() {
        let (method, target, version) = request("GET /a b?c=\\\" HTTP/1.1").unwrap();
        assert_eq!((&*method, &*target, &*version), ("GET", "/a b?c=\\\"", "1.1"));
        for garbage in
            ["", "-", r"\x16\x03\x01", "GET", "GET /", "\"", "a\" b", "HTTP/1.1", " / HTTP/1.1"]
        {
            assert_eq!(request(garbage), None, "{garbage}");
        }
    }

    #[test]
    fn names_and_quotes_that_others_would_escape() {
        let line = r#"::1 - john doe [x] [10/Oct/2000:13:55:36 -0700] "GET /"x" HTTP/1.0" 200 - "a"b" "c \" d" 0.004 "e f" -"#;
        let parts = WebLine::parse(line, false, true).unwrap();
        assert_eq!(part(line, parts.user), "john doe [x]");
        assert_eq!(part(line, parts.time), "10/Oct/2000:13:55:36 -0700");
        assert_eq!(part(line, parts.request), "GET /\"x\" HTTP/1.0");
        assert_eq!((part(line, parts.status), part(line, parts.bytes)), ("200", "-"));
        let (referrer, agent) = parts.agent.unwrap();
        assert_eq!((part(line, referrer), part(line, agent)), ("a\"b", r#"c \" d"#));
        let extra: Vec<&str> = parts.extra(line).map(|span| part(line, span)).collect();
        assert_eq!(extra, ["0.004", "e f", "-"]);
    }

    #[test]
    fn a_request_may_end_with_a_backslash() {
        let line = r#"h - - [t] "GET /\" 404 1"#;
        let parts = WebLine::parse(line, false, false).unwrap();
        assert_eq!(part(line, parts.request), "GET /\\");
    }

    #[test]
    fn lines_without_the_frame() {
        for line in [
            "",
            " ",
            "a",
            "a b c",
            "a - - [t]",
            "a - - [t] \"",
            "a - - [t] \"GET / HTTP/1.0\"",
            "a - - [t] \"x\" 20",
        ] {
            assert!(WebLine::parse(line, false, false).is_err(), "{line}");
        }
        assert_eq!(WebLine::parse("a - - [t] \"x\" 200 5", false, true).err(), Some(NO_AGENT));
    }

    proptest! {
        #[test]
        fn any_text_has_a_frame_or_a_reason(line in "[ a\"\\\\\\[\\]0-9é-]{0,40}", vhost: bool, agent: bool) {
            if let Ok(parts) = WebLine::parse(&line, vhost, agent) {
                for span in [parts.address, parts.user, parts.time, parts.request, parts.status, parts.bytes] {
                    prop_assert!(line.get(span.0..span.1).is_some());
                }
                for (start, end) in parts.extra(&line) {
                    prop_assert!(line.get(start..end).is_some());
                }
            }
        }

        /// Random bytes inside quotes keep the frame, unless they look like its end.
        #[test]
        fn requests_of_any_text_keep_the_frame(text in "[^\\\\\n\r]{0,30}") {
            prop_assume!(!text.contains("\" "));
            let line = format!("1.2.3.4 - u [t] \"{text}\" 404 17 \"-\" \"-\"");
            let parts = WebLine::parse(&line, false, true).unwrap();
            prop_assert_eq!(part(&line, parts.request), text);
            prop_assert_eq!(part(&line, parts.status), "404");
        }
    }
}
