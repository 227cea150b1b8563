//! Decodes text to UTF-8.
//!
//! An encoding is set by the settings or shown by the first bytes. It is never guessed from letters: a wrong table changes
//! names without a trace.

use std::io::{self, Read};

use anomal_core::{Error, Result};
use anomal_spec::TextEncoding;
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// A byte that UTF-8 never has: it makes the record bad in which bytes can't be decoded.
const UNDECODABLE: u8 = 0xff;
/// Encoded bytes per read.
const BLOCK: usize = 1 << 16;
/// Bytes of decoded text behind which a read ends, with room for the longest character.
const ROOM: usize = 16;
/// The first bytes that show UTF-16 without a byte order mark.
const SHOWN: usize = 1 << 12;

/// The encoding of a file, and whether its first bytes show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileEncoding {
    pub encoding: &'static Encoding,
    /// Whether it was found out and is not UTF-8.
    pub found: bool,
    /// The length of the byte order mark.
    mark: usize,
}

impl FileEncoding {
    /// The encoding of a file that begins with these bytes. `auto` is UTF-8 unless there is a byte order mark of UTF-16, or
    /// nine in ten of the bytes at even or odd places are zero.
    ///
    /// # Errors
    /// `Internal` if the settings name an encoding that the decoder does not have.
    pub fn for_file(start: &[u8], given: TextEncoding) -> Result<Self> {
        let marked = Encoding::for_bom(start);
        let encoding = match given.label() {
            Some(label) => Encoding::for_label(label.as_bytes())
                .ok_or_else(|| Error::internal(format!("there is no decoder for {label}")))?,
            None => match marked {
                Some((encoding, _)) => encoding,
                None => utf16_by_zeros(start).unwrap_or(UTF_8),
            },
        };
        let mark = marked.filter(|(marked, _)| *marked == encoding).map_or(0, |(_, mark)| mark);
        let found = given == TextEncoding::Auto && encoding != UTF_8;
        Ok(Self { encoding, found, mark })
    }

    /// UTF-8 text, without a byte order mark. `start`: the first bytes.
    pub fn decode(&self, mut start: Vec<u8>, rest: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        start.drain(..self.mark);
        let bytes = io::Cursor::new(start).chain(rest);
        if self.encoding == UTF_8 {
            return Box::new(bytes);
        }
        let decoder = self.encoding.new_decoder_without_bom_handling();
        Box::new(DecodingReader {
            bytes,
            decoder,
            encoded: Vec::new(),
            text: Vec::new(),
            read: 0,
            ended: false,
        })
    }

    /// Why a record can't be read that is not UTF-8 after decoding.
    pub fn describe_invalid(&self, record: &[u8]) -> String {
        if self.encoding != UTF_8 {
            return format!(
                "the record has bytes that are not {}",
                self.encoding.name().to_ascii_lowercase()
            );
        }
        let place = match simdutf8::compat::from_utf8(record) {
            Ok(_) => return "the record is not UTF-8".to_owned(),
            Err(error) => error.valid_up_to(),
        };
        let message =
            format!("the record is not UTF-8: its byte {} is 0x{:02x}", place + 1, record[place]);
        match likely(record, place) {
            Some((encoding, word)) => format!(
                "{message}. In {encoding} it reads `{word}`; if that is right, set encoding: {encoding}"
            ),
            None => message,
        }
    }
}

/// UTF-16 without a byte order mark, if the text is mostly Latin.
fn utf16_by_zeros(start: &[u8]) -> Option<&'static Encoding> {
    let shown = &start[..start.len().min(SHOWN)];
    let pairs = shown.len() / 2;
    if pairs < 2 || start.len() < SHOWN && !start.len().is_multiple_of(2) {
        return None;
    }
    let zeros =
        |first: usize| shown.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if odd * 10 >= pairs * 9 && even * 10 < pairs {
        Some(UTF_16LE)
    } else if even * 10 >= pairs * 9 && odd * 10 < pairs {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// The encoding in which a record may be, and a word of it that it decodes, where the invalid byte is at `place`.
fn likely(record: &[u8], place: usize) -> Option<(&'static str, String)> {
    if record.contains(&0) {
        return None;
    }
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80;
    let start = place - record[..place].iter().rev().take_while(|byte| letter(byte)).count();
    let end = place + record[place..].iter().take_while(|byte| letter(byte)).count();
    let word = &record[start..end];
    // Where a file has characters of UTF-8 too, the byte is damage.
    if record.utf8_chunks().any(|chunk| !chunk.valid().is_ascii()) {
        return None;
    }
    let high = word.iter().filter(|byte| **byte >= 0x80).count();
    let cyrillic = high * 2 > word.len() && word.len() > 2 && word.iter().all(|byte| *byte >= 0xa8);
    let label = if cyrillic { "windows-1251" } else { "windows-1252" };
    let (text, failed) = Encoding::for_label(label.as_bytes())?
        .decode_without_bom_handling(&word[..word.len().min(40)]);
    let readable = !failed && text.chars().all(char::is_alphanumeric);
    readable.then(|| (label, text.into_owned()))
}

/// Decodes what it reads.
struct DecodingReader<R> {
    bytes: R,
    decoder: Decoder,
    /// Bytes that are not decoded yet.
    encoded: Vec<u8>,
    /// Decoded text, of which `read` bytes have been returned.
    text: Vec<u8>,
    read: usize,
    ended: bool,
}

impl<R: Read> DecodingReader<R> {
    /// Decodes the next bytes.
    fn fill(&mut self) -> io::Result<()> {
        let before = self.encoded.len();
        self.encoded.resize(before + BLOCK, 0);
        let read = self.bytes.read(&mut self.encoded[before..]);
        self.encoded.truncate(before + *read.as_ref().unwrap_or(&0));
        let last = read? == 0;
        self.text.clear();
        self.read = 0;
        let mut done = 0;
        loop {
            let from = self.text.len();
            self.text.resize(from + BLOCK + ROOM, 0);
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
                &self.encoded[done..],
                &mut self.text[from..],
                last,
            );
            done += read;
            self.text.truncate(from + written);
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.text.push(UNDECODABLE),
            }
        }
        self.encoded.drain(..done);
        self.ended = last;
        Ok(())
    }
}

