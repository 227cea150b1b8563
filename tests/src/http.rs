//! Minimal HTTP requests without a client library, so that tests control every byte.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// An HTTP response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|header| header.0 == name);
        header.map(|header| header.1.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a GET request. `address` is such as `http://127.0.0.1:8080`, `headers` are whole lines.
pub fn get(address: &str, path: &str, headers: &[&str]) -> Answer {
    send("GET", address, path, headers, "")
}

/// Posts a URL-encoded form.
pub fn post(address: &str, path: &str, headers: &[&str], form: &str) -> Answer {
    let length = format!("content-length: {}", form.len());
    let kind = "content-type: application/x-www-form-urlencoded";
    send("POST", address, path, &[headers, &[kind, &length]].concat(), form)
}

fn send(method: &str, address: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let host = address.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(host).expect("the server accepts connections");
    // A server that hangs fails the test.
    stream.set_read_timeout(Some(Duration::from_mins(2))).expect("a timeout");
    let host = format!("host: {host}");
    let headers = [&[host.as_str()], headers].concat();
    exchange(&mut stream, method, path, &headers, body.as_bytes()).expect("an answer")
}

/// Sends a request over a connection, which is then closed by the server.
///
/// # Errors
/// The connection broke before the answer was whole.
pub fn exchange(
    stream: &mut (impl Read + Write),
    method: &str,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> io::Result<Answer> {
    // HTTP/1.0: the response ends with the connection.
    let mut request = format!("{method} {path} HTTP/1.0\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes())?;
    // A server may answer before it has read all.
    let sent = stream.write_all(body);
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = end else {
        sent?;
        read?;
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    Ok(Answer {
        status: status.ok_or(io::ErrorKind::InvalidData)?,
        headers: lines.filter_map(header).collect(),
        body: answer[end + 4..].to_vec(),
    })
}
