//! The operator is killed before and after each write: nothing is made twice, and the status ends right.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};

use crate::support::{Namespace, Operator, PATIENCE, cluster, eventually, job};

#[test]
fn nothing_is_made_twice() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "killed");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // A job makes some ten writes: its settings, its Job, its status and Events at each change.
    let mut kills = 0;
    for write in 0..10 {
        for before in [true, false] {
            let name = format!("job-{write}-{}", if before { "before" } else { "after" });
            let killed = Arc::new(AtomicUsize::new(0));
            let proxy = runtime.block_on(proxy::start(
                cluster.kubeconfig(),
                write,
                before,
                Arc::clone(&killed),
            ));
            let mut operator = Operator::with(&here, proxy.kubeconfig.path(), &[]);
            proxy.watch(operator.pid());
            here.apply(&job(&name));
            // Either it is killed, or the job needs fewer writes.
            eventually("an end", PATIENCE, || {
                (operator.has_ended() || here.status(&name)["phase"] == "Complete").then_some(())
            });
            kills += killed.load(Ordering::SeqCst);
            drop(operator);
            let _next = Operator::start(&here, &[]);
            let status = here.reaches(&name, "Complete", "*");
            assert_eq!(status["attempts"], 1, "{name}: {status:#}");
            let made = here
                .list("jobs")
                .iter()
                .filter(|made| made["metadata"]["labels"]["anomal.dev/job"] == name)
                .count();
            assert_eq!(made, 1, "{name}");
        }
    }
    assert!(kills >= 8, "only {kills} kills");
    // Events of Jobs tell of every pod that was ever made.
    let events = here
        .kubectl(&["get", "events", "--field-selector=reason=SuccessfulCreate", "--output=json"])
        .unwrap();
    let events: Value = serde_json::from_str(&events).unwrap();
    assert_eq!(events["items"].as_array().unwrap().len(), 20, "a pod for each job");
}

/// What stands between the operator and the API server, and kills the operator at a write.
mod proxy {
    use axum::{
        Router,
        body::Body,
        extract::{Request, State},
        http::{Method, StatusCode},
        response::{IntoResponse, Response},
    };
    use kube::{
        Client, Config,
        config::{KubeConfigOptions, Kubeconfig},
    };

    use super::{Arc, AtomicUsize, Ordering, Path, json};

    pub struct Proxy {
        pub kubeconfig: tempfile::NamedTempFile,
        victim: Arc<AtomicUsize>,
    }

    impl Proxy {
        /// The process that is to be killed.
        pub fn watch(&self, pid: u32) {
            self.victim.store(usize::try_from(pid).unwrap(), Ordering::SeqCst);
        }
    }

    #[derive(Clone)]
    struct Plan {
        client: Client,
        write: usize,
        before: bool,
        seen: Arc<AtomicUsize>,
        victim: Arc<AtomicUsize>,
        kills: Arc<AtomicUsize>,
    }

    impl Plan {
        fn kill(&self) {
            let victim = self.victim.load(Ordering::SeqCst).to_string();
            let _ = std::process::Command::new("kill").args(["-KILL", &victim]).status();
            self.kills.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Kills at the write of that number.
    pub async fn start(
        kubeconfig: &Path,
        write: usize,
        before: bool,
        kills: Arc<AtomicUsize>,
    ) -> Proxy {
        let config = Kubeconfig::read_from(kubeconfig).unwrap();
        let config =
            Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
        let victim = Arc::new(AtomicUsize::new(0));
        let plan = Plan {
            client: Client::try_from(config).unwrap(),
            write,
            before,
            seen: Arc::default(),
            victim: Arc::clone(&victim),
            kills,
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(forward).with_state(plan);
        tokio::spawn(async move { axum::serve(listener, app).await });
        let kubeconfig = tempfile::NamedTempFile::new().unwrap();
        let told = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": server}}],
            "users": [{"name": "proxy", "user": {}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        });
        std::fs::write(kubeconfig.path(), told.to_string()).unwrap();
        Proxy { kubeconfig, victim }
    }

    async fn forward(State(plan): State<Plan>, request: Request) -> Response {
        let writes = *request.method() != Method::GET;
        let ours = writes && plan.seen.fetch_add(1, Ordering::SeqCst) == plan.write;
        if ours && plan.before {
            plan.kill();
            return StatusCode::BAD_GATEWAY.into_response();
        }
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let mut request =
            axum::http::Request::from_parts(parts, kube::client::Body::from(body.to_vec()));
        request.headers_mut().remove("host");
        let answer = plan.client.send(request).await;
        if ours {
            plan.kill();
            return StatusCode::BAD_GATEWAY.into_response();
        }
        match answer {
            Ok(answer) => answer.map(Body::new),
            Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
        }
    }
}