impl<R: Read> Read for DecodingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.text.len() && !self.ended {
            self.fill()?;
        }
        let count = buffer.len().min(self.text.len() - self.read);
        buffer[..count].copy_from_slice(&self.text[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoding(start: &[u8], given: TextEncoding) -> (&'static str, bool) {
        let found = FileEncoding::for_file(start, given).unwrap();
        (found.encoding.name(), found.found)
    }

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    /// Reads the bytes in pieces.
    fn decoded(bytes: &[u8], given: TextEncoding, piece: usize) -> Vec<u8> {
        let found = FileEncoding::for_file(bytes, given).unwrap();
        let start = bytes[..bytes.len().min(8)].to_vec();
        let rest = Box::new(io::Cursor::new(bytes[start.len()..].to_vec()));
        let mut reader = found.decode(start, rest);
        let (mut text, mut buffer) = (Vec::new(), vec![0; piece]);
        loop {
            match reader.read(&mut buffer).unwrap() {
                0 => return text,
                count => text.extend_from_slice(&buffer[..count]),
            }
        }
    }

    #[test]
    fn marks_and_zeros_show_utf16() {
        let auto = TextEncoding::Auto;
        assert_eq!(encoding(b"a,b\n", auto), ("UTF-8", false));
        assert_eq!(encoding(b"\xef\xbb\xbfa,b\n", auto), ("UTF-8", false));
        assert_eq!(encoding(b"\xff\xfea\0", auto), ("UTF-16LE", true));
        assert_eq!(encoding(&utf16("host,bytes\nInf\u{e9}\n", false), auto), ("UTF-16LE", true));
        assert_eq!(encoding(&utf16("host,bytes\nInf\u{e9}\n", true), auto), ("UTF-16BE", true));
        // NUL is text.
        assert_eq!(encoding(b"a,b\n1,\0x\n2,y\n", auto), ("UTF-8", false));
        assert_eq!(encoding(&[0; 64], auto), ("UTF-8", false));
        assert_eq!(encoding(b"a\0", TextEncoding::Windows1252), ("windows-1252", false));
    }

    #[test]
    fn every_label_has_a_decoder() {
        for given in TextEncoding::ALL {
            assert!(FileEncoding::for_file(b"a", *given).is_ok(), "{given:?}");
        }
    }

    #[test]
    fn bytes_that_have_no_character_are_not_utf8() {
        assert_eq!(decoded(b"a\xff\xffb", TextEncoding::ShiftJis, 3), b"a\xff\xffb");
        // Half a character at the end, and half a pair.
        assert_eq!(decoded(b"\xff\xfea\0b", TextEncoding::Auto, 3), b"a\xff");
        assert_eq!(decoded(b"\xff\xfe\0\xd8a\0", TextEncoding::Auto, 3), b"\xffa");
    }

    #[test]
    fn the_likely_encoding_is_named_with_a_word() {
        let utf8 = FileEncoding::for_file(b"", TextEncoding::Auto).unwrap();
        let message = utf8.describe_invalid(b"1,M\xfcller,2");
        assert!(
            message.contains("byte 4 is 0xfc") && message.contains("`M\u{fc}ller`"),
            "{message}"
        );
        assert!(message.ends_with("set encoding: windows-1252"), "{message}");
        let message = utf8.describe_invalid(b"\xcf\xf0\xe8\xe2\xe5\xf2");
        assert!(message.contains("windows-1251") && message.contains("Привет"), "{message}");
        let damaged = utf8.describe_invalid(b"M\xc3\xbcller\xff");
        assert!(damaged.ends_with("byte 8 is 0xff"), "{damaged}");
    }

    proptest! {
        #[test]
        fn text_is_decoded_whatever_the_pieces(
            text in "[a-z,;\n\u{e9}\u{4e2d}\u{1f600}]{0,200}",
            big: bool,
            mark: bool,
            piece in 1_usize..50,
        ) {
            let given = if big { TextEncoding::Utf16Be } else { TextEncoding::Utf16Le };
            let marked = if mark { format!("\u{feff}{text}") } else { text.clone() };
            prop_assert_eq!(decoded(&utf16(&marked, big), given, piece), text.as_bytes());
            if mark {
                prop_assert_eq!(decoded(&utf16(&marked, big), TextEncoding::Auto, piece), text.as_bytes());
            }
        }

        #[test]
        fn a_code_page_is_decoded_byte_by_byte(bytes in prop::collection::vec(1_u8.., 0..100), piece in 1_usize..9) {
            let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes);
            prop_assert_eq!(decoded(&bytes, TextEncoding::Windows1252, piece), text.as_bytes());
        }
    }
}
