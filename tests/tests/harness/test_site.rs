//! A small site with a strict policy, and pages with one error each.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, task::JoinHandle};

const HTML: &str = "text/html; charset=utf-8";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'";

const ICON: &str = "<svg xmlns='http://www.w3.org/2000/svg'/>";

const PARTS: [(&str, &str, &str); 5] = [
    ("/", HTML, include_str!("page.html")),
    ("/style.css", "text/css", include_str!("style.css")),
    ("/script.js", "text/javascript", include_str!("script.js")),
    ("/other", HTML, "<!doctype html><html lang=en><title>Other</title><main><h1>Other</h1></main>"),
    (
        "/unfit",
        HTML,
        "<!doctype html><html><head><title>Unfit</title><link rel=stylesheet href=/style.css></head>
<body><main><h1>Unfit</h1><img src=data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAAC><p class=pale>Pale</p>
<input type=text></main></body></html>",
    ),
];

/// The content of the download, larger than a packet.
pub fn rows() -> Vec<u8> {
    (0..100_000).flat_map(|row| format!("{row},\"=1+1\"\r\n").into_bytes()).collect()
}

/// The server; it ends when dropped.
pub struct TestSite {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl TestSite {
    pub async fn start() -> Self {
        let mut router = Router::new();
        for (path, kind, text) in PARTS {
            router =
                router.route(path, get(move || async move { answer(kind, POLICY, text.into()) }));
        }
        let file = || async {
            let headers = [
                (header::CONTENT_TYPE, "text/csv"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"rows.csv\""),
            ];
            (headers, rows())
        };
        // Every browser requests it.
        let icon = || async { answer("image/svg+xml", POLICY, ICON.into()) };
        let router = router.route("/favicon.ico", get(icon));
        let router = router.route("/rows.csv", get(file)).route("/bad/{fault}", get(bad));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for TestSite {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(kind: &str, policy: &str, text: String) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, policy)];
    (headers, text).into_response()
}

async fn bad(Path(fault): Path<String>) -> Response {
    let open = "default-src * data: 'unsafe-inline'";
    let (policy, body) = match fault.as_str() {
        "console" => (open, "<script>console.error('it went wrong', 7)</script>"),
        "exception" => (open, "<script>nowhere.at.all()</script>"),
        "rejection" => (open, "<script>Promise.reject(new Error('uncaught rejection'))</script>"),
        "inline-script" => (POLICY, "<script>document.title = 'run'</script>"),
        "inline-style" => (POLICY, "<style>p { color: red }</style>"),
        "style-attribute" => (POLICY, "<p style='color: red'>Red</p>"),
        "connect" => (
            "default-src 'none'; script-src 'unsafe-inline'",
            "<script>fetch('/other').catch(() => {})</script>",
        ),
        "outside" => (open, "<img alt='' src=http://elsewhere.example/a.png>"),
        "outside-font" => (
            open,
            "<style>@font-face { font-family: f; src: url(https://elsewhere.example/f) } p { font-family: f }</style><p>f</p>",
        ),
        "missing" => (open, "<script src=/missing.js></script>"),
        // A port that browsers block.
        "refused" => (open, "<script>fetch('http://127.0.0.1:1/').catch(() => {})</script>"),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let body = format!("<!doctype html><html lang=en><title>Bad</title><body>{body}");
    answer(HTML, policy, body)
}
