//! Atomic writes of files: other processes see the complete file or none.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anomal_core::{Code, Error, Result};
use anomal_spec::is_url;
use anomal_storage::Upload;
use tempfile::NamedTempFile;

use crate::{
    compression::Compressor,
    remote::{Access, storage_error, upload_error},
};

/// The destination of an output's bytes: a file under a temporary name in its own folder, renamed by
/// [`AtomicFile::finish`] and removed if dropped before; an upload, completed or aborted likewise; or standard output,
/// a pipe or a device, to which bytes go at once.
pub struct AtomicFile {
    target: PathBuf,
    state: State,
}

enum State {
    Open(Box<Compressor<BufWriter<Destination>>>),
    /// All bytes are written.
    Complete(Destination),
    /// The target exists.
    Committed,
    Broken,
}

enum Destination {
    File(NamedTempFile),
    Object(Upload),
    Stream(Box<dyn Write + Send>),
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Object(upload) => upload.write(bytes),
            Self::Stream(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Object(upload) => upload.flush(),
            Self::Stream(out) => out.flush(),
        }
    }
}

impl AtomicFile {
    /// A target that ends in .gz or .zst is compressed.
    ///
    /// # Errors
    /// `Output`: the folder is missing or not writable, the path is a folder; for objects those of
    /// [`open`](crate::open).
    pub fn create(target: &Path, access: &Access<'_>) -> Result<Self> {
        let destination = if is_url(&target.to_string_lossy()) {
            Destination::Object(access.write(target)?)
        } else if target == Path::new("-") {
            Destination::Stream(Box::new(io::stdout()))
        } else if is_stream(target) {
            let stream = File::options().write(true).open(target);
            Destination::Stream(Box::new(stream.map_err(|error| write_error(target, &error))?))
        } else {
            Destination::File(temporary(target)?)
        };
        let writer = Compressor::new(BufWriter::with_capacity(1 << 18, destination), target);
        let writer = writer.map_err(|error| write_error(target, &error))?;
        Ok(Self { target: target.to_owned(), state: State::Open(Box::new(writer)) })
    }

    pub fn target(&self) -> &Path {
        &self.target
    }

    /// # Errors
    /// `Output`: the disk is full.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.state {
            State::Open(writer) => writer.write_all(bytes),
            State::Complete(_) | State::Committed | State::Broken => {
                return Err(closed(&self.target));
            }
        };
        written.map_err(|error| write_error(&self.target, &error))
    }

    /// Writes what is buffered, so that only the rename remains. Nothing may be written afterwards.
    ///
    /// # Errors
    /// `Output`.
    pub fn prepare(&mut self) -> Result<()> {
        let destination = match std::mem::replace(&mut self.state, State::Broken) {
            State::Open(writer) => writer
                .finish()
                .and_then(|writer| writer.into_inner().map_err(io::IntoInnerError::into_error)),
            State::Complete(destination) => Ok(destination),
            State::Committed | State::Broken => return Err(closed(&self.target)),
        };
        let mut destination = destination.map_err(|error| write_error(&self.target, &error))?;
        if let Destination::Object(upload) = &mut destination {
            upload.flush_parts().map_err(|error| upload_error(&error))?;
        }
        self.state = State::Complete(destination);
        Ok(())
    }

    /// Renames the file to its target. A second call changes nothing.
    ///
    /// # Errors
    /// `Output`.
    pub fn commit(&mut self) -> Result<()> {
        if matches!(self.state, State::Committed) {
            return Ok(());
        }
        self.prepare()?;
        let target = &self.target;
        match std::mem::replace(&mut self.state, State::Broken) {
            State::Complete(Destination::File(file)) => publish(file, target)?,
            State::Complete(Destination::Object(upload)) => {
                upload.finish().map_err(|error| upload_error(&error))?;
            }
            State::Complete(Destination::Stream(mut out)) => {
                out.flush().map_err(|error| write_error(target, &error))?;
            }
            State::Open(_) | State::Committed | State::Broken => return Err(closed(target)),
        }
        self.state = State::Committed;
        Ok(())
    }

    /// As [`AtomicFile::commit`], for a file that is not used afterwards.
    ///
    /// # Errors
    /// `Output`.
    pub fn finish(mut self) -> Result<()> {
        self.commit()
    }
}

