//! Leader election among replicas.

use std::time::{Duration, Instant};

use anomal_tests::cluster::{Namespace, Operator, PATIENCE, cluster, eventually, job};

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn another_replica_takes_over() {
    let Some(cluster) = cluster() else { return };
    let here = Namespace::new(cluster, "leads");
    let elect = ["--leader-elect", "--lease-namespace", &here.name];
    let holder = || {
        let lease = here.get("lease", "anomal-operator")?;
        lease["spec"]["holderIdentity"]
            .as_str()
            .filter(|holder| !holder.is_empty())
            .map(str::to_owned)
    };
    let start = |identity: &str| {
        let wrapped = [&elect[..], &["--lease-identity", identity]].concat();
        Operator::start(&here, &wrapped)
    };
    let first = start("first");
    eventually("a leader", PATIENCE, || (holder()? == "first").then_some(()));
    let second = start("second");
    here.apply(&job("one"));
    here.wait_for_status("one", "Complete", "*");

    drop(first);
    let killed = Instant::now();
    here.apply(&job("two"));
    eventually("the other to lead", PATIENCE, || (holder()? == "second").then_some(()));
    assert!(killed.elapsed() < Duration::from_secs(20), "{:?}", killed.elapsed());
    here.wait_for_status("two", "Complete", "*");
    assert_eq!(here.list("jobs").len(), 2);

    // A replica that stops releases the Lease at once.
    let third = start("third");
    second.terminate();
    let stopped = Instant::now();
    eventually("the third to lead", PATIENCE, || (holder()? == "third").then_some(()));
    assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());
    drop(third);
}
