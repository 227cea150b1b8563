//! A proxy between an operator and the API server.

use std::{path::Path, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Method, StatusCode, Uri, request::Parts},
    response::{IntoResponse, Response},
};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

/// A request to the API server.
pub struct Request {
    pub method: Method,
    pub uri: Uri,
}

impl Request {
    fn from_parts(parts: &Parts) -> Self {
        Self { method: parts.method.clone(), uri: parts.uri.clone() }
    }

    pub fn writes(&self) -> bool {
        self.method != Method::GET
    }
}

/// Called before and after each request. Where it returns false, the operator gets status 502 instead of the answer.
pub trait RequestHook: Send + Sync + 'static {
    fn before(&self, _: &Request) -> bool {
        true
    }

    fn after(&self, request: &Request, status: u16) -> bool;
}

pub struct Proxy {
    kubeconfig: tempfile::NamedTempFile,
    /// Stops the server when it is dropped.
    _runtime: Runtime,
}

impl Proxy {
    pub fn start(kubeconfig: &Path, hook: Arc<impl RequestHook>) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(async {
            let config = Kubeconfig::read_from(kubeconfig).unwrap();
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(config, &options).await.unwrap();
            let state: Shared = (Client::try_from(config).unwrap(), hook);
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let server = format!("http://{}", listener.local_addr().unwrap());
            let app = Router::new().fallback(forward).with_state(state);
            tokio::spawn(async move { axum::serve(listener, app).await });
            server
        });
        let kubeconfig = tempfile::NamedTempFile::new().unwrap();
        let content = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": server}}],
            "users": [{"name": "proxy", "user": {}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        });
        std::fs::write(kubeconfig.path(), content.to_string()).unwrap();
        Self { kubeconfig, _runtime: runtime }
    }

    pub fn kubeconfig(&self) -> &Path {
        self.kubeconfig.path()
    }
}

type Shared = (Client, Arc<dyn RequestHook>);

async fn forward(
    State((client, hook)): State<Shared>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let info = Request::from_parts(&parts);
    if !hook.before(&info) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let mut request =
        axum::http::Request::from_parts(parts, kube::client::Body::from(body.to_vec()));
    request.headers_mut().remove("host");
    let answer = client.send(request).await;
    let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
    if !hook.after(&info, status) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    match answer {
        Ok(answer) => answer.map(Body::new),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
