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

use anomal_core::{Code, Error, Result};
use anomal_spec::is_url;
use anomal_storage::{Download, Object, Store};

use crate::{
    Access,
    compression::decompressed,
    remote::{self, cause},
};

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// The files of an input in name order, and how much of them has been read.
pub(crate) struct Files {
    /// Paths, or the URLs of objects.
    pub paths: Vec<PathBuf>,
    place: Place,
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

/// Where they are.
enum Place {
    Disk,
    StandardInput,
    Store { store: Store, objects: Vec<Object> },
}

impl Files {
    /// A file, a folder (its files with one of the endings, also compressed), a glob, or `-`.
    ///
    /// # Errors
    /// `InvalidInput` if there are none.
    pub fn find(path: &str, endings: &[&str], access: &Access<'_>) -> Result<Self> {
        if is_url(path) {
            return Self::find_objects(path, endings, access);
        }
        if path == "-" {
            return Ok(Self {
                paths: vec![],
                place: Place::StandardInput,
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
        Ok(Self { paths, place: Place::Disk, read: Arc::default(), total })
    }

    fn find_objects(url: &str, endings: &[&str], access: &Access<'_>) -> Result<Self> {
        let store = access.read(url)?;
        let objects = store.objects(endings).map_err(|error| access.input(&error))?;
        let paths = objects.iter().map(|object| PathBuf::from(&object.name)).collect();
        let total = objects.iter().map(|object| object.size).sum();
        let place = Place::Store { store, objects };
        Ok(Self { paths, place, read: Arc::default(), total })
    }

    /// The streams to read, one after the other.
    pub fn count(&self) -> usize {
        if matches!(self.place, Place::StandardInput) { 1 } else { self.paths.len() }
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
        let raw: Box<dyn Read + Send> = match (&self.place, self.paths.get(index)) {
            (Place::Store { store, objects }, _) => Box::new(download(store, objects, index)?),
            (Place::Disk, Some(path)) => {
                Box::new(File::open(path).map_err(|error| self.failed(index, &error))?)
            }
            _ => Box::new(io::stdin()),
        };
        let counted = Counted { raw, read: Arc::clone(&self.read) };
        decompressed(counted).map_err(|error| self.failed(index, &error))
    }

    /// A file that can be read at any place.
    ///
    /// An object becomes one without a name first. Its pages could be asked for by ranges instead, but a batch
    /// is a slice of every column, so that most of a row group would be fetched again for each; this way every
    /// byte comes once, as a stream that is taken up again where it breaks, for the price of the space.
    ///
    /// # Errors
    /// `InvalidInput` if it can't be opened; `Output` if there is no room for it.
    pub fn open_file(&self, index: usize) -> Result<File> {
        let Place::Store { store, objects } = &self.place else {
            return File::open(&self.paths[index]).map_err(|error| self.failed(index, &error));
        };
        let mut download = download(store, objects, index)?;
        let full = |error: io::Error| match cause(&error) {
            Some(_) => self.failed(index, &error),
            None => Error::new(
                Code::Output,
                "TEMPORARY",
                format!(
                    "{} can't be kept in a temporary file in {}: {error}; free some space there, or set TMPDIR to a \
                     folder that has it",
                    self.name(index),
                    std::env::temp_dir().display()
                ),
            ),
        };
        let mut file = tempfile::tempfile().map_err(full)?;
        io::copy(&mut download, &mut file).map_err(full)?;
        Ok(file)
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

fn download(store: &Store, objects: &[Object], index: usize) -> Result<Download> {
    let object = objects.get(index).ok_or_else(|| Error::internal("there is no such object"))?;
    store.read(object).map_err(|error| remote::unreadable(&error))
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Error {
    if let Some(error) = cause(error) {
        return remote::unreadable(error);
    }
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
    use anomal_storage::Secrets;

    use super::*;

    fn find(path: &str) -> Result<Files> {
        let access = Access { place: "input.csv", auth: None, secrets: &Secrets::default() };
        Files::find(path, &[".csv"], &access)
    }

    #[test]
    fn a_file_a_folder_or_a_glob() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv.gz", "c.txt", ".d.csv"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let names = |path: &str| -> Vec<String> {
            let files = find(path).unwrap();
            files.paths.iter().map(|p| p.file_name().unwrap().to_string_lossy().into()).collect()
        };
        let path = folder.path().to_str().unwrap();
        assert_eq!(names(path), ["a.csv.gz", "b.csv"]);
        assert_eq!(names(&format!("{path}/?.txt")), ["c.txt"]);
        assert_eq!(names(&format!("{path}/b.csv")), ["b.csv"]);
        for gone in ["/gone.csv", "/gone*.csv"] {
            assert!(find(&format!("{path}{gone}")).is_err());
        }
    }
}
