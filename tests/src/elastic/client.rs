//! A minimal client to inspect a server, with one request per connection.

use std::{
    io::{BufReader, Read, Result, Write},
    net::TcpStream,
    ops::Range,
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::{Value, json};

use super::{
    LOOPBACK,
    wire::{self, Message},
};
use crate::{http::Answer, tls::Authority};

#[derive(Clone)]
pub struct Client {
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    authorization: Option<String>,
    patience: Duration,
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// An open connection.
pub(super) struct RawConnection(BufReader<Box<dyn Stream>>);

impl RawConnection {
    /// Sends a request and reads the response; `method` is the request's.
    pub(super) fn exchange(&mut self, request: &Message, method: &str) -> Result<Message> {
        request.write(self.0.get_mut())?;
        wire::answer(&mut self.0, method)
    }
}

pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

impl Client {
    pub(super) fn new(port: u16) -> Self {
        Self { port, tls: None, authorization: None, patience: Duration::from_mins(1) }
    }

    pub(super) fn with_authority(mut self, authority: &Authority) -> Self {
        self.tls = Some(authority.client());
        self
    }

    pub(super) fn with_timeout(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub fn with_basic_auth(mut self, user: &str, password: &str) -> Self {
        self.authorization = Some(basic(user, password));
        self
    }

    /// Sets the `Authorization` header, such as `Bearer …`.
    pub fn with_authorization(mut self, authorization: &str) -> Self {
        self.authorization = Some(authorization.to_owned());
        self
    }

    pub(super) fn open(&self) -> Result<RawConnection> {
        let stream = TcpStream::connect((LOOPBACK, self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.patience))?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = LOOPBACK.try_into().expect("a name");
                let tls = ClientConnection::new(Arc::clone(tls), name).expect("TLS");
                Box::new(StreamOwned::new(tls, stream))
            }
        };
        Ok(RawConnection(BufReader::new(stream)))
    }

    /// # Errors
    /// If there is no complete response.
    pub fn try_send(&self, method: &str, path: &str, body: &str) -> Result<Answer> {
        let mut request = self.request(method, path, body.into());
        request.headers.push(("connection".into(), "close".into()));
        let answer = self.open()?.exchange(&request, method)?;
        Ok(Answer { status: answer.status(), headers: answer.headers, body: answer.body })
    }

    fn request(&self, method: &str, path: &str, body: Vec<u8>) -> Message {
        let kind = if path.contains("_bulk") { "application/x-ndjson" } else { "application/json" };
        let mut headers = vec![
            ("host".to_owned(), format!("{LOOPBACK}:{}", self.port)),
            ("content-type".to_owned(), kind.to_owned()),
        ];
        headers
            .extend(self.authorization.iter().map(|value| ("authorization".into(), value.clone())));
        Message { start: format!("{method} {path} HTTP/1.1"), headers, body }
    }

    /// A persistent connection for many requests.
    pub fn connection(&self) -> Connection {
        Connection { client: self.clone(), open: self.open().expect("a connection") }
    }

    /// Sends a request and returns the response, whatever its status.
    pub fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let answer = self.try_send(method, path, body);
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    #[track_caller]
    fn good(&self, method: &str, path: &str, body: &str) -> Value {
        let answer = self.send(method, path, body);
        let text = answer.text();
        assert!(answer.status < 300, "{method} {path} {body}: {} {text}", answer.status);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.good("GET", path, "")
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Value {
        self.good("PUT", path, &body.to_string())
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.good("POST", path, &body.to_string())
    }

    /// Posts an empty request, such as `/a/_close`.
    #[track_caller]
    pub fn post_empty(&self, path: &str) -> Value {
        self.good("POST", path, "")
    }

    #[track_caller]
    pub fn delete(&self, path: &str) -> Value {
        self.good("DELETE", path, "")
    }

    /// Indexes documents with ids from `first` on and makes them searchable.
    #[track_caller]
    pub fn load(&self, index: &str, first: usize, documents: &[Value]) {
        for (part, documents) in documents.chunks(5_000).enumerate() {
            let mut body = String::new();
            for (place, document) in documents.iter().enumerate() {
                let id = (first + part * 5_000 + place).to_string();
                body.push_str(&format!("{}\n{document}\n", json!({"index": {"_id": id}})));
            }
            let answer = self.good("POST", &format!("/{index}/_bulk"), &body);
            assert_eq!(answer["errors"], false, "{:.2000}", answer.to_string());
        }
        self.refresh(index);
    }

    /// Deletes documents by their ids.
    #[track_caller]
    pub fn unload(&self, index: &str, ids: Range<usize>) {
        let line = |id| format!("{}\n", json!({"delete": {"_id": format!("{id}")}}));
        let body: String = ids.map(line).collect();
        let answer = self.good("POST", &format!("/{index}/_bulk"), &body);
        assert_eq!(answer["errors"], false, "{:.2000}", answer.to_string());
        self.refresh(index);
    }

    /// Makes all written documents searchable.
    #[track_caller]
    pub fn refresh(&self, index: &str) {
        self.post_empty(&format!("/{index}/_refresh"));
    }

    /// The number of documents that match `query` (in the server's query DSL).
    #[track_caller]
    pub fn count_matching(&self, index: &str, query: &Value) -> u64 {
        self.refresh(index);
        let counted = self.post(&format!("/{index}/_count"), &json!({"query": query}));
        assert_eq!(counted["_shards"]["failed"], 0, "{counted}");
        counted["count"].as_u64().expect("a count")
    }

    #[track_caller]
    pub fn count(&self, index: &str) -> u64 {
        self.count_matching(index, &json!({"match_all": {}}))
    }

    /// All documents with their ids, sorted by id.
    #[track_caller]
    pub fn documents(&self, index: &str) -> Vec<(String, Value)> {
        self.refresh(index);
        let first = format!("/{index}/_search?scroll=1m");
        let mut page = self.post(&first, &json!({"size": 5_000, "sort": ["_doc"]}));
        let mut documents = Vec::new();
        loop {
            let Value::Array(hits) = page["hits"]["hits"].take() else { panic!("{page}") };
            if hits.is_empty() {
                break;
            }
            documents.extend(hits.into_iter().map(|mut hit| {
                (hit["_id"].as_str().expect("an id").to_owned(), hit["_source"].take())
            }));
            let next = json!({"scroll": "1m", "scroll_id": page["_scroll_id"]});
            page = self.post("/_search/scroll", &next);
        }
        documents.sort_by(|a, b| a.0.cmp(&b.0));
        documents
    }
}

/// A persistent connection.
pub struct Connection {
    client: Client,
    open: RawConnection,
}

impl Connection {
    /// Posts a request and returns the body of the response, which must be a success.
    pub fn post(&mut self, path: &str, body: Vec<u8>) -> Vec<u8> {
        let request = self.client.request("POST", path, body);
        let answer = self.open.exchange(&request, "POST").expect("an answer");
        assert!(answer.status() < 300, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.body
    }
}
