//! Users of Kubernetes: their identity, their rights, and the number of questions to the API server.

use std::time::Duration;

use anomal_core::Code;
use anomal_report::access::{Access, Mode, Options};
use futures::future::join_all;
use serde_json::json;
use tonic::metadata::MetadataMap;

use crate::{
    fake_api::{Account, FakeApi, Fault, Rule, now, person, service_account},
    server::{HTML, TestServer, with_access},
};

const HOUR: u64 = 3600;

fn access(api: &FakeApi) -> Access {
    let mode = Mode::Kubernetes { client: api.client(), audience: "anomal".to_owned() };
    Access::new(mode, Options::default()).unwrap()
}

/// Jane may read all jobs in web, and one in bank by her group; Olga everything; Eve nothing.
async fn cluster() -> (FakeApi, TestServer) {
    let accounts = vec![
        person("token-of-jane-0123456789", "jane", &["analysts", "system:authenticated"]),
        person("token-of-olga-0123456789", "olga", &["system:authenticated"]),
        person("token-of-eve-0123456789", "eve", &["system:authenticated"]),
        service_account("bank", "runner", "anomal", now() + HOUR),
        service_account(
            "shop",
            "stranger",
            "https://kubernetes.default.svc.cluster.local",
            now() + HOUR,
        ),
    ];
    let rules = vec![
        Rule { subject: "jane", namespace: "web", job: "*" },
        Rule { subject: "analysts", namespace: "bank", job: "payments" },
        Rule { subject: "olga", namespace: "*", job: "*" },
    ];
    let api = FakeApi::start(accounts, rules).await;
    let server = with_access(&access(&api));
    (api, server)
}

fn bank_token(api: &FakeApi) -> String {
    let state = api.state.lock().unwrap();
    let is_runner =
        |account: &Account| account.user["username"] == "system:serviceaccount:bank:runner";
    state.accounts.iter().find(|(_, account)| is_runner(account)).unwrap().0.clone()
}

#[tokio::test]
async fn users_without_the_right_get_403() {
    let (_api, server) = cluster().await;
    let jane = "token-of-jane-0123456789";
    assert_eq!(server.bearer("/reports/web/visits", jane).await.body, "visits for jane");
    assert_eq!(server.bearer("/reports/bank/payments", jane).await.status, 200);
    let eve = server.bearer("/reports/bank/payments", "token-of-eve-0123456789").await;
    assert_eq!((eve.status, eve.reason().as_str()), (403, "ACCESS_DENIED"));
    assert!(eve.body.contains("eve lacks the right to get"), "{eve:?}");
    // A missing report is a different error.
    assert_eq!(server.bearer("/reports/web/none", "token-of-eve-0123456789").await.status, 404);
}

#[tokio::test]
async fn missing_wrong_and_expired_tokens_get_401() {
    let (api, server) = cluster().await;
    assert_eq!(server.get("/reports/web/visits", &[]).await.status, 401);
    let wrong = server.bearer("/reports/web/visits", "token-of-nobody").await;
    assert_eq!((wrong.status, wrong.reason().as_str()), (401, "WRONG_TOKEN"));
    // The expiry of a JWT is read without a question.
    let questions = api.questions();
    let (expired, account) = service_account("web", "reader", "anomal", now() - 1);
    api.state.lock().unwrap().accounts.insert(expired.clone(), account);
    assert_eq!(server.bearer("/reports/web/visits", &expired).await.status, 401);
    assert_eq!(api.questions(), questions);
    // The API server decides on opaque tokens.
    let (opaque, account) = person("opaque-and-old-0123456789", "jane", &[]);
    api.state.lock().unwrap().accounts.insert(opaque.clone(), Account { expires: 1, ..account });
    assert_eq!(server.bearer("/reports/web/visits", &opaque).await.status, 401);
    let page = server.sign_in(&expired, "/").await;
    assert_eq!((page.status, page.header("set-cookie")), (401, ""));
    assert!(
        page.body.contains("kubectl create token NAME --namespace NAMESPACE --audience anomal")
    );
}

#[tokio::test]
async fn tokens_for_other_audiences_are_refused() {
    let (api, server) = cluster().await;
    let tokens: Vec<_> = api.state.lock().unwrap().accounts.keys().cloned().collect();
    let stranger = tokens.iter().find(|token| token.contains('.') && **token != bank_token(&api));
    assert_eq!(server.bearer("/", stranger.unwrap()).await.status, 401);
    // An API server without audiences can't confirm this one.
    api.set_fault(Fault::Old);
    assert_eq!(server.bearer("/", "token-of-olga-0123456789").await.status, 401);
}

