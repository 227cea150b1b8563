//! A file with many readers at once, each with a separate position: a duplicated descriptor shares its position, so
//! readers would move each other.

use std::{
    fs::File,
    io::{Read, Result, Seek, SeekFrom},
    os::unix::fs::FileExt,
};

use polars_io::mmap::MmapBytesReader;

pub(crate) struct SharedReader {
    file: File,
    position: u64,
}

impl SharedReader {
    /// Reads from the start.
    ///
    /// # Errors
    /// If too many files are open.
    pub fn new(file: &File) -> Result<Self> {
        Ok(Self { file: file.try_clone()?, position: 0 })
    }
}

impl Read for SharedReader {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let read = self.file.read_at(bytes, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for SharedReader {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::Current(by) => (self.position, by),
            SeekFrom::End(by) => (self.file.metadata()?.len(), by),
        };
        let outside = std::io::ErrorKind::InvalidInput;
        self.position = from.checked_add_signed(by).ok_or(outside)?;
        Ok(self.position)
    }
}

impl MmapBytesReader for SharedReader {
    fn to_file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn readers_do_not_move_each_other() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let (mut one, mut two) =
            (SharedReader::new(&file).unwrap(), SharedReader::new(&file).unwrap());
        let read = |reader: &mut SharedReader, to: SeekFrom| {
            let position = reader.seek(to).unwrap();
            let mut bytes = [0; 2];
            reader.read_exact(&mut bytes).unwrap();
            (position, String::from_utf8(bytes.to_vec()).unwrap())
        };
        assert_eq!(read(&mut one, SeekFrom::Start(2)), (2, "23".into()));
        assert_eq!(read(&mut two, SeekFrom::End(-3)), (7, "78".into()));
        assert_eq!(read(&mut one, SeekFrom::Current(1)), (5, "56".into()));
        assert!(one.seek(SeekFrom::Current(-8)).is_err());
        let mut rest = String::new();
        two.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "9");
    }
}
