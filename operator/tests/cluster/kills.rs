//! The operator is killed before and after each write: nothing is created twice, and the last status is right.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
};

use serde_json::Value;

use crate::proxy::{Proxy, Request, RequestHook};
use anomal_tests::cluster::{Namespace, Operator, PATIENCE, cluster, eventually, job};

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn nothing_is_created_twice() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "killed");
    // A job needs about ten writes: its settings, its Job, its status and Events at each change.
    let mut kills = 0;
    for write in 0..10 {
        for before in [true, false] {
            let name = format!("job-{write}-{}", if before { "before" } else { "after" });
            let killer = Arc::new(Killer { at: write, before, ..Killer::default() });
            let proxy = Proxy::start(cluster.kubeconfig(), Arc::clone(&killer));
            let mut operator = Operator::start_with_kubeconfig(&here, proxy.kubeconfig(), &[]);
            killer.victim.store(operator.pid(), Ordering::SeqCst);
            here.apply(&job(&name));
            // Either the operator is killed, or the job needs fewer writes.
            eventually("an end", PATIENCE, || {
                (operator.has_ended() || here.status(&name)["phase"] == "Complete").then_some(())
            });
            kills += killer.kills.load(Ordering::SeqCst);
            drop(operator);
            let _next = Operator::start(&here, &[]);
            let status = here.wait_for_status(&name, "Complete", "*");
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
    // The Events of Jobs have every pod that was created.
    let events = here
        .kubectl(&["get", "events", "--field-selector=reason=SuccessfulCreate", "--output=json"])
        .unwrap();
    let events: Value = serde_json::from_str(&events).unwrap();
    assert_eq!(events["items"].as_array().unwrap().len(), 20, "a pod for each job");
}

/// Kills a process at a certain write.
#[derive(Default)]
struct Killer {
    at: usize,
    before: bool,
    writes: AtomicUsize,
    victim: AtomicU32,
    kills: AtomicUsize,
}

impl Killer {
    fn kill(&self) {
        let victim = self.victim.load(Ordering::SeqCst).to_string();
        let _ = Command::new("kill").args(["-KILL", &victim]).status();
        self.kills.fetch_add(1, Ordering::SeqCst);
    }
}

impl RequestHook for Killer {
    fn before(&self, request: &Request) -> bool {
        let at = request.writes() && self.writes.fetch_add(1, Ordering::SeqCst) == self.at;
        if at && self.before {
            self.kill();
        }
        !(at && self.before)
    }

    fn after(&self, request: &Request, _: u16) -> bool {
        // A later request must not kill again.
        let at = request.writes() && self.writes.load(Ordering::SeqCst) == self.at + 1;
        if at && !self.before {
            self.kill();
        }
        !at
    }
}
