//! Structured data of RFC 5424: `[id name="value" ...][id ...]`.

use crate::dialect::Span;

/// The end of structured data that begins at `start`.
pub(super) fn data_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let mut quoted = false;
    loop {
        match bytes.get(at)? {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b']' if !quoted && bytes.get(at + 1) != Some(&b'[') => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
}

/// An identifier, a name and a value of structured data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DataItem {
    pub id: Span,
    pub name: Span,
    pub value: Span,
}

/// The items of structured data at this position. What has another form is skipped.
pub(crate) fn data_items(line: &str, (start, end): Span) -> impl Iterator<Item = DataItem> + '_ {
    let bytes = &line.as_bytes()[..end];
    let mut at = start;
    let mut id = (start, start);
    std::iter::from_fn(move || {
        loop {
            match bytes.get(at)? {
                b'[' => {
                    let length =
                        bytes[at + 1..].iter().take_while(|byte| !matches!(byte, b' ' | b']'));
                    id = (at + 1, at + 1 + length.count());
                    at = id.1;
                }
                b' ' | b']' => at += 1,
                _ => {
                    let mark =
                        bytes[at..].iter().position(|byte| matches!(byte, b'=' | b' ' | b']'));
                    let border = mark.map_or(end, |mark| at + mark);
                    let name = (at, border);
                    if !bytes[border..].starts_with(b"=\"") {
                        at = border.max(at + 1);
                        continue;
                    }
                    let value = border + 2;
                    let close = value_end(bytes, value);
                    at = (close + 1).min(end);
                    return Some(DataItem { id, name, value: (value, close) });
                }
            }
        }
    })
}

fn value_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structured_data_has_items() {
        let line = r#"[a@1 x="y \] \"z\"" n="" junk][b m="1"]"#;
        let text = |(start, end): Span| &line[start..end];
        let items: Vec<_> = data_items(line, (0, line.len()))
            .map(|item| (text(item.id), text(item.name), text(item.value)))
            .collect();
        assert_eq!(items, [("a@1", "x", r#"y \] \"z\""#), ("a@1", "n", ""), ("b", "m", "1")]);
    }
}
