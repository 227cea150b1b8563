//! The number of classification engines follows the load that the cluster measures.

use std::time::{Duration, Instant};

use anomal_tests::cluster::{Namespace, cluster};
use serde_json::{Value, json};

use super::{
    installation::{LONG, Release, answered, apply_definition, exclusive_turn},
    jobs::{completes, completes_after, dns, dns_on_a_claim, files},
};

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn classification_engine_scales_up_and_down() {
    let _turn = exclusive_turn();
    let Some(cluster) = cluster() else { return };
    apply_definition(cluster);
    let home = Namespace::new(cluster, "elastic");
    let users = Namespace::new(cluster, "elastic-users");
    let values = json!({
        "crds": {"enabled": false},
        "feature": {"enabled": false},
        "classification": {
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
            "autoscaling": {
                "enabled": true, "minReplicas": 1, "maxReplicas": 2, "targetCPU": 50,
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 5}},
            },
        },
    });
    let release = Release::install(home, "engines", &values);
    let _volume = files(&users, "files", &dns());
    let mut job = dns_on_a_claim("files");
    job["spec"].as_object_mut().unwrap().remove("report");
    users.apply(&job);
    let mut run = run_of(&completes(&users, "dns"));
    let engines = || release.pods("classification-engine");

    // Runs jobs until there are two engines and both have worked.
    let until = Instant::now() + LONG;
    let worked = loop {
        let busy = engines().iter().filter(|(_, at)| answered(at, "Classify") > 0).count();
        if busy == 2 || Instant::now() > until {
            break busy;
        }
        let again = format!("anomal.dev/rerun=after-{run}");
        users.kubectl(&["annotate", "anomalyjob/dns", &again, "--overwrite"]).unwrap();
        run = run_of(&completes_after(&users, "dns", &run));
    };
    let description =
        || release.home.kubectl(&["describe", "hpa", "anomal-classification-engine"]).unwrap();
    assert_eq!(worked, 2, "{}", description());

    // Without load one engine remains.
    let wanted =
        ["get", "deployment/anomal-classification-engine", "--output=jsonpath={.spec.replicas}"];
    let until = Instant::now() + LONG;
    while release.home.kubectl(&wanted).unwrap() != "1" {
        assert!(Instant::now() < until, "{}", description());
        std::thread::sleep(Duration::from_secs(1));
    }
    // Jobs still run.
    let again = format!("anomal.dev/rerun=after-{run}");
    users.kubectl(&["annotate", "anomalyjob/dns", &again, "--overwrite"]).unwrap();
    completes_after(&users, "dns", &run);
}

fn run_of(status: &Value) -> String {
    status["run"].as_str().unwrap().to_owned()
}
