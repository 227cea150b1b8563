//! Syslog as a format of log lines.

use anomal_core::Result;
use anomal_spec::{ColumnType, FormatNames, TypeDetails, TypeSetting};

use super::{
    keys::{KeyCells, KeyColumns},
    line::{Bad, LineCutter, LineFormat, LogLine},
    lines::MESSAGE,
    structured_data::data_items,
    syslog_line::SyslogLine,
};
use crate::{dialect::CellBuffer, tabular::TextSettings, typing::CellText};

const TIMESTAMP: &str = "@timestamp";
const HOST: &str = "host.name";
const PROCESS: &str = "process.name";
const PID: &str = "process.pid";
const PRIORITY: &str = "log.syslog.priority";
const FACILITY: &str = "log.syslog.facility";
const SEVERITY: &str = "log.syslog.severity";
const MESSAGE_ID: &str = "log.syslog.msgid";
/// The beginning of the names of structured data.
const DATA: &str = "sd.";

#[derive(Default)]
pub(super) struct Syslog {
    columns: KeyColumns,
    /// The formats of times that the first lines have, if they can be read.
    formats: Vec<String>,
}

impl LineFormat for Syslog {
    fn columns(&self) -> &[String] {
        self.columns.names()
    }

    fn learn(
        &mut self,
        first: &mut dyn Iterator<Item = LogLine<'_>>,
        settings: &TextSettings,
    ) -> Result<()> {
        let (mut priorities, mut protocol, mut old, mut new) = (false, false, false, false);
        let mut names = KeyColumns::default();
        for line in first {
            let text = line.as_str();
            let Ok(parts) = SyslogLine::parse(text) else { continue };
            priorities |= parts.priority.is_some();
            protocol |= parts.message_id.is_some();
            old |= parts.old_time;
            new |= !parts.old_time && parts.time.1 - parts.time.0 > 1;
            for item in parts.data.into_iter().flat_map(|data| data_items(text, data)) {
                names.add(&data_name(text, item.id, item.name));
            }
        }
        let always = [TIMESTAMP, HOST, PROCESS, PID].into_iter();
        let priorities = [PRIORITY, FACILITY, SEVERITY].into_iter().filter(|_| priorities);
        let message_id = [MESSAGE_ID].into_iter().filter(|_| protocol);
        let known = always.chain(priorities).chain(message_id).chain([MESSAGE]);
        known.for_each(|name| self.columns.add(name));
        names.names().iter().for_each(|name| self.columns.add(name));
        self.columns.add_named(settings);
        // Without a year the detection of times says what is missing.
        if settings.year(TIMESTAMP).is_some() || !old {
            let formats = [("syslog", old), ("iso", new)].into_iter().filter(|(_, used)| *used);
            self.formats = formats.map(|(name, _)| name.to_owned()).collect();
        }
        Ok(())
    }

    fn declared(&self, column: &str) -> Option<TypeSetting> {
        let column_type = match column {
            TIMESTAMP => {
                let format = match self.formats.as_slice() {
                    [] => return None,
                    [only] => FormatNames::One(only.clone()),
                    several => FormatNames::Several(several.to_vec()),
                };
                return Some(TypeSetting::Detailed(TypeDetails {
                    column_type: ColumnType::Datetime,
                    separator: None,
                    format: Some(format),
                    zone: None,
                    year: None,
                }));
            }
            PRIORITY | FACILITY | SEVERITY => ColumnType::Integer,
            HOST | PROCESS | MESSAGE_ID | MESSAGE => ColumnType::String,
            _ => return None,
        };
        Some(column_type.into())
    }

    fn cell_text(&self, column: &str) -> CellText {
        if column.starts_with(DATA) { CellText::Escaped } else { CellText::AsRead }
    }

    fn cutter(&self) -> Box<dyn LineCutter + '_> {
        let priorities = self.columns.has(PRIORITY);
        Box::new(SyslogCutter { cells: KeyCells::new(&self.columns), priorities })
    }
}

/// The name of an item of structured data.
fn data_name(line: &str, id: (usize, usize), name: (usize, usize)) -> String {
    format!("{DATA}{}.{}", &line[id.0..id.1], &line[name.0..name.1])
}

struct SyslogCutter<'a> {
    cells: KeyCells<'a>,
    /// Whether the columns of the priority are there.
    priorities: bool,
}

impl LineCutter for SyslogCutter<'_> {
    fn cut(&mut self, line: LogLine<'_>, cells: &mut CellBuffer) -> std::result::Result<(), Bad> {
        let text = line.as_str();
        let parts = SyslogLine::parse(text)?;
        self.cells.begin(cells);
        let mut set = |cells: &mut CellBuffer, name: &str, span: Option<(usize, usize)>| {
            if let Some(span) = span {
                self.cells.set(cells, name, line.place(span));
            }
        };
        set(cells, TIMESTAMP, Some(parts.time));
        set(cells, HOST, parts.host);
        set(cells, PROCESS, parts.process);
        set(cells, PID, parts.pid);
        if let Some(priority) = parts.priority {
            if self.priorities {
                // As the text has it between the brackets.
                let end = text.find('>').unwrap_or_default();
                self.cells.set(cells, PRIORITY, line.place((1, end)));
                for (name, number) in [(FACILITY, priority / 8), (SEVERITY, priority % 8)] {
                    let cell = line.own(cells, NUMBERS[usize::from(number)]);
                    self.cells.set(cells, name, cell);
                }
            } else {
                self.cells.set(cells, PRIORITY, line.place((0, 0)));
            }
        }
        if let Some(id) = parts.message_id {
            self.cells.set(cells, MESSAGE_ID, line.place(id));
        }
        self.cells.set(cells, MESSAGE, line.place(parts.message));
        for item in parts.data.into_iter().flat_map(|data| data_items(text, data)) {
            let name = data_name(text, item.id, item.name);
            self.cells.set(cells, &name, line.place(item.value));
        }
        Ok(())
    }

    fn take_unknown(&mut self) -> Vec<String> {
        self.cells.take_unknown()
    }
}

/// Facilities and severities as texts.
const NUMBERS: [&str; 24] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
    "17", "18", "19", "20", "21", "22", "23",
];
