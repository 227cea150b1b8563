//! A session over a real socket.

use std::net::SocketAddr;

use anomal_report::access::Options;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::server::{TOKEN, form, token_server};

async fn exchange(server: SocketAddr, request: String) -> String {
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn request(server: SocketAddr, line: &str, more: &str, body: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\nContent-Length: {}\r\n{more}\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_session_from_the_first_request_to_the_last() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let app =
        token_server(Options::default()).0.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let page =
        exchange(server, request(server, "GET /reports/web/visits", "Accept: text/html\r\n", ""))
            .await;
    assert!(page.starts_with("HTTP/1.1 401 ") && page.contains("<form"), "{page}");
    let kind =
        format!("Content-Type: application/x-www-form-urlencoded\r\nOrigin: http://{server}\r\n");
    let body = form(TOKEN, "/reports/web/visits");
    let signed_in = exchange(server, request(server, "POST /login", &kind, &body)).await;
    assert!(signed_in.starts_with("HTTP/1.1 303 "), "{signed_in}");
    let cookie = signed_in.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = format!("Cookie: other=1; {}\r\n", cookie.split(';').next().unwrap());
    let report = exchange(server, request(server, "GET /reports/web/visits", &cookie, "")).await;
    assert!(report.ends_with("visits for holder of the token"), "{report}");

    // The address is that of the socket: its wrong tokens are counted.
    let wrong = "Authorization: Bearer wrong-wrong-wrong-wrong\r\n";
    for _ in 0..5 {
        let answer = exchange(server, request(server, "GET /", wrong, "")).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
    let answer = exchange(server, request(server, "GET /", wrong, "")).await;
    assert!(
        answer.starts_with("HTTP/1.1 429 ") && answer.contains("\r\nretry-after: "),
        "{answer}"
    );
}
