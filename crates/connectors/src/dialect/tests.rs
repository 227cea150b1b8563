use proptest::prelude::*;

use super::*;

/// The records of a text, cut to its end.
fn cut_all(text: &str, dialect: &Dialect) -> Vec<Vec<String>> {
    let (mut records, mut place) = (Vec::new(), 0);
    while place < text.len() {
        let (end, _) = dialect.record_end(&text.as_bytes()[place..]).unwrap();
        let mut cells = CellBuffer::default();
        let count = dialect.cut(text, place..place + end, &mut cells);
        records.push((0..count).map(|cell| cells.text(text, cell).to_owned()).collect());
        place += end + 1;
    }
    records
}

fn cells(text: &str, dialect: &Dialect) -> Vec<String> {
    cut_all(&format!("{text}\n"), dialect).remove(0)
}

#[test]
fn backslashes_escape_what_would_end_a_cell() {
    let dialect = Dialect { backslash: true, ..Dialect::rfc4180(b',') };
    assert_eq!(cells(r#"1,"\"A dev, me.\"",\N"#, &dialect), ["1", "\"A dev, me.\"", "\\N"]);
    assert_eq!(cells(r"a\,b,C:\temp\new,\\", &dialect), ["a,b", r"C:\temp\new", "\\"]);
    assert_eq!(cells("\"a\\\nb\",\"q\"\"q\"", &dialect), ["a\nb", "q\"q"]);
    let unquoted = Dialect { quote: None, ..dialect };
    assert_eq!(cells("a\\\nb,\"c", &unquoted), ["a\nb", "\"c"]);
}

#[test]
fn blanks_are_kept_or_dropped() {
    let keep = Dialect::rfc4180(b',');
    let text = "\"a\" ,  \"b, c\", d ";
    assert_eq!(cells(text, &keep), ["a ", "  \"b", " c\"", " d "]);
    let before = Dialect { blanks: CellBlanks::BeforeQuote, ..keep };
    assert_eq!(cells(text, &before), ["a", "b, c", " d "]);
    let all = Dialect { blanks: CellBlanks::All, ..keep };
    assert_eq!(cells(text, &all), ["a", "b, c", "d"]);
}

#[test]
fn runs_of_blanks_are_one_separator() {
    let dialect = Dialect { separator: Separator::Whitespace, ..Dialect::rfc4180(b',') };
    assert_eq!(cells("  a \t \"b c\"  d ", &dialect), ["a", "b c", "d"]);
}

#[test]
fn comments_are_lines_whatever_is_in_them() {
    let dialect = Dialect { comment: Some(b'#'), ..Dialect::rfc4180(b',') };
    assert_eq!(dialect.record_end(b"#\"x\na,b\n"), Some((3, 1)));
}

/// Dialects as products of parts.
pub(crate) fn dialects() -> impl Strategy<Value = Dialect> {
    let separator = prop::sample::select(b",;\t|^".to_vec());
    let quote = prop::sample::select(vec![Some(b'"'), Some(b'\''), None]);
    let blanks =
        prop::sample::select(vec![CellBlanks::Keep, CellBlanks::BeforeQuote, CellBlanks::All]);
    (separator, quote, any::<bool>(), blanks, any::<bool>()).prop_map(
        |(separator, quote, backslash, blanks, returns)| Dialect {
            separator: Separator::Byte(separator),
            quote,
            backslash: backslash || quote.is_none(),
            // Blanks in cells without quotes are kept only so.
            blanks: if quote.is_some() { blanks } else { CellBlanks::Keep },
            comment: None,
            line_end: if returns { b'\r' } else { b'\n' },
            trailing: false,
        },
    )
}

/// Writes cells so that a reader of the dialect gets them back.
pub(crate) fn write(records: &[Vec<String>], dialect: &Dialect) -> String {
    let mut text = String::new();
    for record in records {
        for (place, cell) in record.iter().enumerate() {
            if let (1.., Separator::Byte(separator)) = (place, dialect.separator) {
                text.push(char::from(separator));
            }
            if place > 0 && dialect.blanks == CellBlanks::BeforeQuote && dialect.quote.is_some() {
                text.push(' ');
            }
            text.extend(dialect.quote.map(char::from));
            for character in cell.chars() {
                let byte = u8::try_from(character).unwrap_or(0);
                if dialect.backslash && dialect.escapes(byte) {
                    text.push('\\');
                } else if Some(byte) == dialect.quote {
                    text.push(character);
                }
                text.push(character);
            }
            text.extend(dialect.quote.map(char::from));
        }
        text.push(char::from(dialect.line_end));
    }
    text
}

proptest! {
    #[test]
    fn written_records_are_cut_to_the_same_cells(
        dialect in dialects(),
        records in prop::collection::vec(prop::collection::vec("[a\"'\\\\,;|^\té]{0,5}", 3), 1..8),
    ) {
        prop_assert_eq!(cut_all(&write(&records, &dialect), &dialect), records);
    }

    #[test]
    fn line_ends_are_text_within_quotes(
        dialect in dialects().prop_filter("quotes", |dialect| dialect.quote.is_some()),
        records in prop::collection::vec(prop::collection::vec("[a\"\n\r ]{0,5}", 2), 1..8),
    ) {
        prop_assert_eq!(cut_all(&write(&records, &dialect), &dialect), records);
    }
}
