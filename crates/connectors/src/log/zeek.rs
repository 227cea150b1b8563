//! Tab-separated logs of Zeek.

use std::{collections::HashMap, sync::Arc};

use anomal_core::Result;
use anomal_spec::{ColumnType, Columns, FormatNames, TypeDetails, TypeSetting};

use super::{
    header::{self, HeaderReader, Layout, Layouts, Places, Syntax},
    line::{Bad, LineCutter, LineFormat, LogLine},
};
use crate::{
    dialect::CellBuffer,
    records::HeaderLines,
    tabular::TextSettings,
    typing::{CellText, NullValues, ZeekKind, ZeekText},
};

pub(super) const FIELDS: &str = "#fields";

/// Reads a header line. Returns whether it says something of the records behind it.
pub(super) fn read_header(line: &str, layout: &mut Layout) -> bool {
    if let Some(separator) = line.strip_prefix("#separator") {
        *layout = Layout { separator: separator_byte(separator.trim_start()), ..Layout::default() };
        return true;
    }
    let separator = char::from(layout.separator.unwrap_or(b'\t'));
    let mut cells = line.split(separator);
    let key = cells.next().unwrap_or_default();
    let mut rest = || cells.next().unwrap_or_default().to_owned();
    match key {
        "#unset_field" => layout.unset = rest(),
        "#empty_field" => layout.empty = rest(),
        "#fields" => {
            layout.names = cells.map(str::to_owned).collect();
            layout.types.clear();
        }
        "#types" => layout.types = cells.map(str::to_owned).collect(),
        _ => return false,
    }
    true
}

/// The byte of `\x09` or of a character by itself.
fn separator_byte(text: &str) -> Option<u8> {
    match text.strip_prefix("\\x") {
        Some(digits) => u8::from_str_radix(digits.trim_end(), 16).ok().filter(u8::is_ascii),
        None => text.bytes().next().filter(u8::is_ascii),
    }
}

pub(super) struct Zeek {
    layouts: Layouts,
    columns: Vec<String>,
    /// The first type and texts of each column.
    fields: HashMap<String, Field>,
    union: Columns,
}

#[derive(Clone)]
struct Field {
    data_type: String,
    unset: String,
    empty: String,
}

impl Zeek {
    pub fn new(columns: Columns) -> Self {
        Self {
            layouts: Layouts::new(),
            columns: Vec::new(),
            fields: HashMap::new(),
            union: columns,
        }
    }
}

impl LineFormat for Zeek {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn learn(
        &mut self,
        _: &mut dyn Iterator<Item = LogLine<'_>>,
        settings: &TextSettings,
    ) -> Result<()> {
        let layouts = self.layouts.all();
        let union = self.union == Columns::Union;
        self.columns = header::columns(&layouts, union, settings, FIELDS)?;
        for layout in &layouts[1..] {
            let types = layout.types.iter().map(String::as_str).chain(std::iter::repeat(""));
            for (name, data_type) in layout.names.iter().zip(types) {
                self.fields.entry(name.clone()).or_insert_with(|| Field {
                    data_type: data_type.to_owned(),
                    unset: layout.unset.clone(),
                    empty: layout.empty.clone(),
                });
            }
        }
        Ok(())
    }

    fn header_lines(&self) -> Option<Box<dyn HeaderLines>> {
        Some(Box::new(HeaderReader::new(Syntax::Zeek, self.union, self.layouts.clone())))
    }

    fn nulls(&self) -> NullValues {
        NullValues::default()
    }

    fn declared(&self, column: &str) -> Option<TypeSetting> {
        let column_type = match self.fields.get(column)?.data_type.as_str() {
            "" => return None,
            "time" => {
                return Some(TypeSetting::Detailed(TypeDetails {
                    column_type: ColumnType::Datetime,
                    separator: None,
                    format: Some(FormatNames::One("epoch".to_owned())),
                    zone: None,
                    year: None,
                }));
            }
            "count" | "int" | "port" => ColumnType::Integer,
            "interval" | "double" => ColumnType::Float,
            "bool" => ColumnType::Boolean,
            _ => ColumnType::String,
        };
        Some(column_type.into())
    }

    fn cell_text(&self, column: &str) -> CellText {
        let Some(field) = self.fields.get(column) else { return CellText::AsRead };
        let kind = match field.data_type.as_str() {
            "bool" => ZeekKind::Boolean,
            "time" | "interval" | "double" | "count" | "int" | "port" => ZeekKind::Number,
            _ => ZeekKind::Text,
        };
        let (unset, empty) = (or(&field.unset, "-"), or(&field.empty, "(empty)"));
        CellText::Zeek(Arc::new(ZeekText { unset, empty, kind }))
    }

    fn cutter(&self) -> Box<dyn LineCutter + '_> {
        let layouts = self.layouts.all();
        let places = vec![None; layouts.len()];
        Box::new(ZeekCutter { zeek: self, layouts, places, unknown: Vec::new() })
    }
}

fn or(text: &str, default: &str) -> String {
    if text.is_empty() { default } else { text }.to_owned()
}

struct ZeekCutter<'a> {
    zeek: &'a Zeek,
    layouts: Vec<Arc<Layout>>,
    /// By layout, once it has occurred.
    places: Vec<Option<Places>>,
    unknown: Vec<String>,
}

impl LineCutter for ZeekCutter<'_> {
    fn cut(&mut self, line: LogLine<'_>, cells: &mut CellBuffer) -> Result<(), Bad> {
        let layout = &self.layouts[line.layout as usize];
        let bytes = line.as_str().as_bytes();
        let (first, mut start) = (cells.spans.len(), 0);
        for border in memchr::memchr_iter(layout.separator.unwrap_or(b'\t'), bytes) {
            line.push(cells, (start, border));
            start = border + 1;
        }
        line.push(cells, (start, bytes.len()));
        let found = cells.spans.len() - first;
        if found != layout.names.len() {
            return Err(header::wrong_number(found, layout, FIELDS));
        }
        let columns = &self.zeek.columns;
        let places = self.places[line.layout as usize]
            .get_or_insert_with(|| Places::new(layout, columns, &mut self.unknown));
        places.arrange(cells, first, columns.len());
        Ok(())
    }

    fn take_unknown(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lines() {
        let mut layout = Layout::default();
        for line in [
            "#separator \\x09",
            "#set_separator\t,",
            "#empty_field\t(empty)",
            "#unset_field\t-",
            "#path\tdns",
            "#fields\tts\tid.orig_h\t\tquery",
            "#types\ttime\taddr\t\tstring",
        ] {
            read_header(line, &mut layout);
        }
        assert_eq!((layout.separator, layout.unset.as_str()), (Some(b'\t'), "-"));
        assert_eq!(layout.empty, "(empty)");
        assert_eq!(layout.names, ["ts", "id.orig_h", "", "query"]);
        assert!(!read_header("#close\t2024-01-30-18-14-02", &mut layout));
        assert!(!read_header("# a comment", &mut layout));
        assert_eq!(separator_byte("\\x7c"), Some(b'|'));
        assert_eq!(separator_byte("\\xff"), None);
        assert_eq!(separator_byte(""), None);
    }
}
