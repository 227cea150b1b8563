//! A fake of the saved-objects import API of Kibana and OpenSearch Dashboards. It checks the request and the references
//! between objects, but not the objects' content.

use std::{
    collections::BTreeMap,
    io::{BufReader, Result},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use serde_json::{Value, json};

use super::{
    LOOPBACK,
    wire::{self, Message},
};

/// Saved objects by type and id.
type Objects = BTreeMap<(String, String), Value>;

#[derive(Default)]
struct State {
    objects: Objects,
    /// An id that is refused.
    refused: Option<String>,
}

/// The server; it ends with the test's process.
pub struct Kibana {
    host: String,
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Kibana {
    /// Starts it; `header` is the required one, `kbn-xsrf` or `osd-xsrf`.
    pub fn start(header: &'static str) -> Self {
        Self::start_at(LOOPBACK, header)
    }

    /// Starts it on another address of this machine.
    pub fn start_at(host: &str, header: &'static str) -> Self {
        let listener = TcpListener::bind((host, 0)).expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Clients may close a connection at any time.
                let _ = serve(stream, header, &shared);
            }
        });
        Self { host: host.to_owned(), port, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    /// Refuses objects with this id from now on.
    pub fn refuse(&self, id: &str) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).refused = Some(id.to_owned());
    }

    pub fn objects(&self) -> Objects {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).objects.clone()
    }
}

fn serve(stream: TcpStream, header: &str, state: &Mutex<State>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = wire::request(&mut stream)? {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let (status, body) = match import(&request, header, &mut state) {
            Ok(body) => (200, body),
            Err((status, message)) => (status, json!({"statusCode": status, "error": message})),
        };
        let start = format!("HTTP/1.1 {status} of the tests");
        let headers = vec![("content-type".into(), "application/json".into())];
        Message { start, headers, body: body.to_string().into() }.write(stream.get_mut())?;
    }
    Ok(())
}

fn import(
    request: &Message,
    header: &str,
    state: &mut State,
) -> std::result::Result<Value, (u16, String)> {
    let bad_request = |message: &str| (400, message.to_owned());
    if !request.start.starts_with("POST /api/saved_objects/_import?overwrite=true ") {
        return Err((404, "Not Found".into()));
    }
    if request.header(header).is_none() {
        return Err((400, format!("Request must contain a {header} header.")));
    }
    let kind = request.header("content-type").unwrap_or_default();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=");
    let boundary = boundary.ok_or((415, "Unsupported Media Type".to_owned()))?;
    let text = String::from_utf8_lossy(&request.body);
    let part = text.split(&format!("--{boundary}")).nth(1).ok_or(bad_request("no part"))?;
    let (head, file) = part.split_once("\r\n\r\n").ok_or(bad_request("no head"))?;
    if !head.contains("name=\"file\"") || !head.contains(".ndjson\"") {
        return Err(bad_request("Invalid file extension"));
    }
    let objects: Vec<Value> = file
        .trim_end()
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|error| (400, error.to_string())))
        .collect::<std::result::Result<_, _>>()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key_of = |object: &Value| (text(&object["type"]), text(&object["id"]));
    let given: Vec<(String, String)> = objects.iter().map(key_of).collect();
    let mut errors = Vec::new();
    for object in objects {
        let key = key_of(&object);
        let references = object["references"].as_array().cloned().unwrap_or_default();
        let missing = |reference: &Value| !given.contains(&key_of(reference));
        let reason = if references.iter().any(missing) {
            Some("missing_references")
        } else if state.refused.as_ref() == Some(&key.1) {
            Some("unsupported_type")
        } else {
            None
        };
        match reason {
            Some(reason) => {
                errors.push(json!({"type": key.0, "id": key.1, "error": {"type": reason}}));
            }
            None => drop(state.objects.insert(key, object)),
        }
    }
    let count = given.len() - errors.len();
    let mut answer = json!({"success": errors.is_empty(), "successCount": count});
    if !errors.is_empty() {
        answer["errors"] = errors.into();
    }
    Ok(answer)
}
