//! Which files an input's path stands for.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anomal_core::{Error, Result};

use crate::compression::decompressed;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// The files of an input in name order, and how much of them has been read.
pub(crate) struct Files {
    pub paths: Vec<PathBuf>,
    /// What is told of an input that is no file.
    pub standard_input: bool,
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

impl Files {
    /// A file, a folder (its files with one of the endings, also compressed), a glob, or `-`.
    ///
    /// # Errors
    /// `InvalidInput` if there are none.
    pub fn find(path: &str, endings: &[&str]) -> Result<Self> {
        if path == "-" {
            return Ok(Self {
                paths: vec![],
                standard_input: true,
                read: Arc::default(),
                total: None,
            });
        }
        let plain = Path::new(path);
        let paths = if plain.is_dir() {
            in_folder(plain, endings)?
        } else if plain.exists() || !path.contains(['*', '?', '[']) {
            vec![plain.to_owned()]
        } else {
            globbed(path)?
        };
        let mut total = Some(0);
        for path in &paths {
            let file = path.metadata().map_err(|error| unreadable(path, &error))?;
            // A pipe under a name has no size.
            total = total.filter(|_| file.is_file()).map(|total| total + file.len());
        }
        Ok(Self { paths, standard_input: false, read: Arc::default(), total })
    }

    /// The streams to read, one after the other.
    pub fn count(&self) -> usize {
        if self.standard_input { 1 } else { self.paths.len() }
    }

    pub fn name(&self, index: usize) -> String {
        self.paths
            .get(index)
            .map_or_else(|| "standard input".into(), |path| path.display().to_string())
    }

    /// The plain bytes of a file.
    ///
    /// # Errors
    /// `InvalidInput` if it can't be opened.
    pub fn open(&self, index: usize) -> Result<Box<dyn Read + Send>> {
        let counted = |raw: Box<dyn Read + Send>| Counted { raw, read: Arc::clone(&self.read) };
        let opened = match self.paths.get(index) {
            Some(path) => File::open(path).and_then(|file| decompressed(counted(Box::new(file)))),
            None => decompressed(counted(Box::new(io::stdin()))),
        };
        opened.map_err(|error| self.failed(index, &error))
    }

    /// The plain bytes of a text file, without a byte order mark.
    ///
    /// # Errors
    /// `InvalidInput` if it can't be opened or is UTF-16.
    pub fn open_text(&self, index: usize) -> Result<Box<dyn Read + Send>> {
        let mut bytes = self.open(index)?;
        let mut start = Vec::with_capacity(UTF8_MARK.len());
        let read = bytes.by_ref().take(UTF8_MARK.len() as u64).read_to_end(&mut start);
        read.map_err(|error| self.failed(index, &error))?;
        if UTF16_MARKS.iter().any(|mark| start.starts_with(mark)) {
            return Err(Error::input(
                "NOT_UTF8",
                format!(
                    "{} is UTF-16; convert it to UTF-8, as `iconv -t UTF-8` does",
                    self.name(index)
                ),
            ));
        }
        if start == UTF8_MARK {
            start.clear();
        }
        Ok(Box::new(io::Cursor::new(start).chain(bytes)))
    }

    pub fn failed(&self, index: usize, error: &io::Error) -> Error {
        unreadable(Path::new(&self.name(index)), error)
    }

    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.read.load(Ordering::Relaxed), self.total)
    }
}

fn in_folder(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let entries = folder.read_dir().map_err(|error| unreadable(folder, &error))?;
    let wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
        path.is_file()
            && endings.iter().any(|ending| plain.ends_with(ending))
            && !name.starts_with('.')
    };
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()
        .map_err(|error| unreadable(folder, &error))?;
    paths.retain(wanted);
    paths.sort();
    if paths.is_empty() {
        return Err(Error::input(
            "NO_FILES",
            format!(
                "the folder {} has no files that end in {}",
                folder.display(),
                endings.join(", ")
            ),
        ));
    }
    Ok(paths)
}

fn globbed(pattern: &str) -> Result<Vec<PathBuf>> {
    let bad = |message: String| Error::input("NO_FILES", format!("{pattern}: {message}"));
    let paths = glob::glob(pattern).map_err(|error| bad(error.to_string()))?;
    let mut paths: Vec<PathBuf> = paths
        .collect::<Result<_, _>>()
        .map_err(|error: glob::GlobError| unreadable(error.path(), error.error()))?;
    paths.retain(|path| !path.is_dir());
    paths.sort();
    if paths.is_empty() { Err(bad("no file has such a name".into())) } else { Ok(paths) }
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::input("UNREADABLE", format!("{} can't be read: {error}", path.display()))
}

/// Counts bytes as they come from the disk.
struct Counted {
    raw: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.raw.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_a_folder_or_a_glob() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv.gz", "c.txt", ".d.csv"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let names = |path: &str| -> Vec<String> {
            let files = Files::find(path, &[".csv"]).unwrap();
            files.paths.iter().map(|p| p.file_name().unwrap().to_string_lossy().into()).collect()
        };
        let path = folder.path().to_str().unwrap();
        assert_eq!(names(path), ["a.csv.gz", "b.csv"]);
        assert_eq!(names(&format!("{path}/?.txt")), ["c.txt"]);
        assert_eq!(names(&format!("{path}/b.csv")), ["b.csv"]);
        for gone in ["/gone.csv", "/gone*.csv"] {
            assert!(Files::find(&format!("{path}{gone}"), &[".csv"]).is_err());
        }
    }
}
