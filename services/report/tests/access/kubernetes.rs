//! Users of Kubernetes: who they are, what they may, and how often the API server is asked.

use std::time::Duration;

use anomal_core::Code;
use anomal_report::access::{Access, Mode, Options};
use futures::future::join_all;
use serde_json::json;
use tonic::metadata::MetadataMap;

use crate::{
    fake_api::{Account, FakeApi, Fault, Rule, now, person, service_account},
    stand::{HTML, Stand, of},
};

const HOUR: u64 = 3600;

fn access(api: &FakeApi) -> Access {
    let mode = Mode::Kubernetes { client: api.client(), audience: "anomal".to_owned() };
    Access::new(mode, Options::default()).unwrap()
}

/// Jane reads all of web and one job of bank by her group; Olga reads everything; Eve nothing.
async fn cluster() -> (FakeApi, Stand) {
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
    let stand = of(&access(&api));
    (api, stand)
}

fn bank_token(api: &FakeApi) -> String {
    let world = api.world.lock().unwrap();
    let named = |account: &Account| account.user["username"] == "system:serviceaccount:bank:runner";
    world.accounts.iter().find(|(_, account)| named(account)).unwrap().0.clone()
}

#[tokio::test]
async fn who_has_the_right_reads_and_who_has_not_gets_403() {
    let (_api, server) = cluster().await;
    let jane = "token-of-jane-0123456789";
    assert_eq!(server.bearer("/reports/web/visits", jane).await.body, "visits for jane");
    assert_eq!(server.bearer("/reports/bank/payments", jane).await.status, 200);
    let eve = server.bearer("/reports/bank/payments", "token-of-eve-0123456789").await;
    assert_eq!((eve.status, eve.reason().as_str()), (403, "ACCESS_DENIED"));
    assert!(eve.body.contains("eve lacks the right to get"), "{eve:?}");
    // What is not there is another thing.
    assert_eq!(server.bearer("/reports/web/none", "token-of-eve-0123456789").await.status, 404);
}

#[tokio::test]
async fn without_a_wrong_or_an_expired_token_it_is_401() {
    let (api, server) = cluster().await;
    assert_eq!(server.get("/reports/web/visits", &[]).await.status, 401);
    let wrong = server.bearer("/reports/web/visits", "token-of-nobody").await;
    assert_eq!((wrong.status, wrong.reason().as_str()), (401, "WRONG_TOKEN"));
    // One that says itself that it has expired needs no question.
    let asked = api.asked();
    let (expired, account) = service_account("web", "reader", "anomal", now() - 1);
    api.world.lock().unwrap().accounts.insert(expired.clone(), account);
    assert_eq!(server.bearer("/reports/web/visits", &expired).await.status, 401);
    assert_eq!(api.asked(), asked);
    // Of one that does not, the API server says it.
    let (opaque, account) = person("opaque-and-old-0123456789", "jane", &[]);
    api.world.lock().unwrap().accounts.insert(opaque.clone(), Account { expires: 1, ..account });
    assert_eq!(server.bearer("/reports/web/visits", &opaque).await.status, 401);
    let page = server.sign_in(&expired, "/").await;
    assert_eq!((page.status, page.header("set-cookie")), (401, ""));
    assert!(
        page.body.contains("kubectl create token NAME --namespace NAMESPACE --audience anomal")
    );
}

#[tokio::test]
async fn a_token_for_others_lets_nobody_in() {
    let (api, server) = cluster().await;
    let tokens: Vec<_> = api.world.lock().unwrap().accounts.keys().cloned().collect();
    let stranger = tokens.iter().find(|token| token.contains('.') && **token != bank_token(&api));
    assert_eq!(server.bearer("/", stranger.unwrap()).await.status, 401);
    // Nor does an API server's word that knows of no audiences.
    api.fails(Fault::Old);
    assert_eq!(server.bearer("/", "token-of-olga-0123456789").await.status, 401);
}

