//! Pairs of a name and a value: `level=info msg="a text" cached`.

use anomal_core::{Error, Result};

use super::{
    keys::{KeyCells, KeyColumns},
    line::{Bad, LineCutter, LineFormat, LogLine},
};
use crate::{
    dialect::{CellBuffer, Span},
    tabular::TextSettings,
    typing::{CellText, NullValues},
};

const NO_PAIR: &str = "the line has no pair NAME=VALUE";
/// The value of a name by itself.
const TRUE: &str = "true";

#[derive(Default)]
pub(super) struct Logfmt {
    columns: KeyColumns,
}

impl LineFormat for Logfmt {
    fn columns(&self) -> &[String] {
        self.columns.names()
    }

    fn learn(
        &mut self,
        first: &mut dyn Iterator<Item = LogLine<'_>>,
        settings: &TextSettings,
    ) -> Result<()> {
        for line in first {
            let text = line.as_str();
            if has_pair(text) {
                for pair in pairs(text) {
                    self.columns.add(&text[pair.name.0..pair.name.1]);
                }
            }
        }
        self.columns.add_named(settings);
        if self.columns.names().is_empty() {
            let message = format!("{} has no line with a pair NAME=VALUE", settings.path);
            return Err(Error::input("EMPTY_FILE", message));
        }
        Ok(())
    }

    fn nulls(&self) -> NullValues {
        NullValues::new(&[String::new()])
    }

    fn cell_text(&self, _: &str) -> CellText {
        CellText::Escaped
    }

    fn cutter(&self) -> Box<dyn LineCutter + '_> {
        Box::new(PairCutter(KeyCells::new(&self.columns)))
    }
}

struct PairCutter<'a>(KeyCells<'a>);

impl LineCutter for PairCutter<'_> {
    fn cut(&mut self, line: LogLine<'_>, cells: &mut CellBuffer) -> std::result::Result<(), Bad> {
        let text = line.as_str();
        self.0.begin(cells);
        let mut paired = false;
        for pair in pairs(text) {
            let cell = match pair.value {
                Some(value) => {
                    paired = true;
                    line.place(value)
                }
                None => line.own(cells, TRUE),
            };
            self.0.set(cells, &text[pair.name.0..pair.name.1], cell);
        }
        if paired { Ok(()) } else { Err(NO_PAIR.into()) }
    }

    fn take_unknown(&mut self) -> Vec<String> {
        self.0.take_unknown()
    }
}

/// A name and perhaps a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    name: Span,
    value: Option<Span>,
}

fn has_pair(line: &str) -> bool {
    pairs(line).any(|pair| pair.value.is_some())
}

/// The names with values in a line.
pub(crate) fn named_values(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let text = |span: Span| &line[span.0..span.1];
    pairs(line).filter_map(move |pair| Some((text(pair.name), text(pair.value?))))
}

/// The number of pairs with a value.
pub(super) fn count_pairs(line: &str) -> usize {
    pairs(line).filter(|pair| pair.value.is_some()).count()
}

/// The pairs of a line. What can be no name, such as a quote, is skipped up to the next blank.
pub(super) fn pairs(line: &str) -> impl Iterator<Item = Pair> + '_ {
    let bytes = line.as_bytes();
    let mut at = 0;
    let blank = |byte: &u8| *byte <= b' ';
    std::iter::from_fn(move || {
        loop {
            at += bytes[at..].iter().take_while(|byte| blank(byte)).count();
            let rest = &bytes[at..];
            if rest.is_empty() {
                return None;
            }
            let length =
                rest.iter().take_while(|byte| !blank(byte) && !matches!(byte, b'=' | b'"'));
            let end = at + length.count();
            let name = (at, end);
            if name.0 == end || bytes.get(end) == Some(&b'"') {
                // No name.
                at += rest.iter().take_while(|byte| !blank(byte)).count();
                continue;
            }
            if bytes.get(end) != Some(&b'=') {
                at = end;
                return Some(Pair { name, value: None });
            }
            let value = value(bytes, end + 1);
            at = value.1 + usize::from(bytes.get(value.1) == Some(&b'"'));
            return Some(Pair { name, value: Some(value) });
        }
    })
}

/// The position of a value that begins at `start`, without quotes.
fn value(bytes: &[u8], start: usize) -> Span {
    if bytes.get(start) == Some(&b'"') {
        let mut at = start + 1;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => return (start + 1, at),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        // It is never closed: up to the end.
        return (start + 1, bytes.len());
    }
    let length = bytes[start..].iter().take_while(|byte| **byte > b' ').count();
    (start, start + length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> Vec<(&str, Option<&str>)> {
        let text = |(start, end): Span| &line[start..end];
        pairs(line).map(|pair| (text(pair.name), pair.value.map(text))).collect()
    }

    #[test]
    fn names_and_values() {
        let line = r#"ts=1 msg="a \"b\" c" cached  n= é.x="" bad"quote =x k="open"#;
        let expected = [
            ("ts", Some("1")),
            ("msg", Some(r#"a \"b\" c"#)),
            ("cached", None),
            ("n", Some("")),
            ("é.x", Some("")),
            ("k", Some("open")),
        ];
        assert_eq!(read(line), expected);
        assert_eq!(count_pairs("a plain text"), 0);
        assert_eq!(read("a=b\"c\" d=e"), [("a", Some("b\"c\"")), ("d", Some("e"))]);
    }

    proptest! {
        #[test]
        fn any_text_has_pairs_within_it(line in "[ a=\"\\\\é]{0,30}") {
            prop_assert!(read(&line).len() <= line.len());
        }
    }
}
