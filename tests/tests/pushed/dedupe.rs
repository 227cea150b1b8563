//! Records that are sent again, since their sender got no answer.

use super::{
    job::{catch_up, ids, line, lines, results, summary, wait, workspace},
    running::Running,
};

const HTTP: &str = "listen: \"127.0.0.1:0\", types: {id: integer, size: integer}";

#[test]
fn a_record_that_comes_again_is_known_by_a_field_also_after_a_kill() {
    let workspace = workspace(&format!("http: {{{HTTP}, dedupe: {{field: id}}}}"), "");
    let running = Running::job(&workspace);
    let answer = running.post(&[], lines(0..320).as_bytes());
    assert_eq!(
        answer.text(),
        "{\"accepted\":320,\"duplicates\":0,\"rejectedCount\":0,\"rejected\":[]}"
    );
    let again = lines(318..325) + "no JSON\n" + &line(324);
    let answer = running.post(&[], again.as_bytes());
    assert!(
        answer.text().starts_with("{\"accepted\":5,\"duplicates\":3,\"rejectedCount\":1,"),
        "{}",
        answer.text()
    );
    wait(|| results(&workspace).len() == 325);
    // All is judged and released; the next process knows it still.
    wait(|| {
        running.post(&[], lines(0..1).as_bytes());
        workspace.path("state/0000000000000002.ckpt").exists()
    });
    running.kill();
    let running = Running::job(&workspace);
    let answer = running.post(&[], lines(0..330).as_bytes());
    assert!(answer.text().starts_with("{\"accepted\":5,\"duplicates\":325,"), "{}", answer.text());
    wait(|| results(&workspace).len() == 330);
    running.terminate().expect(0, &[]);
    assert_eq!(ids(&workspace), (0..330).collect::<Vec<_>>());
    assert_eq!(summary(&catch_up(&workspace))["rows"], 331);
}

#[test]
fn a_request_that_comes_again_is_known_by_a_header() {
    let dedupe = "dedupe: {header: Idempotency-Key, window: 1h}";
    let workspace = workspace(&format!("http: {{{HTTP}, {dedupe}}}"), "");
    let running = Running::job(&workspace);
    let post = |key: &str, body: &str| {
        let answer = running.post(&[key], body.as_bytes());
        assert_eq!(answer.status, 200);
        let json: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
        (json["accepted"].as_u64().unwrap(), json["duplicates"].as_u64().unwrap())
    };
    assert_eq!(post("idempotency-key: one", &lines(0..10)), (10, 0));
    assert_eq!(post("Idempotency-Key: one", &lines(0..10)), (0, 10));
    assert_eq!(post("idempotency-key: two", &lines(10..12)), (2, 0));
    // Of one that was taken in part, the rest is taken.
    assert_eq!(post("idempotency-key: two", &lines(10..14)), (2, 2));
    assert_eq!(post("x: y", &lines(0..1)), (1, 0));
    wait(|| results(&workspace).len() == 15);
    running.terminate().expect(0, &[]);
    assert_eq!(ids(&workspace), (0..14).chain(0..1).collect::<Vec<_>>());
}
