//! The value of a record that a log returns, as a line.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::lines::MAX_RECORD;

/// A value without line ends. `json`: line ends are blanks between the parts of the value, and none of its text.
///
/// # Errors
/// Why it can't be a record.
pub(crate) fn line(value: &[u8], json: bool) -> Result<Cow<'_, [u8]>, &'static str> {
    let value = value.trim_ascii();
    if value.is_empty() {
        return Err("the value is empty");
    }
    if value.len() > MAX_RECORD {
        return Err("the value is longer than 16 MiB");
    }
    if memchr::memchr2(b'\n', b'\r', value).is_none() {
        return Ok(Cow::Borrowed(value));
    }
    if json && has_line_end_in_text(value) {
        return Err("a text of the JSON value has a line end, which JSON writes as \\n");
    }
    let mut line = value.to_vec();
    for byte in &mut line {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    Ok(Cow::Owned(line))
}

/// Those of the values that can be read, as lines.
pub(crate) fn sample_lines(
    values: impl IntoIterator<Item = impl AsRef<[u8]>>,
    json: bool,
) -> Vec<u8> {
    let mut text = Vec::new();
    for value in values {
        let Ok(line) = line(value.as_ref(), json) else { continue };
        let is_object =
            || line.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(&line).is_ok();
        if str::from_utf8(&line).is_ok() && (!json || is_object()) {
            text.extend_from_slice(&line);
            text.push(b'\n');
        }
    }
    text
}

fn has_line_end_in_text(json: &[u8]) -> bool {
    let (mut text, mut escaped) = (false, false);
    for byte in json {
        match byte {
            b'\n' | b'\r' if text => return true,
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_become_blanks() {
        assert_eq!(&*line(b"{\"a\": 1}\n", true).unwrap(), b"{\"a\": 1}");
        assert_eq!(&*line(b"{\n \"a\":\r\n1}", true).unwrap(), b"{  \"a\":  1}");
        assert_eq!(&*line(b"one\ntwo", false).unwrap(), b"one two");
        assert_eq!(&*line(b"{\"a\\\"\":\n\"\\\\\"}", true).unwrap(), b"{\"a\\\"\": \"\\\\\"}");
    }

    #[test]
    fn what_is_no_record_has_a_reason() {
        for (value, json, part) in [
            (&b""[..], true, "empty"),
            (b" \r\n", false, "empty"),
            (b"{\"a\": \"x\ny\"}", true, "line end"),
            (b"{\"a\\\\\": \"x\ny\"}", true, "line end"),
        ] {
            let reason = line(value, json).unwrap_err();
            assert!(reason.contains(part), "{reason}");
        }
        assert!(line(&vec![b'x'; MAX_RECORD + 1], false).is_err());
        assert!(line(&vec![b'x'; MAX_RECORD], false).is_ok());
    }
}
