//! Reading and writing gzip and zstd.

use std::{
    io::{self, BufReader, Read, Write},
    path::Path,
};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use zstd::stream::{read::Decoder, write::Encoder};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Compressed bytes per read.
const BUFFER: usize = 1 << 18;
/// zstd's own default.
const ZSTD_LEVEL: i32 = 3;

/// Decompresses a stream if its first bytes are those of gzip or zstd.
pub(crate) fn decompress(mut raw: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    // A pipe may deliver them one by one.
    let mut start = Vec::with_capacity(ZSTD.len());
    raw.by_ref().take(ZSTD.len() as u64).read_to_end(&mut start)?;
    let (gzip, zstd) = (start.starts_with(&GZIP), start.starts_with(&ZSTD));
    let whole = io::Cursor::new(start).chain(raw);
    Ok(if gzip {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, whole)))
    } else if zstd {
        Box::new(Decoder::with_buffer(BufReader::with_capacity(BUFFER, whole))?)
    } else {
        Box::new(whole)
    })
}

/// Compresses according to a file's extension. The output depends on the input alone.
pub(crate) enum Compressor<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(Encoder<'static, W>),
}

impl<W: Write> Compressor<W> {
    pub fn new(writer: W, name: &Path) -> io::Result<Self> {
        Ok(match name.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Self::Gzip(GzEncoder::new(writer, Compression::default())),
            Some("zst") => Self::Zstd(Encoder::new(writer, ZSTD_LEVEL)?),
            _ => Self::Plain(writer),
        })
    }

    pub fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(writer) => Ok(writer),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(writer) => writer.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(writer) => writer.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_is_detected_from_the_bytes() {
        for name in ["a", "a.gz", "a.zst"] {
            let mut compressor = Compressor::new(Vec::new(), Path::new(name)).unwrap();
            compressor.write_all(b"some text").unwrap();
            let bytes = compressor.finish().unwrap();
            // Concatenated members are one stream.
            let twice = io::Cursor::new([bytes.clone(), bytes].concat());
            let mut text = String::new();
            decompress(twice).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "some textsome text", "{name}");
        }
    }
}
