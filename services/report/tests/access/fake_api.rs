//! A fake API server that answers `TokenReview` and `SubjectAccessReview` over HTTP like the real one: it validates
//! requests, omits empty fields, and fails in the same ways.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const TOKENS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const RIGHTS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
const OWN_TOKEN: &str = "the-report-engine's-own";

/// The owner of a token.
#[derive(Clone)]
pub struct Account {
    pub user: Value,
    pub audiences: Vec<String>,
    pub expires: u64,
}

/// An RBAC rule: the subject may get the job; `*` is all. With `/verdicts` after the job's name it may judge its incidents.
pub struct Rule {
    pub subject: &'static str,
    pub namespace: &'static str,
    pub job: &'static str,
}

/// A failure to simulate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The engine's own token is unknown.
    Unknown,
    /// The engine lacks `system:auth-delegator`.
    Forbidden,
    Broken,
    Slow,
    /// It does not support audiences.
    Old,
}

pub struct ApiState {
    pub accounts: HashMap<String, Account>,
    pub rules: Vec<Rule>,
    pub fault: Fault,
    /// The received `TokenReview`s.
    pub tokens: Vec<Value>,
    /// The received `SubjectAccessReview`s.
    pub rights: Vec<Value>,
}

#[derive(Clone)]
pub struct FakeApi {
    pub state: Arc<Mutex<ApiState>>,
    pub address: std::net::SocketAddr,
}

impl FakeApi {
    pub async fn start(accounts: Vec<(String, Account)>, rules: Vec<Rule>) -> Self {
        let accounts = accounts.into_iter().collect();
        let state =
            ApiState { accounts, rules, fault: Fault::None, tokens: vec![], rights: vec![] };
        let state = Arc::new(Mutex::new(state));
        let app = Router::new()
            .route(TOKENS, post(token_review))
            .route(RIGHTS, post(access_review))
            .with_state(Arc::clone(&state));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { state, address }
    }

    /// The real client, with the token of a service account.
    pub fn client(&self) -> kube::Client {
        client(self.address)
    }

    pub fn set_fault(&self, fault: Fault) {
        self.state.lock().unwrap().fault = fault;
    }

    /// The number of questions about tokens and about rights.
    pub fn questions(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        (state.tokens.len(), state.rights.len())
    }
}

pub fn client(address: std::net::SocketAddr) -> kube::Client {
    let mut config = kube::Config::new(format!("http://{address}").parse().unwrap());
    config.auth_info.token = Some(OWN_TOKEN.to_owned().into());
    kube::Client::try_from(config).unwrap()
}

type SharedState = State<Arc<Mutex<ApiState>>>;

async fn token_review(State(state): SharedState, headers: HeaderMap, body: Bytes) -> Response {
    let (review, fault) =
        match receive(&state, &headers, &body, "tokenreviews", "TokenReview").await {
            Ok(received) => received,
            Err(failure) => return failure,
        };
    let mut state = state.lock().unwrap();
    state.tokens.push(review.clone());
    let spec = &review["spec"];
    let token = spec["token"].as_str().unwrap_or_default();
    if token.is_empty() {
        let message = "token is required for TokenReview in authentication";
        return failure(StatusCode::BAD_REQUEST, "BadRequest", message);
    }
    let wanted: Vec<_> = match spec["audiences"].as_array() {
        Some(audiences) if fault != Fault::Old => {
            audiences.iter().map(|audience| audience.as_str().unwrap().to_owned()).collect()
        }
        _ => vec!["https://kubernetes.default.svc.cluster.local".to_owned()],
    };
    // Go's `omitempty` leaves out false and empty fields; `user` is a struct and always present.
    let status = match state.accounts.get(token) {
        None => json!({"user": {}, "error": "invalid bearer token"}),
        Some(account) if account.expires <= now() => {
            json!({"user": {}, "error": "[invalid bearer token, service account token has expired]"})
        }
        Some(account) if fault == Fault::Old => {
            json!({"authenticated": true, "user": account.user})
        }
        Some(account) => {
            let is_accepted = |audience: &String| account.audiences.contains(audience);
            let common: Vec<_> = wanted.iter().filter(|audience| is_accepted(audience)).collect();
            if common.is_empty() {
                let error = format!(
                    "[invalid bearer token, token audiences {:?} is invalid for the target audiences {wanted:?}]",
                    account.audiences
                );
                json!({"user": {}, "error": error})
            } else {
                json!({"authenticated": true, "user": account.user, "audiences": common})
            }
        }
    };
    created(review, status)
}

