//! A minimal HTTP/1.1 reader and writer; an incomplete message is an error.

use std::io::{BufRead, Error, ErrorKind, Read, Result, Write};

/// A request or a response, with its body after chunked decoding.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// Its first line.
    pub start: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|header| header.0 == name);
        header.map(|header| header.1.as_str())
    }

    /// The status of a response.
    pub(super) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    /// The head for a body of this length.
    pub(super) fn head(&self, length: usize) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.start);
        let keep = |name: &str| !["content-length", "transfer-encoding"].contains(&name);
        for (name, value) in self.headers.iter().filter(|header| keep(&header.0)) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {length}\r\n\r\n"));
        head.into_bytes()
    }

    pub(super) fn write(&self, to: &mut impl Write) -> Result<()> {
        // In one write: two small ones would wait for each other's acknowledgement.
        let mut bytes = self.head(self.body.len());
        bytes.extend(&self.body);
        to.write_all(&bytes)?;
        to.flush()
    }
}

/// Reads a request; `None` if the client has closed the connection.
pub(super) fn request(from: &mut impl BufRead) -> Result<Option<Message>> {
    let Some(mut message) = head(from)? else { return Ok(None) };
    body(&mut message, from, 0)?;
    Ok(Some(message))
}

/// Reads a response to a request with this method.
pub(super) fn answer(from: &mut impl BufRead, method: &str) -> Result<Message> {
    let mut message = head(from)?.ok_or(ErrorKind::UnexpectedEof)?;
    if method != "HEAD" && ![204, 304].contains(&message.status()) {
        body(&mut message, from, u64::MAX)?;
    }
    Ok(message)
}

fn head(from: &mut impl BufRead) -> Result<Option<Message>> {
    let mut message = Message { start: line(from)?, ..Message::default() };
    if message.start.is_empty() {
        return Ok(None);
    }
    loop {
        let line = line(from)?;
        if line.is_empty() {
            return Ok(Some(message));
        }
        let (name, value) = line.split_once(':').ok_or(ErrorKind::InvalidData)?;
        message.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// Reads the body; `otherwise` is its maximum length if no header gives the length.
fn body(message: &mut Message, from: &mut impl BufRead, otherwise: u64) -> Result<()> {
    if message.header("transfer-encoding") == Some("chunked") {
        loop {
            let line = line(from)?;
            let size = line.split(';').next().unwrap_or_default();
            let size = u64::from_str_radix(size, 16).map_err(|_| ErrorKind::InvalidData)?;
            exactly(size, from, &mut message.body)?;
            self::line(from)?;
            if size == 0 {
                return Ok(());
            }
        }
    }
    match message.header("content-length").map(str::parse) {
        Some(length) => {
            let length = length.map_err(|_| Error::from(ErrorKind::InvalidData))?;
            exactly(length, from, &mut message.body)
        }
        None => from.take(otherwise).read_to_end(&mut message.body).map(|_| ()),
    }
}

fn exactly(length: u64, from: &mut impl BufRead, into: &mut Vec<u8>) -> Result<()> {
    let read = from.take(length).read_to_end(into)?;
    if read as u64 == length { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

fn line(from: &mut impl BufRead) -> Result<String> {
    let mut line = Vec::new();
    from.take(1 << 16).read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}
