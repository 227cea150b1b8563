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

use crate::proxy::{Between, Proxy, Request};
use anomal_tests::cluster::{Namespace, Operator, cluster, eventually, job_with};

/// Its settings, its Job, whether it is still wanted, its status and its Event, and a status once more where the Job's
/// controller has said something.
const CALLS_PER_JOB: usize = 8;

#[test]
fn five_hundred_jobs_are_all_reconciled() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "many");
    let calls = Arc::new(Calls::default());
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
    // Nothing is written any more once the Jobs' controller, which takes its time, has said its word to each.
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
    // A watch may begin anew.
    assert!(since < 10, "{since} calls though nothing changes");
    let memory = Command::new("ps")
        .args(["-o", "rss=", "-p", &operator.pid().to_string()])
        .output()
        .unwrap();
    let kib: u64 = String::from_utf8(memory.stdout).unwrap().trim().parse().unwrap();
    assert!(kib < 100 * 1024, "{kib} KiB");
}

/// How often the API server is asked.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Between for Calls {
    fn after(&self, _: &Request, _: u16) -> bool {
        self.0.fetch_add(1, Ordering::SeqCst);
        true
    }
}
