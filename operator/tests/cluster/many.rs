//! Many jobs at once.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::proxy::{Proxy, Request, RequestHook};
use anomal_tests::cluster::{Namespace, Operator, cluster, eventually, job_with};

/// For the settings, the Job, the check that the job is current, the status and the Event, and one more status after the
/// Job's controller has written its own.
const CALLS_PER_JOB: usize = 8;

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn five_hundred_jobs_are_all_reconciled() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "many");
    let calls = Arc::new(CallCounter::default());
    let proxy = Proxy::start(cluster.kubeconfig(), Arc::clone(&calls));
    let operator = Operator::start_with_kubeconfig(&here, proxy.kubeconfig(), &[]);
    let jobs: Vec<Value> = (0..500)
        .map(|index| {
            let mut job = job_with(&format!("job-{index}"), |spec| spec["suspend"] = true.into());
            job["metadata"]["namespace"] = here.name.as_str().into();
            job
        })
        .collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": jobs});
    let began = Instant::now();
    cluster.apply(&list.to_string()).unwrap();
    let until = Instant::now() + Duration::from_mins(5);
    loop {
        let phases =
            here.kubectl(&["get", "aj", "--output=jsonpath={.items[*].status.phase}"]).unwrap();
        let suspended = phases.split(' ').filter(|phase| *phase == "Suspended").count();
        if suspended == 500 {
            break;
        }
        assert!(Instant::now() < until, "{suspended} of 500 after {:?}", began.elapsed());
        thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(here.list("jobs").len(), 500);
    // Wait until the controller of Jobs has written all statuses: then nothing is written any more.
    let versions = || {
        here.kubectl(&[
            "get",
            "aj,jobs,configmaps",
            "--output=jsonpath={.items[*].metadata.resourceVersion}",
        ])
        .unwrap()
    };
    let (asked, since) = eventually("nothing is written", Duration::from_mins(2), || {
        let before = versions();
        let asked = calls.0.load(Ordering::SeqCst);
        thread::sleep(Duration::from_secs(5));
        (before == versions()).then(|| (asked, calls.0.load(Ordering::SeqCst) - asked))
    });
    assert!(asked <= 500 * CALLS_PER_JOB + 100, "{asked} calls for 500 jobs");
    // A watch may be restarted.
    assert!(since < 10, "{since} calls though nothing changes");
    let memory = Command::new("ps")
        .args(["-o", "rss=", "-p", &operator.pid().to_string()])
        .output()
        .unwrap();
    let kib: u64 = String::from_utf8(memory.stdout).unwrap().trim().parse().unwrap();
    assert!(kib < 100 * 1024, "{kib} KiB");
}

/// Counts requests to the API server.
#[derive(Default)]
struct CallCounter(AtomicUsize);

impl RequestHook for CallCounter {
    fn after(&self, _: &Request, _: u16) -> bool {
        self.0.fetch_add(1, Ordering::SeqCst);
        true
    }
}
