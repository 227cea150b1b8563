//! Files at HTTP URLs, from servers that misbehave.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use anomal_tests::{RunOutput, Workspace};

use super::jobs::{csv, job, local_results};

/// A request's lines in lower case.
type Request = Vec<String>;
type Answer = dyn Fn(usize, &Request, &mut TcpStream) + Send + Sync;

/// Responds to each request by its number and closes the connection. It ends with the test's process.
struct HttpServer {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl HttpServer {
    fn start(answer: impl Fn(usize, &Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (recorded, answer): (_, Arc<Answer>) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let request: Request = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .map(|line| line.to_lowercase())
                    .collect();
                let number = {
                    let mut recorded = recorded.lock().unwrap();
                    recorded.push(request.clone());
                    recorded.len()
                };
                answer(number, &request, &mut stream);
            }
        });
        Self { port, requests }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn ranges(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let range = |request: &Request| {
            request.iter().find_map(|line| Some(line.strip_prefix("range: ")?.to_owned()))
        };
        requests.iter().filter_map(range).collect()
    }
}

/// Sends the content, or the requested range of it.
fn send(stream: &mut TcpStream, request: &Request, content: &[u8], tag: &str, cut: Option<usize>) {
    let from = request
        .iter()
        .find_map(|line| line.strip_prefix("range: bytes=")?.split('-').next()?.parse().ok());
    let from: usize = from.unwrap_or(0);
    let head = if from > 0 {
        let last = content.len() - 1;
        format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{last}/{}\r\n",
            content.len()
        )
    } else {
        "HTTP/1.1 200 OK\r\n".to_owned()
    };
    let rest = &content[from..];
    let length = rest.len();
    // The client may have closed the connection.
    let _ = write!(stream, "{head}{tag}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(&rest[..cut.unwrap_or(length)]);
}

fn refuse(stream: &mut TcpStream, status: &str) {
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

fn read(workspace: &Workspace, url: &str, more: &str) -> RunOutput {
    let input = format!("csv: {{path: \"{url}\"{more}}}");
    workspace.write("job.yaml", job(&input, &["csv: {path: out.csv}"]).as_bytes());
    workspace.anomal(&["run", "job.yaml", "--secrets", "secrets"])
}

#[test]
fn broken_download_resumes_where_it_stopped() {
    let content = csv(50_000);
    let half = content.len() / 2;
    let recorded = content.clone();
    let server = HttpServer::start(move |number, request, stream| {
        send(stream, request, &recorded, "ETag: \"1\"\r\n", (number == 1).then_some(half));
    });
    let workspace = Workspace::default();
    read(&workspace, &server.url("a.csv?day=1"), "").expect(0, &[]);
    assert!(workspace.bytes("out.csv") == local_results("a.csv", &content, "csv"));
    let ranges = server.ranges();
    assert!(ranges[0].starts_with(&format!("bytes={half}-")), "{ranges:?}");
}

#[test]
fn changed_object_fails_the_run() {
    let content = csv(50_000);
    let half = content.len() / 2;
    let server = HttpServer::start(move |number, request, stream| {
        let tag = format!("ETag: \"{}\"\r\n", number.min(2));
        send(stream, request, &content, &tag, (number == 1).then_some(half));
    });
    let workspace = Workspace::default();
    read(&workspace, &server.url("a.csv"), "").expect(4, &["a.csv has changed while it was read"]);
    assert_eq!(workspace.files(), ["job.yaml"]);
}

#[test]
fn download_without_an_etag_is_not_resumed() {
    let content = csv(50_000);
    let half = content.len() / 2;
    let server = HttpServer::start(move |number, request, stream| {
        send(stream, request, &content, "", (number == 1).then_some(half));
    });
    let workspace = Workspace::default();
    read(&workspace, &server.url("a.csv"), "").expect(4, &["ETag"]);
    assert_eq!(workspace.files(), ["job.yaml"]);
}

#[test]
fn refusals_are_reported_without_the_signature() {
    let content = csv(300);
    let server = HttpServer::start(move |_, request, stream| {
        let has = |line: &str| request.iter().any(|received| received == line);
        if request[0].contains("/none.csv") {
            refuse(stream, "404 Not Found");
        } else if has("authorization: bearer let-me-in") || has("authorization: basic bwu6bxk=") {
            send(stream, request, &content, "ETag: \"1\"\r\n", None);
        } else {
            refuse(stream, "401 Unauthorized");
        }
    });
    let workspace = Workspace::default();
    let ran = read(&workspace, &server.url("none.csv?X-Amz-Signature=abcdef"), "");
    ran.expect(3, &[&server.url("none.csv"), "404"]);
    assert!(!ran.stderr.contains("abcdef"), "{}", ran.stderr);
    read(&workspace, &server.url("a.csv"), "").expect(4, &["401", "credentials"]);
    workspace.write("secrets/web/token", b"let-me-in\n");
    let auth = ", auth: {secretRef: {name: web}}";
    read(&workspace, &server.url("a.csv"), auth).expect(0, &[]);
    assert!(workspace.path("out.csv").exists());
}

#[test]
fn unsupported_urls_are_errors_in_the_settings() {
    let workspace = Workspace::with_files(&[("in.csv", &csv(10))]);
    let supported = ["input.csv.path", "s3://bucket/key", "https://"];
    read(&workspace, "ftp://h/a.csv", "").expect(2, &supported);
    read(&workspace, "https://me:mine@h/a.csv", "").expect(2, &["credentials"]);
    read(&workspace, "in.csv", ", auth: {secretRef: {name: web}}")
        .expect(2, &["`auth` goes with a URL"]);
    let run = |input: &str, output: &str| {
        workspace.write("job.yaml", job(input, &[output]).as_bytes());
        workspace.anomal(&["run", "job.yaml"])
    };
    let output = run("csv: {path: in.csv}", "csv: {path: \"https://h/a.csv\"}");
    output.expect(2, &["outputs[0].csv.path", "gs://bucket/key"]);
    workspace.write("job.yaml", job("csv: {path: in.csv}", &["csv: {path: o.csv}"]).as_bytes());
    let over = |option: &str, url: &str| workspace.anomal(&["run", "job.yaml", option, url]);
    over("--input", "ftp://h/a.csv").expect(2, &["ftp://", "s3://bucket/key"]);
    over("--output", "http://h/a.csv").expect(2, &["s3://bucket/key"]);
    assert_eq!(workspace.files(), ["in.csv", "job.yaml"]);
}

/// A URL in the original's form is not outside of the base folder.
#[test]
fn originals_form_reads_a_url() {
    let content = csv(300);
    let server = HttpServer::start(move |_, request, stream| {
        send(stream, request, &content, "ETag: \"1\"\r\n", None);
    });
    let main = format!(
        "data: {{in_path: \"{}\", out_path: out.csv}}\nfeatures: {{path: features.yaml}}\n\
         setup: {{classification_engine: Gower, input_driver: CSV, output_driver: CSV}}\n",
        server.url("a.csv")
    );
    let features = "features:\n  - {type: field, name: amount}\n";
    let workspace = Workspace::with_files(&[
        ("main.yaml", main.as_bytes()),
        ("features.yaml", features.as_bytes()),
    ]);
    workspace.anomal(&["run", "main.yaml"]).expect(0, &[]);
    assert!(workspace.path("out.csv").exists());
}
