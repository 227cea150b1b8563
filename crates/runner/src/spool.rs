//! Rows that are held in memory up to a bound, and beyond it in temporary files: in the order in which they come, or sorted.

mod evidence;
mod numbers;
mod sorter;

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    sync::Arc,
};

use anomal_core::{Code, Error, Result};

pub use numbers::RowNumbers;
pub(crate) use sorter::Sorter;

/// Bytes of a buffer.
const BUFFER: usize = 1 << 18;
/// Bytes of the length before each row in a file.
const LENGTH: usize = 4;

/// What can be kept in a file.
pub(crate) trait Spilled: Clone {
    /// Bytes in memory.
    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn write(&self, out: &mut Vec<u8>);

    /// Takes it from the start of bytes; none if they are too few, or other ones.
    fn read(input: &mut &[u8]) -> Option<Self>;
}

/// Rows in the order in which they were added.
#[derive(Clone, Debug)]
pub(crate) struct Spool<T> {
    /// Those that are not in the file.
    rows: Vec<T>,
    size: usize,
    /// Bytes of rows in memory.
    bound: usize,
    file: Option<Spill>,
}

/// Rows in a file that has no name.
#[derive(Clone, Debug)]
struct Spill {
    file: Arc<File>,
    rows: usize,
    bytes: u64,
}

impl<T> Spool<T> {
    /// With at most so many bytes of rows in memory.
    pub fn new(bound: usize) -> Self {
        Self { rows: Vec::new(), size: 0, bound, file: None }
    }

    pub fn len(&self) -> usize {
        self.rows.len() + self.file.as_ref().map_or(0, |file| file.rows)
    }

    #[cfg(test)]
    pub fn is_in_memory(&self) -> bool {
        self.file.is_none()
    }
}

impl<T: Spilled> Spool<T> {
    /// # Errors
    /// `Output` if it can't be written.
    pub fn push(&mut self, row: T) -> Result<()> {
        if self.rows.len() == self.rows.capacity() {
            // By a quarter and not to twice as much.
            self.rows.reserve_exact((self.rows.len() / 4).max(1_024));
        }
        self.size += row.size();
        self.rows.push(row);
        if self.size < self.bound {
            return Ok(());
        }
        self.size = 0;
        let rows = self.rows.drain(..);
        match &mut self.file {
            Some(file) => file.append(rows),
            empty => Spill::create(rows).map(|file| *empty = Some(file)),
        }
        .map_err(|error| failed(&error))
    }

    /// The rows in a file; none if there are no rows.
    fn into_file(self) -> Result<Option<Spill>> {
        let rows = self.rows.into_iter();
        match self.file {
            Some(mut file) => file.append(rows).map(|()| Some(file)),
            None if rows.len() == 0 => Ok(None),
            None => Spill::create(rows).map(Some),
        }
        .map_err(|error| failed(&error))
    }

    /// All rows; several readers do not disturb each other.
    pub fn iter(&self) -> impl Iterator<Item = Result<Cow<'_, T>>> {
        let spilled = self.file.as_ref().map(Spill::iter).into_iter().flatten();
        let spilled = spilled.map(|row| row.map(Cow::Owned).map_err(|error| failed(&error)));
        spilled.chain(self.rows.iter().map(|row| Ok(Cow::Borrowed(row))))
    }

    /// Passes each row on, and gives up the room that it takes in memory.
    ///
    /// # Errors
    /// `Output` if the rows can't be read again; those of `take`.
    pub fn drain(self, mut take: impl FnMut(T) -> Result<()>) -> Result<()> {
        for row in self.file.as_ref().map(Spill::iter).into_iter().flatten() {
            take(row.map_err(|error| failed(&error))?)?;
        }
        self.rows.into_iter().try_for_each(take)
    }
}

impl Spill {
    fn create<T: Spilled>(rows: impl Iterator<Item = T>) -> io::Result<Self> {
        let mut file = Self { file: Arc::new(tempfile::tempfile()?), rows: 0, bytes: 0 };
        file.append(rows)?;
        Ok(file)
    }

    fn append<T: Spilled>(&mut self, rows: impl Iterator<Item = T>) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(2 * BUFFER);
        let mut write = |bytes: &mut Vec<u8>| {
            self.file.as_ref().write_all(bytes)?;
            self.bytes += bytes.len() as u64;
            bytes.clear();
            io::Result::Ok(())
        };
        for row in rows {
            let start = bytes.len();
            bytes.extend([0; LENGTH]);
            row.write(&mut bytes);
            let length = u32::try_from(bytes.len() - start - LENGTH);
            let length = length.map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
            bytes[start..start + LENGTH].copy_from_slice(&length.to_le_bytes());
            self.rows += 1;
            if bytes.len() >= BUFFER {
                write(&mut bytes)?;
            }
        }
        write(&mut bytes)
    }

    fn iter<T: Spilled>(&self) -> impl Iterator<Item = io::Result<T>> + use<T> {
        let (file, end) = (Arc::clone(&self.file), self.bytes);
        let mut input = Input { file, position: 0, end, bytes: Vec::new(), start: 0 };
        (0..self.rows).map(move |_| input.row())
    }
}

/// Reads a file from its start, at a position of its own.
struct Input {
    file: Arc<File>,
    /// Behind what was read.
    position: u64,
    end: u64,
    /// What was read, with what has not been taken yet from `start` on.
    bytes: Vec<u8>,
    start: usize,
}

impl Input {
    fn row<T: Spilled>(&mut self) -> io::Result<T> {
        self.fill(LENGTH)?;
        let mut bytes = &self.bytes[self.start..];
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        let length = u32::read(&mut bytes).ok_or_else(damaged)? as usize;
        self.start += LENGTH;
        self.fill(length)?;
        let mut row = &self.bytes[self.start..self.start + length];
        self.start += length;
        T::read(&mut row).ok_or_else(damaged)
    }

    /// Reads until there are so many bytes.
    fn fill(&mut self, needed: usize) -> io::Result<()> {
        if self.bytes.len() - self.start >= needed {
            return Ok(());
        }
        self.bytes.drain(..self.start);
        self.start = 0;
        let rest = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let (old, more) = (self.bytes.len(), needed.max(BUFFER).min(rest));
        self.bytes.resize(old + more, 0);
        self.file.read_exact_at(&mut self.bytes[old..], self.position)?;
        self.position += more as u64;
        if self.bytes.len() < needed { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

fn failed(error: &io::Error) -> Error {
    let message = format!(
        "cannot keep the rows that stand out in a temporary file: {error}; free some space there, or set TMPDIR to a folder \
         with more space"
    );
    Error::new(Code::Output, "SPOOL_FAILED", message)
}

macro_rules! spilled_numbers {
    ($($number:ty),*) => {$(
        impl Spilled for $number {
            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            #[inline]
            fn read(input: &mut &[u8]) -> Option<Self> {
                input.split_off(..size_of::<Self>())?.try_into().ok().map(Self::from_le_bytes)
            }
        }
    )*};
}

spilled_numbers!(u8, u32, u64, i64, f64);

impl<A: Spilled, B: Spilled> Spilled for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        Some((A::read(input)?, B::read(input)?))
    }
}
