//! Kinds of files by their first bytes.

/// A kind of file that no driver of text reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Parquet,
    Arrow,
    Avro,
    Orc,
    Excel,
    OldExcel,
    EventLog,
    Sqlite,
    Pdf,
    Xml,
    Html,
    Capture,
    Zip,
    Archive(&'static str),
}

const MAGIC: [(&[u8], FileKind); 19] = [
    (b"PAR1", FileKind::Parquet),
    (b"ARROW1\0\0", FileKind::Arrow),
    (b"Obj\x01", FileKind::Avro),
    (b"ORC", FileKind::Orc),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind::OldExcel),
    (b"ElfFile\0", FileKind::EventLog),
    (b"SQLite format 3\0", FileKind::Sqlite),
    (b"%PDF-", FileKind::Pdf),
    (b"\xd4\xc3\xb2\xa1", FileKind::Capture),
    (b"\xa1\xb2\xc3\xd4", FileKind::Capture),
    (b"\x4d\x3c\xb2\xa1", FileKind::Capture),
    (b"\xa1\xb2\x3c\x4d", FileKind::Capture),
    (b"\x0a\x0d\x0d\x0a", FileKind::Capture),
    (b"PK\x03\x04", FileKind::Zip),
    (b"PK\x05\x06", FileKind::Zip),
    (b"BZh", FileKind::Archive("bzip2")),
    (b"\xfd7zXZ\0", FileKind::Archive("xz")),
    (b"\x04\x22\x4d\x18", FileKind::Archive("lz4")),
    (b"7z\xbc\xaf\x27\x1c", FileKind::Archive("7z")),
];

impl FileKind {
    /// The kind of a file that begins with these bytes; nothing for text.
    pub fn detect(start: &[u8]) -> Option<Self> {
        let kind = MAGIC.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, kind)| *kind);
        match kind {
            Some(Self::Zip) if memchr::memmem::find(start, b"[Content_Types].xml").is_some() => {
                Some(Self::Excel)
            }
            // Text may begin with these letters.
            Some(Self::Orc)
                if start.get(3).is_none_or(|byte| {
                    *byte >= b' ' && *byte != 0x7f || byte.is_ascii_whitespace()
                }) =>
            {
                None
            }
            // A block of bzip2 has this number in front.
            Some(Self::Archive("bzip2")) if start.get(4..10) != Some(b"1AY&SY") => None,
            Some(Self::Parquet)
                if start.get(4).is_none_or(|byte| {
                    (b' '..=b'~').contains(byte) || byte.is_ascii_whitespace()
                }) =>
            {
                None
            }
            Some(Self::Capture)
                if start.starts_with(b"\n")
                    && !matches!(
                        start.get(8..12),
                        Some(b"\x1a\x2b\x3c\x4d" | b"\x4d\x3c\x2b\x1a")
                    ) =>
            {
                None
            }
            None => Self::detect_markup(start),
            kind => kind,
        }
    }

    fn detect_markup(start: &[u8]) -> Option<Self> {
        let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
        let begins = |mark: &[u8]| {
            text.get(..mark.len()).is_some_and(|head| head.eq_ignore_ascii_case(mark))
        };
        if begins(b"<?xml ") {
            Some(Self::Xml)
        } else if begins(b"<!doctype html") || begins(b"<html>") || begins(b"<html ") {
            Some(Self::Html)
        } else {
            None
        }
    }

    /// What the file is, and what to do with it: the rest of a sentence that begins with its name.
    pub fn describe(self, path: &str) -> String {
        match self {
            Self::Parquet => format!("is Parquet; use `parquet: {{path: {path}}}`"),
            Self::Arrow => {
                "is an Arrow file; write it as Parquet, as `pyarrow.parquet.write_table` does".into()
            }
            Self::Avro => "is Avro; write its records as NDJSON, as `avro-tools tojson` does".into(),
            Self::Orc => "is ORC; write it as Parquet, as `pyarrow.parquet.write_table` does".into(),
            Self::Excel => {
                "is an Excel or Open Office document; save the sheet as CSV UTF-8".into()
            }
            Self::OldExcel => {
                "is an Office document of the old binary form, such as .xls; save the sheet as CSV UTF-8".into()
            }
            Self::EventLog => {
                "is a Windows event log (EVTX); write it as NDJSON, as `evtx_dump -o jsonl` does".into()
            }
            Self::Sqlite => {
                "is an SQLite database; export a table as CSV, as `sqlite3 -csv -header FILE 'SELECT ...'` does".into()
            }
            Self::Pdf => "is a PDF document; get its data as CSV or NDJSON".into(),
            Self::Xml => "is XML; write its records as CSV or NDJSON".into(),
            Self::Html => {
                "is an HTML page, perhaps one that asks to log in; download the data itself".into()
            }
            Self::Capture => {
                "is a capture of packets; run Zeek or Suricata over it, and read the logs that they write".into()
            }
            Self::Zip => "is a zip archive; unzip it first".into(),
            Self::Archive(name) => {
                format!("is compressed with {name}; decompress it first, or compress it with gzip or zstd")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_no_kind() {
        for text in [
            &b"PAR,b\n1,2\n"[..],
            b"BZh9,b\n1,2\n",
            b"Obj,b\n",
            b"ORC,b\n",
            b"<a>,b\n1,2\n",
            b"PAR1,b\n1,2\n",
            b"\n\r\r\n",
            b"",
            b"<htmlx>",
        ] {
            assert_eq!(FileKind::detect(text), None, "{text:?}");
        }
    }

    #[test]
    fn kinds_are_known_by_their_first_bytes() {
        for (start, kind) in [
            (&b"PAR1\x15\x04"[..], FileKind::Parquet),
            (b"PK\x03\x04....[Content_Types].xml", FileKind::Excel),
            (b"PK\x03\x04....logs.csv", FileKind::Zip),
            (b"ORC\x08\x03", FileKind::Orc),
            (b"BZh91AY&SY", FileKind::Archive("bzip2")),
            (b"\xef\xbb\xbf\n<?XML version", FileKind::Xml),
            (b"<!DOCTYPE html>", FileKind::Html),
        ] {
            assert_eq!(FileKind::detect(start), Some(kind));
            assert!(kind.describe("a.csv").contains("; "));
        }
    }
}
