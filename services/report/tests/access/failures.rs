//! Failures of the API server: access is denied as unavailable, and tokens do not count as wrong.

use std::time::{Duration, Instant};

use anomal_report::access::{Access, Mode, Options};

use crate::{
    fake_api::{FakeApi, Fault, Rule, client, person},
    server::{HTML, TestServer, with_access},
};

const JANE: &str = "token-of-jane-0123456789";

fn server(client: kube::Client) -> TestServer {
    let mode = Mode::Kubernetes { client, audience: "anomal".to_owned() };
    let options = Options { api_timeout: Duration::from_secs(1), ..Options::default() };
    with_access(&Access::new(mode, options).unwrap())
}

async fn api() -> FakeApi {
    let rules = vec![Rule { subject: "jane", namespace: "web", job: "*" }];
    FakeApi::start(vec![person(JANE, "jane", &["system:authenticated"])], rules).await
}

async fn check_unavailable(server: &TestServer) {
    let started = Instant::now();
    let answer = server.bearer("/reports/web/visits", JANE).await;
    assert_eq!((answer.status, answer.reason().as_str()), (503, "API_SERVER"), "{answer:?}");
    assert_eq!(answer.header("retry-after"), "5");
    assert!(started.elapsed() < Duration::from_secs(3));
    assert!(!answer.body.contains(JANE) && !answer.body.contains("visits"), "{answer:?}");
}

#[tokio::test]
async fn failed_reviews_deny_access() {
    for fault in [Fault::Unknown, Fault::Forbidden, Fault::Broken, Fault::Slow] {
        let api = api().await;
        let server = server(api.client());
        api.set_fault(fault);
        check_unavailable(&server).await;
        let page = server.sign_in(JANE, "/").await;
        assert_eq!((page.status, page.header("set-cookie")), (503, ""));
        let page = server.get("/", &[("authorization", &format!("Bearer {JANE}")), HTML]).await;
        assert!(page.status == 503 && page.body.contains("The service is busy"), "{page:?}");
        // Failures are not cached, and do not count as wrong tokens.
        for _ in 0..3 {
            check_unavailable(&server).await;
        }
        api.set_fault(Fault::None);
        assert_eq!(server.bearer("/reports/web/visits", JANE).await.status, 200);
    }
}

#[tokio::test]
async fn an_unreachable_api_server_denies_access() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    check_unavailable(&server(client(address))).await;
}

#[tokio::test]
async fn known_users_get_no_rights_either() {
    let api = api().await;
    let server = server(api.client());
    let session = server.sign_in(JANE, "/").await.cookie();
    let session = [("cookie", session.as_str())];
    for fault in [Fault::Forbidden, Fault::Slow] {
        api.set_fault(fault);
        check_unavailable(&server).await;
        let answer = server.get("/reports/web/visits", &session).await;
        assert_eq!((answer.status, answer.reason().as_str()), (503, "API_SERVER"));
        assert_eq!(server.get("/", &session).await.status, 503);
    }
}

#[tokio::test]
async fn concurrent_requests_wait_no_longer_than_one() {
    let api = api().await;
    let server = server(api.client());
    api.set_fault(Fault::Slow);
    let started = Instant::now();
    let all = (0..20).map(|_| server.bearer("/reports/web/visits", JANE));
    let all = futures::future::join_all(all).await;
    assert!(all.iter().all(|answer| answer.status == 503), "{all:?}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}
