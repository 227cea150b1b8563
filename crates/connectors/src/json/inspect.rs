//! What a JSON file shows of its frame.

use std::path::Path;

use anomal_core::Result;

use super::{frame::find_frame, settings::JsonSettings};
use crate::{
    files::read_error, lines::Shape, records::Records, sniff::dialect::PREFIX, source::OpenOptions,
};

impl JsonSettings {
    /// The path of the records that the first file shows; nothing if the settings have it or the file can't be read again.
    ///
    /// # Errors
    /// Those of reading the start of the file.
    pub fn found_records(&self, options: &OpenOptions) -> Result<Option<String>> {
        let files = self.files(options)?;
        if self.lines || self.input.records != "auto" || !files.can_reread() {
            return Ok(None);
        }
        let mut records =
            Records::new(files, self.driver, Shape::Lines, self.input.encoding, false, options);
        let mut path = None;
        records.open(&mut |file| {
            let prefix = file.lines.peek(PREFIX);
            let (prefix, _) = prefix.map_err(|error| read_error(Path::new(file.name), &error))?;
            path = Some(find_frame(prefix).records);
            Ok(())
        })?;
        Ok(path)
    }
}
