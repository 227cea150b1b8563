//! The files that an input's path stands for.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anomal_core::{Code, Error, Result};
use anomal_spec::{TextEncoding, is_url};
use anomal_storage::{Download, Object, Store};

use crate::{
    compression::decompress,
    encoding::FileEncoding,
    remote::{self, Access, storage_error},
    sniff::FileKind,
    source::Sample,
};

/// The first bytes of a text file, which show its kind and encoding.
const START: usize = 1 << 13;

/// The files of an input in name order, and the number of bytes read so far.
pub(crate) struct Files {
    /// Paths, or the URLs of objects.
    pub paths: Vec<PathBuf>,
    origin: FileOrigin,
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

/// Where the files are.
enum FileOrigin {
    Disk,
    StandardInput,
    /// The text of the only one.
    Memory(Arc<[u8]>),
    Store {
        store: Store,
        objects: Vec<Object>,
    },
}

impl Files {
    /// Resolves a file, a folder (its files with one of the endings, also compressed), a glob, or `-`.
    ///
    /// # Errors
    /// `InvalidInput` if no file matches.
    pub fn find(path: &str, endings: &[&str], access: &Access<'_>) -> Result<Self> {
        if is_url(path) {
            return Self::find_objects(path, endings, access);
        }
        if path == "-" {
            return Ok(Self {
                paths: vec![],
                origin: FileOrigin::StandardInput,
                read: Arc::default(),
                total: None,
            });
        }
        let plain = Path::new(path);
        let paths = if plain.is_dir() {
            list_folder(plain, endings)?
        } else if plain.exists() || !path.contains(['*', '?', '[']) {
            vec![plain.to_owned()]
        } else {
            match_glob(path)?
        };
        let mut total = Some(0);
        for path in &paths {
            let file = path.metadata().map_err(|error| read_error(path, &error))?;
            // A pipe under a name has no size.
            total = total.filter(|_| file.is_file()).map(|total| total + file.len());
        }
        Ok(Self { paths, origin: FileOrigin::Disk, read: Arc::default(), total })
    }

    /// A text that stands for the beginning of a file. It can't be read again with wider types, since what follows it will
    /// not be there.
    pub fn for_sample(sample: &Sample) -> Self {
        let origin = FileOrigin::Memory(Arc::clone(&sample.text));
        Self { paths: vec![sample.name.clone()], origin, read: Arc::default(), total: None }
    }

    fn find_objects(url: &str, endings: &[&str], access: &Access<'_>) -> Result<Self> {
        let store = access.read(url)?;
        let objects = store.objects(endings).map_err(|error| access.input(&error))?;
        let paths = objects.iter().map(|object| PathBuf::from(&object.name)).collect();
        let total = objects.iter().map(|object| object.size).sum();
        let origin = FileOrigin::Store { store, objects };
        Ok(Self { paths, origin, read: Arc::default(), total })
    }

    /// The number of streams, which are read one after the other.
    pub fn count(&self) -> usize {
        if matches!(self.origin, FileOrigin::StandardInput) { 1 } else { self.paths.len() }
    }

    /// Whether the files can be opened again: all but standard input and pipes.
    pub fn can_reread(&self) -> bool {
        self.total.is_some()
    }

    pub fn name(&self, index: usize) -> String {
        self.paths
            .get(index)
            .map_or_else(|| "standard input".into(), |path| path.display().to_string())
    }

    /// Opens a file, decompressed.
    ///
    /// # Errors
    /// `InvalidInput` if it can't be opened.
    pub fn open(&self, index: usize) -> Result<Box<dyn Read + Send>> {
        let raw: Box<dyn Read + Send> = match (&self.origin, self.paths.get(index)) {
            (FileOrigin::Store { store, objects }, _) => Box::new(download(store, objects, index)?),
            (FileOrigin::Memory(text), _) => Box::new(io::Cursor::new(Arc::clone(text))),
            (FileOrigin::Disk, Some(path)) => {
                Box::new(File::open(path).map_err(|error| self.read_error(index, &error))?)
            }
            _ => Box::new(io::stdin()),
        };
        let reader = CountingReader { raw, read: Arc::clone(&self.read) };
        decompress(reader).map_err(|error| self.read_error(index, &error))
    }

