//! Browsers: the sign-in page, sessions, requests from other sites.

use anomal_report::access::{Mode, Options};
use axum::http::Method;

use crate::server::{HTML, NEIGHBOUR, TOKEN, TestServer, form, start, token_server};

#[tokio::test]
async fn browsers_get_a_sign_in_page_that_leads_back() {
    let server = token_server(Options::default());
    let page = server.get("/reports/web/visits?sort=%22%3E", &[HTML]).await;
    assert_eq!(page.status, 401);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("www-authenticate").starts_with("Bearer"));
    assert!(page.body.contains("<form method=\"post\" action=\"/login\">"), "{page:?}");
    assert!(page.body.contains("value=\"/reports/web/visits?sort=%22%3E\""), "{page:?}");
    assert!(!page.body.contains("role=\"alert\""), "{page:?}");
    let wrong = server.sign_in("wrong-wrong-wrong-wrong", "/reports/web/visits").await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.body.contains("role=\"alert\"") && wrong.body.contains("/reports/web/visits"));
    // The token is not shown again.
    assert!(!wrong.body.contains("wrong-wrong"), "{wrong:?}");
}

#[tokio::test]
async fn the_path_is_escaped_in_the_sign_in_page() {
    let server = token_server(Options::default());
    let page = server.get("/a\"autofocus", &[HTML]).await;
    assert!(page.status == 401 && !page.body.contains("/a\""), "{page:?}");
    let page = server.get("/login?next=/%22%3E%3Cscript%3E", &[HTML]).await;
    assert!(page.status == 200 && !page.body.contains("<script>"), "{page:?}");
}

#[tokio::test]
async fn redirects_stay_on_this_server() {
    let server = token_server(Options::default());
    for next in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\t/evil",
        "javascript:1",
        "",
    ] {
        let answer = server.sign_in(TOKEN, next).await;
        assert_eq!((answer.status, answer.header("location")), (400, ""), "{next}");
        assert_eq!(answer.header("set-cookie"), "", "{next}");
    }
    let page = server.get("/login?next=//evil.example", &[HTML]).await;
    assert!(page.body.contains("name=\"next\" value=\"/\""), "{page:?}");
    let page = server.get("//evil.example", &[HTML]).await;
    assert!(!page.body.contains("evil"), "{page:?}");
    // Without `next`, the first page.
    let answer = server.post("/login", &[], &format!("token={TOKEN}")).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"));
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let server = token_server(Options::default());
    let cookie = server.sign_in(TOKEN, "/").await.cookie();
    let session = ("cookie", cookie.as_str());
    for foreign in
        [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")]
    {
        for path in ["/delete", "/login", "/logout"] {
            let answer = server.post(path, &[session, foreign], &form(TOKEN, "/")).await;
            assert_eq!((answer.status, answer.reason().as_str()), (403, "OTHER_ORIGIN"), "{path}");
            assert_eq!(answer.header("set-cookie"), "");
        }
    }
    for own in [("sec-fetch-site", "same-origin"), ("origin", "http://reports.example")] {
        assert_eq!(server.post("/delete", &[session, own], "").await.status, 200);
    }
    // Links from other sites work.
    let link =
        server.get("/reports/web/visits", &[session, ("sec-fetch-site", "cross-site")]).await;
    assert_eq!(link.status, 200);
}

#[tokio::test]
async fn signing_out_drops_the_cookie() {
    let server = token_server(Options { https: true, ..Options::default() });
    let answer = server.post("/logout", &[], "").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/login"));
    assert!(answer.header("set-cookie").starts_with("__Host-anomal=;"), "{answer:?}");
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    let by_link = server.get("/logout", &[HTML]).await;
    assert_eq!((by_link.status, by_link.header("set-cookie")), (405, ""));
}

#[tokio::test]
async fn incomplete_and_large_forms_are_refused() {
    let server = token_server(Options::default());
    let none = server.post("/login", &[], "next=/").await;
    assert_eq!((none.status, none.reason().as_str()), (400, "FORM"));
    let large = server.post("/login", &[], &form(&"a".repeat(100_000), "/")).await;
    assert_eq!(large.status, 400);
}

async fn check_headers(server: &TestServer, path: &str, headers: &[(&str, &str)]) {
    let answer = server.get(path, headers).await;
    let policy = answer.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{path}: {policy}"
    );
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
    assert!(!answer.header("cache-control").is_empty(), "{path}");
    assert!(answer.header("strict-transport-security").is_empty(), "{path}");
}

#[tokio::test]
async fn every_answer_has_security_headers() {
    let server = token_server(Options::default());
    let right = format!("Bearer {TOKEN}");
    for headers in [vec![], vec![HTML], vec![("authorization", right.as_str())]] {
        for path in ["/", "/login", "/assets/style.css", "/nowhere", "/reports/web/visits"] {
            check_headers(&server, path, &headers).await;
        }
    }
}

#[tokio::test]
async fn an_open_server_serves_its_own_machine_only() {
    let server = start(Mode::Open, Options::default());
    let get = |from: &'static str, headers: Vec<(&'static str, &'static str)>| {
        let server = &server;
        async move { server.send(from, Method::GET, "/reports/web/visits", &headers, "").await }
    };
    let local = ("host", "localhost:8080");
    assert_eq!(get("127.0.0.1:1", vec![local]).await.body, "visits for anyone");
    assert_eq!(get("[::1]:1", vec![("host", "[::1]:8080")]).await.status, 200);
    // A foreign name that resolves to this machine; a proxy; another machine.
    let others = [
        get("127.0.0.1:1", vec![("host", "evil.example")]).await,
        get("127.0.0.1:1", vec![local, ("x-forwarded-for", "203.0.113.1")]).await,
        get(NEIGHBOUR, vec![local]).await,
    ];
    for answer in others {
        assert_eq!((answer.status, answer.reason().as_str()), (403, "THIS_MACHINE_ONLY"));
    }
    // This machine has no rate limit.
    for _ in 0..300 {
        assert_eq!(get("127.0.0.1:1", vec![local]).await.status, 200);
    }
    let foreign = [local, ("origin", "https://evil.example")];
    let answer = server.send("127.0.0.1:1", Method::POST, "/delete", &foreign, "").await;
    assert_eq!(answer.status, 403);
    let login = server.send("127.0.0.1:1", Method::GET, "/login", &[local], "").await;
    assert_eq!((login.status, login.header("location")), (303, "/"));
}
