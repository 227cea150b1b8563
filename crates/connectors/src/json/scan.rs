//! Finds where JSON values end, without building them.

use std::borrow::Cow;

/// Open brackets at most; values behind are refused by their reader in any case.
const MAX_OPEN: usize = 1 << 20;

pub(super) const UNCLOSED: &str = "a string is not closed on its line";
const MISMATCH: &str = "a closing bracket does not match the opening one";
const NO_COMMA: &str = "a comma or a colon is missing";
const TOO_DEEP: &str = "objects and lists are nested too deep";

/// Follows one value through pieces of text.
#[derive(Clone, Debug, Default)]
pub(super) struct ValueScanner {
    /// For each open bracket, whether it is of a list.
    open: Vec<bool>,
    in_string: bool,
    escaped: bool,
    /// The last byte that is no blank and in no string; 0 at first.
    before: u8,
    /// Line ends so far.
    pub lines: u64,
}

impl ValueScanner {
    /// The place behind the value, if it ends in this piece. A number or word ends at the byte behind it.
    ///
    /// # Errors
    /// The place in the piece, and why it can't be a value.
    #[inline]
    pub fn feed(&mut self, piece: &[u8]) -> Result<Option<usize>, (usize, &'static str)> {
        let mut at = 0;
        while at < piece.len() {
            if self.in_string {
                if self.escaped {
                    self.escaped = false;
                    at += 1;
                    continue;
                }
                let Some(found) = memchr::memchr3(b'"', b'\\', b'\n', &piece[at..]) else {
                    return Ok(None);
                };
                at += found;
                match piece[at] {
                    b'\n' => return Err((at, UNCLOSED)),
                    b'\\' => self.escaped = true,
                    _ => {
                        self.in_string = false;
                        self.before = b'"';
                        if self.open.is_empty() {
                            return Ok(Some(at + 1));
                        }
                    }
                }
                at += 1;
                continue;
            }
            let byte = piece[at];
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {
                    if self.open.is_empty() && self.before != 0 {
                        return Ok(Some(at));
                    }
                    self.lines += u64::from(byte == b'\n');
                }
                b'"' | b'{' | b'[' => {
                    if self.open.is_empty() && self.before != 0 {
                        return Ok(Some(at));
                    }
                    let after_bracket = self.before == b'{' && byte == b'"';
                    if !matches!(self.before, 0 | b',' | b':' | b'[') && !after_bracket {
                        return Err((at, NO_COMMA));
                    }
                    match byte {
                        b'"' => self.in_string = true,
                        _ if self.open.len() == MAX_OPEN => return Err((at, TOO_DEEP)),
                        _ => self.open.push(byte == b'['),
                    }
                    self.before = byte;
                }
                b'}' | b']' => {
                    match self.open.pop() {
                        Some(list) if list == (byte == b']') => {}
                        Some(_) => return Err((at, MISMATCH)),
                        None if self.before == 0 => return Err((at, MISMATCH)),
                        None => return Ok(Some(at)),
                    }
                    self.before = byte;
                    if self.open.is_empty() {
                        return Ok(Some(at + 1));
                    }
                }
                b',' | b':' if self.open.is_empty() => {
                    if self.before == 0 {
                        return Err((at, NO_COMMA));
                    }
                    return Ok(Some(at));
                }
                other => self.before = other,
            }
            at += 1;
        }
        Ok(None)
    }

    /// Whether the text may end here: behind a number or word that nothing else is in.
    pub fn may_end(&self) -> bool {
        self.open.is_empty() && !self.in_string && self.before != 0
    }
}

/// Where blanks end.
pub(super) fn skip_blanks(text: &[u8], at: usize) -> usize {
    let blanks = text[at..].iter().take_while(|byte| byte.is_ascii_whitespace());
    at + blanks.count()
}

/// The members of an object, as far as the text goes.
pub(super) struct Members<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether all members have been read.
    pub complete: bool,
}

/// A member of an object.
pub(super) struct Member<'a> {
    pub name: Cow<'a, str>,
    /// The value, or as much of it as there is.
    pub value: &'a [u8],
    /// Whether it ends in the text.
    pub complete: bool,
}

impl<'a> Members<'a> {
    /// Of the object that begins the text.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: skip_blanks(text, 0) + 1, complete: false }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let text = self.text;
        let mut at = skip_blanks(text, self.at.min(text.len()));
        while text.get(at) == Some(&b',') {
            at = skip_blanks(text, at + 1);
        }
        if text.get(at) == Some(&b'}') {
            (self.at, self.complete) = (at + 1, true);
            return None;
        }
        let end = at + ValueScanner::default().feed(&text[at..]).ok()??;
        let name = string(&text[at..end])?;
        at = skip_blanks(text, end);
        if text.get(at) != Some(&b':') {
            return None;
        }
        at = skip_blanks(text, at + 1);
        let end = ValueScanner::default().feed(&text[at..]).ok()?;
        let complete = end.is_some();
        self.at = end.map_or(text.len(), |end| at + end);
        Some(Member { name, value: &text[at..self.at], complete })
    }
}

/// The content of a string with its quotes.
pub(super) fn string(token: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(token).ok()?;
    let content = text.strip_prefix('"')?.strip_suffix('"')?;
    if !content.contains('\\') {
        return Some(content.into());
    }
    serde_json::from_str(text).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The length of the value that begins a text, read in pieces.
    fn end(text: &str, piece: usize) -> Result<Option<usize>, &'static str> {
        let mut scanner = ValueScanner::default();
        let mut passed = 0;
        for piece in text.as_bytes().chunks(piece) {
            if let Some(end) = scanner.feed(piece).map_err(|(_, why)| why)? {
                return Ok(Some(passed + end));
            }
            passed += piece.len();
        }
        Ok(scanner.may_end().then_some(passed))
    }

    #[test]
    fn values_end_where_they_end() {
        for (text, expected) in [
            (r#"{"a":"}\"{","b":[1,{}]} x"#, Ok(Some(23))),
            ("[] []", Ok(Some(2))),
            ("12,3", Ok(Some(2))),
            ("true", Ok(Some(4))),
            ("\"a\\\\\"b", Ok(Some(5))),
            ("{\"a\":[1", Ok(None)),
            ("\"a", Ok(None)),
            ("\"a\nb\"", Err(UNCLOSED)),
            ("[}", Err(MISMATCH)),
            ("]", Err(MISMATCH)),
            ("{\"a\":\n{\"a\":1}\n{", Err(NO_COMMA)),
            ("{\"a\":1 \"b\":2}", Err(NO_COMMA)),
        ] {
            for piece in [1, 2, 3, 100] {
                assert_eq!(end(text, piece), expected, "{text} by {piece}");
            }
        }
    }

    #[test]
    fn members_are_found_in_cut_off_objects() {
        let text = br#" {"a" : 1, "\u0062": {"c": [2]}, "d": "x" } rest"#;
        let found = |end: usize| {
            let mut members = Members::new(&text[..end]);
            let found: Vec<(String, String, bool)> = members
                .by_ref()
                .map(|member| {
                    let value = String::from_utf8_lossy(member.value).into_owned();
                    (member.name.into_owned(), value, member.complete)
                })
                .collect();
            (found, members.complete)
        };
        let (members, complete) = found(text.len());
        assert_eq!(members[1], ("b".into(), "{\"c\": [2]}".into(), true));
        assert_eq!((members.len(), complete), (3, true));
        let (members, complete) = found(29);
        assert_eq!(members[1], ("b".into(), "{\"c\": [2".into(), false));
        assert!(!complete);
        for end in 1..text.len() {
            found(end);
        }
    }
}
