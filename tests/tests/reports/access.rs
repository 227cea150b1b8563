//! Access to the server by gRPC and by its pages.

use anomal_core::{Code, ReportEngine};
use anomal_report::RemoteReportEngine;
use anomal_tests::{Engine, Workspace, http};

use super::fixtures::{ReportFixture, endpoint};

const TOKEN: &str = "a-token-of-the-tests-0123456789";

#[tokio::test(flavor = "multi_thread")]
async fn token_is_required_for_grpc_and_pages() {
    let (fixture, folder) = (ReportFixture::new(), Workspace::default());
    let store = folder.folder.path().display().to_string();
    let arguments = ["--store", &store, "--web-listen", "127.0.0.1:0", "--auth", "token"];
    let environment = [("ANOMAL_REPORT_TOKEN", TOKEN.to_owned())];
    let server = Engine::start_with_environment("anomal-report-engine", &arguments, &environment);
    for token in [None, Some("another-token-of-the-tests-012345")] {
        let refused = RemoteReportEngine::connect(&endpoint(&server), token).await.err();
        assert_eq!(refused.map(|error| error.code), Some(Code::Unauthenticated), "{token:?}");
    }
    let engine = RemoteReportEngine::connect(&endpoint(&server), Some(TOKEN)).await.unwrap();
    let report = engine.publish(fixture.request()).await.unwrap();

    let pages = server.pages.as_ref().unwrap();
    let path = format!("/reports/{}", report.id);
    let wrong = "authorization: Bearer another-token-of-the-tests-012345";
    for headers in [vec![], vec![wrong], vec!["cookie: anomal-session=x.y"]] {
        for path in [&path, "/", &format!("{path}/download/all.csv")] {
            let answer = http::get(pages, path, &headers);
            assert_eq!(answer.status, 401, "{headers:?} {path}");
            assert!(!answer.text().contains("payments"));
        }
    }
    let right = format!("authorization: Bearer {TOKEN}");
    assert_eq!(http::get(pages, &path, &[&right]).status, 200);

    // A user enters it once in the page.
    let asked = http::get(pages, &path, &["accept: text/html"]);
    assert_eq!(asked.status, 401);
    assert!(asked.text().contains("name=\"token\""), "{}", asked.text());
    let origin = format!("origin: {pages}");
    let form = format!("token={TOKEN}&next={path}");
    let entered = http::post(pages, "/login", &[&origin], &form);
    assert_eq!((entered.status, entered.header("location")), (303, Some(path.as_str())));
    let cookie = entered.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite"), "{cookie}");
    assert!(!cookie.contains(TOKEN));
    let cookie = format!("cookie: {}", cookie.split(';').next().unwrap());
    assert_eq!(http::get(pages, &path, &[&cookie]).status, 200);
    let other = "origin: http://elsewhere.example";
    assert_eq!(http::post(pages, "/login", &[other], &form).status, 403);
}

#[test]
fn serving_to_other_machines_requires_a_token() {
    let folder = Workspace::default();
    let ran =
        folder.anomal(&["report", "serve", "--report-store", "store", "--listen", "0.0.0.0:0"]);
    ran.expect(2, &["--auth token", "127.0.0.1"]);
}
