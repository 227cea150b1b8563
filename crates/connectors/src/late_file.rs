//! A file of a stream that is created with the first thing that is written to it.

use std::path::{Path, PathBuf};

use anomal_core::{Code, Error, Result};

use crate::append_file::AppendFile;

pub(crate) struct LateFile {
    path: PathBuf,
    /// How to name another file, for messages.
    remedy: String,
    file: Option<AppendFile>,
}

impl LateFile {
    pub fn new(path: PathBuf, remedy: String) -> Self {
        Self { path, remedy, file: None }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends whole lines.
    ///
    /// # Errors
    /// As [`AppendFile::write`].
    pub fn write(&mut self, lines: &[u8]) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        match &mut self.file {
            Some(file) => file.write(lines),
            None => self.open(None)?.write(lines),
        }
    }

    /// As [`AppendFile::flush`]; the mark is empty before the first line.
    ///
    /// # Errors
    /// As [`AppendFile::flush`].
    pub fn flush(&mut self) -> Result<Vec<u8>> {
        self.file.as_mut().map_or_else(|| Ok(Vec::new()), AppendFile::flush)
    }

    /// As [`AppendFile::restore`].
    ///
    /// # Errors
    /// As [`AppendFile::restore`].
    pub fn restore(&mut self, mark: Option<&[u8]>) -> Result<()> {
        self.file = None;
        let failed = |why: String| {
            let message = format!("cannot write {}: {why}", self.path.display());
            Err(Error::new(Code::Output, "OUTPUT", message))
        };
        match mark {
            Some([]) => match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    failed(error.to_string())
                }
                _ => Ok(()),
            },
            Some(mark) => self.open(Some(mark)).map(|_| ()),
            None if self.path.metadata().is_ok_and(|file| file.len() > 0) => failed(format!(
                "it exists, and is not from this stream: move it away, or {}",
                self.remedy
            )),
            None => Ok(()),
        }
    }

    fn open(&mut self, mark: Option<&[u8]>) -> Result<&mut AppendFile> {
        let mut file = AppendFile::new(self.path.clone(), None);
        file.restore(mark)?;
        Ok(self.file.insert(file))
    }
}
