//! The jobs of a cluster, which are only looked at.

mod support;

use std::time::Duration;

use anomal_tui::{ClusterEvent, ClusterRequest, Effect, Message, Screen};
use support::*;

#[test]
fn jobs_are_followed() {
    let mut session = Session::with_cluster(100, 30);
    assert!(session.shows("AnomalyJobs of blue, live") && session.shows("2 jobs, read only"));
    assert!(!session.model.wants_time());
    session.keys("j");
    assert!(session.shows("> web"), "{}", session.text());
    let jobs = vec![cluster_job("access", "Running"), cluster_job("web", "Running")];
    let event = ClusterEvent::Jobs(jobs);
    // What an earlier request has seen is dropped.
    session.send(Message::Cluster { generation: 99, event: event.clone() });
    assert!(session.shows("dns"));
    session.send(Message::Cluster { generation: 1, event });
    assert!(session.shows("> web") && !session.shows("dns"), "{}", session.text());
    let event = ClusterEvent::Interrupted("no answer (retrying)".into());
    session.send(Message::Cluster { generation: 1, event });
    session.send(Message::Tick(Duration::from_secs(7)));
    assert!(session.shows("as they were 7 s ago") && session.shows("! no answer"));
    assert!(session.model.wants_time());
    let event = ClusterEvent::Jobs(vec![cluster_job("web", "Running")]);
    session.send(Message::Cluster { generation: 1, event });
    assert!(session.shows("live") && !session.model.wants_time());
    assert_eq!(
        session.keys("b"),
        [Effect::OpenAddress { address: "https://reports.example.org/1".into() }]
    );
    let effects = session.keys("\x1b");
    assert!(matches!(&effects[..], [Effect::Cluster(ClusterRequest::Leave), Effect::List { .. }]));
    assert_eq!(session.model.screen(), Screen::Home);
}

#[test]
fn another_namespace_is_another_watch() {
    let mut session = Session::with_cluster(100, 30);
    session.keys("o");
    assert!(session.shows("The namespace (empty: all of them)"), "{}", session.text());
    session.keys("\x15");
    let effects = session.keys("\r");
    let [Effect::Cluster(ClusterRequest::Watch { generation, .. })] = effects[..] else {
        panic!("{effects:?}")
    };
    assert!(session.shows("asking the cluster, 0 s"), "{}", session.text());
    let event = ClusterEvent::Failed("permission denied: no right".into());
    session.send(Message::Cluster { generation, event });
    assert!(session.shows("! permission denied") && !session.model.wants_time());
    // Nothing is selected there.
    assert_eq!(session.keys("\r"), []);
    assert_eq!(session.keys("b"), []);
    assert!(session.shows("It has no report yet"), "{}", session.text());
}

#[test]
fn a_job_is_looked_at_until_it_is_left() {
    let mut session = Session::with_cluster_job(100, 30);
    assert!(session.shows("dns in blue") && session.shows("RunFailed: the input"));
    assert!(session.shows("line 59") && !session.shows("line 40"), "{}", session.text());
    session.keys("l");
    assert!(session.shows("log of dns in blue") && session.shows("line 40"), "{}", session.text());
    session.keys("kkk");
    assert!(!session.shows("line 59") && session.shows("line 56"), "{}", session.text());
    session.keys("G");
    assert!(session.shows("line 59"), "{}", session.text());
    assert_eq!(session.keys("\x1b"), [Effect::Cluster(ClusterRequest::LookAway)]);
    assert_eq!(session.model.screen(), Screen::Jobs);
    // Going elsewhere ends the watch.
    session.keys("\r");
    let mut session = Session::with_cluster_job(100, 30);
    let effects = session.keys("0");
    assert!(matches!(&effects[..], [Effect::Cluster(ClusterRequest::Leave), Effect::List { .. }]));
}