fn closed(target: &Path) -> Error {
    write_error(target, &io::Error::other("the file is closed"))
}

/// Whether the target is a pipe or a device, which must not be replaced by a file.
pub(crate) fn is_stream(target: &Path) -> bool {
    std::fs::metadata(target).is_ok_and(|target| !target.is_file() && !target.is_dir())
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
    let linked = resolve_link(target);
    let folder = folder(&linked);
    if !folder.is_dir() {
        return Err(Error::new(
            Code::Output,
            "FOLDER_MISSING",
            format!(
                "{}: there is no folder {}; create it first",
                target.display(),
                folder.display()
            ),
        ));
    }
    let name = linked.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // An ordinary file: the process' umask applies.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder).map_err(|error| write_error(target, &error))
}

/// The folder of a file.
pub(crate) fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The target of a link, so that the link itself stays.
fn resolve_link(target: &Path) -> PathBuf {
    std::fs::canonicalize(target).unwrap_or_else(|_| target.to_owned())
}

/// Writes a file atomically.
///
/// # Errors
/// `Output`.
pub fn write_file(target: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = temporary(target)?;
    file.write_all(bytes).map_err(|error| write_error(target, &error))?;
    publish(file, target)
}

/// Renames the temporary file to the target. A target that exists keeps its permissions.
pub(crate) fn publish(file: NamedTempFile, target: &Path) -> Result<()> {
    let linked = resolve_link(target);
    if let Ok(before) = std::fs::metadata(&linked) {
        let changed = file.as_file().set_permissions(before.permissions());
        changed.map_err(|error| write_error(target, &error))?;
    }
    file.persist(&linked).map(|_: File| ()).map_err(|error| write_error(target, &error.error))
}

/// The error for a failed write.
pub(crate) fn write_error(target: &Path, error: &io::Error) -> Error {
    if let Some(error) = storage_error(error) {
        return upload_error(error);
    }
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
    // The error of a temporary file ends in its name.
    let cause = error.to_string();
    let cause = cause.split_once(" at path \"").map_or(cause.as_str(), |(cause, _)| cause);
    Error::new(Code::Output, "WRITE_FAILED", format!("{name} can't be written: {cause}{remedy}"))
}

#[cfg(test)]
mod tests {
    use anomal_storage::Secrets;

    use super::*;

    fn create(target: &Path) -> Result<AtomicFile> {
        let access = Access { place: "outputs[0].csv", auth: None, secrets: &Secrets::default() };
        AtomicFile::create(target, &access)
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.csv");
        let mut file = create(&target).unwrap();
        file.write(b"half").unwrap();
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut file = create(&target).unwrap();
        file.write(b"whole").unwrap();
        assert!(!target.exists());
        file.prepare().unwrap();
        assert!(!target.exists());
        assert!(file.write(b"more").is_err());
        file.finish().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_permissions_and_devices_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a.csv"), folder.path().join("link.csv"));
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        let mut output = create(&link).unwrap();
        output.write(b"new").unwrap();
        output.finish().unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        let mut device = create(Path::new("/dev/null")).unwrap();
        device.write(b"gone").unwrap();
        device.finish().unwrap();
        assert!(is_stream(Path::new("/dev/null")));
    }

    #[test]
    fn errors_name_the_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &Path| create(path).err().unwrap().message;
        assert!(error(folder.path()).contains("is a folder"));
        assert!(error(&folder.path().join("no/a.csv")).contains("there is no folder"));
        let full = write_error(Path::new("x"), &io::Error::from(io::ErrorKind::StorageFull));
        assert!(full.message.contains("free some space"), "{full}");
    }
}
