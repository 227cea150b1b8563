//! The shared token: as a bearer token and by session, missing, wrong, and wrong too often.

use std::{num::NonZeroU32, time::Duration};

use anomal_report::access::{Access, LimitArgs, Mode, Options, Secret};
use axum::http::Method;
use tonic::metadata::MetadataMap;

use crate::server::{HTML, NEIGHBOUR, TOKEN, form, token_server, with_access};

fn limits(rate_burst: u32, wrong_tokens: u32) -> LimitArgs {
    let number = |number| NonZeroU32::new(number).unwrap();
    LimitArgs {
        rate_burst: number(rate_burst),
        rate_limit: number(1),
        wrong_tokens: number(wrong_tokens),
        verdict_rate: number(3),
    }
}

#[tokio::test]
async fn verdicts_of_a_client_are_limited() {
    let server = token_server(Options { limits: limits(100, 5), ..Options::default() });
    let bearer = format!("Bearer {TOKEN}");
    let judge =
        async || server.post("/judge/bank/payments", &[("authorization", &bearer)], "").await;
    for _ in 0..3 {
        assert_eq!(judge().await.status, 200);
    }
    let refused = judge().await;
    assert_eq!((refused.status, refused.reason().as_str()), (429, "VERDICT_RATE"));
    assert!(refused.body.contains("too many verdicts") && refused.body.contains("try again in"));
    // Reading goes on.
    assert_eq!(server.bearer("/", TOKEN).await.status, 200);
}

#[tokio::test]
async fn missing_and_wrong_tokens_get_401() {
    let server = token_server(Options::default());
    let without = server.get("/", &[]).await;
    assert_eq!((without.status, without.reason().as_str()), (401, "NO_TOKEN"));
    assert_eq!(without.header("www-authenticate"), "Bearer realm=\"anomal\"");
    let wrong = server.bearer("/", "correct-horse-battery-staplf").await;
    assert_eq!((wrong.status, wrong.reason().as_str()), (401, "WRONG_TOKEN"));
    assert!(wrong.header("www-authenticate").ends_with("error=\"invalid_token\""));
    let other = server.get("/", &[("authorization", "Basic dXNlcjpwYXNz")]).await;
    assert_eq!((other.status, other.reason().as_str()), (401, "NO_TOKEN"));
}

#[tokio::test]
async fn the_right_token_is_accepted() {
    let server = token_server(Options::default());
    let answer = server.bearer("/reports/bank/payments", TOKEN).await;
    assert_eq!(answer.body, "payments for holder of the token");
    assert_eq!(server.bearer("/", TOKEN).await.body, "visits logins payments local");
    assert_eq!(server.bearer("/reports/bank/none", TOKEN).await.status, 404);
    let lower = server.get("/", &[("authorization", &format!("bearer {TOKEN}"))]).await;
    assert_eq!(lower.status, 200);
}

#[tokio::test]
async fn signing_in_gives_a_cookie_without_the_token() {
    let server = token_server(Options::default());
    let answer = server.sign_in(TOKEN, "/reports/web/visits?page=2").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/reports/web/visits?page=2"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let set = answer.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=28800"] {
        assert!(set.contains(part), "{part}: {set}");
    }
    assert!(!set.contains(TOKEN));
    let cookie = answer.cookie();
    let name = "holder of the token";
    let who = server.get("/who", &[("cookie", &cookie)]).await.body;
    assert_eq!(who, format!("{name}|{name} by /logout"));
    assert_eq!(server.bearer("/who", TOKEN).await.body, format!("{name}|"));
    // A token takes precedence over the cookie.
    let both = [("cookie", cookie.as_str()), ("authorization", "Bearer wrong-wrong-wrong-wrong")];
    assert_eq!(server.get("/", &both).await.status, 401);
}

#[tokio::test]
async fn a_tampered_cookie_is_401_and_dropped() {
    let server = token_server(Options::default());
    let cookie = server.sign_in(TOKEN, "/").await.cookie();
    let tampered = cookie.replacen("anomal=", "anomal=A", 1);
    let answer = server.get("/", &[("cookie", &tampered)]).await;
    assert_eq!((answer.status, answer.reason().as_str()), (401, "SESSION_OVER"));
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
}

#[tokio::test]
async fn a_session_ends() {
    let server = token_server(Options { session: Duration::from_secs(2), ..Options::default() });
    let cookie = server.sign_in(TOKEN, "/").await.cookie();
    assert_eq!(server.get("/", &[("cookie", &cookie)]).await.status, 200);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let answer = server.get("/", &[("cookie", &cookie)]).await;
    assert_eq!((answer.status, answer.reason().as_str()), (401, "SESSION_OVER"));
    let page = server.get("/", &[("cookie", &cookie), HTML]).await;
    assert!(page.body.contains("your session has ended"), "{page:?}");
}

#[tokio::test]
async fn replicas_share_sessions_until_the_token_changes() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "0123456789012345678901234567890123456789").unwrap();
    let replica = |token: &str| {
        let secret = Some(Secret::read(file.path()).unwrap());
        let options = Options { secret, ..Options::default() };
        with_access(&Access::new(Mode::Token(token.to_owned()), options).unwrap())
    };
    let cookie = replica(TOKEN).sign_in(TOKEN, "/").await.cookie();
    assert_eq!(replica(TOKEN).get("/", &[("cookie", &cookie)]).await.status, 200);
    let changed = replica("another-token-of-enough-length");
    assert_eq!(changed.get("/", &[("cookie", &cookie)]).await.status, 401);
    assert_eq!(token_server(Options::default()).get("/", &[("cookie", &cookie)]).await.status, 401);
}