    /// Opens a file for random access.
    ///
    /// An object is copied to an unnamed temporary file first. Its pages could be fetched by range requests instead,
    /// but a batch is a slice of every column, so that most of a row group would be fetched again for each batch. The
    /// copy costs space on disk; in return each byte is transferred once, and a broken transfer is resumed.
    ///
    /// # Errors
    /// `InvalidInput` if it can't be opened; `Output` if the disk is full.
    pub fn open_file(&self, index: usize) -> Result<File> {
        let FileOrigin::Store { store, objects } = &self.origin else {
            return File::open(&self.paths[index]).map_err(|error| self.read_error(index, &error));
        };
        let mut download = download(store, objects, index)?;
        let full = |error: io::Error| match storage_error(&error) {
            Some(_) => self.read_error(index, &error),
            None => Error::new(
                Code::Output,
                "TEMPORARY",
                format!(
                    "cannot copy {} to a temporary file in {}: {error}; free some space there, or set TMPDIR to a \
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

    /// Opens a text file, decompressed, as UTF-8 without a byte order mark.
    ///
    /// # Errors
    /// `InvalidInput` if it can't be opened or is no text.
    pub fn open_text(
        &self,
        index: usize,
        encoding: TextEncoding,
    ) -> Result<(Box<dyn Read + Send>, FileEncoding)> {
        let mut bytes = self.open(index)?;
        let mut start = Vec::with_capacity(START);
        let read = bytes.by_ref().take(START as u64).read_to_end(&mut start);
        read.map_err(|error| self.read_error(index, &error))?;
        if let Some(kind) = FileKind::detect(&start) {
            let name = self.name(index);
            let message = format!("{name} {}", kind.describe(&name));
            return Err(Error::input("OTHER_KIND", message));
        }
        let encoding = FileEncoding::for_file(&start, encoding)?;
        Ok((encoding.decode(start, bytes), encoding))
    }

    pub fn read_error(&self, index: usize, error: &io::Error) -> Error {
        read_error(Path::new(&self.name(index)), error)
    }

    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.read.load(Ordering::Relaxed), self.total)
    }
}

fn list_folder(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let entries = folder.read_dir().map_err(|error| read_error(folder, &error))?;
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
        .map_err(|error| read_error(folder, &error))?;
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

fn match_glob(pattern: &str) -> Result<Vec<PathBuf>> {
    let bad = |message: String| Error::input("NO_FILES", format!("{pattern}: {message}"));
    let paths = glob::glob(pattern).map_err(|error| bad(error.to_string()))?;
    let mut paths: Vec<PathBuf> = paths
        .collect::<Result<_, _>>()
        .map_err(|error: glob::GlobError| read_error(error.path(), error.error()))?;
    paths.retain(|path| !path.is_dir());
    paths.sort();
    if paths.is_empty() { Err(bad("no file matches".into())) } else { Ok(paths) }
}

fn download(store: &Store, objects: &[Object], index: usize) -> Result<Download> {
    let object = objects.get(index).ok_or_else(|| Error::internal("no such object"))?;
    store.read(object).map_err(|error| remote::read_error(&error))
}

pub(crate) fn read_error(path: &Path, error: &io::Error) -> Error {
    if let Some(error) = storage_error(error) {
        return remote::read_error(error);
    }
    let remedy = match error.kind() {
        ErrorKind::NotFound => {
            "; check the path; paths in settings are relative to the folder of their file"
        }
        ErrorKind::IsADirectory => "; name a file in it, or a pattern such as logs/*.csv",
        ErrorKind::PermissionDenied => "; allow the user of this process to read it",
        // Not of the system: the decompressor's.
        _ if error.raw_os_error().is_none() => "; the file is cut off or damaged: copy it again",
        _ => "",
    };
    Error::input("UNREADABLE", format!("{} can't be read: {error}{remedy}", path.display()))
}

/// Counts the bytes that are read, before decompression.
struct CountingReader {
    raw: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for CountingReader {
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