#[tokio::test]
async fn reviews_have_the_fields_of_the_api() {
    let (api, server) = cluster().await;
    server.bearer("/reports/web/visits", "token-of-jane-0123456789").await;
    let state = api.state.lock().unwrap();
    let token = &state.tokens[0];
    assert_eq!(
        token["spec"],
        json!({"audiences": ["anomal"], "token": "token-of-jane-0123456789"})
    );
    assert_eq!(
        (&token["apiVersion"], &token["kind"]),
        (&json!("authentication.k8s.io/v1"), &json!("TokenReview"))
    );
    let right = &state.rights[0];
    let expected = json!({
        "user": "jane", "groups": ["analysts", "system:authenticated"],
        "resourceAttributes": {
            "group": "anomal.dev", "resource": "anomalyjobs", "verb": "get", "namespace": "web", "name": "visits",
        },
    });
    assert_eq!(right["spec"], expected);
}

#[tokio::test]
async fn service_accounts_publish_in_their_own_namespace_only() {
    let (api, server) = cluster().await;
    let access = access(&api);
    let metadata = |token: &str| {
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", format!("Bearer {token}").parse().unwrap());
        metadata
    };
    let runner = access.caller_from_metadata(&metadata(&bank_token(&api)), None).await.unwrap();
    assert_eq!(runner.namespace(), Some("bank"));
    runner.check_publish("bank").unwrap();
    for other in ["web", "", "*", "bank2"] {
        assert_eq!(
            runner.check_publish(other).unwrap_err().code,
            Code::PermissionDenied,
            "{other}"
        );
    }
    let jane =
        access.caller_from_metadata(&metadata("token-of-jane-0123456789"), None).await.unwrap();
    assert_eq!(jane.check_publish("web").unwrap_err().code, Code::PermissionDenied);
    assert_eq!(jane.check_delete("web", "visits").await.unwrap_err().code, Code::PermissionDenied);
    let unknown = access.caller_from_metadata(&metadata("token-of-nobody"), None).await;
    assert_eq!(unknown.unwrap_err().code, Code::Unauthenticated);
    // A runner may read its own namespace only.
    assert_eq!(server.bearer("/reports/bank/payments", &bank_token(&api)).await.status, 200);
    assert_eq!(server.bearer("/reports/web/visits", &bank_token(&api)).await.status, 403);
}

#[tokio::test]
async fn lists_contain_readable_reports_only() {
    let (api, server) = cluster().await;
    let list = async |token: &str| server.bearer("/", token).await.body;
    assert_eq!(list("token-of-jane-0123456789").await, "visits logins payments");
    assert_eq!(list("token-of-eve-0123456789").await, "");
    assert_eq!(list(&bank_token(&api)).await, "payments");
    let before = api.questions().1;
    assert_eq!(list("token-of-olga-0123456789").await, "visits logins payments local");
    assert_eq!(api.questions().1, before + 1);
}

#[tokio::test]
async fn concurrent_requests_share_one_question() {
    let (api, server) = cluster().await;
    let all =
        join_all((0..50).map(|_| server.bearer("/reports/web/visits", "token-of-jane-0123456789")));
    assert!(all.await.iter().all(|answer| answer.status == 200));
    assert_eq!(api.questions(), (1, 1));
}

#[tokio::test]
async fn a_new_right_takes_effect_soon() {
    let (api, server) = cluster().await;
    let eve = "token-of-eve-0123456789";
    assert_eq!(server.bearer("/reports/web/visits", eve).await.status, 403);
    api.state.lock().unwrap().rules.push(Rule { subject: "eve", namespace: "web", job: "visits" });
    assert_eq!(server.bearer("/reports/web/visits", eve).await.status, 403);
    assert_eq!(api.questions(), (1, 1));
    tokio::time::sleep(Duration::from_millis(5100)).await;
    assert_eq!(server.bearer("/reports/web/visits", eve).await.status, 200);
    assert_eq!(api.questions(), (1, 2));
}