async fn access_review(State(state): SharedState, headers: HeaderMap, body: Bytes) -> Response {
    let received = receive(&state, &headers, &body, "subjectaccessreviews", "SubjectAccessReview");
    let review = match received.await {
        Ok((review, _)) => review,
        Err(failure) => return failure,
    };
    let mut state = state.lock().unwrap();
    state.rights.push(review.clone());
    let spec = &review["spec"];
    let invalid = |message: &str| failure(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
    if spec["resourceAttributes"].is_object() == spec["nonResourceAttributes"].is_object() {
        return invalid(
            "spec.resourceAttributes: exactly one of nonResourceAttributes or resourceAttributes must be specified",
        );
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let groups: Vec<_> = spec["groups"].as_array().into_iter().flatten().map(text).collect();
    let user = text(&spec["user"]);
    if user.is_empty() && groups.is_empty() {
        return invalid("spec.user: at least one of user or group must be specified");
    }
    let attributes = &spec["resourceAttributes"];
    let verb = match attributes["subresource"].as_str() {
        None => "get",
        Some("verdicts") => "create",
        Some(_) => "none",
    };
    let is_get_job = attributes["group"] == "anomal.dev"
        && attributes["resource"] == "anomalyjobs"
        && attributes["verb"] == verb;
    let (namespace, job) = (text(&attributes["namespace"]), text(&attributes["name"]));
    let is_judging = verb == "create";
    let rule = state.rules.iter().find(|rule| {
        let subject = rule.subject == user || groups.iter().any(|group| group == rule.subject);
        // A role in one namespace does not cover all namespaces, nor one name all names.
        let covers =
            |granted: &str, name: &str| granted == "*" || (granted == name && !name.is_empty());
        let (of_verdicts, of_job) = match rule.job.strip_suffix("/verdicts") {
            Some(job) => (true, job),
            None => (false, rule.job),
        };
        is_get_job
            && subject
            && of_verdicts == is_judging
            && covers(rule.namespace, &namespace)
            && covers(of_job, &job)
    });
    let status = match rule {
        Some(rule) => {
            let reason = format!(
                "RBAC: allowed by RoleBinding \"readers/{namespace}\" of Role \"reader\" to User {:?}",
                rule.subject
            );
            json!({"allowed": true, "reason": reason})
        }
        None => json!({"allowed": false}),
    };
    created(review, status)
}

/// The checks before the resource: authentication, authorization, content type, kind.
async fn receive(
    state: &Mutex<ApiState>,
    headers: &HeaderMap,
    body: &[u8],
    resource: &str,
    kind: &str,
) -> Result<(Value, Fault), Response> {
    let fault = state.lock().unwrap().fault;
    let group =
        if kind == "TokenReview" { "authentication.k8s.io" } else { "authorization.k8s.io" };
    let own = headers.get(header::AUTHORIZATION).and_then(|sent| sent.to_str().ok());
    if fault == Fault::Unknown || own != Some(&format!("Bearer {OWN_TOKEN}")) {
        return Err(failure(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized"));
    }
    match fault {
        Fault::Forbidden => {
            let message = format!(
                "{resource}.{group} is forbidden: User \"system:serviceaccount:anomal:report\" \
                 cannot create resource \"{resource}\" in API group \"{group}\" at the cluster scope"
            );
            return Err(failure(StatusCode::FORBIDDEN, "Forbidden", &message));
        }
        Fault::Broken => {
            return Err(failure(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalError",
                "etcdserver: no leader",
            ));
        }
        Fault::Slow => tokio::time::sleep(Duration::from_secs(30)).await,
        Fault::None | Fault::Unknown | Fault::Old => {}
    }
    let bad = |message: &str| failure(StatusCode::BAD_REQUEST, "BadRequest", message);
    if headers.get(header::CONTENT_TYPE).is_none_or(|sent| sent != "application/json") {
        let message = "the body of the request was in an unknown format";
        return Err(failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message));
    }
    let review: Value = serde_json::from_slice(body).map_err(|error| bad(&error.to_string()))?;
    if review["apiVersion"] != format!("{group}/v1") || review["kind"] != kind {
        return Err(bad("the object provided is unrecognized"));
    }
    if !review["spec"].is_object() {
        return Err(bad("spec is missing"));
    }
    Ok((review, fault))
}

fn created(mut review: Value, status: Value) -> Response {
    let time = "2026-11-24T12:00:00Z";
    review["metadata"] = json!({"managedFields": [{
        "manager": "unknown", "operation": "Update", "apiVersion": review["apiVersion"], "time": time,
        "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}},
    }]});
    review["status"] = status;
    (StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], review.to_string())
        .into_response()
}

fn failure(status: StatusCode, reason: &str, message: &str) -> Response {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": reason, "code": status.as_u16(),
    });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

pub fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// A token of a service account as the API server makes it, with a fake signature.
pub fn service_account(
    namespace: &str,
    name: &str,
    audience: &str,
    expires: u64,
) -> (String, Account) {
    let subject = format!("system:serviceaccount:{namespace}:{name}");
    let claims = json!({
        "aud": [audience], "exp": expires, "iat": expires.saturating_sub(3600),
        "iss": "https://kubernetes.default.svc.cluster.local", "jti": "d2b3c6f1-5a0e-4d0c-9f6e-0c1f5b7f1a11",
        "kubernetes.io": {
            "namespace": namespace,
            "node": {"name": "node-1", "uid": "6d4b3c2e-9a1f-4b7d-8c3e-2f1a0b9c8d7e"},
            "pod": {"name": format!("{name}-x7k2p"), "uid": "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"},
            "serviceaccount": {"name": name, "uid": "f3e2d1c0-b9a8-4766-9544-332211009988"},
        },
        "nbf": expires.saturating_sub(3600), "sub": subject,
    });
    let head = json!({"alg": "RS256", "kid": "Jq3fJ0Yc0v3kXn1y7u0o0m2m0l6s5r4q3p2o1n0m9l8"});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = format!("{}.{}.{}", part(&head), part(&claims), URL_SAFE_NO_PAD.encode([7; 256]));
    let user = json!({
        "username": subject, "uid": "f3e2d1c0-b9a8-4766-9544-332211009988",
        "groups": ["system:serviceaccounts", format!("system:serviceaccounts:{namespace}"), "system:authenticated"],
        "extra": {
            "authentication.kubernetes.io/credential-id": ["JTI=d2b3c6f1-5a0e-4d0c-9f6e-0c1f5b7f1a11"],
            "authentication.kubernetes.io/pod-name": [format!("{name}-x7k2p")],
        },
    });
    (token, Account { user, audiences: vec![audience.to_owned()], expires })
}

/// A person with an opaque token.
pub fn person(token: &str, name: &str, groups: &[&str]) -> (String, Account) {
    let user = json!({"username": name, "groups": groups});
    (token.to_owned(), Account { user, audiences: vec!["anomal".to_owned()], expires: u64::MAX })
}
