use std::{fmt::Write as _, io::Write as _};

use anomal_spec::{CsvDialect, Escape};
use flate2::{Compression, write::GzEncoder};

use super::*;
use crate::{
    csv::split::cells,
    dialect::{CellBlanks, Dialect, Separator},
    lines::{Lines, Shape},
};

/// The header and the cells of all records, or the error.
fn read(
    text: &[u8],
    change: impl FnOnce(&mut CsvInput),
    options: &OpenOptions,
) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    let mut source = open(text, change, options)?;
    let names = source.schema().iter().map(|column| column.name.clone()).collect();
    let (_, records, rejected) = all(&mut source)?;
    assert!(rejected.is_empty());
    Ok((names, records))
}

fn rfc4180(input: &mut CsvInput) {
    input.dialect = Some(CsvDialect::Rfc4180);
}

/// The records of a text, and their cells.
fn records(
    text: &str,
    shape: Shape,
    block: usize,
) -> Vec<(u64, Option<&'static str>, Vec<String>)> {
    let reader = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
    let mut lines = Lines::new(reader, shape, block);
    let mut records = Vec::new();
    while let Some(record) = lines.next().unwrap() {
        let text = String::from_utf8_lossy(record.bytes);
        let cells = if record.bad.is_some() { Vec::new() } else { cells(&text, shape) };
        records.push((record.line, record.bad, cells));
    }
    records
}

/// Texts in which everything occurs that dialects differ in.
fn text() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "a",
        "b1",
        "7",
        "1,5",
        ",",
        ",",
        ",",
        ";",
        "\t",
        "|",
        "\"",
        "'",
        "\\",
        " ",
        "#",
        "\n",
        "\n",
        "\r\n",
        "é",
        "2024-01-02",
    ]);
    prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

/// Tables that are mostly plain.
fn table() -> impl Strategy<Value = String> {
    let cell = prop::sample::select(vec![
        "a",
        "7",
        "\"x,y\"",
        "\"q\"\"q\"",
        "",
        " b",
        "x;y",
        "'z'",
        "\\",
        "c|d;e",
        "\"l\nl\"",
        "#h",
        "10.0.0.1",
    ]);
    (1_usize..5, prop::collection::vec(cell, 1..40)).prop_map(|(width, cells)| {
        let mut text = String::new();
        for record in cells.chunks_exact(width) {
            let _ = writeln!(text, "{}", record.join(","));
        }
        text
    })
}

proptest! {
    /// The code for all dialects and that for RFC 4180 cut the same cells.
    #[test]
    fn both_cutters_agree(text in text(), block in 1_usize..40) {
        let plain = Shape::Quoted { separator: b',' };
        let general = Shape::Dialect(Dialect::rfc4180(b','));
        prop_assert_eq!(records(&text, general, block), records(&text, plain, 4096));
    }

    /// What RFC 4180 reads without a bad record, in at least two columns, is read so.
    #[test]
    fn what_was_read_is_read_the_same(text in prop_oneof![text(), table()]) {
        let options = OpenOptions::default();
        if let Ok((names, records)) = read(text.as_bytes(), rfc4180, &options) {
            let blank_quotes = text.match_indices('"').any(|(place, _)| {
                let before = text[..place].trim_end_matches([' ', '\t']);
                before.len() < place && (before.is_empty() || before.ends_with([',', '\n']))
            });
            prop_assume!(names.len() > 1 && !blank_quotes);
            let found = read(text.as_bytes(), |_| (), &options).unwrap();
            prop_assert_eq!(found, (names, records));
        }
    }

    /// Whatever the bytes are, sizes of blocks do not matter, and nothing panics.
    #[test]
    fn blocks_do_not_change_what_is_found(text in text(), block in 1_usize..40) {
        let skip = |input: &mut CsvInput| input.bad_lines = BadLines::Skip;
        let found = |block_bytes| {
            let options = OpenOptions { block_bytes, ..OpenOptions::default() };
            let mut source = match open(text.as_bytes(), skip, &options) {
                Ok(source) => source,
                Err(error) => return Err(error.reason),
            };
            let header: Vec<String> = source.schema().iter().map(|column| column.name.clone()).collect();
            let (rows, records, _) = all(&mut source).map_err(|error| error.reason)?;
            let notes = options.findings.notes("input.csv").len();
            Ok((header, rows, records, notes))
        };
        prop_assert_eq!(found(block), found(4096));
    }
}

