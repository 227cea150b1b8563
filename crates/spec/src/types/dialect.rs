//! How the text of a CSV file is encoded and divided into records and cells.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Defines [`TextEncoding`] and its labels.
macro_rules! encodings {
    ($($variant:ident $label:literal,)*) => {
        /// How characters are encoded, by the names of the WHATWG Encoding Standard.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum TextEncoding {
            #[default]
            #[serde(rename = "auto")]
            Auto,
            $(#[serde(rename = $label)] $variant,)*
        }

        impl TextEncoding {
            /// All encodings that the settings can name.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in the settings; nothing for `auto`.
            pub fn label(self) -> Option<&'static str> {
                match self {
                    Self::Auto => None,
                    $(Self::$variant => Some($label),)*
                }
            }
        }
    };
}

encodings! {
    Utf8 "utf-8",
    Utf16Le "utf-16le",
    Utf16Be "utf-16be",
    Windows1250 "windows-1250",
    Windows1251 "windows-1251",
    Windows1252 "windows-1252",
    Windows1253 "windows-1253",
    Windows1254 "windows-1254",
    Windows1255 "windows-1255",
    Windows1256 "windows-1256",
    Windows1257 "windows-1257",
    Windows1258 "windows-1258",
    Windows874 "windows-874",
    Iso8859Part1 "iso-8859-1",
    Iso8859Part2 "iso-8859-2",
    Iso8859Part3 "iso-8859-3",
    Iso8859Part4 "iso-8859-4",
    Iso8859Part5 "iso-8859-5",
    Iso8859Part6 "iso-8859-6",
    Iso8859Part7 "iso-8859-7",
    Iso8859Part8 "iso-8859-8",
    Iso8859Part10 "iso-8859-10",
    Iso8859Part13 "iso-8859-13",
    Iso8859Part14 "iso-8859-14",
    Iso8859Part15 "iso-8859-15",
    Iso8859Part16 "iso-8859-16",
    Ibm866 "ibm866",
    Koi8R "koi8-r",
    Koi8U "koi8-u",
    Macintosh "macintosh",
    ShiftJis "shift_jis",
    EucJp "euc-jp",
    EucKr "euc-kr",
    Gbk "gbk",
    Gb18030 "gb18030",
    Big5 "big5",
}

/// How quotes and separators are written within cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Escape {
    /// Found out.
    #[default]
    Auto,
    /// A quote within quotes is doubled.
    Double,
    /// A backslash stands before quotes, separators, line ends and backslashes; doubled quotes are read too.
    Backslash,
}

/// Blanks around cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Blanks {
    /// Found out: `keep` or `beforeQuote`.
    #[default]
    Auto,
    /// They belong to the cells.
    Keep,
    /// Dropped between a separator and a quote.
    BeforeQuote,
    /// Dropped around all cells.
    All,
}

/// A blank last cell, as of a separator at each line's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Trailing {
    /// Found out.
    #[default]
    Auto,
    /// It is a cell.
    Keep,
    /// It is dropped from records with one cell more than the header has.
    Drop,
}

/// What ends a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LineEnd {
    /// Found out.
    #[default]
    Auto,
    /// A line feed, also behind a carriage return.
    Lf,
    /// A carriage return alone.
    Cr,
}

/// Equal names of columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DuplicateNames {
    /// The later ones are numbered: `a`, `a_2`, `a_3`.
    #[default]
    Number,
    /// They are an error.
    Error,
}

/// A name for a dialect as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CsvDialect {
    /// Commas, double quotes that are doubled within cells, a header, and nothing is found out.
    Rfc4180,
    /// As Excel saves with commas, also with a line `sep=,`.
    Excel,
    /// As Excel saves where the decimal mark is a comma: semicolons.
    ExcelSemicolon,
    /// Tabs and double quotes.
    Tsv,
    /// As `SELECT INTO OUTFILE`: tabs, no quotes, backslashes.
    Mysql,
    /// As the text format of `COPY`: tabs, no quotes, backslashes.
    Postgres,
    /// Commas, and all cells in double quotes.
    Unix,
}
