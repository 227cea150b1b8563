//! The files of a pack in one archive: written the same way each time, and read as if an enemy had written it.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use bytes::Bytes;

use crate::{PackError, Result, image::LayerKind};

/// Files by their path, `/` between its parts.
pub type Files = BTreeMap<String, Bytes>;

/// All files of a pack together, in bytes.
pub const MAX_UNPACKED: u64 = 256 << 20;
pub const MAX_FILES: usize = 50_000;
/// Unpacked bytes for each packed one.
pub const MAX_RATIO: u64 = 200;
/// Archives that unpack to no more than this may have any ratio.
const SMALL: u64 = 1 << 20;
const MAX_PATH: usize = 1024;
/// Fast enough for the largest packs, and of one thread, so that the bytes depend on the contents alone.
const LEVEL: i32 = 15;

/// Packs files: sorted, without times and owners.
///
/// # Errors
/// A path can't be in a pack.
pub fn pack(files: &Files) -> Result<Vec<u8>> {
    zstd::encode_all(to_tar(files)?.as_slice(), LEVEL).map_err(|error| unpackable(&error))
}

/// The same archive, not compressed.
///
/// # Errors
/// As [`pack`].
pub fn to_tar(files: &Files) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        check_path(path)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        archive
            .append_data(&mut header, path, bytes.as_ref())
            .map_err(|error| unpackable(&error))?;
    }
    archive.into_inner().map_err(|error| unpackable(&error))
}

fn unpackable(error: &io::Error) -> PackError {
    PackError::invalid(format!("cannot pack the files: {error}"))
}

/// Unpacks an archive.
///
/// # Errors
/// It is damaged, breaks a limit, or has links, absolute paths or `..`.
pub fn unpack(bytes: &[u8], kind: LayerKind) -> Result<Files> {
    unpack_within(bytes, kind, MAX_UNPACKED)
}

/// As [`unpack`], with another limit in bytes.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_within(bytes: &[u8], kind: LayerKind, limit: u64) -> Result<Files> {
    let packed = bytes.len() as u64;
    let most = limit.min(packed.saturating_mul(MAX_RATIO).max(SMALL));
    let bounded = move |reader| BoundedReader { reader, left: most };
    match kind {
        LayerKind::TarZstd => {
            let mut decoder = zstd::Decoder::new(bytes).map_err(|error| damaged(&error))?;
            // A frame may ask for a window of gigabytes.
            decoder.window_log_max(27).map_err(|error| damaged(&error))?;
            read(bounded(Box::new(decoder) as Box<dyn Read>))
        }
        LayerKind::TarGzip => read(bounded(Box::new(flate2::read::MultiGzDecoder::new(bytes)))),
        LayerKind::Tar => read(bounded(Box::new(bytes))),
        LayerKind::Component | LayerKind::List => Err(PackError::invalid("it is not an archive")),
    }
}

/// The kind of an archive by its first bytes.
pub fn archive_kind(bytes: &[u8]) -> Option<LayerKind> {
    match bytes {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(LayerKind::TarZstd),
        [0x1f, 0x8b, ..] => Some(LayerKind::TarGzip),
        _ => (bytes.get(257..262) == Some(b"ustar")).then_some(LayerKind::Tar),
    }
}

fn read(reader: BoundedReader<'_>) -> Result<Files> {
    let mut archive = tar::Archive::new(reader);
    let mut files = Files::new();
    for (index, entry) in archive.entries().map_err(|error| damaged(&error))?.enumerate() {
        // Folders count too: each costs a header.
        if index >= MAX_FILES {
            return Err(PackError::invalid(format!("the archive has more than {MAX_FILES} files")));
        }
        let mut entry = entry.map_err(|error| damaged(&error))?;
        let path = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|_| PackError::invalid("the archive has a path that is not UTF-8"))?;
        let path = path.strip_prefix("./").unwrap_or(&path).to_owned();
        match entry.header().entry_type() {
            tar::EntryType::Directory => {
                let folder = path.trim_end_matches('/');
                if !matches!(folder, "" | ".") {
                    check_path(folder)?;
                }
                continue;
            }
            tar::EntryType::XGlobalHeader => continue,
            tar::EntryType::Regular | tar::EntryType::Continuous => {}
            _ => {
                return Err(PackError::invalid(format!(
                    "the archive has `{}`, which is a link or device; a pack has plain files",
                    path.escape_default()
                )));
            }
        }
        check_path(&path)?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
        if bytes.len() as u64 != entry.size() {
            return Err(PackError::invalid("the archive ends in the middle of a file"));
        }
        if files.insert(path.clone(), bytes.into()).is_some() {
            return Err(PackError::invalid(format!("the archive has the file `{path}` twice")));
        }
    }
    Ok(files)
}

fn damaged(error: &io::Error) -> PackError {
    PackError::invalid(format!("the archive can't be unpacked: {error}"))
}

/// # Errors
/// The path is empty, absolute, leads out of the folder, or no system could have it.
pub fn check_path(path: &str) -> Result<()> {
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    let odd = |character: char| character.is_control() || matches!(character, '\\' | ':');
    if path.len() > MAX_PATH || path.contains(odd) || !path.split('/').all(plain) {
        let shown: String = path.escape_default().take(100).collect();
        return Err(PackError::invalid(format!(
            "`{shown}` can't be a file of a pack; paths are relative, without `..`, and at most {MAX_PATH} bytes long"
        )));
    }
    Ok(())
}

/// Fails where more bytes come than are allowed.
struct BoundedReader<'a> {
    reader: Box<dyn Read + 'a>,
    left: u64,
}

impl Read for BoundedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            io::Error::other(format!(
                "it unpacks to more than is allowed, {} MiB for a pack, or to more than {MAX_RATIO} times its size",
                MAX_UNPACKED >> 20
            ))
        })?;
        Ok(count)
    }
}
