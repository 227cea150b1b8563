//! Rows as they were read, known until their results are known: in memory up to a bound, beyond it in a
//! temporary file that has no name and goes with the process.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::Path,
};

use anomal_connectors::Known;
use anomal_core::{Code, Error, Result, Table};
use polars::prelude::{CompatLevel, DataFrame, SerReader, SerWriter};
use polars_io::ipc::{IpcCompression, IpcStreamReader, IpcStreamWriter};

const IN_MEMORY_BYTES: usize = 256 << 20;

pub(crate) struct Spool {
    memory: Vec<Known>,
    memory_bytes: usize,
    budget: usize,
    file: Option<BufWriter<File>>,
    folder: std::path::PathBuf,
}

impl Spool {
    pub fn new(folder: &Path) -> Self {
        Self::with_budget(folder, IN_MEMORY_BYTES)
    }

    fn with_budget(folder: &Path, budget: usize) -> Self {
        Self { memory: Vec::new(), memory_bytes: 0, budget, file: None, folder: folder.to_owned() }
    }

    /// # Errors
    /// `Output` if the temporary file can't be written.
    pub fn push(&mut self, known: Known) -> Result<()> {
        if self.file.is_none() {
            let frames = [known.source.columns(), &known.typed, &known.features];
            let columns: usize = frames.iter().map(|frame| frame.estimated_size()).sum();
            let bytes = columns + 8 * known.source.height();
            if self.memory_bytes + bytes <= self.budget {
                self.memory_bytes += bytes;
                self.memory.push(known);
                return Ok(());
            }
            let file = tempfile::tempfile_in(&self.folder).map_err(|error| self.failed(&error))?;
            self.file = Some(BufWriter::with_capacity(1 << 20, file));
        }
        // Text is worth compressing; numbers are not.
        let source = (known.source.into_frame()?, Some(IpcCompression::LZ4));
        for (mut frame, compression) in [source, (known.typed, None), (known.features, None)] {
            let mut bytes = Vec::new();
            // A frame without columns has no bytes.
            if frame.width() > 0 {
                IpcStreamWriter::new(&mut bytes)
                    .with_compat_level(CompatLevel::newest())
                    .with_compression(compression)
                    .finish(&mut frame)?;
            }
            let length = (bytes.len() as u64).to_le_bytes();
            if let Some(file) = &mut self.file {
                let written = file.write_all(&length).and_then(|()| file.write_all(&bytes));
                written.map_err(|error| self.failed(&error))?;
            }
        }
        Ok(())
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::new(
            Code::Output,
            "SPOOL_FAILED",
            format!(
                "the rows read can't be known in a temporary file in {}: {error}; free some space there, or \
                 set TMPDIR to a folder that has it",
                self.folder.display()
            ),
        )
    }

    /// The rows in the order in which they came.
    ///
    /// # Errors
    /// `Output` if the temporary file can't be read back.
    pub fn into_known(mut self) -> Result<impl Iterator<Item = Result<Known>> + Send> {
        let memory = std::mem::take(&mut self.memory);
        let file = match self.file.take() {
            None => None,
            Some(file) => {
                let mut file = file.into_inner().map_err(|error| self.failed(error.error()))?;
                file.seek(SeekFrom::Start(0)).map_err(|error| self.failed(&error))?;
                Some(BufReader::with_capacity(1 << 20, file))
            }
        };
        let mut stored = Stored { file, spool: self };
        Ok(memory.into_iter().map(Ok).chain(std::iter::from_fn(move || stored.next_known())))
    }
}

struct Stored {
    file: Option<BufReader<File>>,
    spool: Spool,
}

impl Stored {
    fn next_known(&mut self) -> Option<Result<Known>> {
        let source = self.next_frame()?;
        let mut more = || self.next_frame().transpose().map(Option::unwrap_or_default);
        Some(source.and_then(|source| {
            Ok(Known { source: Table::from_frame(source)?, typed: more()?, features: more()? })
        }))
    }

    fn next_frame(&mut self) -> Option<Result<DataFrame>> {
        let file = self.file.as_mut()?;
        let mut length = [0; 8];
        match file.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return None,
            Err(error) => return Some(Err(self.spool.failed(&error))),
        }
        let mut bytes = vec![0; usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX)];
        if let Err(error) = file.read_exact(&mut bytes) {
            return Some(Err(self.spool.failed(&error)));
        }
        if bytes.is_empty() {
            return Some(Ok(DataFrame::default()));
        }
        let frame = IpcStreamReader::new(std::io::Cursor::new(bytes)).finish();
        Some(frame.map_err(Error::from))
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn known(first: u64, text: &str) -> Known {
        let columns = df!("a" => [text, "x"], "b" => [Some("1"), None]).unwrap();
        Known {
            source: Table::new(vec![first, first + 1], columns).unwrap(),
            typed: df!("b" => [Some(1_i64), None]).unwrap(),
            features: DataFrame::default(),
        }
    }

    #[test]
    fn gives_back_what_it_got_whether_in_memory_or_on_disk() {
        for budget in [0, 100, usize::MAX] {
            let mut spool = Spool::with_budget(&std::env::temp_dir(), budget);
            let all = [known(0, "007"), known(2, "ä\n\"quoted\""), known(7, "")];
            for known in &all {
                spool.push(known.clone()).unwrap();
            }
            let back: Vec<Known> = spool.into_known().unwrap().map(Result::unwrap).collect();
            assert_eq!(back.len(), all.len());
            for (back, known) in back.iter().zip(&all) {
                assert_eq!(back.source.rows(), known.source.rows());
                assert!(back.source.columns().equals_missing(known.source.columns()));
                assert!(back.typed.equals_missing(&known.typed));
                assert_eq!(back.features.width(), 0);
            }
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_that_names_it() {
        let mut spool = Spool::with_budget(Path::new("/nonexistent-folder"), 0);
        let error = spool.push(known(0, "a")).unwrap_err();
        assert_eq!(error.code, Code::Output);
        assert!(error.message.contains("/nonexistent-folder"), "{error}");
    }
}
