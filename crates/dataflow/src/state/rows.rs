//! Rows in the order in which they came: in memory up to a bound, beyond it in a temporary file.

use std::path::PathBuf;

use anomal_core::{Batch, Result};

use super::{row_bytes, spill::SpillFile};

/// Stores each batch once, without its hits, statistics and scores.
pub(super) struct RowBuffer {
    memory: Vec<Batch>,
    bytes: u64,
    limit: u64,
    folder: PathBuf,
    spilled: Option<SpillFile>,
}

impl RowBuffer {
    /// Beyond `limit` bytes batches go to a file in `folder`, which has no name and disappears with the process.
    pub fn new(limit: u64, folder: PathBuf) -> Self {
        Self { memory: Vec::new(), bytes: 0, limit, folder, spilled: None }
    }

    /// # Errors
    /// `Output` if the temporary file can't be written.
    pub fn push(&mut self, batch: Batch) -> Result<()> {
        if let Some(file) = &mut self.spilled {
            return file.write(batch);
        }
        let bytes = row_bytes(&batch);
        if self.bytes + bytes <= self.limit {
            self.bytes += bytes;
            self.memory.push(batch);
            return Ok(());
        }
        self.spilled.insert(SpillFile::create(&self.folder)?).write(batch)
    }

    /// The batches in the order in which they came.
    ///
    /// # Errors
    /// `Output` if the temporary file can't be read back.
    pub fn into_batches(self) -> Result<impl Iterator<Item = Result<Batch>> + Send> {
        let spilled = self.spilled.map(SpillFile::into_batches).transpose()?;
        Ok(self.memory.into_iter().map(Ok).chain(spilled.into_iter().flatten()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use anomal_core::Code;
    use polars::prelude::*;

    use super::*;

    fn batch(first: u64, text: &str) -> Batch {
        let raw = df!("a" => [text, "x"], "b" => [Some("1"), None]).unwrap();
        let typed = df!("b" => [Some(1_i64), None]).unwrap();
        Batch::new(vec![first, first + 1], raw, typed).unwrap()
    }

    #[test]
    fn returns_the_same_rows_from_memory_and_from_disk() {
        for limit in [0, 100, u64::MAX] {
            let mut buffer = RowBuffer::new(limit, std::env::temp_dir());
            let all = [batch(0, "007"), batch(2, "ä\n\"quoted\""), batch(7, "")];
            for batch in &all {
                buffer.push(batch.clone()).unwrap();
            }
            let back: Vec<Batch> = buffer.into_batches().unwrap().map(Result::unwrap).collect();
            assert_eq!(back.len(), all.len());
            for (back, batch) in back.iter().zip(&all) {
                assert_eq!(back.offsets(), batch.offsets());
                assert!(back.raw.equals_missing(&batch.raw));
                assert!(back.typed.equals_missing(&batch.typed));
                assert_eq!(back.features.width(), 0);
            }
        }
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_it() {
        let mut buffer = RowBuffer::new(0, Path::new("/nonexistent-folder").to_owned());
        let error = buffer.push(batch(0, "a")).unwrap_err();
        assert_eq!(error.code, Code::Output);
        assert!(error.message.contains("/nonexistent-folder"), "{error}");
    }
}
