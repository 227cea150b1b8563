//! The views of a column: in its own type, as text, as times.

use anomal_core::{
    Error, Result, column_of_view,
    proto::{Column, DataType},
    text_view, time_view,
};

use super::Columns;

/// How steps read a column: in its own type, as text, in either of both, and as times of another type.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four uses, each with or without the others")]
pub(super) struct Usage {
    pub as_typed: bool,
    pub as_text: bool,
    pub as_any: bool,
    pub as_time: bool,
}

impl Usage {
    /// Whether times are all that is read of it.
    fn only_time(self) -> bool {
        self.as_time && !(self.as_typed || self.as_text || self.as_any)
    }
}

impl Columns<'_> {
    /// Marks a column of another type as read as times, and returns the name under which that is selected.
    ///
    /// # Errors
    /// There is no single reading.
    pub(super) fn time_view(
        &mut self,
        name: &str,
        reader: &str,
        path: &str,
    ) -> Result<Option<String>> {
        let view = time_view(name);
        if self.schema.iter().any(|column| column.name == view) {
            self.usage.entry(view.clone()).or_default().as_typed = true;
            return Ok(Some(view));
        }
        let Some(reading) = self.times.iter().find(|reading| reading.column == name) else {
            return Ok(None);
        };
        if !reading.problem.is_empty() {
            let message = format!("{reader} needs times: {}", reading.problem);
            return Err(Error::settings(path, &reading.reason, message));
        }
        self.find(name, path)?;
        self.usage.entry(name.to_owned()).or_default().as_time = true;
        Ok(Some(view))
    }

    /// Marks the time column as read if it has times, for outputs that have the time of a row. Texts of Parquet files and
    /// documents, whose times these outputs parse, are none.
    ///
    /// # Errors
    /// There is no single reading.
    pub fn read_row_time(&mut self, name: &str) -> Result<()> {
        let is_time =
            |column: &Column| column.name == name && column.data_type() == DataType::Datetime;
        if self.time_view(name, "`timeColumn`", "timeColumn")?.is_none()
            && self.schema.iter().any(is_time)
        {
            self.usage.entry(name.to_owned()).or_default().as_typed = true;
        }
        Ok(())
    }

    /// The name under which a step reads a column: its own, unless it is read in another way too.
    pub fn settled<'b>(&self, name: &'b str) -> &'b str {
        let column = column_of_view(name);
        if column == name || self.schema.iter().any(|column| column.name == name) {
            return name;
        }
        let used = self.usage.get(column).copied().unwrap_or_default();
        let alone = if name == time_view(column) { used.only_time() } else { !used.as_typed };
        if alone { column } else { name }
    }

    /// The columns that steps read, in input order, with the types that they require.
    pub fn to_read(&self) -> Vec<Column> {
        let mut columns = Vec::new();
        for column in self.schema {
            let Some(used) = self.usage.get(&column.name) else { continue };
            let only_text = used.as_text && !used.as_typed;
            let (text, time) = (DataType::String.into(), DataType::Datetime.into());
            let data_type = match (only_text, used.only_time()) {
                (true, _) => text,
                (_, true) => time,
                _ => column.data_type,
            };
            columns.push(Column { name: column.name.clone(), data_type });
            if used.as_typed && used.as_text {
                columns.push(Column { name: text_view(&column.name), data_type: text });
            }
            if used.as_time && !used.only_time() {
                columns.push(Column { name: time_view(&column.name), data_type: time });
            }
        }
        columns
    }
}