#[tokio::test]
async fn requests_are_as_the_api_has_them() {
    let (api, server) = cluster().await;
    server.bearer("/reports/web/visits", "token-of-jane-0123456789").await;
    let world = api.world.lock().unwrap();
    let token = &world.tokens[0];
    assert_eq!(
        token["spec"],
        json!({"audiences": ["anomal"], "token": "token-of-jane-0123456789"})
    );
    assert_eq!(
        (&token["apiVersion"], &token["kind"]),
        (&json!("authentication.k8s.io/v1"), &json!("TokenReview"))
    );
    let right = &world.rights[0];
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
    let runner = access.caller_of_metadata(&metadata(&bank_token(&api)), None).await.unwrap();
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
        access.caller_of_metadata(&metadata("token-of-jane-0123456789"), None).await.unwrap();
    assert_eq!(jane.check_publish("web").unwrap_err().code, Code::PermissionDenied);
    assert_eq!(jane.check_delete("web", "visits").await.unwrap_err().code, Code::PermissionDenied);
    let nobody = access.caller_of_metadata(&metadata("token-of-nobody"), None).await;
    assert_eq!(nobody.unwrap_err().code, Code::Unauthenticated);
    // It reads what it may publish, and nothing else.
    assert_eq!(server.bearer("/reports/bank/payments", &bank_token(&api)).await.status, 200);
    assert_eq!(server.bearer("/reports/web/visits", &bank_token(&api)).await.status, 403);
}

#[tokio::test]
async fn lists_hold_what_may_be_read() {
    let (api, server) = cluster().await;
    let list = async |token: &str| server.bearer("/", token).await.body;
    assert_eq!(list("token-of-jane-0123456789").await, "visits logins payments");
    assert_eq!(list("token-of-eve-0123456789").await, "");
    assert_eq!(list(&bank_token(&api)).await, "payments");
    let before = api.asked().1;
    assert_eq!(list("token-of-olga-0123456789").await, "visits logins payments local");
    assert_eq!(api.asked().1, before + 1);
}

#[tokio::test]
async fn many_requests_are_one_question() {
    let (api, server) = cluster().await;
    let all =
        join_all((0..50).map(|_| server.bearer("/reports/web/visits", "token-of-jane-0123456789")));
    assert!(all.await.iter().all(|answer| answer.status == 200));
    assert_eq!(api.asked(), (1, 1));
}

#[tokio::test]
async fn a_new_right_is_there_soon() {
    let (api, server) = cluster().await;
    let eve = "token-of-eve-0123456789";
    assert_eq!(server.bearer("/reports/web/visits", eve).await.status, 403);
    api.world.lock().unwrap().rules.push(Rule { subject: "eve", namespace: "web", job: "visits" });
    assert_eq!(server.bearer("/reports/web/visits", eve).await.status, 403);
    assert_eq!(api.asked(), (1, 1));
    tokio::time::sleep(Duration::from_millis(5100)).await;
    assert_eq!(server.bearer("/reports/web/visits", eve).await.status, 200);
    assert_eq!(api.asked(), (1, 2));
}

#[tokio::test]
async fn a_session_holds_who_it_is_and_asks_only_for_rights() {
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
    api.world.lock().unwrap().accounts.clear();
    let cookie = answer.cookie();
    let session = [("cookie", cookie.as_str())];
    assert_eq!(server.get("/reports/bank/payments", &session).await.status, 200);
    assert_eq!(server.get("/reports/web/visits", &session).await.status, 403);
    let world = api.world.lock().unwrap();
    assert_eq!((world.tokens.len(), world.rights.len()), (1, 1));
    // All that the API server has said of them is asked about.
    let spec = &world.rights[0]["spec"];
    assert_eq!(spec["uid"], "f3e2d1c0-b9a8-4766-9544-332211009988");
    assert_eq!(spec["groups"][1], "system:serviceaccounts:bank");
    assert_eq!(spec["extra"]["authentication.kubernetes.io/pod-name"], json!(["runner-x7k2p"]));
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let (api, server) = cluster().await;
    let (token, account) = service_account("web", "reader", "anomal", now() + 3);
    api.world.lock().unwrap().accounts.insert(token.clone(), account);
    let answer = server.sign_in(&token, "/").await;
    let cookie = answer.cookie();
    assert_eq!(server.get("/", &[("cookie", &cookie)]).await.status, 200);
    assert_eq!(server.bearer("/", &token).await.status, 200);
    tokio::time::sleep(Duration::from_millis(3100)).await;
    // Also the answer that was kept for the token itself.
    assert_eq!(server.bearer("/", &token).await.status, 401);
    let page = server.get("/", &[("cookie", &cookie), HTML]).await;
    assert_eq!((page.status, page.body.contains("<form")), (401, true));
}
