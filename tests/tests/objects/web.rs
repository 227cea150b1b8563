//! A file at an HTTP URL, from a server that does what it should not.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use anomal_tests::{RunOutput, Workspace};

use super::made::{csv, job, locally};

/// A request's lines in lower case.
type Request = Vec<String>;
type Answer = dyn Fn(usize, &Request, &mut TcpStream) + Send + Sync;

/// Answers each request as told, by its number, and ends the connection. Ends with the test's process.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn start(answer: impl Fn(usize, &Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (kept, answer): (_, Arc<Answer>) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let request: Request = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .map(|line| line.to_lowercase())
                    .collect();
                let number = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(request.clone());
                    kept.len()
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

/// The whole, or what a range asks for.
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
    // Who reads may have gone.
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
fn a_connection_that_is_cut_is_taken_up_where_it_broke() {
    let content = csv(50_000);
    let half = content.len() / 2;
    let kept = content.clone();
    let server = Server::start(move |number, request, stream| {
        send(stream, request, &kept, "ETag: \"1\"\r\n", (number == 1).then_some(half));
    });
    let workspace = Workspace::default();
    read(&workspace, &server.url("a.csv?day=1"), "").expect(0, &[]);
    assert!(workspace.bytes("out.csv") == locally("a.csv", &content, "csv"));
    let ranges = server.ranges();
    assert!(ranges[0].starts_with(&format!("bytes={half}-")), "{ranges:?}");
}

#[test]
fn another_object_is_not_taken_for_the_rest() {
    let content = csv(50_000);
    let half = content.len() / 2;
    let server = Server::start(move |number, request, stream| {
        let tag = format!("ETag: \"{}\"\r\n", number.min(2));
        send(stream, request, &content, &tag, (number == 1).then_some(half));
    });
    let workspace = Workspace::default();
    read(&workspace, &server.url("a.csv"), "").expect(4, &["a.csv has changed while it was read"]);
    assert_eq!(workspace.files(), ["job.yaml"]);
}

#[test]
fn without_a_tag_the_rest_is_not_trusted() {
    let content = csv(50_000);
    let half = content.len() / 2;
    let server = Server::start(move |number, request, stream| {
        send(stream, request, &content, "", (number == 1).then_some(half));
    });
    let workspace = Workspace::default();
    read(&workspace, &server.url("a.csv"), "").expect(4, &["ETag"]);
    assert_eq!(workspace.files(), ["job.yaml"]);
}

#[test]
fn refusals_are_told_without_what_was_signed() {
    let content = csv(300);
    let server = Server::start(move |_, request, stream| {
        let has = |line: &str| request.iter().any(|known| known == line);
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
    // Lower case as the server here compares.
    read(&workspace, &server.url("a.csv"), auth).expect(0, &[]);
    assert!(workspace.path("out.csv").exists());
}

#[test]
fn urls_that_are_none_are_faults_of_the_settings() {
    let workspace = Workspace::with_files(&[("in.csv", &csv(10))]);
    let known = ["input.csv.path", "s3://bucket/key", "https://"];
    read(&workspace, "ftp://h/a.csv", "").expect(2, &known);
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

/// The original's form takes URLs too: they leave no base folder.
#[test]
fn the_originals_form_reads_a_url() {
    let content = csv(300);
    let server = Server::start(move |_, request, stream| {
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
