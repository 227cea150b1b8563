//! A file by HTTP whose speed the test controls, so that a run lasts as long as needed.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// A server of one file; its threads end with the test's process.
pub struct ThrottledFile {
    address: String,
    content: Arc<Vec<u8>>,
    /// Bytes that may be sent so far.
    allowed: Arc<AtomicUsize>,
}

impl ThrottledFile {
    pub fn start(host: &str, content: Vec<u8>) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (content, allowed) = (Arc::new(content), Arc::new(AtomicUsize::new(0)));
        let served = (Arc::clone(&content), Arc::clone(&allowed));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (content, allowed) = served.clone();
                // The client may have closed the connection.
                thread::spawn(move || drop(answer(stream, &content, &allowed)));
            }
        });
        Self { address, content, allowed }
    }

    pub fn url(&self) -> String {
        format!("http://{}/records.csv", self.address)
    }

    pub fn allow(&self, bytes: usize) {
        self.allowed.fetch_add(bytes, Ordering::SeqCst);
    }

    pub fn release(&self) {
        self.allow(self.content.len());
    }

    pub fn content(&self) -> &[u8] {
        &self.content
    }
}

fn answer(mut stream: TcpStream, content: &[u8], allowed: &AtomicUsize) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines().map_while(Result::ok);
    let mut from = 0;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            from = range.split('-').next().and_then(|from| from.parse().ok()).unwrap_or(0);
        }
    }
    let (length, last) = (content.len() - from, content.len() - 1);
    let status = if from == 0 {
        "200 OK".to_owned()
    } else {
        format!("206 Partial Content\r\nContent-Range: bytes {from}-{last}/{}", content.len())
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nETag: \"1\"\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    while from < content.len() {
        let until = allowed.load(Ordering::SeqCst).min(content.len());
        if until <= from {
            thread::sleep(Duration::from_millis(20));
            continue;
        }
        stream.write_all(&content[from..until])?;
        from = until;
    }
    Ok(())
}