/// A dialect that is found out, with its line end.
fn dialects() -> impl Strategy<Value = Dialect> {
    let separator = prop::sample::select(b",;\t|".to_vec());
    let quote = prop::sample::select(b"\"'".to_vec());
    (separator, quote, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(separator, quote, backslash, blanks, returns)| Dialect {
            separator: Separator::Byte(separator),
            quote: Some(quote),
            backslash,
            blanks: if blanks { CellBlanks::BeforeQuote } else { CellBlanks::Keep },
            comment: None,
            line_end: if returns { b'\r' } else { b'\n' },
            trailing: false,
        },
    )
}

proptest! {
    #[test]
    fn written_dialects_are_found(
        dialect in dialects(),
        numbers in prop::collection::vec(0_u32..10_000, 8..30),
        block in 1_usize..200,
    ) {
        let quote = char::from(dialect.quote.unwrap_or(b'"'));
        let Separator::Byte(separator) = dialect.separator else { return Ok(()) };
        let separator = char::from(separator);
        // Commas in quotes in each record, so that RFC 4180 with commas is no reading of other dialects.
        let text = |row: usize| match row % 3 {
            0 => format!("x{separator}{quote}y{quote}{separator}"),
            1 => format!("{quote}{separator} z"),
            _ => format!("{separator}w{separator}{separator}"),
        };
        let mut records = vec![["id", "word", "text"].map(str::to_owned).to_vec()];
        for (row, number) in numbers.iter().enumerate() {
            records.push(vec![number.to_string(), format!("w{number}"), text(row)]);
        }
        let written = crate::dialect::tests::write(&records, &dialect);
        let options = OpenOptions { block_bytes: block, ..OpenOptions::default() };
        let found = read(written.as_bytes(), |_| (), &options).unwrap();
        let plain = read(written.as_bytes(), rfc4180, &options);
        // A file that RFC 4180 reads too stays with it, unless lines end in carriage returns.
        let stays = dialect.blanks == CellBlanks::Keep && dialect.line_end == b'\n';
        let clean = plain.ok().filter(|(names, _)| names.len() > 1 && stays);
        let expected = clean.unwrap_or((records[0].clone(), records[1..].to_vec()));
        prop_assert_eq!(&found, &expected);
        let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
        compressed.write_all(written.as_bytes()).unwrap();
        let compressed = compressed.finish().unwrap();
        prop_assert_eq!(read(&compressed, |_| (), &options).unwrap(), expected);
    }

    #[test]
    fn set_dialects_are_read_back(
        records in prop::collection::vec(prop::collection::vec("[a\"\\\\;,é\n ]{0,5}", 3), 1..10),
        block in 1_usize..40,
    ) {
        let dialect = Dialect { backslash: true, ..Dialect::rfc4180(b';') };
        let mut all = vec![["x", "y", "z"].map(str::to_owned).to_vec()];
        all.extend(records.clone());
        let set = |input: &mut CsvInput| {
            input.separator = ";".to_owned();
            input.quote = "\"".to_owned();
            input.escape = Escape::Backslash;
            input.blanks = anomal_spec::Blanks::Keep;
            input.header = Some(true);
        };
        let options = OpenOptions { block_bytes: block, ..OpenOptions::default() };
        let written = crate::dialect::tests::write(&all, &dialect);
        prop_assert_eq!(read(written.as_bytes(), set, &options).unwrap().1, records);
    }
}

/// Only the first MiB is looked at.
#[test]
fn what_follows_the_first_bytes_changes_nothing() {
    let mut text = String::from("a;b\n");
    while text.len() < crate::sniff::dialect::PREFIX {
        text.push_str("1;\"x, y\"\n");
    }
    let before = read(text.as_bytes(), |_| (), &OpenOptions::default()).unwrap();
    text.push_str("2;z\n3,4;|5\n");
    let after = read(text.as_bytes(), |_| (), &OpenOptions::default()).unwrap();
    assert_eq!(after.0, ["a", "b"]);
    assert_eq!(after.1[..before.1.len()], before.1);
    assert_eq!(after.1.last().unwrap(), &["3,4", "|5"]);
}
