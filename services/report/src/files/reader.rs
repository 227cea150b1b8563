//! A file that many read at once. Each has a place of its own in it: a descriptor's copy would share the place with all
//! others, and readers would move each other's.

use std::{
    fs::File,
    io::{Read, Result, Seek, SeekFrom},
    os::unix::fs::FileExt,
};

use polars_io::mmap::MmapBytesReader;

pub(crate) struct Reader {
    file: File,
    place: u64,
}

impl Reader {
    /// From its beginning.
    ///
    /// # Errors
    /// If there are too many open files.
    pub fn of(file: &File) -> Result<Self> {
        Ok(Self { file: file.try_clone()?, place: 0 })
    }
}

impl Read for Reader {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let read = self.file.read_at(bytes, self.place)?;
        self.place += read as u64;
        Ok(read)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(place) => (place, 0),
            SeekFrom::Current(by) => (self.place, by),
            SeekFrom::End(by) => (self.file.metadata()?.len(), by),
        };
        let outside = std::io::ErrorKind::InvalidInput;
        self.place = from.checked_add_signed(by).ok_or(outside)?;
        Ok(self.place)
    }
}

impl MmapBytesReader for Reader {
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
        let (mut one, mut two) = (Reader::of(&file).unwrap(), Reader::of(&file).unwrap());
        let read = |reader: &mut Reader, to: SeekFrom| {
            let place = reader.seek(to).unwrap();
            let mut bytes = [0; 2];
            reader.read_exact(&mut bytes).unwrap();
            (place, String::from_utf8(bytes.to_vec()).unwrap())
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