#[tokio::test]
async fn a_session_stores_the_user_and_asks_for_rights_only() {
    let (api, server) = cluster().await;
    let token = bank_token(&api);
    let answer = server.sign_in(&token, "/reports/bank/payments").await;
    assert_eq!(answer.status, 303);
    assert!(answer.header("set-cookie").contains("Max-Age=900"), "{answer:?}");
    let [_, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("{token}")
    };
    let set = answer.header("set-cookie");
    assert!(!set.contains(claims) && !set.contains(signature), "{set}");
    api.state.lock().unwrap().accounts.clear();
    let cookie = answer.cookie();
    let session = [("cookie", cookie.as_str())];
    assert_eq!(server.get("/reports/bank/payments", &session).await.status, 200);
    assert_eq!(server.get("/reports/web/visits", &session).await.status, 403);
    let state = api.state.lock().unwrap();
    assert_eq!((state.tokens.len(), state.rights.len()), (1, 1));
    // The question contains all that the API server returned about the user.
    let spec = &state.rights[0]["spec"];
    assert_eq!(spec["uid"], "f3e2d1c0-b9a8-4766-9544-332211009988");
    assert_eq!(spec["groups"][1], "system:serviceaccounts:bank");
    assert_eq!(spec["extra"]["authentication.kubernetes.io/pod-name"], json!(["runner-x7k2p"]));
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let (api, server) = cluster().await;
    let (token, account) = service_account("web", "reader", "anomal", now() + 3);
    api.state.lock().unwrap().accounts.insert(token.clone(), account);
    let answer = server.sign_in(&token, "/").await;
    let cookie = answer.cookie();
    assert_eq!(server.get("/", &[("cookie", &cookie)]).await.status, 200);
    assert_eq!(server.bearer("/", &token).await.status, 200);
    tokio::time::sleep(Duration::from_millis(3100)).await;
    // So does the cached answer about the token.
    assert_eq!(server.bearer("/", &token).await.status, 401);
    let page = server.get("/", &[("cookie", &cookie), HTML]).await;
    assert_eq!((page.status, page.body.contains("<form")), (401, true));
}

#[tokio::test]
async fn judging_needs_a_right_of_its_own() {
    let (api, server) = cluster().await;
    let judge = async |path: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        server.post(path, &[("authorization", &bearer)], "").await
    };
    // Who may read may not judge, nor may the service account that runs the job.
    for token in ["token-of-jane-0123456789", "token-of-olga-0123456789"] {
        let denied = judge("/judge/bank/payments", token).await;
        assert_eq!((denied.status, denied.reason().as_str()), (403, "ACCESS_DENIED"));
        assert!(denied.body.contains("create anomalyjobs/verdicts"), "{denied:?}");
    }
    assert_eq!(judge("/judge/bank/payments", &bank_token(&api)).await.status, 403);
    let question = api.state.lock().unwrap().rights.last().unwrap()["spec"].clone();
    assert_eq!(
        question["resourceAttributes"],
        json!({
            "group": "anomal.dev", "resource": "anomalyjobs", "subresource": "verdicts", "verb": "create",
            "namespace": "bank", "name": "payments",
        })
    );
    // A denial is remembered for a few seconds, so the right is that of another user.
    api.state.lock().unwrap().rules.push(Rule {
        subject: "eve",
        namespace: "bank",
        job: "payments/verdicts",
    });
    let allowed = judge("/judge/bank/payments", "token-of-eve-0123456789").await;
    assert_eq!((allowed.status, allowed.body.as_str()), (200, "eve true"));
    assert_eq!(judge("/judge/web/visits", "token-of-eve-0123456789").await.status, 403);
    // If the API server can't be asked, nothing is stored.
    api.set_fault(Fault::Broken);
    assert_eq!(judge("/judge/web/logins", "token-of-eve-0123456789").await.status, 503);
    assert_eq!(judge("/judge/bank/payments", "no-token-0123456789").await.status, 503);
}

#[tokio::test]
async fn names_are_typed_where_there_are_no_users() {
    let shared = crate::server::token_server(Options::default());
    let bearer = format!("Bearer {}", crate::server::TOKEN);
    let answer = shared.post("/judge/web/visits", &[("authorization", &bearer)], "").await;
    assert_eq!(answer.body, "as typed false");
    let off = crate::server::token_server(Options { verdicts: false, ..Options::default() });
    let refused = off.post("/judge/web/visits", &[("authorization", &bearer)], "").await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("--verdicts off"), "{refused:?}");
}
