//! What forms with verdicts lead to.

use axum::{
    body::Body,
    http::{Request, Response, StatusCode, header},
};

use super::{get, send, text};
use crate::pages::testing::html::check_page;

async fn judge(fields: &str) -> Response<Body> {
    let form = Request::post("/reports/complete/verdicts")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    send(form.body(Body::from(fields.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_stored_verdict_leads_to_the_page_that_shows_it() {
    let answer = judge("chosen=2&verdict=benign&after=2").await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()[header::LOCATION], "/reports/complete/incidents/2#verdict");
    let answer = judge("chosen=2&chosen=3&verdict=benign&after=2").await;
    assert_eq!(answer.headers()[header::LOCATION], "/reports/complete/incidents");
}

#[tokio::test]
async fn what_was_typed_is_not_lost() {
    let note = "note=%3C%2Ftextarea%3E%3Cscript%3E%0D%0Ab&who=Ann&until=2099-01-01";
    for (fields, status, words) in [
        ("chosen=2&verdict=benign", StatusCode::CONFLICT, "others have decided"),
        ("chosen=2&chosen=3&verdict=benign", StatusCode::CONFLICT, "others have decided"),
        ("chosen=2&verdict=denied", StatusCode::FORBIDDEN, "you may not"),
        ("chosen=2&verdict=true-positive", StatusCode::INTERNAL_SERVER_ERROR, "read-only"),
    ] {
        let answer = judge(&format!("{fields}&{note}")).await;
        assert_eq!(answer.status(), status, "{fields}");
        let html = text(answer).await;
        check_page(fields, &html);
        assert!(html.contains(words), "{fields}");
        let typed = "&#60;/textarea&#62;&#60;script&#62;\nb</textarea>";
        assert!(html.contains(typed) && html.contains("value=\"Ann\""), "{fields}");
        assert!(html.contains("value=\"2099-01-01\""), "{fields}");
    }
    let long = judge(&format!("chosen=2&note={}", "a".repeat(200_000))).await;
    assert_eq!(long.status(), StatusCode::BAD_REQUEST);
    assert_eq!(judge("chosen=99&verdict=benign").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn without_the_right_there_is_no_form() {
    let of = async |path: &str| text(get(path).await.1).await;
    let with = of("/reports/complete/incidents/1").await;
    assert!(with.contains("name=\"verdict\" value=\"benign\""));
    let without = of("/reports/flags/incidents/1").await;
    assert!(!without.contains("method=\"post\"") && without.contains("Not here."));
}