#[tokio::test]
async fn too_many_requests_get_429_for_that_client_only() {
    let server = token_server(Options { limits: limits(3, 5), ..Options::default() });
    for _ in 0..3 {
        assert_eq!(server.bearer("/", TOKEN).await.status, 200);
    }
    let answer = server.bearer("/", TOKEN).await;
    assert_eq!((answer.status, answer.reason().as_str()), (429, "TOO_MANY_REQUESTS"));
    assert_eq!(answer.header("retry-after"), "1");
    // Also without a token, and in browsers.
    let page = server.get("/assets/style.css", &[HTML]).await;
    assert_eq!((page.status, page.body.contains("The service is busy")), (429, true));
    let other = server.send("192.0.2.11:1", Method::GET, "/assets/style.css", &[], "").await;
    assert_eq!(other.status, 200);
    // `X-Forwarded-For` from an untrusted peer is ignored.
    let forged = server.get("/assets/style.css", &[("x-forwarded-for", "192.0.2.12")]).await;
    assert_eq!(forged.status, 429);
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_have_their_own_limits() {
    let trusted_proxies = vec!["192.0.2.10/32".parse().unwrap()];
    let server =
        token_server(Options { limits: limits(1, 5), trusted_proxies, ..Options::default() });
    for client in ["203.0.113.1", "203.0.113.2"] {
        let headers = [("x-forwarded-for", client)];
        assert_eq!(server.get("/assets/style.css", &headers).await.status, 200);
        assert_eq!(server.get("/assets/style.css", &headers).await.status, 429);
    }
    let secure = [("x-forwarded-for", "203.0.113.3"), ("x-forwarded-proto", "https")];
    let answer = server.post("/login", &secure, &form(TOKEN, "/")).await;
    assert!(answer.header("set-cookie").starts_with("__Host-anomal="), "{answer:?}");
    assert!(answer.header("set-cookie").contains("; Secure"));
    assert!(!answer.header("strict-transport-security").is_empty());
}

#[tokio::test]
async fn after_five_wrong_tokens_not_even_the_right_one_is_checked() {
    let server = token_server(Options::default());
    let cookie = server.sign_in(TOKEN, "/").await.cookie();
    for number in 0..5 {
        // Both ways count.
        let answer = if number % 2 == 0 {
            server.sign_in("wrong-wrong-wrong-wrong", "/").await
        } else {
            server.bearer("/", "wrong-wrong-wrong-wrong").await
        };
        assert_eq!(answer.status, 401, "{number}");
    }
    let answer = server.bearer("/", TOKEN).await;
    assert_eq!((answer.status, answer.reason().as_str()), (429, "WRONG_TOO_OFTEN"));
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=12).contains(&wait), "{wait}");
    let page = server.sign_in(TOKEN, "/").await;
    assert_eq!((page.status, page.header("set-cookie")), (429, ""));
    assert!(page.body.contains("too many wrong tokens"), "{page:?}");
    // Sessions and other clients are not affected.
    assert_eq!(server.get("/", &[("cookie", &cookie)]).await.status, 200);
    let right = format!("Bearer {TOKEN}");
    let other = [("authorization", right.as_str())];
    assert_eq!(server.send("192.0.2.11:1", Method::GET, "/", &other, "").await.status, 200);
}

#[tokio::test]
async fn each_grpc_request_carries_its_token() {
    let access = Access::new(Mode::Token(TOKEN.to_owned()), Options::default()).unwrap();
    let peer = Some("192.0.2.1".parse().unwrap());
    let metadata = |text: &str| {
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", text.parse().unwrap());
        metadata
    };
    let right = metadata(&format!("Bearer {TOKEN}"));
    let caller = access.caller_from_metadata(&right, peer).await.unwrap();
    assert!(caller.may_publish("anything") && caller.may_read("bank", "payments").await.unwrap());
    let none = access.caller_from_metadata(&MetadataMap::new(), peer).await.unwrap_err();
    assert_eq!((none.code, none.reason.as_str()), (anomal_core::Code::Unauthenticated, "NO_TOKEN"));
    for _ in 0..5 {
        let wrong = access.caller_from_metadata(&metadata("Bearer wrong"), peer).await.unwrap_err();
        assert_eq!(wrong.code, anomal_core::Code::Unauthenticated);
    }
    let error = access.caller_from_metadata(&right, peer).await.unwrap_err();
    assert_eq!(error.code, anomal_core::Code::ResourceExhausted);
    // Wrong tokens without an address block no client.
    for _ in 0..20 {
        let wrong = access.caller_from_metadata(&metadata("Bearer wrong"), None).await.unwrap_err();
        assert_eq!(wrong.code, anomal_core::Code::Unauthenticated);
    }
    access.caller_from_metadata(&right, None).await.unwrap();
}

#[tokio::test]
async fn only_assets_and_sign_in_need_no_token() {
    let server = token_server(Options::default());
    assert_eq!(server.get("/assets/style.css", &[]).await.status, 200);
    assert_eq!(server.get("/login", &[]).await.status, 200);
    let paths = [
        "/",
        "/reports/web/visits",
        "/reports/web/none",
        "//",
        "/login/",
        "/LOGIN",
        "/assets",
        "/assets/../",
        "/Assets/style.css",
    ];
    for path in paths {
        let answer = server.send(NEIGHBOUR, Method::GET, path, &[], "").await;
        assert!([401, 404].contains(&answer.status), "{path}: {answer:?}");
        assert!(!answer.body.contains("visits"), "{path}: {answer:?}");
    }
}
