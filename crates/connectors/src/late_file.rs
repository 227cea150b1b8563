//! A file of a stream that is created with the first thing that is written to it.

use std::path::PathBuf;

use anomal_core::{Code, Error, Result};

use crate::{append_file::AppendFile, series::numbered};

pub(crate) struct LateFile {
    path: PathBuf,
    /// How to name another file, for messages.
    remedy: String,
    /// The number of the file, where the stream moves between machines: on one that does not have the file of the mark the next
    /// one is begun, so that none is taken for that of another machine. Otherwise there is one file.
    number: Option<u64>,
    file: Option<AppendFile>,
}

impl LateFile {
    /// `moves`: whether what was written before may be on another machine.
    pub fn new(path: PathBuf, remedy: String, moves: bool) -> Self {
        Self { path, remedy, number: moves.then_some(1), file: None }
    }

    pub fn path(&self) -> PathBuf {
        match self.number {
            Some(number) => numbered(&self.path, number),
            None => self.path.clone(),
        }
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

    /// As [`AppendFile::flush`]; before the first line, the mark of the file is empty.
    ///
    /// # Errors
    /// As [`AppendFile::flush`].
    pub fn flush(&mut self) -> Result<Vec<u8>> {
        let mark = self.file.as_mut().map_or_else(|| Ok(Vec::new()), AppendFile::flush)?;
        let number = self.number.map(|number| format!("{number:016}"));
        Ok([number.unwrap_or_default().into_bytes(), mark].concat())
    }

    /// As [`AppendFile::restore`].
    ///
    /// # Errors
    /// As [`AppendFile::restore`].
    pub fn restore(&mut self, mark: Option<&[u8]>) -> Result<()> {
        self.file = None;
        let mut mark = mark;
        if let (Some(number), Some(bytes)) = (&mut self.number, mark) {
            let parts = std::str::from_utf8(bytes).ok().and_then(|text| text.split_at_checked(16));
            let parts = parts.and_then(|(saved, of_file)| Some((saved.parse().ok()?, of_file)));
            let (saved, of_file): (u64, &str) =
                parts.ok_or_else(|| Error::internal("the mark of a file has no number"))?;
            let of_file = of_file.as_bytes();
            *number = saved;
            mark = Some(of_file);
            let path = numbered(&self.path, *number);
            if !of_file.is_empty() && !AppendFile::new(path.clone(), None).has(of_file) {
                *number += 1;
                mark = Some(&[]);
                tracing::warn!(
                    "{} is not on this machine, where the stream goes on with {}",
                    path.display(),
                    numbered(&self.path, *number).display()
                );
            }
        }
        let path = self.path();
        let failed = |why: String| {
            let message = format!("cannot write {}: {why}", path.display());
            Err(Error::new(Code::Output, "OUTPUT", message))
        };
        match mark {
            Some([]) => match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    failed(error.to_string())
                }
                _ => Ok(()),
            },
            Some(mark) => self.open(Some(mark)).map(|_| ()),
            None if path.metadata().is_ok_and(|file| file.len() > 0) => failed(format!(
                "it exists, and is not from this stream: move it away, or {}",
                self.remedy
            )),
            None => Ok(()),
        }
    }

    fn open(&mut self, mark: Option<&[u8]>) -> Result<&mut AppendFile> {
        let mut file = AppendFile::new(self.path(), None);
        file.restore(mark)?;
        Ok(self.file.insert(file))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn file(folder: &Path) -> LateFile {
        LateFile::new(folder.join("r.ndjson"), String::new(), true)
    }

    #[test]
    fn a_stream_that_moves_leaves_its_lines_where_they_are() {
        let machines = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [one, two] = machines.each_ref().map(tempfile::TempDir::path);
        let mut first = file(one);
        first.restore(None).unwrap();
        let empty = first.flush().unwrap();
        first.write(b"a\nb\n").unwrap();
        let mark = first.flush().unwrap();
        first.write(b"not saved\n").unwrap();
        first.flush().unwrap();
        drop(first);
        // Another machine has no such file.
        let mut second = file(two);
        second.restore(Some(&mark)).unwrap();
        second.write(b"c\n").unwrap();
        let moved = second.flush().unwrap();
        assert_eq!(fs::read_to_string(two.join("r-000002.ndjson")).unwrap(), "c\n");
        // The first machine again, with the mark of the second.
        let mut back = file(one);
        back.restore(Some(&moved)).unwrap();
        back.write(b"d\n").unwrap();
        back.flush().unwrap();
        assert_eq!(fs::read_to_string(one.join("r-000003.ndjson")).unwrap(), "d\n");
        // What was not saved is written again where its file is.
        let mut again = file(one);
        again.restore(Some(&mark)).unwrap();
        assert_eq!(fs::read_to_string(one.join("r-000001.ndjson")).unwrap(), "a\nb\n");
        drop(again);
        file(one).restore(Some(&empty)).unwrap();
        assert!(!one.join("r-000001.ndjson").exists());
    }
}
