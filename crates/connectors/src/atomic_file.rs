//! A file that is there whole or not at all.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anomal_core::{Code, Error, Result};
use tempfile::NamedTempFile;

use crate::compression::Compressor;

/// Where an output's bytes go: a file under a temporary name in its own folder, renamed by
/// [`AtomicFile::finish`] and removed if dropped before; or standard output.
pub(crate) struct AtomicFile {
    target: PathBuf,
    writer: Compressor<BufWriter<Inner>>,
}

enum Inner {
    File(NamedTempFile),
    StandardOutput(io::Stdout),
}

impl Write for Inner {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::StandardOutput(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::StandardOutput(out) => out.flush(),
        }
    }
}

impl AtomicFile {
    /// A name that ends in .gz or .zst is compressed.
    ///
    /// # Errors
    /// `Output`: the folder is not there or can't be written, the path is a folder.
    pub fn create(target: &Path) -> Result<Self> {
        let inner = if target == Path::new("-") {
            Inner::StandardOutput(io::stdout())
        } else {
            Inner::File(temporary(target)?)
        };
        let writer = Compressor::new(BufWriter::with_capacity(1 << 18, inner), target);
        let writer = writer.map_err(|error| failed(target, &error))?;
        Ok(Self { target: target.to_owned(), writer })
    }

    pub fn target(&self) -> &Path {
        &self.target
    }

    /// # Errors
    /// `Output`: the disk is full.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.write_all(bytes).map_err(|error| failed(&self.target, &error))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// `Output`.
    pub fn finish(self) -> Result<()> {
        let target = self.target;
        let flushed = self
            .writer
            .finish()
            .and_then(|writer| writer.into_inner().map_err(io::IntoInnerError::into_error));
        match flushed.map_err(|error| failed(&target, &error))? {
            Inner::File(file) => publish(file, &target),
            Inner::StandardOutput(mut out) => out.flush().map_err(|error| failed(&target, &error)),
        }
    }
}

/// An empty file beside the target, removed when dropped.
pub(crate) fn temporary(target: &Path) -> Result<NamedTempFile> {
    if target.is_dir() {
        return Err(Error::new(
            Code::Output,
            "OUTPUT_IS_FOLDER",
            format!("{} is a folder; name a file in it", target.display()),
        ));
    }
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(Error::new(
            Code::Output,
            "FOLDER_MISSING",
            format!("{}: there is no folder {}; make it first", target.display(), folder.display()),
        ));
    }
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".part")
        .tempfile_in(folder)
        .map_err(|error| failed(target, &error))
}

/// Renames the temporary file to the target, readable as the process' other files are.
pub(crate) fn publish(file: NamedTempFile, target: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Temporary files are made private; a result is an ordinary file.
        let mode = std::fs::metadata(target).map_or(0o644, |old| old.permissions().mode() & 0o777);
        let permissions = std::fs::Permissions::from_mode(mode);
        let changed = file.as_file().set_permissions(permissions);
        changed.map_err(|error| failed(target, &error))?;
    }
    file.persist(target).map(|_: File| ()).map_err(|error| failed(target, &error.error))
}

/// What is told when writing fails.
pub(crate) fn failed(target: &Path, error: &io::Error) -> Error {
    let name = if target == Path::new("-") {
        "standard output".to_owned()
    } else {
        target.display().to_string()
    };
    let remedy = match error.kind() {
        io::ErrorKind::StorageFull => "; free some space, or write elsewhere",
        io::ErrorKind::PermissionDenied => "; choose a folder that you may write to",
        _ => "",
    };
    Error::new(Code::Output, "WRITE_FAILED", format!("{name} can't be written: {error}{remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.csv");
        let mut file = AtomicFile::create(&target).unwrap();
        file.write(b"half").unwrap();
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut file = AtomicFile::create(&target).unwrap();
        file.write(b"whole").unwrap();
        assert!(!target.exists());
        file.finish().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn says_what_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &Path| AtomicFile::create(path).err().unwrap().message;
        assert!(error(folder.path()).contains("is a folder"));
        assert!(error(&folder.path().join("no/a.csv")).contains("there is no folder"));
        let full = failed(Path::new("x"), &io::Error::from(io::ErrorKind::StorageFull));
        assert!(full.message.contains("free some space"), "{full}");
    }
}
